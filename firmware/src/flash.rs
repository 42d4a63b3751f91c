//! Whether a flash does what `NorFlash` says: for a driver of one's own, before checkpoints are entrusted to it.

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind};

/// What a flash does not do as it should; `E` is its own error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Unlike<E> {
    /// An operation failed that should not.
    Failed(E),
    /// It has less than two pages from the start on, words longer than 64 bytes, which this does not look at, or pages that are not
    /// whole words.
    Sizes,
    /// The start is not a page's.
    Start {
        /// Bytes of a page.
        page: u32,
        /// Where the start is.
        found: u32,
    },
    /// After erasing, a byte is not 0xff.
    NotErased {
        /// Its offset.
        offset: u32,
    },
    /// A byte is not what was written, or not where several words are read at once.
    NotWritten {
        /// Its offset.
        offset: u32,
    },
    /// Erasing or writing changed a byte that was not its own.
    Changed {
        /// Its offset.
        offset: u32,
    },
    /// What is not whole words or pages, or past the end, was not refused as such.
    NotRefused {
        /// Which of the tries.
        attempt: u32,
    },
}

const LONGEST_WORD: usize = 64;

/// Bytes that a store writes and reads at once.
const CHUNK: usize = 32;

/// Looks at the two pages of a flash from `start` on, which it erases up to four times: where checkpoints are to be, as in
/// `Store::new`. Many drivers lend the whole chip, of which the first pages are the program that runs.
///
/// Nothing else is erased or written by a driver that refuses what is past its end; and no word is written twice between erases,
/// which `NorFlash` alone does not allow.
///
/// # Errors
/// The first thing that is not as it should be; offsets are the flash's, as `start` is.
pub fn examine<F: NorFlash>(flash: &mut F, start: u32) -> Result<(), Unlike<F::Error>> {
    let (word, page) = (F::WRITE_SIZE.max(F::READ_SIZE), F::ERASE_SIZE as u32);
    let end = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
    let has_room = u64::from(start) + 2 * u64::from(page) <= u64::from(end);
    if word > LONGEST_WORD || !F::ERASE_SIZE.is_multiple_of(word) || !has_room {
        return Err(Unlike::Sizes);
    }
    if !start.is_multiple_of(page) {
        return Err(Unlike::Start { page, found: start });
    }
    let (second, behind) = (start + page, start + 2 * page);
    let words = |from| (from..from + page).step_by(word);
    let mut pattern = [0; LONGEST_WORD];
    for (index, byte) in pattern.iter_mut().enumerate() {
        *byte = (index as u8).wrapping_mul(37) ^ 0x5a;
    }
    // At least as many bytes as a store's transfers have, in whole words.
    let many = pattern.get(..CHUNK.next_multiple_of(word)).unwrap_or_default();
    let pattern = pattern.get(..word).unwrap_or_default();

    // Erased pages, and words as they were written.
    flash.erase(start, behind).map_err(Unlike::Failed)?;
    let erased = |offset| Unlike::NotErased { offset };
    words(start).chain(words(second)).try_for_each(|at| expect(flash, at, word, |_| 0xff, erased))?;
    for at in words(start) {
        flash.write(at, pattern).map_err(Unlike::Failed)?;
    }
    let written = |index: usize| pattern.get(index).copied().unwrap_or_default();
    words(start).try_for_each(|at| expect(flash, at, word, written, |offset| Unlike::NotWritten { offset }))?;
    let changed = |offset| Unlike::Changed { offset };
    words(second).try_for_each(|at| expect(flash, at, word, |_| 0xff, changed))?;

    // Erasing the second page leaves the first one.
    flash.write(second, pattern).map_err(Unlike::Failed)?;
    flash.erase(second, behind).map_err(Unlike::Failed)?;
    words(second).try_for_each(|at| expect(flash, at, word, |_| 0xff, erased))?;
    words(start).try_for_each(|at| expect(flash, at, word, written, changed))?;

    at_once(flash, start, many)?;

    // What has to be refused: past the end, and aligned there, for a driver may look at that first.
    let past = |unit: u32| end.checked_next_multiple_of(unit).unwrap_or(end);
    let mut attempts = 0;
    let mut refused = |result: Result<(), F::Error>, kind: NorFlashErrorKind| {
        attempts += 1;
        match result {
            Err(error) if error.kind() == kind => Ok(()),
            _ => Err(Unlike::NotRefused { attempt: attempts }),
        }
    };
    refused(flash.erase(past(page), past(page).saturating_add(page)), NorFlashErrorKind::OutOfBounds)?;
    refused(flash.write(past(word as u32), pattern), NorFlashErrorKind::OutOfBounds)?;
    let mut bytes = [0; LONGEST_WORD];
    let bytes = bytes.get_mut(..word).unwrap_or_default();
    refused(flash.read(past(word as u32), bytes), NorFlashErrorKind::OutOfBounds)?;
    if page > 1 {
        let middle = start + page / 2;
        refused(flash.erase(middle, second), NorFlashErrorKind::NotAligned)?;
        refused(flash.erase(start, middle), NorFlashErrorKind::NotAligned)?;
    }
    if F::WRITE_SIZE > 1 {
        refused(flash.write(second + 1, pattern), NorFlashErrorKind::NotAligned)?;
        refused(flash.write(second, pattern.get(1..).unwrap_or_default()), NorFlashErrorKind::NotAligned)?;
    }
    // And has changed nothing of what `at_once` left.
    words(start).try_for_each(|at| expect(flash, at, word, of(many, at - start), changed))?;
    words(second).try_for_each(|at| expect(flash, at, word, |_| 0xff, changed))
}

