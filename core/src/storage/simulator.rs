//! NOR flash in lent memory that loses power where a test says.

use core::fmt;
use core::ops::Range;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

use crate::rng::Rng;

/// A flash to test storage with. Power fails during the operation that [`Self::cut_after`] names: a word being written is left
/// torn, a page being erased is left half erased, as [`Torn`] has it; after that everything fails until [`Self::power_on`]. An
/// operation is one word written or one page erased. Writing a word that is not erased is an error, as chips with ECC have it.
///
/// With the feature `storage-async` it is an `embedded_storage_async` flash too, that never waits.
#[derive(Debug)]
pub struct SimulatedFlash<'a, const READ: usize, const WRITE: usize, const ERASE: usize> {
    memory: &'a mut [u8],
    erases: &'a mut [u32],
    operations: u32,
    bytes_read: u32,
    cut_after: Option<u32>,
    off: bool,
    rng: Rng,
    torn: Torn,
    /// Begin and end of what was cut and not erased since; the oldest is forgotten.
    cuts: [Range<usize>; 8],
}

/// What a word or a page looks like in which power failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Torn {
    /// Any of the bits that a word was to clear are cleared, any of the bytes of a page are erased.
    #[default]
    Bits,
    /// It reads as erased, but is not: writing it is an error.
    Blank,
    /// Reading it is an error, as that of a double ECC fault.
    Unreadable,
}

/// How the simulated flash fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SimulatedFault {
    /// The power is off.
    Power,
    /// Not a multiple of the read, write or erase size.
    NotAligned,
    /// Past the end, or from an address to one before it.
    OutOfBounds,
    /// A word was written that is not erased.
    NotErased,
    /// A word was read in which power failed.
    Unreadable,
}

impl fmt::Display for SimulatedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Power => "simulated flash: expected power, found none",
            Self::NotAligned => "simulated flash: expected whole words and pages, found a part of one",
            Self::OutOfBounds => "simulated flash: expected an address within it, found one past its end",
            Self::NotErased => "simulated flash: expected an erased word to write, found one written already",
            Self::Unreadable => "simulated flash: expected a word written whole, found a torn one",
        })
    }
}

impl core::error::Error for SimulatedFault {}

impl NorFlashError for SimulatedFault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Power | Self::NotErased | Self::Unreadable => NorFlashErrorKind::Other,
        }
    }
}

impl<'a, const READ: usize, const WRITE: usize, const ERASE: usize> SimulatedFlash<'a, READ, WRITE, ERASE> {
    /// Over `memory` as it is, and a counter of erases a page. `seed` fixes what torn words and pages look like.
    pub const fn new(memory: &'a mut [u8], erases: &'a mut [u32], seed: u32) -> Self {
        const { assert!(READ > 0 && WRITE > 0 && ERASE > 0 && ERASE.is_multiple_of(WRITE), "no flash has these sizes") };
        Self {
            memory,
            erases,
            operations: 0,
            bytes_read: 0,
            cut_after: None,
            off: false,
            rng: Rng::new(seed),
            torn: Torn::Bits,
            cuts: [const { 0..0 }; 8],
        }
    }

    /// What power cuts leave from now on.
    #[must_use]
    pub fn torn(self, torn: Torn) -> Self {
        Self { torn, ..self }
    }

    /// Cuts the power in the middle of the operation after the next `operations`.
    pub const fn cut_after(&mut self, operations: u32) {
        self.cut_after = Some(self.operations.saturating_add(operations));
    }

    /// Power is back, for good unless another cut is set.
    pub const fn power_on(&mut self) {
        self.off = false;
        self.cut_after = None;
    }

    /// Whether the power has failed.
    pub const fn is_off(&self) -> bool {
        self.off
    }

    /// Words written and pages erased.
    pub const fn operations(&self) -> u32 {
        self.operations
    }

    /// Bytes read.
    pub const fn bytes_read(&self) -> u32 {
        self.bytes_read
    }

    /// Erases of each page.
    pub const fn erases(&self) -> &[u32] {
        self.erases
    }

    /// Whether the operation at hand is the one in which power fails.
    fn is_cut(&mut self) -> bool {
        let cut = self.cut_after.is_some_and(|at| self.operations >= at);
        self.operations = self.operations.saturating_add(1);
        self.off |= cut;
        cut
    }

