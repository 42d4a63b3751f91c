//! Counts the instructions of every schedule of the list on an emulated MPS2. `microfit bench --schedules` builds it,
//! runs it, and reads what it logs.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit_firmware::schedules::SCHEDULES;

#[path = "../emulated/counter.rs"]
mod counter;
#[path = "../emulated/semihosted.rs"]
mod semihosted;

#[cortex_m_rt::entry]
fn main() -> ! {
    for entry in &SCHEDULES {
        let instructions = counter::count(|| {
            entry.curve.follow(&mut |rate, momentum| {
                black_box((rate, momentum));
            });
        });
        defmt::info!(
            "schedule instructions={=u32} per={=usize} name={=str}",
            instructions,
            entry.curve.points(),
            entry.name
        );
    }
    if SCHEDULES.is_empty() { semihosted::give_up() } else { semihosted::finish() }
}
