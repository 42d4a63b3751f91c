//! The end of an image that is built to be weighed and not to be run, and its panic handler, which does the same: nothing.

use core::hint::spin_loop;
use core::panic::PanicInfo;

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    halt()
}

pub(crate) fn halt() -> ! {
    loop {
        spin_loop();
    }
}
