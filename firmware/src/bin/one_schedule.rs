//! An image with one schedule of the list and nothing else, the one that `MICROFIT_SCHEDULE` names at compile time:
//! what it takes more than the image of `constant` is the schedule's flash. `microfit bench --schedules` builds and
//! measures it; nobody runs it.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit_firmware::schedules::{Curve, named};

#[path = "../weighed/halt.rs"]
mod halt;

/// A copy, so that the other entries of the list are not linked.
const CURVE: Curve = named(match option_env!("MICROFIT_SCHEDULE") {
    Some(name) => name,
    None => "constant",
})
.curve;

#[cortex_m_rt::entry]
fn main() -> ! {
    loop {
        // All of the code this schedule links; the functions its parameters have chosen are pointers in the `const`.
        black_box(&CURVE).follow(&mut |rate, momentum| {
            black_box((rate, momentum));
        });
    }
}
