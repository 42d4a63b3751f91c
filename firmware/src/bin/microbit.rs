//! BBC micro:bit v1 (nRF51822, Cortex-M0, 16 KiB of RAM) as QEMU emulates it.

#![no_std]
#![no_main]

use microfit::optimizer::Sgd;
use microfit::tutorial::NET;
use microfit_firmware::{Defmt, SEED};

#[path = "../emulated/application.rs"]
mod application;
#[path = "../emulated/microbit.rs"]
mod microbit;

use application::Systick;
use microbit::{CORE_HZ, Led};

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORKSPACE: [f32; NET.workspace_len::<Sgd>()] = [0.0; NET.workspace_len::<Sgd>()];
    application::main(Led::new(), Systick::new(CORE_HZ), Defmt, |app| app.tutorial(SEED, PARAMS, WORKSPACE).map(|_| ()))
}
