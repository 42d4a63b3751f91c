//! Counts instructions on an emulated MPS2. `microfit bench` builds it, runs it, and reads what it logs.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit::activation::{Activation, Sigmoid, Tanh};
use microfit::data::Dataset;
use microfit::loss::{BinaryCrossEntropy, Loss};
use microfit::optimizer::Sgd;
use microfit::{Error, Event, Fit, tutorial};
use microfit_firmware::SEED;

#[path = "../emulated/counter.rs"]
mod counter;
use counter::count;

#[path = "../emulated/semihosted.rs"]
mod semihosted;

fn report(name: &str, instructions: u32, per: u32) {
    defmt::info!("bench name={=str} instructions={=u32} per={=u32}", name, instructions, per);
}

/// From -8 to 8, as activations and losses see them.
fn grid() -> [f32; 256] {
    core::array::from_fn(|k| (k as f32 - 127.5) / 16.0)
}

fn functions() {
    let mut values = grid();
    report("sigmoid", count(|| Sigmoid.apply(black_box(&mut values), 1)), 256);
    values = grid();
    report("tanh", count(|| Tanh.apply(black_box(&mut values), 1)), 256);
    let values = grid();
    let loss = || {
        for z in &values {
            black_box(BinaryCrossEntropy.value(black_box(core::slice::from_ref(z)), &[1.0]));
        }
    };
    report("cross_entropy", count(loss), 256);
}

/// One epoch of the tutorial's time-based experiment, updates included, after one that is not counted.
fn training(params: &mut [f32], workspace: &mut [f32]) -> Result<(), Error> {
    let (train, validation) = tutorial::split()?;
    tutorial::INIT.fill(&tutorial::NET, SEED, params)?;
    let fit = Fit { epochs: 2, ..tutorial::time_based(SEED) };
    let mut trainer = fit.start(params, workspace)?;
    while !matches!(trainer.step(&train, &validation)?, Event::Epoch(_)) {}
    let mut outcome = Ok(());
    let mut samples = 0;
    let instructions = count(|| {
        while samples < train.len() as u32 {
            match trainer.step(&train, &validation) {
                Ok(Event::Samples { done, .. }) => samples = done,
                Ok(_) => {}
                Err(error) => {
                    outcome = Err(error);
                    return;
                }
            }
        }
        // The epoch's last update.
        outcome = trainer.step(&train, &validation).map(|_| ());
    });
    report("train_sample", instructions, samples);
    outcome
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut PARAMS: [f32; tutorial::NET.param_len()] = [0.0; tutorial::NET.param_len()];
    static mut WORKSPACE: [f32; tutorial::NET.workspace_len::<Sgd>()] = [0.0; tutorial::NET.workspace_len::<Sgd>()];
    functions();
    if let Err(error) = training(PARAMS, WORKSPACE) {
        defmt::error!("failed: {}", error);
        semihosted::give_up()
    }
    semihosted::finish()
}
