//! A page that has worn out is noticed before a checkpoint on it counts, and passed over.

use std::ops::Range;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use microfit::checkpoint::{CheckpointError, Header, Lengths};
use microfit::storage::{SimulatedFault, SimulatedFlash, Store};
use microfit_tests::board::{Board, LENGTHS, identity};

/// Flash of which a part has worn out.
struct Worn<'a> {
    flash: SimulatedFlash<'a, 1, 4, 1024>,
    bad: Range<u32>,
    how: Wears,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wears {
    /// It keeps ones where there should be zeros, and says nothing.
    Silently,
    /// Writing is an error.
    Writing,
    /// Erasing is an error, and nothing is erased behind.
    Erasing,
}

impl ErrorType for Worn<'_> {
    type Error = SimulatedFault;
}

impl ReadNorFlash for Worn<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        ReadNorFlash::read(&mut self.flash, offset, bytes)
    }

    fn capacity(&self) -> usize {
        ReadNorFlash::capacity(&self.flash)
    }
}

impl NorFlash for Worn<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        if self.how == Wears::Erasing && from < self.bad.end && self.bad.start < to {
            NorFlash::erase(&mut self.flash, from, self.bad.start.max(from))?;
            return Err(SimulatedFault::NotErased);
        }
        NorFlash::erase(&mut self.flash, from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
        let mut bytes = bytes.to_vec();
        match self.how {
            Wears::Silently if self.bad.contains(&offset) => bytes[0] |= 0x40,
            Wears::Writing if self.bad.contains(&offset) => return Err(SimulatedFault::NotErased),
            _ => {}
        }
        NorFlash::write(&mut self.flash, offset, &bytes)
    }
}

#[test]
fn a_page_that_is_worn_out_is_noticed_before_the_checkpoint_counts() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    let (mut memory, mut erases) = ([0; 2048], [0; 2]);
    let flash = Worn { flash: SimulatedFlash::new(&mut memory, &mut erases, 0), bad: 1024..2048, how: Wears::Silently };
    let mut store = Store::new(flash, 0, 2048, &lengths).unwrap();
    let mut board = Board::new(5);
    Board::new(5).after(3, |snapshot| {
        let first = store.save(snapshot).unwrap();
        for (how, error) in [
            (Wears::Erasing, CheckpointError::Medium(SimulatedFault::NotErased)),
            (Wears::Silently, CheckpointError::ReadBack),
            (Wears::Writing, CheckpointError::Medium(SimulatedFault::NotErased)),
        ] {
            store.flash().how = how;
            assert_eq!(store.save(snapshot), Err(error), "{how:?}");
            assert_eq!(store.load(&mut board.target(&identity())).unwrap(), first);
        }
        store.flash().bad = 0..0;
        assert_eq!(store.save(snapshot).unwrap().sequence, 1);
    });
}

/// Of 32 pages one or a few are bad: no save fails, and the newest is found by every boot.
#[test]
fn a_worn_page_is_passed_over() {
    let lengths = Lengths { user: 5, ..LENGTHS };
    for how in [Wears::Silently, Wears::Writing, Wears::Erasing] {
        for bad in [0..1, 1..2, 7..8, 15..16, 16..17, 31..32, 0..3, 0..16] {
            let (mut memory, mut erases) = (vec![0; 32 * 1024], [0; 32]);
            let flash = SimulatedFlash::new(&mut memory, &mut erases, 0);
            let mut flash = Worn { flash, bad: 1024 * bad.start..1024 * bad.end, how };
            Board::new(5).after(3, |snapshot| {
                let mut newest = None;
                for save in 0..100 {
                    let mut store = Store::new(&mut flash, 0, 32 * 1024, &lengths).unwrap();
                    let (saved, half) = (store.save(snapshot), store.saves_per_erase() / 2);
                    // Where all of a half is bad, the other is good for its frames.
                    if bad.len() == 16 && save >= half {
                        assert!(saved.is_err(), "{how:?}, {bad:?}, save {save}");
                    } else {
                        let number = saved.map(|header| Some(header.sequence));
                        assert!(number.is_ok_and(|number| number > newest.map(|newest: Header| newest.sequence)));
                        newest = saved.ok();
                    }
                    assert_eq!(store.header(), Ok(newest), "{how:?}, {bad:?}, save {save}");
                }
            });
        }
    }
}
