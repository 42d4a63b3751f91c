//! How deep the stack goes under saving and loading, on an emulated MPS2, and how large what outlives a call is: all the RAM that
//! storage takes beside the model. `cargo test -p microfit-tests --test storage_stack` holds it to its bound. `MICROFIT_READ_SIZE`
//! names at compile time how many bytes the flash reads at a time, 8 or 1.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use microfit::activation::{Gelu, Sigmoid};
use microfit::checkpoint::{CheckpointError, Identity, Lengths, Model, ModelTarget};
use microfit::data::{Nothing, Rows, Shuffle};
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Adam;
use microfit::schedule::TimeBased;
use microfit::storage::{ModelStore, Outcome, Promotion, Store};
use microfit::{Clock, EarlyStopping, Error, Fit, Goal, Init, Topology, checked, dense};

#[path = "../emulated/semihosted.rs"]
mod semihosted;

#[path = "../emulated/stack.rs"]
mod stack;

/// GELU is the activation that goes deepest, and all are tried out for a frame.
const NET: Topology = Topology::new(2, &[dense(4, &Gelu), dense(1, &Sigmoid)]);
const XOR: Rows<2, 1> =
    Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
const LENGTHS: Lengths =
    Lengths { feedback: 9, best: NET.param_len(), shift: 2, factor: 2, user: 8, ..Lengths::of::<Adam>(&NET) };
const STOPPING: EarlyStopping = checked!(EarlyStopping::new(Goal::Minimize, 9, 0.0));

const BETTER: Promotion = checked!(Promotion::new(Goal::Minimize, 0.01));

/// Flash in static RAM: a driver's own stack is not counted. It can fail, as every driver can: errors are on the stack too.
struct Memory(&'static mut [u8; 4096]);

impl ErrorType for Memory {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Memory {
    const READ_SIZE: usize = if option_env!("MICROFIT_READ_SIZE").is_some() { 8 } else { 1 };

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let from = self.0.get(offset as usize..).ok_or(NorFlashErrorKind::OutOfBounds)?;
        for (to, from) in bytes.iter_mut().zip(from) {
            // Byte by byte: `memcpy` alone would take 84 bytes.
            *to = black_box(*from);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Memory {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let page = self.0.get_mut(from as usize..to as usize).ok_or(NorFlashErrorKind::OutOfBounds)?;
        for byte in page {
            *byte = 0xff;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let to = self.0.get_mut(offset as usize..).ok_or(NorFlashErrorKind::OutOfBounds)?;
        to.iter_mut().zip(bytes).for_each(|(to, from)| *to = black_box(*from));
        Ok(())
    }
}

/// What went wrong does not matter here: it must not.
struct Failed;

impl From<Error> for Failed {
    fn from(_: Error) -> Self {
        Self
    }
}

impl From<CheckpointError<NorFlashErrorKind>> for Failed {
    fn from(_: CheckpointError<NorFlashErrorKind>) -> Self {
        Self
    }
}

fn report(name: &str, bytes: usize) {
    defmt::info!("storage name={=str} bytes={=usize}", name, bytes);
}

/// Not inlined: all that is on the stack for it is looked at, what the work begins with too.
#[inline(never)]
fn apart(work: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
    work()
}

#[inline(never)]
fn look(name: &str, work: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
    let painted = stack::paint();
    let outcome = apart(work);
    let used = painted.used();
    report(name, used);
    outcome
}

/// What a model takes.
struct Buffers {
    params: [f32; NET.param_len()],
    workspace: [f32; NET.workspace_len::<Adam>()],
    best: [f32; NET.param_len()],
    shift: [f32; 2],
    factor: [f32; 2],
    user: [u8; 8],
    feedback: [u32; 9],
}

#[inline(never)]
fn measure(flash: &'static mut [u8; 4096], buffers: &mut Buffers) -> Result<(), Failed> {
    let fit = Fit {
        topology: NET,
        loss: BinaryCrossEntropy,
        optimizer: Adam::keras(0.9, 0.999, 1e-7)?,
        schedule: TimeBased::new(0.05, 0.01)?,
        clock: Clock::Update,
        order: Shuffle::new(4),
        batch: 3,
        epochs: 5,
    };
    let Buffers { params, workspace, best, shift, factor, user, feedback } = buffers;
    Init::GlorotUniform.fill(&NET, 2, params)?;
    report("Store", size_of::<Store<Memory>>() - size_of::<Memory>());
    report("Identity", size_of::<Identity<'_>>());
    look("identity", || {
        black_box(fit.identity());
        Ok(())
    })?;
    let identity = fit.identity();
    let mut trainer = fit.start(params, workspace)?;
    trainer.step(&XOR, &Nothing)?;
    let mut store = Store::new(Memory(flash), 0, 4096, &LENGTHS)?;
    let mut stopping = STOPPING.start();
    // The first looks for the newest, the others know it; the third takes the other half.
    for _ in 0..4 {
        look("save", || {
            let mut snapshot = trainer.snapshot(&identity);
            snapshot.stopping = Some(&stopping);
            snapshot.feedback = feedback;
            snapshot.best = best;
            snapshot.shift = shift;
            snapshot.factor = factor;
            snapshot.user = user;
            black_box(store.save(&snapshot)?.sequence);
            Ok(())
        })?;
    }
    let flash = store.release();
    let mut store = Store::new(flash, 0, 4096, &LENGTHS)?;
    for _ in 0..2 {
        look("load", || {
            let mut target = trainer.target(&identity);
            target.stopping = Some(&mut stopping);
            target.feedback = feedback;
            target.best = best;
            target.shift = shift;
            target.factor = factor;
            target.user = user;
            black_box(store.load(&mut target)?.sequence);
            Ok(())
        })?;
    }
    let flash = store.release();
    let mut store = ModelStore::new(flash, 0, 4096, &LENGTHS)?;
    for _ in 0..2 {
        look("save_model", || {
            let model = Model { topology: NET, params, shift, factor, user };
            black_box(store.save(&model)?.sequence);
            Ok(())
        })?;
    }
    look("load_model", || {
        let mut target = ModelTarget { topology: NET, params, shift, factor, user };
        black_box(store.load(&mut target)?.sequence);
        Ok(())
    })?;
    look("promote", || {
        let candidate = Model { topology: NET, params: best, shift: &[0.5; 2], factor: &[2.0; 2], user: &[7; 8] };
        let mut target = ModelTarget { topology: NET, params, shift, factor, user };
        let mut score = 1.0;
        // The candidate is better.
        let outcome = store.promote(&candidate, &mut target, &BETTER, |_| {
            score *= 0.5;
            Ok(score)
        });
        if matches!(outcome, Ok(Outcome::Promoted { .. })) { Ok(()) } else { Err(Failed) }
    })?;
    look("fall_back", || {
        let mut target = ModelTarget { topology: NET, params, shift, factor, user };
        black_box(store.fall_back(&mut target)?.sequence);
        Ok(())
    })
}

#[entry]
fn main() -> ! {
    static mut FLASH: [u8; 4096] = [0xff; 4096];
    static mut BUFFERS: Buffers = Buffers {
        params: [0.0; _],
        workspace: [0.0; _],
        best: [0.0; _],
        shift: [0.0; _],
        factor: [1.0; _],
        user: [0; _],
        feedback: [0; _],
    };
    match measure(FLASH, BUFFERS) {
        Ok(()) => semihosted::finish(),
        Err(Failed) => semihosted::give_up(),
    }
}