    /// Remembers what was cut.
    fn tear(&mut self, range: Range<usize>) {
        self.cuts.rotate_right(1);
        if let Some(first) = self.cuts.first_mut() {
            *first = range;
        }
    }

    fn is_torn(&self, range: &Range<usize>) -> bool {
        self.cuts.iter().any(|cut| cut.start < range.end && range.start < cut.end)
    }

    fn check(&self, offset: u32, len: usize, size: usize) -> Result<Range<usize>, SimulatedFault> {
        let offset = offset as usize;
        if self.off {
            return Err(SimulatedFault::Power);
        }
        if offset.checked_rem(size) != Some(0) || len.checked_rem(size) != Some(0) {
            return Err(SimulatedFault::NotAligned);
        }
        let end = offset.checked_add(len).filter(|&end| end <= self.memory.len());
        Ok(offset..end.ok_or(SimulatedFault::OutOfBounds)?)
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType for SimulatedFlash<'_, READ, WRITE, ERASE> {
    type Error = SimulatedFault;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
    for SimulatedFlash<'_, READ, WRITE, ERASE>
{
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
        let range = self.check(offset, bytes.len(), READ)?;
        if self.torn == Torn::Unreadable && self.is_torn(&range) {
            return Err(SimulatedFault::Unreadable);
        }
        self.bytes_read = self.bytes_read.wrapping_add(bytes.len() as u32);
        for (to, from) in bytes.iter_mut().zip(self.memory.get(range).unwrap_or_default()) {
            *to = *from;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for SimulatedFlash<'_, READ, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
        let len = to.checked_sub(from).ok_or(SimulatedFault::OutOfBounds)?;
        let range = self.check(from, len as usize, ERASE)?;
        for start in range.step_by(ERASE) {
            let (cut, page) = (self.is_cut(), start..start + ERASE);
            let whole = !cut || self.torn == Torn::Blank;
            for byte in self.memory.get_mut(page.clone()).unwrap_or_default() {
                if whole || self.rng.next_u32() & 1 == 0 {
                    *byte = 0xff;
                }
            }
            for old in &mut self.cuts {
                if old.start >= page.start && old.end <= page.end {
                    *old = 0..0;
                }
            }
            if let Some(count) = self.erases.get_mut(start / ERASE) {
                *count = count.saturating_add(1);
            }
            if cut {
                self.tear(page);
                return Err(SimulatedFault::Power);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
        let range = self.check(offset, bytes.len(), WRITE)?;
        for (start, from) in range.step_by(WRITE).zip(bytes.chunks(WRITE)) {
            let word = start..start + WRITE;
            let written = self.memory.get(word.clone()).unwrap_or_default().iter().any(|&byte| byte != 0xff);
            if written || (self.torn != Torn::Bits && self.is_torn(&word)) {
                return Err(SimulatedFault::NotErased);
            }
            let cut = self.is_cut();
            for (to, from) in self.memory.get_mut(word.clone()).unwrap_or_default().iter_mut().zip(from) {
                let kept = match self.torn {
                    _ if !cut => 0,
                    Torn::Blank => 0xff,
                    Torn::Bits | Torn::Unreadable => self.rng.next_u32() as u8,
                };
                *to &= from | kept;
            }
            if cut {
                self.tear(word);
                return Err(SimulatedFault::Power);
            }
        }
        Ok(())
    }
}

#[cfg(feature = "storage-async")]
mod waiting {
    use super::{SimulatedFault, SimulatedFlash};
    use embedded_storage::nor_flash as blocking;
    use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};

    impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash
        for SimulatedFlash<'_, READ, WRITE, ERASE>
    {
        const READ_SIZE: usize = READ;

        async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), SimulatedFault> {
            blocking::ReadNorFlash::read(self, offset, bytes)
        }

        fn capacity(&self) -> usize {
            blocking::ReadNorFlash::capacity(self)
        }
    }

    impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for SimulatedFlash<'_, READ, WRITE, ERASE> {
        const WRITE_SIZE: usize = WRITE;
        const ERASE_SIZE: usize = ERASE;

        async fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
            blocking::NorFlash::erase(self, from, to)
        }

        async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
            blocking::NorFlash::write(self, offset, bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a page of two words after a cut in its first word.
    fn cut_in_a_word(torn: Torn) -> (Result<(), SimulatedFault>, [u8; 4], Result<(), SimulatedFault>) {
        let (mut memory, mut erases) = ([0xff; 8], [0]);
        let mut flash = SimulatedFlash::<1, 4, 8>::new(&mut memory, &mut erases, 3).torn(torn);
        flash.cut_after(0);
        assert_eq!(flash.write(0, &[0; 8]), Err(SimulatedFault::Power));
        assert!(flash.is_off() && flash.read(0, &mut [0]) == Err(SimulatedFault::Power));
        flash.power_on();
        let mut bytes = [0; 4];
        assert_eq!(flash.read(4, &mut bytes), Ok(()));
        assert_eq!(bytes, [0xff; 4], "the next word was not reached");
        let (read, again) = (flash.read(0, &mut bytes), flash.write(0, &[0; 4]));
        assert_eq!(flash.erase(0, 8), Ok(()));
        assert_eq!((flash.write(0, &[0; 4]), flash.read(0, &mut [0; 8])), (Ok(()), Ok(())));
        assert_eq!((flash.operations(), flash.erases()[0]), (3, 1));
        (read, bytes, again)
    }

    #[test]
    fn a_torn_word_is_as_was_asked_for() {
        let not_erased = Err(SimulatedFault::NotErased);
        let (read, bytes, again) = cut_in_a_word(Torn::Bits);
        assert!(read.is_ok() && bytes != [0; 4] && bytes != [0xff; 4] && again == not_erased, "{bytes:x?}");
        assert_eq!(cut_in_a_word(Torn::Blank), (Ok(()), [0xff; 4], not_erased));
        let (read, _, again) = cut_in_a_word(Torn::Unreadable);
        assert_eq!((read, again), (Err(SimulatedFault::Unreadable), not_erased));
    }

    /// What is left of two words, of which the first was written, when the erase of their page is cut; and whether the second one can be
    /// written.
    fn cut_in_a_page(torn: Torn) -> ([u8; 8], Result<(), SimulatedFault>) {
        let (mut memory, mut erases) = ([0xff; 8], [0]);
        let mut flash = SimulatedFlash::<1, 4, 8>::new(&mut memory, &mut erases, 3).torn(torn);
        assert_eq!(flash.write(0, &[0; 4]), Ok(()));
        flash.cut_after(0);
        assert_eq!(flash.erase(0, 8), Err(SimulatedFault::Power));
        flash.power_on();
        let again = flash.write(4, &[0; 4]);
        (memory, again)
    }

    #[test]
    fn a_torn_page_is_as_was_asked_for() {
        let not_erased = Err(SimulatedFault::NotErased);
        assert_eq!(cut_in_a_page(Torn::Blank), ([0xff; 8], not_erased));
        let (page, again) = cut_in_a_page(Torn::Unreadable);
        assert!(page[..4] != [0xff; 4] && page[4..] == [0xff; 4] && again == not_erased, "{page:x?}");
        let (page, again) = cut_in_a_page(Torn::Bits);
        assert!(page[..4] != [0xff; 4] && page[4..] == [0; 4] && again.is_ok(), "{page:x?}");
    }

    #[test]
    fn refuses_what_flash_refuses() {
        let (mut memory, mut erases) = ([0xff; 16], [0; 2]);
        let mut flash = SimulatedFlash::<2, 4, 8>::new(&mut memory, &mut erases, 0);
        assert_eq!(flash.read(1, &mut [0; 2]), Err(SimulatedFault::NotAligned));
        assert_eq!(flash.write(2, &[0; 4]), Err(SimulatedFault::NotAligned));
        assert_eq!(flash.erase(0, 4), Err(SimulatedFault::NotAligned));
        assert_eq!(flash.erase(8, 24), Err(SimulatedFault::OutOfBounds));
        assert_eq!((flash.erase(16, 8), flash.erase(8, 8)), (Err(SimulatedFault::OutOfBounds), Ok(())));
        assert_eq!(flash.write(0, &[0; 4]), Ok(()));
        assert_eq!(flash.write(0, &[0; 4]), Err(SimulatedFault::NotErased));
        assert_eq!((flash.bytes_read(), flash.read(0, &mut [0; 6]), flash.bytes_read()), (0, Ok(()), 6));
    }
}
