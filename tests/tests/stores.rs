//! What a store holds and what it refuses, where it writes, and what its frames say.

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use microfit::Fit;
use microfit::checkpoint::{CheckpointError, Lengths, Section, Snapshot, Target};
use microfit::storage::{SimulatedFault, SimulatedFlash, Store};
use microfit_tests::board::{Board, LENGTHS, fit, identity};

#[test]
fn a_store_says_what_it_cannot_hold_and_whose_frame_it_has() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    let mut flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    for (start, len, refused) in [
        (0, 1024, CheckpointError::RegionTooSmall { expected: 2048, found: 1024 }),
        (4, 1024, CheckpointError::RegionStart { page: 1024, found: 4 }),
        (1024, 2048, CheckpointError::RegionEnd { expected: 2048, found: 3072 }),
        (0, 4096, CheckpointError::RegionEnd { expected: 2048, found: 4096 }),
        // Of three pages, or of a bit more than two, two are used.
        (0, 3072, CheckpointError::RegionEnd { expected: 2048, found: 3072 }),
        (0, 2049, CheckpointError::RegionEnd { expected: 2048, found: 2049 }),
    ] {
        assert_eq!(Store::new(&mut flash, start, len, &lengths).unwrap_err(), refused);
    }
    let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
    assert_eq!(store.saves_per_erase() as usize, 2 * (1024 / lengths.frame_len().next_multiple_of(4)));
    let (mut saved, mut loaded) = (Board::new(5), Board::new(5));
    assert_eq!(store.header(), Ok(None));
    let own = identity();
    assert_eq!(store.load(&mut loaded.target(&own)), Err(CheckpointError::Missing));
    saved.after(3, |snapshot| {
        let header = store.save(snapshot).unwrap();
        let other = fit().identity();
        let (expected, found) = (other.fingerprint(), header.fingerprint);
        let foreign = store.load(&mut loaded.target(&other));
        assert_eq!(foreign, Err(CheckpointError::Foreign { expected, found }));
        assert!(foreign.unwrap_err().is_of_another());
        assert_eq!(store.load(&mut loaded.target(&own)), Ok(header));
        assert_eq!((&loaded.progress, Some(&loaded.stopping)), (snapshot.progress, snapshot.stopping));
        assert_eq!((header.sequence, header.erases), (0, 1));
        assert_eq!(store.header(), Ok(Some(header)));
        let (user, expected) = (&[0; 2000], lengths.frame_len().next_multiple_of(4) as u32);
        let longer = Snapshot { user, ..*snapshot };
        let found = longer.lengths().frame_len() as u32;
        assert_eq!(store.save(&longer), Err(CheckpointError::FrameLength { expected, found }));
        let again = store.save(snapshot).unwrap();
        assert_eq!((again.sequence, again.erases), (1, 2), "a half holds one");
    });
    assert_eq!(store.release().erases(), [1, 1]);
}

/// As large as there are addresses, and full of zeros.
#[derive(Debug)]
struct Largest;

impl ErrorType for Largest {
    type Error = SimulatedFault;
}

impl ReadNorFlash for Largest {
    const READ_SIZE: usize = 1;

    fn read(&mut self, _offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        bytes.fill(0);
        Ok(())
    }

    fn capacity(&self) -> usize {
        usize::MAX
    }
}

impl NorFlash for Largest {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        if from < to { Ok(()) } else { Err(SimulatedFault::OutOfBounds) }
    }

    fn write(&mut self, _offset: u32, _bytes: &[u8]) -> Result<(), SimulatedFault> {
        Ok(())
    }
}

/// Its last page cannot be named in an erase.
#[test]
fn a_region_ends_before_2_to_the_32() {
    let (lengths, start) = (Lengths { user: 5, ..LENGTHS }, u32::MAX - 0x2fff);
    let (expected, found) = (u32::MAX.into(), 1 << 32);
    let refused = Store::new(Largest, start + 0x1000, 0x2000, &lengths).unwrap_err();
    assert_eq!(refused, CheckpointError::RegionEnd { expected, found });
    let mut store = Store::new(Largest, start, 0x2000, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| assert_eq!(store.save(snapshot), Err(CheckpointError::ReadBack)));
}

