//! An image that trains W2 and does nothing else, without logging: its `.text` and `.rodata` are what training takes of
//! the flash. `microfit bench --training` builds and measures it; nobody runs it.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit::data::{Nothing, Rows, Sequential};
use microfit::loss::SparseCategoricalCrossEntropy;
use microfit::optimizer::Sgd;
use microfit::schedule::Constant;
use microfit::{Clock, Fit, checked};
use microfit_firmware::nets::{BATCH, W2};

#[path = "../weighed/halt.rs"]
mod halt;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut PARAMS: [f32; W2.param_len()] = [0.0; W2.param_len()];
    static mut WORKSPACE: [f32; W2.workspace_len::<Sgd>()] = [0.0; W2.workspace_len::<Sgd>()];
    static mut FEATURES: [[f32; 64]; 32] = [[0.0; 64]; 32];
    static mut TARGETS: [[f32; 1]; 32] = [[0.0; 1]; 32];
    let fit = Fit {
        topology: W2,
        loss: SparseCategoricalCrossEntropy,
        optimizer: checked!(Sgd::keras(0.9)),
        schedule: checked!(Constant::new(0.01)),
        clock: Clock::Epoch,
        order: Sequential,
        batch: BATCH,
        epochs: 3,
    };
    let data = Rows { features: black_box(&*FEATURES), targets: black_box(&*TARGETS) };
    if let Ok(mut trainer) = fit.start(black_box(PARAMS), WORKSPACE) {
        while let Ok(event) = trainer.step(&data, &Nothing) {
            if black_box(&event) == &microfit::Event::Done {
                break;
            }
        }
    }
    halt::halt()
}
