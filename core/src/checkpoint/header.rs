//! The first bytes of a frame.

use super::Kind;

pub(super) const HEADER: usize = 28;
pub(super) const HEADER_WORDS: usize = HEADER / 4;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// A run or a model.
    pub kind: Kind,
    /// Bytes, the CRC included.
    pub len: u32,
    /// Higher is newer.
    pub sequence: u32,
    /// Of the run's settings, or of the model's topology.
    pub fingerprint: u64,
    /// Pages erased by the store since it was new.
    pub erases: u32,
}

impl Header {
    pub(super) const fn words(&self) -> [u32; HEADER_WORDS] {
        let Self { kind, len, sequence, fingerprint, erases } = *self;
        [kind.magic(), super::VERSION, len, sequence, fingerprint as u32, (fingerprint >> 32) as u32, erases]
    }
}