/// A firmware update that changes what a checkpoint holds: the run begins again, and no board says that its flash has failed.
#[test]
fn a_checkpoint_of_other_parts_or_epochs_is_of_another() {
    let (mut memory, mut erases) = ([0xff; 4096], [0; 2]);
    let flash = SimulatedFlash::<1, 4, 2048>::new(&mut memory, &mut erases, 0);
    let mut store = Store::new(flash, 0, 4096, &Lengths { user: 9, ..LENGTHS }).unwrap();
    let (own, shorter) = (fit().identity(), Fit { epochs: 1, ..fit() }.identity());
    let mut board = Board::new(5);
    Board::new(5).after(20, |snapshot| {
        assert!(snapshot.progress.epochs() > 1);
        store.save(&Snapshot { identity: &own, ..*snapshot }).unwrap();
        let mut refused = |identity, change: fn(&mut Target<'_>)| {
            let mut target = board.target(identity);
            change(&mut target);
            let error = store.load(&mut target).unwrap_err();
            assert!(error.is_of_another(), "{error}");
            error
        };
        for (change, section) in [
            ((|target| target.user = &mut []) as fn(&mut Target<'_>), Section::User),
            (|target| target.best = &mut [], Section::Best),
            (|target| (target.shift, target.factor) = (&mut [], &mut []), Section::Shift),
        ] {
            let error = refused(&own, change);
            assert!(
                matches!(error, CheckpointError::SectionLength { section: found, .. } if found == section),
                "{error}"
            );
        }
        let without = refused(&own, |target| target.stopping = None);
        assert_eq!(without, CheckpointError::Stopping { expected: false });
        assert_eq!(refused(&shorter, |_| {}), CheckpointError::Content { section: Section::Progress });
        store.load(&mut board.target(&own)).unwrap();
    });
    store.flash().cut_after(0);
    Board::new(5).after(3, |snapshot| assert!(!store.save(snapshot).unwrap_err().is_of_another()));
    assert!(!store.load(&mut board.target(&own)).unwrap_err().is_of_another());
}

/// A save reads the place it writes to, what it has written and two headers, and a store that has been used nothing else: but all
/// headers and the newest frame of each half before it erases.
#[test]
fn a_save_reads_two_frames() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = (vec![0xff; 2 * 16_384], [0; 2]);
    let flash = SimulatedFlash::<1, 4, 16_384>::new(&mut memory, &mut erases, 0);
    let mut store = Store::new(flash, 0, 2 * 16_384, &lengths).unwrap();
    let frames = store.saves_per_erase();
    assert!(frames > 40);
    let frame = lengths.frame_len().next_multiple_of(4) as u32;
    Board::new(5).after(3, |snapshot| {
        for save in 0..2 * frames {
            let before = store.flash_ref().bytes_read();
            store.save(snapshot).unwrap();
            let read = store.flash_ref().bytes_read() - before;
            let more = match save {
                0 => 2 * 32 * frames,
                _ if save % (frames / 2) == 0 => 32 * (frames + 2) + 2 * (frame + 32),
                _ => 2 * 32,
            };
            assert!(read <= 2 * (frame + 32) + more, "save {save}: {read} bytes, frames of {frame}");
        }
    });
}

/// A store of a larger region has left a frame that reaches into what is the other half now.
#[test]
fn a_frame_is_within_its_half() {
    let (mut memory, mut erases) = ([0xff; 4096], [0; 4]);
    let mut flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    let (long, lengths) = (Lengths { user: 1000, ..LENGTHS }, Lengths { user: 5, ..LENGTHS });
    assert!(long.frame_len() > 1024);
    let mut store = Store::new(&mut flash, 0, 4096, &long).unwrap();
    Board::new(1000).after(3, |snapshot| assert_eq!(store.save(snapshot).unwrap().erases, 2));
    assert!(store.header().unwrap().is_some());
    let mut store = Store::new(&mut flash, 0, 2048, &lengths).unwrap();
    assert_eq!(store.header(), Ok(None));
}

/// To its last word: nothing is written where a bit of it is cleared.
#[test]
fn a_place_that_is_not_blank_is_not_written() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let stride = lengths.frame_len().next_multiple_of(4);
    let (mut memory, mut erases) = ([0xff; 8192], [0; 2]);
    let mut store =
        Store::new(SimulatedFlash::<1, 4, 4096>::new(&mut memory, &mut erases, 0), 0, 8192, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| {
        store.save(snapshot).unwrap();
        NorFlash::write(store.flash(), 2 * stride as u32 - 4, &[0xff, 0xff, 0xff, 0xfe]).unwrap();
        // With the number of its place.
        assert_eq!(store.save(snapshot).unwrap().sequence, 2);
    });
    assert!(memory[stride..2 * stride - 1].iter().all(|&byte| byte == 0xff));
    assert_eq!(memory[2 * stride..][..4], *b"MFCK");
}

