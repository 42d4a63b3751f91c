//! Whether the flash that the emulated boards keep checkpoints in is like flash: the file of an mps2, the micro:bit's controller.

#![no_std]
#![no_main]

use microfit_firmware::examine;

#[cfg(not(feature = "microbit"))]
#[path = "../emulated/file_flash.rs"]
mod file_flash;
#[cfg(feature = "microbit")]
#[path = "../emulated/nvmc.rs"]
mod nvmc;
#[path = "../emulated/semihosted.rs"]
mod semihosted;

#[cortex_m_rt::entry]
fn main() -> ! {
    #[cfg(feature = "microbit")]
    // SAFETY: the only one, and nobody else uses the controller.
    let found = examine(&mut unsafe { nvmc::Nvmc::new() }, 0);
    #[cfg(not(feature = "microbit"))]
    let found = sizes();
    match found {
        Ok(()) => semihosted::finish(),
        Err(unlike) => {
            defmt::error!("failed: {}", unlike);
            semihosted::give_up()
        }
    }
}

/// Words and pages of several sizes, each in the file that the one before has left.
#[cfg(not(feature = "microbit"))]
fn sizes() -> Result<(), microfit_firmware::Unlike<file_flash::FileFault>> {
    use file_flash::FileFlash;
    use microfit_firmware::Unlike;

    const FILE: &core::ffi::CStr = c"flash.bin";
    examine(&mut FileFlash::<1, 1, 4096>::open(FILE, 8192).map_err(Unlike::Failed)?, 0)?;
    examine(&mut FileFlash::<1, 4, 1024>::open(FILE, 20 * 1024).map_err(Unlike::Failed)?, 0)?;
    examine(&mut FileFlash::<4, 8, 2048>::open(FILE, 20 * 1024).map_err(Unlike::Failed)?, 0)?;
    examine(&mut FileFlash::<1, 32, 128>::open(FILE, 20 * 1024).map_err(Unlike::Failed)?, 0)
}
