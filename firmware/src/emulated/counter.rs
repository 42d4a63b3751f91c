//! Counting instructions on Arm's MPS2 under QEMU's `-icount shift=10`: every instruction takes 1.024 us of the timer's
//! clock, whatever the host does.

/// Timer 0 of the MPS2's FPGA: 25 MHz, counting down.
const TIMER_CTRL: *mut u32 = 0x4000_0000 as *mut u32;
const TIMER_VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const TIMER_RELOAD: *mut u32 = 0x4000_0008 as *mut u32;

/// Timer ticks in five instructions: 5 x 1.024 us x 25 MHz.
const TICKS_IN_FIVE: u32 = 128;

/// Instructions `work` takes, to one; at most 160 million.
#[allow(dead_code)] // not every image counts a single piece of work
pub(crate) fn count(work: impl FnOnce()) -> u32 {
    let mut counter = Counter::start();
    work();
    counter.lap();
    counter.instructions() as u32
}

/// The same in laps of at most 160 million instructions, the timer having 32 bits.
pub(crate) struct Counter {
    before: u32,
    ticks: u64,
}

impl Counter {
    pub(crate) fn start() -> Self {
        // SAFETY: a timer of this board that nobody else uses.
        unsafe {
            TIMER_CTRL.write_volatile(0);
            TIMER_RELOAD.write_volatile(u32::MAX);
            TIMER_VALUE.write_volatile(u32::MAX);
            TIMER_CTRL.write_volatile(1);
            Self { before: TIMER_VALUE.read_volatile(), ticks: 0 }
        }
    }

    pub(crate) fn lap(&mut self) {
        // SAFETY: as above.
        let now = unsafe { TIMER_VALUE.read_volatile() };
        self.ticks += u64::from(self.before.wrapping_sub(now));
        self.before = now;
    }

    /// Up to the last lap.
    pub(crate) fn instructions(&self) -> u64 {
        self.ticks * 5 / u64::from(TICKS_IN_FIVE)
    }
}
