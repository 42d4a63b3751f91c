//! How deep the stack goes under a call.

use core::ptr::addr_of_mut;

use cortex_m::register::msp;

unsafe extern "C" {
    static mut _stack_end: u32;
}

/// What an untouched word holds.
const PAINT: u32 = 0xA5A5_5A5A;

/// Left unpainted under the caller's stack pointer: what this module itself may use.
const MARGIN: usize = 16;

/// The stack below a caller, painted.
pub(crate) struct Painted {
    top: *const u32,
}

/// Paints what is free below the caller's frame.
#[inline(always)]
pub(crate) fn paint() -> Painted {
    let top = msp::read() as *mut u32;
    let mut word = addr_of_mut!(_stack_end);
    // SAFETY: whole words below the stack pointer, less a margin for this loop's own; nothing lives there.
    unsafe {
        let end = top.sub(MARGIN);
        while word < end {
            word.write_volatile(PAINT);
            word = word.add(1);
        }
    }
    Painted { top }
}

impl Painted {
    /// Bytes below the caller's stack pointer that have been written since.
    #[inline(always)]
    pub(crate) fn used(&self) -> usize {
        let mut word = addr_of_mut!(_stack_end).cast_const();
        // SAFETY: as above, and only read.
        unsafe {
            while word < self.top && word.read_volatile() == PAINT {
                word = word.add(1);
            }
        }
        self.top as usize - word as usize
    }
}
