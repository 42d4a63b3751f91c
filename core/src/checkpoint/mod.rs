//! A whole run, or a model, in one frame: byte by byte.
//!
//! Version 1, which every later version of this crate reads. All numbers little-endian, floats as their IEEE 754 bits.
//!
//! | byte | | |
//! |---|---|---|
//! | 0 | 4 bytes | `MFCK`: a run; `MFMD`: a model |
//! | 4 | u32 | format version, 1 |
//! | 8 | u32 | length of the frame in bytes, with the CRC |
//! | 12 | u32 | sequence number; the store's newest frame has the highest |
//! | 16 | u64 | [`Fit::fingerprint`](crate::Fit::fingerprint), or that of [`Identity`]; of a model [`Topology::fingerprint`](crate::Topology::fingerprint) |
//! | 24 | u32 | pages the store has erased for this frame and those before it ([`Header::erases`]) |
//! | 28 | sections | each a tag (u32), its length in bytes (u32), its bytes; in order of their tags, all ten in a run, in a model 1, 5, 8, 9 and 10 |
//! | length - 4 | u32 | CRC-32 (ISO-HDLC, as in zip) of all before |
//!
//! Bytes 0 to 15 and the CRC are where they are in every version, so that a store keeps frames it cannot read.
//!
//! | tag | bytes | |
//! |---|---|---|
//! | 1 | 4, and 8 a layer | the network's shape: inputs (u32); of each layer units (bits 0 to 15), whether it is frozen (bit 16), its activation (bits 24 to 31, below), and what the activation makes of six values (u32, [`LayerShape::behaviour`]) |
//! | 2 | 88 | progress, 22 words, below |
//! | 3 | 20 | early stopping: 1 if there is one, epochs, epochs waited, best (f32), epoch of the best; else zeros |
//! | 4 | 4 a word | state of a rate driven by a metric ([`Words`](crate::schedule::Words)), or nothing |
//! | 5 | 4 a float | parameters, in the layout of [`Topology`](crate::Topology) |
//! | 6 | 4 a float | optimizer state |
//! | 7 | 4 a float | best weights, as many as parameters, or nothing |
//! | 8, 9 | 4 a float | shift and factor of the data scaling, one an input, or nothing |
//! | 10 | any | the caller's own |
//!
//! Activations: 0 linear, 1 ReLU, 2 leaky ReLU, 3 ELU, 4 SELU, 5 sigmoid, 6 hard sigmoid, 7 tanh, 8 softsign, 9 softplus, 10 softmax,
//! 11 GELU, 12 GELU with tanh, 13 SiLU, 255 another.
//!
//! Words of the progress:
//!
//! | word | |
//! |---|---|
//! | 0 | bits 0 to 7 the phase: 0 epoch begins, 1 samples, 2 update, 3 validation, 4 epoch ends, 5 done; bit 8: has momentum, 9: has a forced rate, 10: training has accuracies, 11: validation has; else zeros |
//! | 1, 2 | epochs and updates done |
//! | 3 | position in the phase, in samples |
//! | 4, 5 | samples of the epoch; samples in the batch |
//! | 6, 7 | f32: sum of the batch's losses; rate of the batch |
//! | 8, 9 | f32: momentum of the batch; forced rate; zeros without |
//! | 10 | f32: factor on every rate |
//! | 11 | update after which the optimizer's state was last cleared |
//! | 12 to 16 | training: samples; f32: loss sum, its compensation, accuracy sum, its compensation |
//! | 17 to 21 | validation: the same |
//!
//! The seed and the cursor of the shuffle and of dropout are in the settings and the progress: no generator has state.
//!
//! ```
//! # use microfit::{Clock, Fit, Topology, activation::Linear, data::{Nothing, Rows, Shuffle}, dense};
//! # use microfit::{loss::MeanSquaredError, optimizer::Sgd, schedule::Constant};
//! use microfit::checkpoint::{Lengths, Sink, Source, load, save};
//!
//! /// A frame in RAM; anything that takes bytes in order and gives them back by offset will do.
//! struct Memory { bytes: [u8; Self::LEN], len: usize }
//!
//! # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
//! impl Memory {
//!     const LEN: usize = Lengths::of::<Sgd>(&NET).frame_len();
//! }
//!
//! impl Sink for Memory {
//!     type Error = ();
//!     fn write(&mut self, bytes: &[u8]) -> Result<(), ()> {
//!         self.bytes.get_mut(self.len..self.len + bytes.len()).ok_or(())?.copy_from_slice(bytes);
//!         self.len += bytes.len();
//!         Ok(())
//!     }
//! }
//!
//! impl Source for Memory {
//!     type Error = ();
//!     fn len(&self) -> u32 { self.len as u32 }
//!     fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ()> {
//!         bytes.copy_from_slice(&self.bytes[offset as usize..][..bytes.len()]);
//!         Ok(())
//!     }
//! }
//!
//! # let data = Rows { features: &[[1.0], [2.0]], targets: &[[2.0], [4.0]] };
//! # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: Sgd::keras(0.9)?, schedule: Constant::new(0.1)?,
//! #   clock: Clock::Update, order: Shuffle::new(1), batch: 1, epochs: 3 };
//! # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
//! let mut memory = Memory { bytes: [0; Memory::LEN], len: 0 };
//! let identity = fit.identity();
//! let mut trainer = fit.start(&mut params, &mut workspace)?;
//! trainer.step(&data, &Nothing)?;
//! save(&trainer.snapshot(&identity), 0, 0, &mut memory).unwrap();
//! trainer.run(&data, &Nothing)?;
//!
//! let (mut again, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
//! let mut trainer = fit.start(&mut again, &mut workspace)?;
//! load(&mut memory, &mut trainer.target(&identity)).unwrap();
//! trainer.run(&data, &Nothing)?;
//! assert_eq!(again, params);
//! # Ok::<(), microfit::Error>(())
//! ```

