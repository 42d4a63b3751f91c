//! What `one_net` does, by a [`Learner`]: an image that trains W2, a batch a call, and does nothing else, without logging. `microfit bench
//! --training` builds and measures it; nobody runs it.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit::data::Rows;
use microfit::loss::SparseCategoricalCrossEntropy;
use microfit::optimizer::Sgd;
use microfit::{Learner, checked};
use microfit_firmware::nets::W2;

#[path = "../weighed/halt.rs"]
mod halt;

const SGD: Sgd = checked!(Sgd::keras(0.9));

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut PARAMS: [f32; W2.param_len()] = [0.0; W2.param_len()];
    static mut WORKSPACE: [f32; W2.workspace_len::<Sgd>()] = [0.0; W2.workspace_len::<Sgd>()];
    static mut FEATURES: [[f32; 64]; 32] = [[0.0; 64]; 32];
    static mut TARGETS: [[f32; 1]; 32] = [[0.0; 1]; 32];
    let data = Rows { features: black_box(&*FEATURES), targets: black_box(&*TARGETS) };
    if let Ok(mut learner) = Learner::new(&W2, &SparseCategoricalCrossEntropy, &SGD, black_box(PARAMS), WORKSPACE) {
        for _ in 0..3 {
            let _ = black_box(learner.train_on_batch(&data, 0.01));
        }
    }
    halt::halt()
}
