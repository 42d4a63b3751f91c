//! A run with many checkpoints loses nothing, whenever power fails: cut at every word written and every page erased, and once more
//! in the recovery, every board comes back and ends with the weights of the run that was not cut.

use microfit::checkpoint::{CheckpointError, Lengths};
use microfit::storage::{SimulatedFault, SimulatedFlash, Torn, Wear};
use microfit_tests::board::{Blocking, LENGTHS, Waiting, Way, fit};

/// What is tried.
struct Cuts {
    torn: Torn,
    /// Every so many-th word or page.
    stride: usize,
    /// What a flash is delivered with.
    fresh: u8,
    /// The board's own bytes.
    user: usize,
    seed: u32,
}

const EVERYWHERE: Cuts = Cuts { torn: Torn::Bits, stride: 1, fresh: 0xff, user: 5, seed: 1 };

impl Cuts {
    /// Power fails, and then once more during recovery.
    fn everywhere<S: Way, const R: usize, const W: usize, const E: usize>(&self) {
        let &Self { torn, stride, fresh, user, seed } = self;
        let frame = Lengths { user, ..LENGTHS }.frame_len().next_multiple_of(W);
        let size = 2 * frame.next_multiple_of(E);
        let wear = Wear::new(frame, size as u32, E as u32, W as u32).unwrap();
        let blank = (vec![fresh; size], vec![0; size / E]);
        let (mut memory, mut erases) = blank.clone();
        let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, 0);
        let expected = S::boot(&mut flash, user, &mut None).unwrap();
        let operations = flash.operations();
        let (least, most) = (flash.erases().iter().min().unwrap(), flash.erases().iter().max().unwrap());
        assert!(most - least <= 1, "both halves wear alike");
        let saves = fit().epochs * 3;
        assert_eq!(*most, saves.div_ceil(wear.saves_per_erase()), "as often as was said");
        let (mut first, mut second) = (0, 0);
        for at in (0..operations).step_by(stride) {
            let (mut memory, mut erases) = blank.clone();
            let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, seed * 7919 + at).torn(torn);
            let mut acknowledged = None;
            flash.cut_after(at);
            let cut = S::boot(&mut flash, user, &mut acknowledged);
            assert_eq!(cut, Err(CheckpointError::Medium(SimulatedFault::Power)));
            flash.power_on();
            // Not every recovery is long enough for the second cut.
            flash.cut_after((at * 31 + seed * 17) % (operations / 9));
            first += 1;
            let mut end = S::boot(&mut flash, user, &mut acknowledged);
            if end.is_err() {
                assert_eq!(end, Err(CheckpointError::Medium(SimulatedFault::Power)));
                second += 1;
                flash.power_on();
                end = S::boot(&mut flash, user, &mut acknowledged);
            }
            assert_eq!(end, Ok(expected), "cut at {at}, seed {seed}");
        }
        println!(
            "{}, words of {W}, pages of {E}, {} frames a half, torn: {torn:?}: {operations} operations, \
             {} erases a save; {} cuts tried, {second} of them in a recovery; lost: 0",
            S::NAME,
            wear.saves_per_erase() / 2,
            wear.erases_per_save(),
            first + second,
        );
        assert!(2 * second > first, "most recoveries are long enough for a cut");
    }
}

#[test]
fn words_of_4_in_a_flash_full_of_zeros() {
    Cuts { fresh: 0x00, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 1024>();
    Cuts { fresh: 0x00, ..EVERYWHERE }.everywhere::<Waiting, 1, 4, 1024>();
}

#[test]
fn frames_of_many_pages() {
    EVERYWHERE.everywhere::<Blocking, 4, 4, 256>();
    EVERYWHERE.everywhere::<Waiting, 4, 4, 256>();
}

/// A page for many frames.
#[test]
fn words_of_1() {
    EVERYWHERE.everywhere::<Blocking, 1, 1, 4096>();
}

#[test]
fn words_of_8() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 1, 8, 4096>();
    }
    Cuts { torn: Torn::Unreadable, ..EVERYWHERE }.everywhere::<Waiting, 1, 8, 4096>();
}

#[test]
fn words_of_16() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 16, 16, 2048>();
    }
}

#[test]
fn words_of_32() {
    for torn in [Torn::Bits, Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 32, 32, 1024>();
    }
}

/// A word that reads as erased but is not, where frames are appended to a page that is not erased for them.
#[test]
fn torn_words_that_look_blank() {
    for torn in [Torn::Blank, Torn::Unreadable] {
        Cuts { torn, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 2048>();
        Cuts { torn, ..EVERYWHERE }.everywhere::<Waiting, 4, 4, 2048>();
    }
}

/// The sectors of an STM32F4, words of 1 and of 4, with frames so long that a sector holds three.
#[test]
fn sectors_of_128_kib() {
    Cuts { user: 40_000, stride: 9_973, ..EVERYWHERE }.everywhere::<Blocking, 1, 1, 131_072>();
    Cuts { user: 40_000, stride: 2_099, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 131_072>();
    Cuts { user: 40_000, stride: 4_001, ..EVERYWHERE }.everywhere::<Waiting, 1, 4, 131_072>();
    // Small frames, of which a sector holds 245.
    Cuts { stride: 41, ..EVERYWHERE }.everywhere::<Blocking, 1, 4, 131_072>();
}
