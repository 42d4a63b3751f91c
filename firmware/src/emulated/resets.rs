//! Resets in the middle of whatever the core is doing: the system timer interrupts it at moments that a seed fixes, half of
//! them within a save.

use core::mem::MaybeUninit;
use core::ptr::addr_of_mut;
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SCB;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use embedded_hal::delay::DelayNs;
use microfit::Rng;
use microfit_firmware::{Checkpoint, Defmt, Outcome, Record, Report};

use crate::microbit::CORE_HZ;

/// The longest the timer runs in one go, in cycles, and how often it does at most: up to 8.4 s, which is more than an epoch.
const RELOADS: u32 = 1 << 24;
const MOST_ROUNDS: u32 = 8;

/// A save takes about so many cycles.
const A_SAVE: u32 = 600_000;
/// The last save that is struck.
const MOST_SAVES: u32 = 4;

/// Rounds left until the reset.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

/// Says that [`BOOTS`] is a count, and not what memory holds by chance when power comes.
const COUNTED: u32 = 0xB007_C047;

/// [`COUNTED`], and the boots since power came: no reset clears it, because nothing initialises it.
#[unsafe(link_section = ".uninit.BOOTS")]
static mut BOOTS: MaybeUninit<[u32; 2]> = MaybeUninit::uninit();

/// Lets this boot end in a reset, unless `resets` boots already have. It may have to strike within a save, so it has to be told
/// what the application does.
pub(crate) fn arm(resets: u32, seed: u32) -> Armed {
    let boots = addr_of_mut!(BOOTS).cast::<[u32; 2]>();
    // SAFETY: called once a boot, before the interrupt is on; any bits are valid.
    let boot = unsafe {
        let [tag, boot] = boots.read_volatile();
        let boot = if tag == COUNTED { boot } else { 0 };
        boots.write_volatile([COUNTED, boot.saturating_add(1)]);
        boot
    };
    let mut rng = Rng::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(boot));
    if boot >= resets {
        return Armed { saves: 0, cycles: 0 };
    }
    if rng.below(2) == 0 {
        return Armed { saves: 1 + rng.below(MOST_SAVES), cycles: 1 + rng.below(A_SAVE) };
    }
    reset_after(1 + rng.below(MOST_ROUNDS), 1 + rng.below(RELOADS - 1));
    Armed { saves: 0, cycles: 0 }
}

/// Resets after `rounds` times so many cycles, of which there are less than [`RELOADS`].
fn reset_after(rounds: u32, cycles: u32) {
    ROUNDS.store(rounds, Ordering::Relaxed);
    // SAFETY: nobody else uses the timer.
    let mut timer = unsafe { cortex_m::Peripherals::steal() }.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(cycles);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

/// Tells the log, and starts the timer when the save begins in which it is to strike.
pub(crate) struct Armed {
    /// Saves to go; 0 for none.
    saves: u32,
    cycles: u32,
}

impl Report for Armed {
    fn begin(&mut self, experiment: &'static str) {
        Defmt.begin(experiment);
    }

    fn epoch(&mut self, experiment: &'static str, record: &Record) {
        Defmt.epoch(experiment, record);
    }

    fn checkpoint(&mut self, experiment: &'static str, checkpoint: Checkpoint) {
        Defmt.checkpoint(experiment, checkpoint);
        if let Checkpoint::Saving { .. } = checkpoint
            && self.saves > 0
        {
            self.saves -= 1;
            if self.saves == 0 {
                reset_after(1, self.cycles);
            }
        }
    }

    fn end(&mut self, experiment: &'static str, outcome: &Outcome) {
        Defmt.end(experiment, outcome);
    }
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
