//! Training that survives the emulator's death, on Arm's MPS2: `microfit device --kills 20`.

#![no_std]
#![no_main]

use microfit::optimizer::Sgd;
use microfit::storage::Store;
use microfit::tutorial::{self, NET};
use microfit_firmware::{Defmt, Interruption, checkpoint_lengths};

#[path = "../emulated/application.rs"]
mod application;
#[path = "../emulated/arguments.rs"]
mod arguments;
#[path = "../emulated/file_flash.rs"]
mod file_flash;
#[path = "../emulated/mps2.rs"]
mod mps2;

use application::Systick;
use arguments::Arguments;
use file_flash::FileFlash;

/// The micro:bit's words and pages, and as many: what one of them has written, the other one reads.
type Flash = FileFlash<1, 4, 1024>;
const LEN: u32 = 20 * 1024;

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORKSPACE: [f32; NET.workspace_len::<Sgd>()] = [0.0; NET.workspace_len::<Sgd>()];
    application::main(mps2::Led, Systick::new(mps2::CORE_HZ), Defmt, |app| -> Result<(), Interruption<_, _>> {
        let (train, validation) = tutorial::split()?;
        let flash = Flash::open(c"flash.bin", LEN).map_err(microfit::checkpoint::CheckpointError::Medium)?;
        let mut store = Store::new(flash, 0, LEN, &checkpoint_lengths::<Sgd>(&NET))?;
        app.resume(Arguments::read().run(), &train, &validation, PARAMS, WORKSPACE, &mut store).map(|_| ())
    })
}
