//! Why a checkpoint was refused.

use core::fmt;

use super::{Kind, LayerShape, Section, VERSION};

/// Why a frame was not saved or not loaded; `E` is the medium's error.
///
/// Whatever it is, what was to be loaded into is as it was, except after [`Self::Incomplete`]. What both loads and saves,
/// [`ModelStore::fall_back`](crate::storage::ModelStore::fall_back) and its `promote`, has loaded a whole model where saving failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError<E> {
    /// The medium failed. Over flash: nothing of the region can be read, see [`storage`](crate::storage#what-is-promised), or it was
    /// written or erased to no end.
    Medium(E),
    /// The medium failed after the frame had been found good, while it was copied: the target is half written and holds nothing
    /// to go on from. Load again, or begin anew with parameters that are set anew and [`Fit::start`](crate::Fit::start).
    Incomplete(E),
    /// There is no frame here.
    Missing,
    /// A frame of the other kind.
    Kind {
        /// The kind asked for.
        expected: Kind,
        /// That of the frame.
        found: Kind,
    },
    /// A whole frame of another format version than [`VERSION`].
    Version {
        /// The version found.
        found: u32,
    },
    /// A length that cannot be a frame's, or reaches past the end: the frame was cut off. Or, before saving, one that 32 bits
    /// cannot count.
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
    /// Of a network with another number of inputs.
    Inputs {
        /// This network's.
        expected: u32,
        /// The frame's.
        found: u32,
    },
    /// Of a network with another number of layers.
    Layers {
        /// This network's.
        expected: u32,
        /// The frame's.
        found: u32,
    },
    /// Of a network with another layer at this place.
    Layer {
        /// Index of the layer, 0 for the first after the inputs.
        layer: u32,
        /// This network's.
        expected: LayerShape,
        /// The frame's.
        found: LayerShape,
    },
    /// Of a network of the same shape under other settings: a run's, or what its frozen layers hold.
    Foreign {
        /// This run's fingerprint, or that of this model's network.
        expected: u64,
        /// That in the frame.
        found: u64,
    },
    /// Another section than the format has at this place.
    Section {
        /// The section expected.
        expected: Section,
        /// The tag found.
        found: u32,
    },
    /// A section of another length than it must have, or than the buffer for it.
    SectionLength {
        /// Which section.
        section: Section,
        /// Bytes it must have.
        expected: u32,
        /// Bytes it has.
        found: u32,
    },
    /// A section whose content no run of these settings can have written.
    Content {
        /// Which section.
        section: Section,
    },
    /// One of the run and the frame has early stopping, the other has not.
    Stopping {
        /// Whether the run has it.
        expected: bool,
    },
    /// The flash region has no room for two frames on pages of their own.
    RegionTooSmall {
        /// Bytes two frames take, each on pages of its own; `u32::MAX` if they are more.
        expected: u32,
        /// Bytes of the region.
        found: u32,
    },
    /// The flash region does not begin with a page.
    RegionStart {
        /// Bytes of a page.
        page: u32,
        /// Where the region begins.
        found: u32,
    },
    /// The flash region ends behind the flash.
    RegionEnd {
        /// Bytes of the flash.
        expected: u64,
        /// Where the region ends, if all of its length is used.
        found: u64,
    },
    /// A frame longer than the lengths allow that the store was made for.
    FrameLength {
        /// Bytes the store has for a frame: those of its lengths, filled up to a whole word.
        expected: u32,
        /// Bytes of the frame.
        found: u32,
    },
    /// The newest frame's sequence number is the highest there is.
    Sequence,
    /// What was written or erased reads otherwise: the page is worn out. The frame before is still the newest.
    ReadBack,
}

impl<E> CheckpointError<E> {
    /// Whether the medium failed while the target was written; see [`Self::Incomplete`].
    pub const fn is_incomplete(&self) -> bool {
        matches!(self, Self::Incomplete(_))
    }

    /// Whether there is nothing here for this network or run, though the medium is in order: no frame, a torn one, or one of
    /// something else, of other settings, lengths or epochs included. Then a run begins. What is left of what loading returns are
    /// [`Self::Medium`] and [`Self::Incomplete`].
    pub const fn is_of_another(&self) -> bool {
        match self {
            Self::Missing
            | Self::Kind { .. }
            | Self::Version { .. }
            | Self::Length { .. }
            | Self::Crc { .. }
            | Self::Inputs { .. }
            | Self::Layers { .. }
            | Self::Layer { .. }
            | Self::Foreign { .. }
            | Self::Section { .. }
            | Self::SectionLength { .. }
            | Self::Content { .. }
            | Self::Stopping { .. } => true,
            Self::Medium(_)
            | Self::Incomplete(_)
            | Self::RegionTooSmall { .. }
            | Self::RegionStart { .. }
            | Self::RegionEnd { .. }
            | Self::FrameLength { .. }
            | Self::Sequence
            | Self::ReadBack => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "checkpoint of a run",
            Self::Model => "model",
        })
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "shape",
            Self::Progress => "progress",
            Self::Stopping => "early stopping",
            Self::Feedback => "feedback",
            Self::Params => "parameters",
            Self::State => "optimizer state",
            Self::Best => "best weights",
            Self::Shift => "scaling's shifts",
            Self::Factor => "scaling's factors",
            Self::User => "caller's own",
        })
    }
}

