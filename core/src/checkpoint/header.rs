//! The first bytes of a frame.

use super::{Kind, Lengths};

pub(crate) const HEADER: usize = 28;
pub(super) const HEADER_WORDS: usize = HEADER / 4;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// A run or a model.
    pub kind: Kind,
    /// The format version.
    pub version: u32,
    /// Bytes, the CRC included.
    pub len: u32,
    /// Higher is newer.
    pub sequence: u32,
    /// Of the run's settings, or of the model's topology.
    pub fingerprint: u64,
    /// Pages the store has erased for this frame and those before it. Those of saves that failed or were cut are not in it, so that there
    /// may have been twice as many where every other save is cut.
    pub erases: u32,
}

/// Of a model without layers: less is no frame.
pub(super) const SHORTEST: u32 =
    Lengths { layers: 0, feedback: 0, params: 0, state: 0, best: 0, shift: 0, factor: 0, user: 0 }.model_len() as u32;

impl Header {
    /// Of which nothing is known yet.
    pub(crate) const BLANK: Self = Self { kind: Kind::Run, version: 0, len: 0, sequence: 0, fingerprint: 0, erases: 0 };

    /// Of the first bytes, if they are a frame's; whether that is whole is another question.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut header = Self::BLANK;
        header.take(bytes).then_some(header)
    }

    /// The same in place, where a second one on the stack would be too much. `false` if they are no frame's.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let (&[magic, version, len, sequence, low, high, erases, ..], _) = bytes.as_chunks::<4>() else { return false };
        let Some(kind) = Kind::of_magic(u32::from_le_bytes(magic)) else { return false };
        self.kind = kind;
        self.version = u32::from_le_bytes(version);
        self.len = u32::from_le_bytes(len);
        self.sequence = u32::from_le_bytes(sequence);
        self.fingerprint = u64::from(u32::from_le_bytes(high)) << 32 | u64::from(u32::from_le_bytes(low));
        self.erases = u32::from_le_bytes(erases);
        true
    }

    /// Whether this version can read it, and it has this fingerprint.
    pub(crate) const fn is_of(&self, fingerprint: u64) -> bool {
        self.version == super::VERSION && self.fingerprint == fingerprint
    }

    /// One of its words, as they stand in the frame.
    pub(super) const fn word(&self, index: usize) -> u32 {
        match index {
            0 => self.kind.magic(),
            1 => self.version,
            2 => self.len,
            3 => self.sequence,
            4 => self.fingerprint as u32,
            5 => (self.fingerprint >> 32) as u32,
            _ => self.erases,
        }
    }
}
