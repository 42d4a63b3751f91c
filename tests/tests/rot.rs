//! What was good and is not any more, what fails once, and what others have left: the newest whole checkpoint is found and kept.

use std::cell::RefCell;
use std::ops::Range;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use microfit::checkpoint::{CheckpointError, Lengths, Snapshot};
use microfit::storage::Store;
use microfit_tests::board::{Board, LENGTHS, identity};

/// Flash with words of 4 bytes that takes ones over anything, and fails where it is told.
#[derive(Debug, Clone)]
struct Chip {
    memory: Vec<u8>,
    /// Where reading fails until it is erased.
    unreadable: Vec<Range<usize>>,
    reads: u32,
    /// The read that fails, once.
    busy: Option<u32>,
    /// Words and pages until power fails.
    power: u32,
    /// Whether erasing does nothing, and says nothing.
    stuck: bool,
}

/// A store's hold on it.
#[derive(Debug)]
struct Handle<'c, const E: usize>(&'c RefCell<Chip>);

impl Chip {
    fn new(len: usize) -> RefCell<Self> {
        let memory = vec![0xff; len];
        RefCell::new(Self { memory, unreadable: vec![], reads: 0, busy: None, power: u32::MAX, stuck: false })
    }

    fn operate(&mut self) -> Result<(), NorFlashErrorKind> {
        self.power = self.power.checked_sub(1).ok_or(NorFlashErrorKind::Other)?;
        Ok(())
    }
}

impl<const E: usize> ErrorType for Handle<'_, E> {
    type Error = NorFlashErrorKind;
}

impl<const E: usize> ReadNorFlash for Handle<'_, E> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let mut chip = self.0.borrow_mut();
        chip.reads += 1;
        let range = offset as usize..offset as usize + bytes.len();
        let torn = chip.unreadable.iter().any(|torn| torn.start < range.end && range.start < torn.end);
        if torn || chip.power == 0 || chip.busy == Some(chip.reads - 1) {
            return Err(NorFlashErrorKind::Other);
        }
        bytes.copy_from_slice(&chip.memory[range]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().memory.len()
    }
}

impl<const E: usize> NorFlash for Handle<'_, E> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = E;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        let mut chip = self.0.borrow_mut();
        for page in (from as usize..to as usize).step_by(E) {
            chip.operate()?;
            if !chip.stuck {
                chip.memory[page..page + E].fill(0xff);
            }
            chip.unreadable.retain(|torn| torn.start < page || torn.end > page + E);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let mut chip = self.0.borrow_mut();
        for (at, word) in (offset as usize..).step_by(4).zip(bytes.chunks(4)) {
            chip.operate()?;
            for (to, from) in chip.memory[at..at + 4].iter_mut().zip(word) {
                *to &= from;
            }
        }
        Ok(())
    }
}

/// Over all of the chip.
fn store<const E: usize>(chip: &RefCell<Chip>, user: usize) -> Store<Handle<'_, E>> {
    let len = chip.borrow().memory.len() as u32;
    Store::new(Handle(chip), 0, len, &Lengths { user, ..LENGTHS }).unwrap()
}

/// The number of the newest frame, as a board finds it that boots.
fn found<const E: usize>(chip: &RefCell<Chip>, user: usize) -> Option<u32> {
    chip.borrow_mut().power = u32::MAX;
    store::<E>(chip, user).header().unwrap().map(|header| header.sequence)
}

fn stride(user: usize) -> usize {
    Lengths { user, ..LENGTHS }.frame_len().next_multiple_of(4)
}

/// A store that runs on passes over a frame whose header has become unreadable, as one that begins does.
#[test]
fn a_header_that_becomes_unreadable_is_passed_over() {
    let chip = Chip::new(2 * 4096);
    let mut store = store::<4096>(&chip, 5);
    Board::new(5).after(3, |snapshot| {
        for lost in [1, 3] {
            while store.save(snapshot).unwrap().sequence < lost {}
            let at = lost as usize * stride(5);
            chip.borrow_mut().unreadable.push(at..at + 4);
            assert_eq!(store.header().unwrap().map(|header| header.sequence), Some(lost - 1));
            let at = at - stride(5);
            chip.borrow_mut().unreadable.push(at..at + 4);
            assert!(store.save(snapshot).is_ok());
        }
        assert!(store.load(&mut Board::new(5).target(&identity())).is_ok());
    });
}

