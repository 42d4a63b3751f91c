//! What the binaries for Arm's MPS2 share.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};

/// The core's clock.
pub(crate) const CORE_HZ: u32 = 25_000_000;

/// LED 0 of the FPGA's I/O block.
pub(crate) struct Led;

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
