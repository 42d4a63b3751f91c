//! Logging through the emulator's semihosting, and leaving by it.

use cortex_m as _; // brings the critical section defmt needs
use cortex_m_rt::{ExceptionFrame, exception};
use defmt_semihosting as _;
use panic_probe as _;
use semihosting::process;

// Here and not in build.rs, because the library builds with all features.
#[cfg(all(feature = "mps2", feature = "microbit"))]
compile_error!("expected one board, `mps2` or `microbit`: found the features of both");

/// Says that all went well, and leaves.
pub(crate) fn finish() -> ! {
    defmt::info!("finished");
    process::exit(0)
}

/// Leaves without having said so.
#[allow(dead_code)] // not every image can fail
pub(crate) fn give_up() -> ! {
    process::exit(1)
}

/// Without it a fault would hang the emulator.
#[exception]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    process::exit(101)
}