/// An update has made checkpoints shorter: what is behind the header of the newest looks blank, and is not.
#[test]
fn a_longer_frame_is_not_written_into() {
    let chip = Chip::new(2 * 2048);
    Board::new(5).after(3, |snapshot| {
        let longer = Snapshot { user: &[0xff; 1000], ..*snapshot };
        for power in 1..200 {
            *chip.borrow_mut() = Chip::new(2 * 2048).into_inner();
            store::<2048>(&chip, 1000).save(&longer).unwrap();
            chip.borrow_mut().power = power;
            let saved = store::<2048>(&chip, 5).save(snapshot).is_ok();
            assert!(found::<2048>(&chip, 5) >= Some(saved.into()), "{power} words");
        }
    });
}

/// Every save is cut: each header is read once, and each frame that was begun.
#[test]
fn a_search_reads_nothing_twice() {
    let chip = Chip::new(2 * 65_536);
    Board::new(5).after(3, |snapshot| {
        let frames = store::<65_536>(&chip, 5).saves_per_erase();
        store::<65_536>(&chip, 5).save(snapshot).unwrap();
        for _ in 0..frames / 2 - 1 {
            chip.borrow_mut().power = 30;
            assert!(store::<65_536>(&chip, 5).save(snapshot).is_err());
        }
        chip.borrow_mut().reads = 0;
        assert_eq!(found::<65_536>(&chip, 5), Some(0));
        let reads = chip.borrow().reads;
        assert!(reads < frames + frames / 2 * (stride(5) as u32 / 32 + 2), "{reads} of {frames} places");
    });
}

/// What was the newest has rotted since: it is not for its sake that the whole one is erased.
#[test]
fn the_newest_is_looked_at_before_another_is_erased() {
    for frames in [1, 4] {
        let half = (frames as usize * stride(5)).next_multiple_of(1024);
        let chip = Chip::new(2 * half);
        Board::new(5).after(3, |snapshot| {
            for power in 0..200 {
                *chip.borrow_mut() = Chip::new(2 * half).into_inner();
                let mut store = store::<1024>(&chip, 5);
                let full = store.saves_per_erase();
                for _ in 0..full {
                    store.save(snapshot).unwrap();
                }
                let newest = half + (full as usize / 2 - 1) * stride(5);
                chip.borrow_mut().memory[newest + 40] ^= 4;
                chip.borrow_mut().power = power;
                let saved = store.save(snapshot).is_ok();
                let expected = if saved { full - 1 } else { full - 2 };
                assert!(found::<1024>(&chip, 5) >= Some(expected), "{frames} a half, {power} words");
            }
        });
    }
}

/// A bus that is busy at one read, whichever: no load goes back a checkpoint, and no save erases the newest.
#[test]
fn a_read_that_fails_once_hides_nothing() {
    for saves in [1, 2, 3, 5] {
        let blank = Chip::new(2 * 2048);
        Board::new(5).after(3, |snapshot| {
            let mut first = store::<2048>(&blank, 5);
            for _ in 0..saves {
                first.save(snapshot).unwrap();
            }
            let (mut busy, mut last) = (0, false);
            while !last {
                let chip = blank.clone();
                chip.borrow_mut().reads = 0;
                chip.borrow_mut().busy = Some(busy);
                let loaded = store::<2048>(&chip, 5).load(&mut Board::new(5).target(&identity()));
                last = loaded.is_ok() && chip.borrow().reads <= busy;
                let number = loaded.map(|header| header.sequence);
                assert!(
                    number == Ok(saves - 1)
                        || matches!(number, Err(CheckpointError::Medium(_) | CheckpointError::Incomplete(_))),
                    "read {busy} of a load: {number:?} of {saves}"
                );
                for power in [1, 3, 1000] {
                    let chip = blank.clone();
                    chip.borrow_mut().reads = 0;
                    (chip.borrow_mut().busy, chip.borrow_mut().power) = (Some(busy), power);
                    let _ = store::<2048>(&chip, 5).save(snapshot);
                    chip.borrow_mut().busy = None;
                    let newest = found::<2048>(&chip, 5);
                    assert!(newest >= Some(saves - 1), "read {busy} of a save: {newest:?} of {saves}");
                }
                busy += 1;
            }
            assert!(busy > 50);
        });
    }
}

