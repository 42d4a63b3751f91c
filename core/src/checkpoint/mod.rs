//! A whole run in one frame, byte by byte.
//!
//! Version 0, a draft: the state of rates driven by a metric ([`schedule::Feedback`](crate::schedule::Feedback)) has no section
//! of its own yet, so the format will change, and no later version of this crate promises to read it. Keep a draft's frames
//! for the firmware that wrote them.
//!
//! All numbers little-endian, floats as their IEEE 754 bits.
//!
//! | byte | | |
//! |---|---|---|
//! | 0 | 4 bytes | `MFCK` |
//! | 4 | u32 | format version, 0 |
//! | 8 | u32 | length of the frame in bytes, with the CRC |
//! | 12 | u32 | sequence number; the store's newest frame has the highest |
//! | 16 | u64 | [`Fit::fingerprint`](crate::Fit::fingerprint) |
//! | 24 | u32 | pages erased by the store since it was new |
//! | 28 | sections | each a tag (u32), its length in bytes (u32), its bytes; all eight, in order of their tags |
//! | length - 4 | u32 | CRC-32 (ISO-HDLC, as in zip) of all before |
//!
//! | tag | bytes | |
//! |---|---|---|
//! | 1 | 88 | progress, 22 words: phase (bits 0 to 7: 0 epoch begins, 1 samples, 2 update, 3 validation, 4 epoch ends, 5 done; bit 8 has momentum, 9 has a forced rate, 10 training has accuracies, 11 validation has), epoch, step, position, samples of the epoch, samples in the batch, batch loss, rate, momentum, forced rate, rate factor, step of the last clearing; training and validation: samples, loss sum and its compensation, accuracy sum and its compensation |
//! | 2 | 20 | early stopping: 1 if there is one, epochs, epochs waited, best, epoch of the best |
//! | 3 | 4 a float | parameters |
//! | 4 | 4 a float | optimizer state |
//! | 5 | 4 a float | best weights, or nothing |
//! | 6, 7 | 4 a float | shift and factor of the data scaling, or nothing |
//! | 8 | any | the caller's own |
//!
//! The seed and the cursor of the shuffle and of dropout are in the settings and the progress: no generator has state.

mod fingerprint;
mod reader;
mod words;
mod writer;

use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;

pub use reader::{Header, Restored, Source, load, verify};
pub use writer::{Sink, save};

const MAGIC: u32 = u32::from_le_bytes(*b"MFCK");
/// The format version this crate writes, and the only one it reads: 0, a draft.
pub const VERSION: u32 = 0;
const HEADER: usize = 28;
const SECTIONS: usize = 8;
const STOPPING_WORDS: usize = 5;
static CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// What is saved.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Of the run's settings.
    pub fingerprint: u64,
    /// Where the run stands.
    pub progress: Progress,
    /// Early stopping, if the run has it.
    pub stopping: Option<EarlyStoppingState>,
    /// The parameters.
    pub params: &'a [f32],
    /// The optimizer's state.
    pub state: &'a [f32],
    /// The best weights so far, or nothing.
    pub best: &'a [f32],
    /// The data scaling's shifts, or nothing.
    pub shift: &'a [f32],
    /// The data scaling's factors, or nothing.
    pub factor: &'a [f32],
    /// The caller's own bytes.
    pub user: &'a [u8],
}

impl Snapshot<'_> {
    /// The lengths of its parts.
    pub const fn lengths(&self) -> Lengths {
        Lengths {
            params: self.params.len(),
            state: self.state.len(),
            best: self.best.len(),
            shift: self.shift.len(),
            factor: self.factor.len(),
            user: self.user.len(),
        }
    }
}

/// Where a checkpoint is loaded to: buffers of the very lengths that were saved. They are written only once the whole frame
/// has been found good; only a source that fails in the second reading leaves them half written.
#[derive(Debug)]
pub struct Target<'a> {
    /// Of the run's settings.
    pub fingerprint: u64,
    /// The parameters.
    pub params: &'a mut [f32],
    /// The optimizer's state: the first [`Topology::state_len`](crate::Topology::state_len) floats of the workspace.
    pub state: &'a mut [f32],
    /// The best weights so far, or nothing.
    pub best: &'a mut [f32],
    /// The data scaling's shifts, or nothing.
    pub shift: &'a mut [f32],
    /// The data scaling's factors, or nothing.
    pub factor: &'a mut [f32],
    /// The caller's own bytes.
    pub user: &'a mut [u8],
}

impl Target<'_> {
    /// The lengths of its parts.
    pub const fn lengths(&self) -> Lengths {
        Lengths {
            params: self.params.len(),
            state: self.state.len(),
            best: self.best.len(),
            shift: self.shift.len(),
            factor: self.factor.len(),
            user: self.user.len(),
        }
    }
}

/// Lengths of a checkpoint's parts, in floats; of `user` in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lengths {
    /// Parameters.
    pub params: usize,
    /// Optimizer state.
    pub state: usize,
    /// Best weights.
    pub best: usize,
    /// Shifts.
    pub shift: usize,
    /// Factors.
    pub factor: usize,
    /// The caller's own, in bytes.
    pub user: usize,
}

impl Lengths {
    /// Bytes of the frame; `usize::MAX` if there are no so many.
    pub const fn frame_len(&self) -> usize {
        let Self { params, state, best, shift, factor, user } = *self;
        let floats = params.saturating_add(state).saturating_add(best).saturating_add(shift).saturating_add(factor);
        let words = floats.saturating_add(words::PROGRESS_WORDS + STOPPING_WORDS + 2 * SECTIONS);
        words.saturating_mul(4).saturating_add(HEADER + 4).saturating_add(user)
    }

    /// Bytes of each section, in order.
    const fn sections(&self) -> [u32; SECTIONS] {
        [
            4 * words::PROGRESS_WORDS as u32,
            4 * STOPPING_WORDS as u32,
            4 * self.params as u32,
            4 * self.state as u32,
            4 * self.best as u32,
            4 * self.shift as u32,
            4 * self.factor as u32,
            self.user as u32,
        ]
    }
}

/// Why a checkpoint was not saved or not loaded; `E` is the medium's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError<E> {
    /// The medium failed.
    Medium(E),
    /// There is no frame here.
    Missing,
    /// Of another format version than [`VERSION`].
    Version {
        /// The version found.
        found: u32,
    },
    /// A length that cannot be a frame's, or reaches past the end: the frame was cut off.
    Length {
        /// The length found.
        found: u32,
    },
    /// Torn or damaged: the CRC is not that of the bytes.
    Crc {
        /// That of the bytes.
        expected: u32,
        /// That in the frame.
        found: u32,
    },
    /// A whole frame, but of a run with other settings.
    Foreign {
        /// The fingerprint of this run.
        expected: u64,
        /// That in the frame.
        found: u64,
    },
    /// Another section than the format has at this place.
    Tag {
        /// The tag expected.
        expected: u32,
        /// The tag found.
        found: u32,
    },
    /// A section of another length than the buffer for it.
    SectionLength {
        /// The section's tag.
        tag: u32,
        /// Bytes the buffer has.
        expected: u32,
        /// Bytes the section has.
        found: u32,
    },
    /// Progress that no run can have made.
    Progress,
    /// The flash region has no room for two checkpoints on pages of their own.
    RegionTooSmall,
}