/// Looks at several words at once: the stores' transfers. Leaves the first page full of `many`, again and again, and the second one
/// erased.
fn at_once<F: NorFlash>(flash: &mut F, start: u32, many: &[u8]) -> Result<(), Unlike<F::Error>> {
    let (word, page) = (F::WRITE_SIZE.max(F::READ_SIZE), F::ERASE_SIZE as u32);
    let (odd, second, behind) = (start + word as u32, start + page, start + 2 * page);
    let transfers = |from: u32, to: u32| {
        let len = CHUNK.next_multiple_of(word);
        (from..to).step_by(len).map(move |at| (at, len.min((to - at) as usize)))
    };
    let words = |from: u32, to: u32| (from..to).step_by(word);
    let changed = |offset| Unlike::Changed { offset };
    let not_written = |offset| Unlike::NotWritten { offset };

    // From an odd word on, and over the border of the pages.
    flash.erase(start, behind).map_err(Unlike::Failed)?;
    for (at, len) in transfers(odd, behind) {
        flash.write(at, many.get(..len).unwrap_or_default()).map_err(Unlike::Failed)?;
    }
    expect(flash, start, word, |_| 0xff, changed)?;
    words(odd, behind).try_for_each(|at| expect(flash, at, word, of(many, at - odd), not_written))?;
    for from in [start, start + F::READ_SIZE as u32, odd] {
        for (at, len) in transfers(from, behind) {
            let written = |index| (at + index as u32).checked_sub(odd).map_or(0xff, |place| of(many, place)(0));
            expect(flash, at, len, written, not_written)?;
        }
    }

    // From a page's first word on.
    flash.erase(start, behind).map_err(Unlike::Failed)?;
    for (at, len) in transfers(start, second) {
        flash.write(at, many.get(..len).unwrap_or_default()).map_err(Unlike::Failed)?;
    }
    words(start, second).try_for_each(|at| expect(flash, at, word, of(many, at - start), not_written))?;
    words(second, behind).try_for_each(|at| expect(flash, at, word, |_| 0xff, changed))
}

/// The bytes from `place` on of `many`, again and again.
fn of(many: &[u8], place: u32) -> impl Fn(usize) -> u8 + '_ {
    move |index| {
        let index = (place as usize + index).checked_rem(many.len());
        index.and_then(|index| many.get(index)).copied().unwrap_or_default()
    }
}