/// What fills the last word is as an erase leaves it.
#[test]
fn words_are_filled_up_with_ones() {
    let (lengths, mut memory, mut erases) = (Lengths { user: 5, ..LENGTHS }, [0xff; 2048], [0; 2]);
    let flash = SimulatedFlash::<32, 32, 1024>::new(&mut memory, &mut erases, 0);
    let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
    Board::new(5).after(3, |snapshot| assert!(store.save(snapshot).is_ok()));
    let len = lengths.frame_len();
    assert!(!len.is_multiple_of(32) && memory[len..1024].iter().all(|&byte| byte == 0xff), "{:x?}", &memory[len..]);
}

/// A number after which there is none: nothing is overwritten.
#[test]
fn the_last_sequence_number_is_an_error() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    Board::new(5).after(3, |snapshot| {
        let mut frame = microfit_tests::memory::Memory::default();
        microfit::checkpoint::save(snapshot, u32::MAX, 0, &mut frame).unwrap();
        memory[..frame.0.len()].copy_from_slice(&frame.0);
        let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
        let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
        assert_eq!(store.save(snapshot), Err(CheckpointError::Sequence));
        assert_eq!(store.load(&mut Board::new(5).target(&identity())).unwrap().sequence, u32::MAX);
        assert_eq!(store.release().operations(), 0);
    });
}

/// A frame tells how many pages were erased before it, its own half's included: of several pages all.
#[test]
fn every_page_that_was_erased_is_counted() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 16]);
    Board::new(5).after(3, |snapshot| {
        let flash = SimulatedFlash::<1, 4, 128>::new(&mut memory, &mut erases, 0);
        let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
        let saved: Vec<u32> = (0..9).map(|_| store.save(snapshot).unwrap().erases).collect();
        let last = *saved.last().unwrap();
        assert!(saved.is_sorted() && last >= 16, "{saved:?}");
        assert_eq!(last, store.release().erases().iter().sum::<u32>());
    });
}

/// A firmware is flashed, another, and the first again: what it has loaded is there until its next checkpoint is, although the
/// other's are newer.
#[test]
fn another_runs_newer_checkpoints_do_not_cost_this_ones() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (own, other) = (identity(), fit().identity());
    let mut cuts = 0;
    Board::new(5).after(3, |snapshot| {
        let (own, other) =
            (Snapshot { identity: &own, ..*snapshot }, Snapshot { identity: &other, feedback: &[], ..*snapshot });
        // How many of each: both halves are full, or less.
        for (first, then) in [(1, 1), (1, 2), (3, 1), (1, 5), (2, 4), (3, 3), (4, 2), (5, 1)] {
            for cut in 0.. {
                let (mut memory, mut erases) = ([0xff; 4096], [0; 4]);
                let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
                let mut store = Store::new(flash, 0, 4096, &lengths).unwrap();
                assert_eq!(store.saves_per_erase() / 2, 3);
                let mut last = 0;
                for _ in 0..first {
                    last = store.save(&own).unwrap().sequence;
                }
                for _ in 0..then {
                    store.save(&other).unwrap();
                }
                let mut board = Board::new(5);
                assert_eq!(store.load(&mut board.target(own.identity)).unwrap().sequence, last);
                store.flash().cut_after(cut);
                let saved = store.save(&own).map(|header| header.sequence);
                store.flash().power_on();
                let loaded = store.load(&mut board.target(own.identity)).unwrap().sequence;
                let Ok(saved) = saved else {
                    assert!(loaded == last || cut > 0 && loaded > last, "{first}, {then}, {cut}: {loaded}");
                    cuts += 1;
                    continue;
                };
                assert_eq!(loaded, saved);
                break;
            }
        }
    });
    println!("{cuts} cuts");
    assert!(cuts > 100);
}

/// Frames of a later version are kept until ours is whole, and named.
#[test]
fn a_later_version_is_named() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    Board::new(5).after(3, |snapshot| {
        let mut frame = microfit_tests::memory::Memory::default();
        microfit::checkpoint::save(snapshot, 8, 0, &mut frame).unwrap();
        frame.0[4] = 2;
        // What is behind its number may be something else.
        frame.0[16..29].fill(99);
        let later = microfit_tests::memory::sealed(frame.0);
        memory[..later.len()].copy_from_slice(&later);
        let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
        let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
        assert_eq!(store.load(&mut Board::new(5).target(&identity())), Err(CheckpointError::Version { found: 2 }));
        let saved = store.save(snapshot).unwrap();
        assert_eq!((saved.sequence, saved.erases), (9, 1));
        assert_eq!(store.load(&mut Board::new(5).target(&identity())).unwrap().sequence, 9);
        assert_eq!(store.release().erases(), [0, 1]);
    });
}
