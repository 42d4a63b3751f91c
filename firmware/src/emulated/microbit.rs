//! What the binaries for the BBC micro:bit share.

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};

/// The core's clock.
pub(crate) const CORE_HZ: u32 = 16_000_000;

/// The matrix's upper left LED: row 1 (P0.13) high, column 1 (P0.04) low.
pub(crate) struct Led;

const GPIO_OUTSET: *mut u32 = 0x5000_0508 as *mut u32;
const GPIO_OUTCLR: *mut u32 = 0x5000_050C as *mut u32;
const GPIO_DIRSET: *mut u32 = 0x5000_0518 as *mut u32;
const ROW_1: u32 = 1 << 13;
const COLUMN_1: u32 = 1 << 4;

impl Led {
    pub(crate) fn new() -> Self {
        // SAFETY: this board's GPIO, which nobody else holds.
        unsafe {
            GPIO_DIRSET.write_volatile(ROW_1 | COLUMN_1);
            GPIO_OUTCLR.write_volatile(ROW_1 | COLUMN_1);
        }
        Self
    }
}

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        // SAFETY: as in `new`.
        unsafe { GPIO_OUTCLR.write_volatile(ROW_1) };
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        // SAFETY: as in `new`.
        unsafe { GPIO_OUTSET.write_volatile(ROW_1) };
        Ok(())
    }
}
