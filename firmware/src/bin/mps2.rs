//! Arm MPS2 as QEMU emulates it: AN385 (Cortex-M3), AN386 (M4F), AN500 (M7).

#![no_std]
#![no_main]

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};

#[path = "../emulated/application.rs"]
mod application;
use application::{Params, Workspace};

/// LED 0 of the FPGA's I/O block.
struct Led;

const FPGAIO_LED0: *mut u32 = 0x4002_8000 as *mut u32;

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        // SAFETY: a write-only-by-us register of this board.
        unsafe { FPGAIO_LED0.write_volatile(0) };
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        // SAFETY: as above.
        unsafe { FPGAIO_LED0.write_volatile(1) };
        Ok(())
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: Params = [0.0; size_of::<Params>() / size_of::<f32>()];
    static mut WORKSPACE: Workspace = [0.0; size_of::<Workspace>() / size_of::<f32>()];
    application::main(Led, 25_000_000, PARAMS, WORKSPACE)
}
