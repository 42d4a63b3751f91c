//! Counting instructions on Arm's MPS2 under QEMU's `-icount shift=10`: every instruction takes 1.024 us of the timer's
//! clock, whatever the host does.

/// Timer 0 of the MPS2's FPGA: 25 MHz, counting down.
const TIMER_CTRL: *mut u32 = 0x4000_0000 as *mut u32;
const TIMER_VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const TIMER_RELOAD: *mut u32 = 0x4000_0008 as *mut u32;

/// Timer ticks in five instructions: 5 x 1.024 us x 25 MHz.
const TICKS_IN_FIVE: u32 = 128;

/// Instructions `work` takes, to one.
pub(crate) fn count(work: impl FnOnce()) -> u32 {
    // SAFETY: a timer of this board that nobody else uses.
    unsafe {
        TIMER_CTRL.write_volatile(0);
        TIMER_RELOAD.write_volatile(u32::MAX);
        TIMER_VALUE.write_volatile(u32::MAX);
        TIMER_CTRL.write_volatile(1);
        let start = TIMER_VALUE.read_volatile();
        work();
        let ticks = start.wrapping_sub(TIMER_VALUE.read_volatile());
        (u64::from(ticks) * 5 / u64::from(TICKS_IN_FIVE)) as u32
    }
}
