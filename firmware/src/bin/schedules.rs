//! Computes every schedule of the list on an emulated board and logs the hash of its bits. `microfit device --schedules`
//! builds it, runs it, and compares what it logs with what the desk computes.

#![no_std]
#![no_main]

use microfit_firmware::schedules::SCHEDULES;

#[path = "../emulated/semihosted.rs"]
mod semihosted;

#[cortex_m_rt::entry]
fn main() -> ! {
    for entry in &SCHEDULES {
        let found = entry.fingerprint();
        defmt::info!(
            "schedule points={=usize} rates={=u64:#018x} momenta={=u64:#018x} name={=str}",
            found.points,
            found.rates,
            found.momenta,
            entry.name
        );
    }
    if SCHEDULES.is_empty() { semihosted::give_up() } else { semihosted::finish() }
}
