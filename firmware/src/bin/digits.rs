//! Handwritten digits on Arm's MPS2 as QEMU emulates it: `microfit device --experiment digits`.

#![no_std]
#![no_main]

use microfit::digits::NET;
use microfit::optimizer::Sgd;
use microfit_firmware::{Defmt, SEED};

#[path = "../emulated/application.rs"]
mod application;
#[path = "../emulated/mps2.rs"]
mod mps2;

use application::Systick;

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORKSPACE: [f32; NET.workspace_len::<Sgd>()] = [0.0; NET.workspace_len::<Sgd>()];
    application::main(mps2::Led, Systick::new(mps2::CORE_HZ), Defmt, |app| {
        app.digits(SEED, PARAMS, WORKSPACE).map(|_| ())
    })
}