mod error;
mod fingerprint;
mod header;
mod model;
mod parts;
mod section;
mod shape;
mod snapshot;
mod words;

#[path = "."]
mod blocking {
    use maybe_async::must_be_sync as bisync;

    pub(super) mod loading;
    pub(super) mod reader;
    pub(super) mod writer;
}

/// The same over media that are waited for.
#[cfg(feature = "storage-async")]
pub mod asynchronous {
    pub(crate) use super::waiting::loading::{check_whole, compare, copy_model, copy_run};
    pub use super::waiting::loading::{load, load_model};
    pub use super::waiting::reader::{Frame, Source, verify};
    pub(crate) use super::waiting::writer::write;
    pub use super::waiting::writer::{Sink, save, save_model};
}

// A medium that is waited for belongs to one task.
#[cfg(feature = "storage-async")]
#[path = "."]
#[allow(async_fn_in_trait)]
mod waiting {
    use maybe_async::must_be_async as bisync;

    pub(super) mod loading;
    pub(super) mod reader;
    pub(super) mod writer;
}

pub(crate) use blocking::loading::{check_whole, compare, copy_model, copy_run};
pub use blocking::loading::{load, load_model};
pub use blocking::reader::{Frame, Source, verify};
pub(crate) use blocking::writer::write;
pub use blocking::writer::{Sink, save, save_model};
pub use error::CheckpointError;
pub use fingerprint::Identity;
pub(crate) use header::HEADER;
pub use header::Header;
pub use model::{Model, ModelTarget};
pub(crate) use parts::Parts;
pub use section::{Kind, Lengths, Section};
pub use shape::LayerShape;
pub use snapshot::{Snapshot, Target};

/// The format version this crate writes, and the newest it reads.
pub const VERSION: u32 = 1;
pub(crate) static CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
/// The CRC of every frame with its CRC.
pub(crate) const CRC_OF_WHOLE: u32 = !crc::CRC_32_ISO_HDLC.residue;