/// Every header torn so that it cannot be read, as on flash with ECC: there is nothing whole to lose, and an erase makes them good. If
/// nothing can be read it is the chip that has failed.
#[test]
fn headers_that_cannot_be_read_are_erased() {
    for (frames, page) in [(1, 1024), (3, 2048)] {
        let chip = Chip::new(2 * page);
        let headers = || (0..2 * frames).map(|place| place / frames * page + place % frames * stride(5));
        chip.borrow_mut().unreadable = headers().map(|at| at..at + 4).collect();
        Board::new(5).after(3, |snapshot| {
            let refused = [page - 1..page, 2 * page - 1..2 * page];
            let unreadable = chip.borrow().unreadable.clone();
            chip.borrow_mut().unreadable.extend(refused);
            let failed = CheckpointError::Medium(NorFlashErrorKind::Other);
            let save = || match page {
                1024 => store::<1024>(&chip, 5).save(snapshot),
                _ => store::<2048>(&chip, 5).save(snapshot),
            };
            assert_eq!(save(), Err(failed));
            chip.borrow_mut().unreadable = unreadable;
            chip.borrow_mut().unreadable.push(page - 1..page);
            let loaded = match page {
                1024 => store::<1024>(&chip, 5).load(&mut Board::new(5).target(&identity())),
                _ => store::<2048>(&chip, 5).load(&mut Board::new(5).target(&identity())),
            };
            assert_eq!(loaded, Err(CheckpointError::Missing));
            assert!(save().is_ok());
        });
    }
}

/// A save that was cut in its very last word, in the last place of the second half. It never counted, and does not when it reads right
/// after the next one has been saved.
#[test]
fn a_torn_frame_that_reads_right_one_day_is_not_the_newest() {
    let chip = Chip::new(2 * 2048);
    Board::new(5).after(3, |snapshot| {
        let mut begun = store::<2048>(&chip, 5);
        let frames = begun.saves_per_erase();
        while begun.save(snapshot).unwrap().sequence < frames - 2 {}
        let whole = chip.clone();
        store::<2048>(&whole, 5).save(snapshot).unwrap();
        chip.borrow_mut().power = stride(5) as u32 / 4 - 1;
        assert!(begun.save(snapshot).is_err());
        assert_eq!(found::<2048>(&chip, 5), Some(frames - 2));
        let last = 2048 + frames as usize / 2 * stride(5) - 4..2048 + frames as usize / 2 * stride(5);
        chip.borrow_mut().memory[last.start] = 0;
        let acknowledged = store::<2048>(&chip, 5).save(snapshot).unwrap();
        chip.borrow_mut().memory[last.clone()].copy_from_slice(&whole.borrow().memory[last]);
        assert_eq!(store::<2048>(&chip, 5).header(), Ok(Some(acknowledged)));
    });
}

/// Of the last place nothing was written: what was erased reads otherwise.
#[test]
fn pages_that_are_not_erased_are_not_read_back() {
    let chip = Chip::new(2 * 1024);
    chip.borrow_mut().memory.fill(0);
    chip.borrow_mut().stuck = true;
    Board::new(5).after(3, |snapshot| {
        assert_eq!(store::<1024>(&chip, 5).save(snapshot), Err(CheckpointError::ReadBack));
    });
}
