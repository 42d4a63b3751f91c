//! Counts what a sample's training takes, on an emulated MPS2: forward, backward and its share of the update, over
//! whole epochs. `microfit bench --training` builds it, runs it, and reads what it logs.

#![no_std]
#![no_main]

use core::arch::asm;

use microfit::data::{Dataset, Digits, Ionosphere, Nothing, Rows, Sequential};
use microfit::loss::{BinaryCrossEntropy, Loss, SparseCategoricalCrossEntropy};
use microfit::optimizer::{OnlineSgd, Optimizer, Sgd};
use microfit::schedule::{Constant, Schedule};
use microfit::{Clock, Error, Event, Fit, Init, Learner, Topology, Trainer, checked, weights_hash};
use microfit_firmware::SEED;
use microfit_firmware::nets::{BATCH, DEEP, SAMPLES, W1, W1_BATCH, W2, WIDE, random_data};

#[path = "../emulated/counter.rs"]
mod counter;
use counter::Counter;

#[path = "../emulated/semihosted.rs"]
mod semihosted;

#[path = "../emulated/stack.rs"]
mod stack;

const RATE: Constant = checked!(Constant::new(0.01));

/// Samples taken together, as a rule: the usual number.
const TOGETHER: u32 = Sgd::LANES as u32;

/// Marks where a QEMU plugin begins and ends to count: hints that do nothing on a Cortex-M.
fn marked(work: impl FnOnce()) {
    // SAFETY: `nop`s by another name.
    unsafe { asm!(".inst.n 0xbf50") }
    work();
    // SAFETY: as above.
    unsafe { asm!(".inst.n 0xbf60") }
}

/// What one network trains with.
struct Run<'a, L, O, const F: usize> {
    name: &'a str,
    net: Topology<'a>,
    loss: L,
    optimizer: O,
    batch: u32,
    /// Samples taken together: what the workspace has room for.
    together: u32,
    data: Rows<'a, F, 1>,
}

impl<L: Loss, O: Optimizer, const F: usize> Run<'_, L, O, F> {
    /// Three epochs: one to warm up, one counted, one that looks at the stack.
    #[inline(never)]
    fn measure(self, params: &mut [f32], workspace: &mut [f32]) -> Result<(), Error> {
        let (workspace, ram) = self.begin(params, workspace)?;
        let fit = Fit {
            topology: self.net,
            loss: self.loss,
            optimizer: self.optimizer,
            schedule: RATE,
            clock: Clock::Epoch,
            order: Sequential,
            batch: self.batch,
            epochs: 3,
        };
        let mut trainer = fit.start(params, workspace)?;
        epoch(&mut trainer, &self.data, || {})?;
        let mut outcome = Ok(());
        let mut counter = Counter::start();
        marked(|| outcome = epoch(&mut trainer, &self.data, || counter.lap()));
        outcome?;
        let instructions = counter.instructions();
        let painted = stack::paint();
        epoch(&mut trainer, &self.data, || {})?;
        let stack = painted.used();
        log(self.name, instructions, ram, stack, weights_hash(trainer.params()));
        Ok(())
    }

    /// The same by a [`Learner`], a whole batch a call.
    #[inline(never)]
    fn measure_learner(self, params: &mut [f32], workspace: &mut [f32]) -> Result<(), Error> {
        let (workspace, ram) = self.begin(params, workspace)?;
        let mut learner = Learner::new(&self.net, &self.loss, &self.optimizer, params, workspace)?;
        let mut epoch = |after_batch: &mut dyn FnMut()| -> Result<(), Error> {
            let Rows { features, targets } = self.data;
            for (features, targets) in features.chunks(self.batch as usize).zip(targets.chunks(self.batch as usize)) {
                learner.train_on_batch(&Rows { features, targets }, RATE.rate(0))?;
                after_batch();
            }
            Ok(())
        };
        epoch(&mut || {})?;
        let mut outcome = Ok(());
        let mut counter = Counter::start();
        marked(|| outcome = epoch(&mut || counter.lap()));
        outcome?;
        let instructions = counter.instructions();
        let painted = stack::paint();
        epoch(&mut || {})?;
        let stack = painted.used();
        log(self.name, instructions, ram, stack, weights_hash(learner.params()));
        Ok(())
    }

    /// The initial parameters, the workspace, and how many bytes both are.
    fn begin<'w>(&self, params: &mut [f32], workspace: &'w mut [f32]) -> Result<(&'w mut [f32], usize), Error> {
        Init::GlorotUniform.fill(&self.net, SEED, params)?;
        // Each sample has one target.
        let len = self.net.workspace_len_for::<O>(self.together as usize, 1);
        let ram = size_of::<f32>() * (self.net.param_len() + len);
        Ok((workspace.get_mut(..len).unwrap_or_default(), ram))
    }
}

fn log(name: &str, instructions: u64, ram: usize, stack: usize, hash: u64) {
    defmt::info!(
        "training name={=str} instructions={=u64} samples={=usize} ram={=usize} stack={=usize} hash={=u64:x}",
        name,
        instructions,
        SAMPLES,
        ram,
        stack,
        hash
    );
}

