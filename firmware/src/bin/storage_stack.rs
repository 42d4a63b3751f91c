//! How deep the stack goes under saving and loading, on an emulated MPS2, and how large the stores are: all the RAM that
//! storage takes beside the model. `cargo test -p microfit-tests --test storage_stack` holds it to its bound.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;

use cortex_m_rt::entry;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use microfit::activation::{Sigmoid, Tanh};
use microfit::checkpoint::{CheckpointError, Lengths, Model, ModelTarget, Snapshot, Target};
use microfit::data::{Nothing, Rows, Shuffle};
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Adam;
use microfit::schedule::TimeBased;
use microfit::storage::{ModelStore, Store};
use microfit::{Clock, EarlyStopping, Error, Fit, Goal, Init, Topology, checked, dense};

#[path = "../emulated/semihosted.rs"]
mod semihosted;

#[path = "../emulated/stack.rs"]
mod stack;

const NET: Topology = Topology::new(2, &[dense(4, &Tanh), dense(1, &Sigmoid)]);
const XOR: Rows<2, 1> =
    Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
const LENGTHS: Lengths =
    Lengths { feedback: 9, best: NET.param_len(), shift: 2, factor: 2, user: 8, ..Lengths::of::<Adam>(&NET) };
const STOPPING: EarlyStopping = checked!(EarlyStopping::new(Goal::Minimize, 9, 0.0));

/// Flash in static RAM: a driver's own stack is not counted.
struct Memory(&'static mut [u8; 4096]);

impl ErrorType for Memory {
    type Error = Infallible;
}

impl ReadNorFlash for Memory {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (to, from) in bytes.iter_mut().zip(self.0.iter().skip(offset as usize)) {
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

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.0.iter_mut().take(to as usize).skip(from as usize).for_each(|byte| *byte = 0xff);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.iter_mut().skip(offset as usize).zip(bytes).for_each(|(to, from)| *to = black_box(*from));
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

impl From<CheckpointError<Infallible>> for Failed {
    fn from(_: CheckpointError<Infallible>) -> Self {
        Self
    }
}

/// What the call itself takes is looked at apart from what its caller has on the stack for it: the snapshot, the target, the result.
#[inline(never)]
fn call<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let painted = stack::paint();
    let outcome = work();
    let used = painted.used();
    defmt::info!("storage name={=str} stack={=usize}", name, used);
    outcome
}

/// Not inlined: all that is on the stack is looked at.
#[inline(never)]
fn apart(work: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
    work()
}

#[inline(never)]
fn all(name: &str, work: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
    call(name, || apart(work))
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
    let mut trainer = fit.start(params, workspace)?;
    trainer.step(&XOR, &Nothing)?;
    let mut store = Store::new(Memory(flash), 0, 4096, &LENGTHS)?;
    defmt::info!("storage name=Store stack={=usize}", size_of::<Store<Memory>>() - size_of::<Memory>());
    let stopping = STOPPING.start();
    // The first looks for the newest, the others know it; the last takes the other half.
    for _ in 0..3 {
        let snapshot =
            Snapshot { stopping: Some(&stopping), feedback, best, shift, factor, user, ..trainer.snapshot() };
        call("save", || store.save(&snapshot))?;
    }
    all("save_all", || {
        let snapshot =
            Snapshot { stopping: Some(&stopping), feedback, best, shift, factor, user, ..trainer.snapshot() };
        black_box(store.save(&snapshot)?);
        Ok(())
    })?;
    let flash = store.release();
    let mut store = Store::new(flash, 0, 4096, &LENGTHS)?;
    {
        let (state, _) = workspace.split_at_mut_checked(NET.state_len::<Adam>()).ok_or(Failed)?;
        let mut target = Target { identity: fit.identity(), feedback, params, state, best, shift, factor, user };
        call("load", || store.load(&mut target).map(|restored| black_box(restored.header.sequence)))?;
    }
    all("load_all", || {
        let (state, _) = workspace.split_at_mut_checked(NET.state_len::<Adam>()).ok_or(Failed)?;
        let mut target = Target { identity: fit.identity(), feedback, params, state, best, shift, factor, user };
        black_box(store.load(&mut target)?);
        Ok(())
    })?;
    let flash = store.release();
    let mut store = ModelStore::new(flash, 0, 4096, &LENGTHS)?;
    for _ in 0..2 {
        let model = Model { topology: NET, params, shift, factor, user };
        call("save_model", || store.save(&model))?;
    }
    let mut target = ModelTarget { topology: NET, params, shift, factor, user };
    call("load_model", || store.load(&mut target))?;
    call("fall_back", || store.fall_back(&mut target))?;
    all("model_all", || {
        let mut target = ModelTarget { topology: NET, params, shift, factor, user };
        black_box(store.fall_back(&mut target)?);
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
