//! Resets in the middle of whatever the core is doing: the system timer interrupts it at moments that a seed fixes.

use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use embedded_hal::delay::DelayNs;
use microfit::Rng;

use crate::microbit::CORE_HZ;

/// The longest the timer runs in one go, in cycles, and how often it does at most: up to 8.4 s, which is more than an epoch.
const RELOADS: u32 = 1 << 24;
const MOST_ROUNDS: u32 = 8;

/// Rounds left until the reset.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

/// Says that [`BOOTS`] is a count, and not what memory holds by chance when power comes.
const COUNTED: u32 = 0xB007_C047;

/// [`COUNTED`], and the boots since power came: no reset clears it, because nothing initialises it.
#[unsafe(link_section = ".uninit.BOOTS")]
static mut BOOTS: MaybeUninit<[u32; 2]> = MaybeUninit::uninit();

/// Lets this boot end in a reset, unless `resets` boots already have.
pub(crate) fn arm(resets: u32, seed: u32) {
    let boots = addr_of_mut!(BOOTS).cast::<[u32; 2]>();
    // SAFETY: called once a boot, before the interrupt is on; any bits are valid.
    let boot = unsafe {
        let [tag, boot] = boots.read_volatile();
        let boot = if tag == COUNTED { boot } else { 0 };
        boots.write_volatile([COUNTED, boot.saturating_add(1)]);
        boot
    };
    if boot >= resets {
        return;
    }
    let mut rng = Rng::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(boot));
    ROUNDS.store(1 + rng.below(MOST_ROUNDS), Ordering::Relaxed);
    // SAFETY: nobody else uses the timer.
    let mut timer = unsafe { cortex_m::Peripherals::steal() }.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(1 + rng.below(RELOADS - 1));
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

#[exception]
fn SysTick() {
    // The M0 has no atomic subtraction; nobody else writes this now.
    let rounds = ROUNDS.load(Ordering::Relaxed).saturating_sub(1);
    ROUNDS.store(rounds, Ordering::Relaxed);
    if rounds == 0 {
        SCB::sys_reset();
    }
}

/// Waits without the timer, which is taken.
pub(crate) struct Wait;

impl DelayNs for Wait {
    fn delay_ns(&mut self, ns: u32) {
        cortex_m::asm::delay(ns.div_ceil(1000).saturating_mul(CORE_HZ / 1_000_000));
    }
}