#[inline(never)]
fn epoch<L: Loss, O: Optimizer, const F: usize>(
    trainer: &mut Trainer<'_, '_, L, O, Constant, Sequential>,
    data: &Rows<'_, F, 1>,
    mut after_step: impl FnMut(),
) -> Result<(), Error> {
    loop {
        let event = trainer.step(data, &Nothing)?;
        after_step();
        if matches!(event, Event::Epoch(_)) {
            return Ok(());
        }
    }
}

/// The longest parameters and workspace among the networks.
const PARAMS: usize = WIDE.param_len();
const WORKSPACE: usize = WIDE.workspace_len_for::<Sgd>(BATCH as usize, 1);

struct Buffers {
    x34: [[f32; 34]; SAMPLES],
    y1: [[f32; 1]; SAMPLES],
    x64: [[f32; 64]; SAMPLES],
    x196: [[f32; 196]; SAMPLES],
    y10: [[f32; 1]; SAMPLES],
    params: [f32; PARAMS],
    workspace: [f32; WORKSPACE],
}

fn training(buffers: &mut Buffers) -> Result<(), Error> {
    let Buffers { x34, y1, x64, x196, y10, params, workspace } = buffers;
    random_data(x34, y1, 2);
    random_data(x64, y10, 10);
    let rows = Rows { features: &x64[..], targets: &y10[..] };
    two("W1", x34, y1).measure(&mut params[..W1.param_len()], workspace)?;
    Run { together: W1_BATCH, ..two("W1-by-28", x34, y1) }.measure(&mut params[..W1.param_len()], workspace)?;
    read(&Ionosphere, x34, y1)?;
    two("W1-ionosphere", x34, y1).measure(&mut params[..W1.param_len()], workspace)?;
    ten("W2", W2, rows).measure(&mut params[..W2.param_len()], workspace)?;
    for (name, together) in [("W2-by-1", 1), ("W2-by-32", 32)] {
        Run { name, together, ..ten("", W2, rows) }.measure(&mut params[..W2.param_len()], workspace)?;
    }
    ten("W2-learner", W2, rows).measure_learner(&mut params[..W2.param_len()], workspace)?;
    online("W3", rows).measure(&mut params[..W2.param_len()], workspace)?;
    ten("deep", DEEP, rows).measure(&mut params[..DEEP.param_len()], workspace)?;
    read(&Digits, x64, y10)?;
    let rows = Rows { features: &x64[..], targets: &y10[..] };
    ten("W2-digits", W2, rows).measure(&mut params[..W2.param_len()], workspace)?;
    online("W3-digits", rows).measure(&mut params[..W2.param_len()], workspace)?;
    random_data(x196, y10, 10);
    let rows = Rows { features: &x196[..], targets: &y10[..] };
    ten("wide", WIDE, rows).measure(params, workspace)
}

/// Two classes, in batches.
fn two<'a>(name: &'a str, x: &'a [[f32; 34]], y: &'a [[f32; 1]]) -> Run<'a, BinaryCrossEntropy, Sgd, 34> {
    let optimizer = const { checked!(Sgd::keras(0.8)) };
    let data = Rows { features: x, targets: y };
    Run { name, net: W1, loss: BinaryCrossEntropy, optimizer, batch: W1_BATCH, together: TOGETHER, data }
}

/// Ten classes, in batches.
fn ten<'a, const F: usize>(
    name: &'a str,
    net: Topology<'a>,
    data: Rows<'a, F, 1>,
) -> Run<'a, SparseCategoricalCrossEntropy, Sgd, F> {
    let optimizer = const { checked!(Sgd::keras(0.9)) };
    Run { name, net, loss: SparseCategoricalCrossEntropy, optimizer, batch: BATCH, together: TOGETHER, data }
}

/// The same of W2, one sample at a time.
fn online<'a>(name: &'a str, data: Rows<'a, 64, 1>) -> Run<'a, SparseCategoricalCrossEntropy, OnlineSgd, 64> {
    Run { name, net: W2, loss: SparseCategoricalCrossEntropy, optimizer: OnlineSgd, batch: 1, together: 1, data }
}

/// Real data, a good part of which are zeros.
fn read<const F: usize>(data: &impl Dataset, x: &mut [[f32; F]], y: &mut [[f32; 1]]) -> Result<(), Error> {
    for (index, (x, y)) in x.iter_mut().zip(y).enumerate() {
        data.read(index, x, y)?;
    }
    Ok(())
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut BUFFERS: Buffers = Buffers {
        x34: [[0.0; 34]; SAMPLES],
        y1: [[0.0; 1]; SAMPLES],
        x64: [[0.0; 64]; SAMPLES],
        x196: [[0.0; 196]; SAMPLES],
        y10: [[0.0; 1]; SAMPLES],
        params: [0.0; PARAMS],
        workspace: [0.0; WORKSPACE],
    };
    if let Err(error) = training(BUFFERS) {
        defmt::error!("failed: {}", error);
        semihosted::give_up()
    }
    semihosted::finish()
}
