//! NOR flash in lent memory that loses power where a test says.

use core::fmt;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

use crate::rng::Rng;

/// A flash to test storage with. Power fails during the operation that [`Self::cut_after`] names: a word being written is left
/// torn (any of the bits it was to clear are cleared), a page being erased is left half erased (any of its bytes are); after
/// that everything fails until [`Self::power_on`]. An operation is one word written or one page erased. Writing a word that is
/// not erased is an error, as chips with ECC have it.
#[derive(Debug)]
pub struct SimulatedFlash<'a, const READ: usize, const WRITE: usize, const ERASE: usize> {
    memory: &'a mut [u8],
    erases: &'a mut [u32],
    operations: u32,
    cut_after: Option<u32>,
    off: bool,
    rng: Rng,
}

/// How the simulated flash fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SimulatedFault {
    /// The power is off.
    Power,
    /// Not a multiple of the read, write or erase size.
    NotAligned,
    /// Past the end.
    OutOfBounds,
    /// A word was written that is not erased.
    NotErased,
}

impl fmt::Display for SimulatedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Power => "simulated flash: expected power, found none",
            Self::NotAligned => "simulated flash: expected whole words and pages, found a part of one",
            Self::OutOfBounds => "simulated flash: expected an address within it, found one past its end",
            Self::NotErased => "simulated flash: expected an erased word to write, found one written already",
        })
    }
}

impl core::error::Error for SimulatedFault {}

impl NorFlashError for SimulatedFault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::Power | Self::NotErased => NorFlashErrorKind::Other,
        }
    }
}

impl<'a, const READ: usize, const WRITE: usize, const ERASE: usize> SimulatedFlash<'a, READ, WRITE, ERASE> {
    /// Over `memory` as it is, and a counter of erases a page. `seed` fixes what torn words and pages look like.
    pub const fn new(memory: &'a mut [u8], erases: &'a mut [u32], seed: u32) -> Self {
        const { assert!(READ > 0 && WRITE > 0 && ERASE > 0 && ERASE.is_multiple_of(WRITE), "no flash has these sizes") };
        Self { memory, erases, operations: 0, cut_after: None, off: false, rng: Rng::new(seed) }
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

    fn check(&self, offset: u32, len: usize, size: usize) -> Result<core::ops::Range<usize>, SimulatedFault> {
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
        let range = self.check(from, to.saturating_sub(from) as usize, ERASE)?;
        for start in range.step_by(ERASE) {
            let cut = self.is_cut();
            for byte in self.memory.get_mut(start..start + ERASE).unwrap_or_default() {
                if !cut || self.rng.next_u32() & 1 == 0 {
                    *byte = 0xff;
                }
            }
            if let Some(count) = self.erases.get_mut(start / ERASE) {
                *count = count.saturating_add(1);
            }
            if cut {
                return Err(SimulatedFault::Power);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
        let range = self.check(offset, bytes.len(), WRITE)?;
        for (start, word) in range.step_by(WRITE).zip(bytes.chunks(WRITE)) {
            if self.memory.get(start..start + WRITE).unwrap_or_default().iter().any(|&byte| byte != 0xff) {
                return Err(SimulatedFault::NotErased);
            }
            let cut = self.is_cut();
            for (to, from) in self.memory.get_mut(start..start + WRITE).unwrap_or_default().iter_mut().zip(word) {
                let kept = if cut { self.rng.next_u32() as u8 } else { 0 };
                *to &= from | kept;
            }
            if cut {
                return Err(SimulatedFault::Power);
            }
        }
        Ok(())
    }
}
