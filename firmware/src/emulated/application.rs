//! The application on an emulated board, and the measure of the memory it took.

use core::ptr::addr_of;

use cortex_m::peripheral::syst::SystClkSource;
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use microfit_firmware::{App, Report};

#[path = "semihosted.rs"]
mod semihosted;

/// Lets the application do its work, reports the memory it took, and leaves the emulator.
pub(crate) fn main<L: OutputPin, D: DelayNs, R: Report, E: defmt::Format>(
    led: L,
    delay: D,
    report: R,
    work: impl FnOnce(&mut App<L, D, R>) -> Result<(), E>,
) -> ! {
    let mut app = App::new(led, delay, report);
    let result = work(&mut app);
    let (static_ram, peak_stack) = memory();
    defmt::info!("memory static={=usize} stack={=usize}", static_ram, peak_stack);
    if let Err(error) = result {
        defmt::error!("failed: {}", error);
        semihosted::give_up()
    }
    semihosted::finish()
}

unsafe extern "C" {
    static __sdata: u32;
    static _stack_end: u32;
    static _stack_start: u32;
}

/// cortex-m-rt paints the stack with this before `main`.
const PAINT: u32 = 0xCCCC_CCCC;

/// Bytes of static RAM, and the deepest the stack has been.
fn memory() -> (usize, usize) {
    let (data, low, high) = (addr_of!(__sdata), addr_of!(_stack_end), addr_of!(_stack_start));
    let mut untouched = low;
    // SAFETY: whole words between the end of the statics and the stack's start, read only.
    while untouched < high && unsafe { untouched.read_volatile() } == PAINT {
        untouched = untouched.wrapping_add(1);
    }
    (low as usize - data as usize, high as usize - untouched as usize)
}

/// Waits by the core's own timer.
pub(crate) struct Systick {
    ticks_per_us: u32,
}

impl Systick {
    #[allow(dead_code)] // not every image has the timer free for it
    pub(crate) const fn new(core_hz: u32) -> Self {
        Self { ticks_per_us: core_hz / 1_000_000 }
    }
}

impl DelayNs for Systick {
    fn delay_ns(&mut self, ns: u32) {
        // SAFETY: nobody else uses the timer.
        let mut timer = unsafe { cortex_m::Peripherals::steal() }.SYST;
        let mut left = ns.div_ceil(1000).saturating_mul(self.ticks_per_us);
        timer.set_clock_source(SystClkSource::Core);
        while left > 0 {
            let reload = left.min(0x00FF_FFFF);
            timer.set_reload(reload);
            timer.clear_current();
            timer.enable_counter();
            while !timer.has_wrapped() {}
            timer.disable_counter();
            left -= reload;
        }
    }
}