/// Whether there are the bytes expected from `at` on, whole words.
fn expect<F: NorFlash>(
    flash: &mut F,
    at: u32,
    len: usize,
    expected: impl Fn(usize) -> u8,
    otherwise: impl Fn(u32) -> Unlike<F::Error>,
) -> Result<(), Unlike<F::Error>> {
    let mut bytes = [0; LONGEST_WORD];
    let bytes = bytes.get_mut(..len).unwrap_or_default();
    flash.read(at, bytes).map_err(Unlike::Failed)?;
    match bytes.iter().enumerate().position(|(index, &byte)| byte != expected(index)) {
        Some(index) => Err(otherwise(at + index as u32)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use embedded_storage::nor_flash::{ErrorType, ReadNorFlash, check_erase, check_read, check_write};
    use microfit::storage::{SimulatedFault, SimulatedFlash};

    use super::*;

    /// A memory with a fault or a way of its own, unless it has none.
    struct Faulty<const WRITE: usize, const ERASE: usize> {
        memory: [u8; 128],
        fault: Option<Fault>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        ErasesHalf,
        ErasesTooMuch,
        WritesOver,
        WritesNeighbours,
        TakesAnyErase,
        TakesAnyWrite,
        ReadsPastTheEnd,
        RefusesAndErases,
        RefusesAndWrites,
        WritesTheFirstWordOnly,
        WritesInRowsOf16,
        ReadsTheFirstWordOnly,
        ReadsInRowsOf16,
        ReadsFromWordsOn,
        TakesOneWordOnly,
        IsAlignedFirst,
    }

    /// Where a byte goes, of those from `offset` on, that does not leave the 16 bytes the first one is in.
    fn in_row(offset: u32, index: usize) -> usize {
        let offset = offset as usize;
        offset / 16 * 16 + (offset + index) % 16
    }

    impl<const WRITE: usize, const ERASE: usize> ErrorType for Faulty<WRITE, ERASE> {
        type Error = NorFlashErrorKind;
    }

    impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for Faulty<WRITE, ERASE> {
        const READ_SIZE: usize = 1;

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
            if self.fault == Some(Fault::ReadsPastTheEnd) && offset as usize >= self.memory.len() {
                return Ok(());
            }
            check_read(self, offset, bytes.len())?;
            let fault = self.fault;
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = match fault {
                    Some(Fault::ReadsTheFirstWordOnly) if index >= 4 => 0xff,
                    Some(Fault::ReadsInRowsOf16) => self.memory[in_row(offset, index)],
                    Some(Fault::ReadsFromWordsOn) => self.memory[offset as usize / 4 * 4 + index],
                    _ => self.memory[offset as usize + index],
                };
            }
            Ok(())
        }

        fn capacity(&self) -> usize {
            // No whole number of pages, nor of words.
            if self.fault == Some(Fault::IsAlignedFirst) { 126 } else { 128 }
        }
    }

    impl<const WRITE: usize, const ERASE: usize> NorFlash for Faulty<WRITE, ERASE> {
        const WRITE_SIZE: usize = WRITE;
        const ERASE_SIZE: usize = ERASE;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
            if self.fault == Some(Fault::IsAlignedFirst) && !(from as usize | to as usize).is_multiple_of(ERASE) {
                return Err(NorFlashErrorKind::NotAligned);
            }
            if self.fault != Some(Fault::TakesAnyErase) {
                let checked = check_erase(self, from, to);
                if self.fault == Some(Fault::RefusesAndErases) && checked == Err(NorFlashErrorKind::NotAligned) {
                    self.memory[..to as usize].fill(0xff);
                }
                checked?;
            }
            let (mut from, mut to) = ((from as usize).min(128), (to as usize).min(128));
            match self.fault {
                Some(Fault::ErasesHalf) => to = usize::midpoint(from, to),
                Some(Fault::ErasesTooMuch) => from = from.saturating_sub(32),
                _ => {}
            }
            self.memory[from..to].fill(0xff);
            Ok(())
        }

        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
            if self.fault == Some(Fault::IsAlignedFirst) && !(offset as usize | bytes.len()).is_multiple_of(WRITE) {
                return Err(NorFlashErrorKind::NotAligned);
            }
            if self.fault == Some(Fault::TakesOneWordOnly) && bytes.len() > WRITE {
                return Err(NorFlashErrorKind::Other);
            }
            if self.fault != Some(Fault::TakesAnyWrite) {
                let checked = check_write(self, offset, bytes.len());
                if self.fault == Some(Fault::RefusesAndWrites) && checked == Err(NorFlashErrorKind::NotAligned) {
                    self.memory[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                }
                checked?;
            }
            for (index, byte) in bytes.iter().enumerate() {
                let at = match self.fault {
                    Some(Fault::WritesTheFirstWordOnly) if index >= WRITE => break,
                    Some(Fault::WritesInRowsOf16) => in_row(offset, index),
                    _ => offset as usize + index,
                };
                let Some(place) = self.memory.get_mut(at) else { break };
                *place = if self.fault == Some(Fault::WritesOver) { *byte } else { *place & byte };
            }
            if self.fault == Some(Fault::WritesNeighbours) && offset < 32 {
                self.memory[offset as usize + 32] = 0;
            }
            Ok(())
        }
    }

    #[test]
    fn finds_every_fault() {
        let faults = [
            Fault::ErasesHalf,
            Fault::ErasesTooMuch,
            Fault::WritesNeighbours,
            Fault::TakesAnyErase,
            Fault::TakesAnyWrite,
            Fault::ReadsPastTheEnd,
            Fault::RefusesAndErases,
            Fault::RefusesAndWrites,
        ];
        let found = faults.map(|fault| examine(&mut Faulty::<4, 32> { memory: [0; 128], fault: Some(fault) }, 0));
        let expected = [
            Err(Unlike::NotErased { offset: 32 }),
            Err(Unlike::Changed { offset: 0 }),
            Err(Unlike::Changed { offset: 32 }),
            Err(Unlike::NotRefused { attempt: 1 }),
            Err(Unlike::NotRefused { attempt: 2 }),
            Err(Unlike::NotRefused { attempt: 3 }),
            Err(Unlike::Changed { offset: 0 }),
            Err(Unlike::Changed { offset: 32 }),
        ];
        assert_eq!(found, expected);
    }

    /// As a store writes and reads, 32 bytes at a time.
    #[test]
    fn several_words_at_once_have_to_do_what_one_does() {
        let faults = [
            Fault::WritesTheFirstWordOnly,
            Fault::WritesInRowsOf16,
            Fault::ReadsTheFirstWordOnly,
            Fault::ReadsInRowsOf16,
            Fault::ReadsFromWordsOn,
            Fault::TakesOneWordOnly,
        ];
        let found = faults.map(|fault| examine(&mut Faulty::<4, 32> { memory: [0; 128], fault: Some(fault) }, 32));
        let expected = [
            Err(Unlike::NotWritten { offset: 40 }),
            Err(Unlike::Changed { offset: 32 }),
            Err(Unlike::NotWritten { offset: 36 }),
            Err(Unlike::NotWritten { offset: 48 }),
            Err(Unlike::NotWritten { offset: 36 }),
            Err(Unlike::Failed(NorFlashErrorKind::Other)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn alignment_may_be_looked_at_before_bounds() {
        let aligned_first = || Faulty::<4, 32> { memory: [0; 128], fault: Some(Fault::IsAlignedFirst) };
        assert_eq!(examine(&mut aligned_first(), 0), Ok(()));
        assert_eq!(examine(&mut aligned_first(), 32), Ok(()));
        assert_eq!(examine(&mut aligned_first(), 64), Err(Unlike::Sizes));
    }

    #[test]
    fn nothing_is_erased_or_written_but_the_two_pages_from_the_start_on() {
        let mut flash = Faulty::<4, 32> { memory: [0; 128], fault: None };
        assert_eq!(examine(&mut flash, 32), Ok(()));
        assert_eq!((&flash.memory[..32], &flash.memory[96..]), (&[0; 32][..], &[0; 32][..]));
        let found = [16, 96, u32::MAX - 31].map(|start| examine(&mut flash, start));
        assert_eq!(found, [Err(Unlike::Start { page: 32, found: 16 }), Err(Unlike::Sizes), Err(Unlike::Sizes)]);
    }

    /// As FRAM and RRAM are, which nothing has to erase.
    #[test]
    fn a_memory_that_writes_over_or_that_has_no_pages_is_in_order() {
        assert_eq!(examine(&mut Faulty::<4, 32> { memory: [0; 128], fault: Some(Fault::WritesOver) }, 0), Ok(()));
        assert_eq!(examine(&mut Faulty::<1, 1> { memory: [0; 128], fault: Some(Fault::WritesOver) }, 3), Ok(()));
    }

    #[test]
    fn the_simulated_flash_is_in_order() {
        let (mut memory, mut erases) = ([0; 512], [0; 4]);
        assert_eq!(examine(&mut SimulatedFlash::<4, 8, 128>::new(&mut memory, &mut erases, 1), 0), Ok(()));
        let mut small = SimulatedFlash::<1, 1, 512>::new(&mut memory, &mut erases, 1);
        assert_eq!(examine(&mut small, 0), Err(Unlike::<SimulatedFault>::Sizes));
    }
}
