//! Arm MPS2 as QEMU emulates it: AN385 (Cortex-M3), AN386 (M4F), AN500 (M7).

#![no_std]
#![no_main]

use microfit::optimizer::Sgd;
use microfit::tutorial::NET;
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
        app.tutorial(SEED, PARAMS, WORKSPACE).map(|_| ())
    })
}
