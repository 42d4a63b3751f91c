//! Training that survives resets at any instruction, on a BBC micro:bit v1 with its own flash controller:
//! `microfit device --kills 20 --board microbit`.

#![no_std]
#![no_main]

use microfit::optimizer::Sgd;
use microfit::storage::Store;
use microfit::tutorial::{self, NET};
use microfit_firmware::{Interruption, checkpoint_lengths};

#[path = "../emulated/application.rs"]
mod application;
#[path = "../emulated/arguments.rs"]
mod arguments;
#[path = "../emulated/microbit.rs"]
mod microbit;
#[path = "../emulated/nvmc.rs"]
mod nvmc;
#[path = "../emulated/resets.rs"]
mod resets;

use arguments::Arguments;
use embedded_storage::nor_flash::ReadNorFlash;
use microbit::Led;
use nvmc::Nvmc;

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORKSPACE: [f32; NET.workspace_len::<Sgd>()] = [0.0; NET.workspace_len::<Sgd>()];
    let arguments = Arguments::read();
    let report = resets::arm(arguments.resets, arguments.seed);
    application::main(Led::new(), resets::Wait, report, |app| -> Result<(), Interruption<_, _>> {
        let (train, validation) = tutorial::split()?;
        // SAFETY: the only one, and nobody else uses the controller.
        let flash = unsafe { Nvmc::new() };
        let len = flash.capacity() as u32;
        let mut store = Store::new(flash, 0, len, &checkpoint_lengths::<Sgd>(&NET))?;
        app.resume(arguments.run(), &train, &validation, PARAMS, WORKSPACE, &mut store).map(|_| ())
    })
}