impl fmt::Display for LayerShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.frozen { "frozen" } else { "dense" };
        write!(f, "{name}({}, {:?}, {:#010x})", self.units, self.activation, self.behaviour)
    }
}

/// The medium's error as its `Debug` has it: flash drivers rarely have more.
impl<E: fmt::Debug> fmt::Display for CheckpointError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Medium(error) => write!(f, "checkpoint: the medium failed: {error:?}"),
            Self::Incomplete(error) => {
                write!(f, "checkpoint: the medium failed while the target was written, load again: {error:?}")
            }
            Self::Missing => f.write_str("checkpoint: expected a frame, found none"),
            Self::Kind { expected, found } => write!(f, "checkpoint: expected a {expected}, found a {found}"),
            Self::Version { found } => write!(f, "checkpoint: expected format version {VERSION}, found {found}"),
            Self::Length { found } => {
                write!(f, "checkpoint: expected a frame within what is here, found one of {found} bytes")
            }
            Self::Crc { expected, found } => {
                write!(f, "checkpoint: expected CRC {expected:#010x}, found {found:#010x}: torn or damaged")
            }
            Self::Inputs { expected, found } => write!(f, "checkpoint: expected {expected} inputs, found {found}"),
            Self::Layers { expected, found } => write!(f, "checkpoint: expected {expected} layers, found {found}"),
            Self::Layer { layer, expected, found } => {
                write!(f, "checkpoint: expected {expected} as layer {layer}, found {found}")
            }
            Self::Foreign { expected, found } => {
                write!(f, "checkpoint: expected fingerprint {expected:#018x}, found {found:#018x}: of other settings")
            }
            Self::Section { expected, found } => {
                write!(f, "checkpoint: expected section {} ({expected}), found tag {found}", *expected as u32)
            }
            Self::SectionLength { section, expected, found } => {
                write!(f, "checkpoint, {section}: expected {expected} bytes, found {found}")
            }
            Self::Content { section } => {
                write!(f, "checkpoint, {section}: expected what a run of these settings writes, found something else")
            }
            Self::Sequence => {
                f.write_str("flash: expected a sequence number to follow the newest frame's, found the last")
            }
            Self::ReadBack => {
                f.write_str("flash: expected to read back what was written or erased, found something else")
            }
            Self::Stopping { expected: true } => {
                f.write_str("checkpoint: expected one with early stopping, found one without")
            }
            Self::Stopping { expected: false } => {
                f.write_str("checkpoint: expected one without early stopping, found one with it")
            }
            Self::RegionTooSmall { expected, found } => {
                write!(f, "flash: expected a region of {expected} bytes for two frames, found one of {found}")
            }
            Self::RegionStart { page, found } => {
                write!(f, "flash: expected a region that begins with a page of {page} bytes, found one at {found}")
            }
            Self::RegionEnd { expected, found } => {
                write!(f, "flash: expected a region within {expected} bytes, found one that ends at {found}")
            }
            Self::FrameLength { expected, found } => {
                write!(f, "flash: expected a frame of the store's lengths, {expected} bytes, found one of {found}")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for CheckpointError<E> {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::activation::{Relu, Tanh};
    use crate::layer::dense;
    use std::string::ToString;

    #[test]
    fn says_what_was_expected_and_found() {
        let (expected, found) = (LayerShape::of(&dense(8, &Relu)), LayerShape::of(&dense(9, &Tanh)));
        let says: [(CheckpointError<&str>, &str); 12] = [
            (CheckpointError::Medium("bus"), "the medium failed: \"bus\""),
            (CheckpointError::Version { found: 2 }, "expected format version 1, found 2"),
            (CheckpointError::Crc { expected: 1, found: 0xfedc_ba98 }, "expected CRC 0x00000001, found 0xfedcba98"),
            (CheckpointError::Layer { layer: 1, expected, found }, "expected dense(8, Relu, 0x"),
            (CheckpointError::Section { expected: Section::Params, found: 7 }, "section 5 (parameters), found tag 7"),
            (
                CheckpointError::SectionLength { section: Section::State, expected: 8, found: 12 },
                "optimizer state: expected 8 bytes, found 12",
            ),
            (CheckpointError::Stopping { expected: true }, "expected one with early stopping, found one without"),
            (CheckpointError::Stopping { expected: false }, "expected one without early stopping, found one with it"),
            (CheckpointError::RegionTooSmall { expected: 8, found: 4 }, "of 8 bytes for two frames, found one of 4"),
            (CheckpointError::RegionStart { page: 64, found: 4 }, "begins with a page of 64 bytes, found one at 4"),
            (CheckpointError::RegionEnd { expected: 8, found: 16 }, "within 8 bytes, found one that ends at 16"),
            (CheckpointError::FrameLength { expected: 8, found: 16 }, "lengths, 8 bytes, found one of 16"),
        ];
        for (error, text) in says {
            assert!(error.to_string().contains(text), "{error}");
        }
        let layer = CheckpointError::Layer::<()> { layer: 1, expected, found }.to_string();
        assert!(layer.contains("as layer 1, found dense(9, Tanh, 0x"), "{layer}");
        assert!(CheckpointError::Incomplete(()).is_incomplete() && !CheckpointError::Medium(()).is_incomplete());
    }
}
