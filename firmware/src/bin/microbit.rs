//! BBC micro:bit v1 (nRF51822, Cortex-M0, 16 KiB of RAM) as QEMU emulates it.

#![no_std]
#![no_main]

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};
use microfit::optimizer::Sgd;
use microfit::tutorial::NET;
use microfit_firmware::SEED;

#[path = "../emulated/application.rs"]
mod application;

/// The matrix's upper left LED: row 1 (P0.13) high, column 1 (P0.04) low.
struct Led;

const GPIO_OUTSET: *mut u32 = 0x5000_0508 as *mut u32;
const GPIO_OUTCLR: *mut u32 = 0x5000_050C as *mut u32;
const GPIO_DIRSET: *mut u32 = 0x5000_0518 as *mut u32;
const ROW_1: u32 = 1 << 13;
const COLUMN_1: u32 = 1 << 4;

impl Led {
    fn new() -> Self {
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

#[cortex_m_rt::entry]
fn main() -> ! {
    // The entry macro hands these out as `&mut`, once.
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORKSPACE: [f32; NET.workspace_len::<Sgd>()] = [0.0; NET.workspace_len::<Sgd>()];
    application::main(Led::new(), 16_000_000, |app| app.tutorial(SEED, PARAMS, WORKSPACE).map(|_| ()))
}
