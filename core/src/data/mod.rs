//! Samples: where they come from, how they are split, and in which order they are visited.

#[cfg(any(feature = "digits", feature = "ionosphere"))]
mod csv;
#[cfg(feature = "digits")]
mod digits;
mod from_fn;
#[cfg(feature = "ionosphere")]
mod ionosphere;
mod k_fold;
mod label;
mod one_hot;
mod order;
mod quantized;
mod replay;
mod ring;
mod rows;
mod scaling;
mod split;
mod standardization;
mod stratified_k_fold;
mod stream;
mod weighted;

#[cfg(feature = "digits")]
pub use digits::Digits;
pub use from_fn::FromFn;
#[cfg(feature = "ionosphere")]
pub use ionosphere::Ionosphere;
pub use k_fold::{Fold, k_fold};
pub(crate) use label::{argmax, class_index, is_argmax};
pub use one_hot::OneHot;
pub use order::{Order, Sequential, Shuffle};
pub use quantized::{Integer, Quantized};
pub use replay::{ClassBalanced, ReplayState};
pub use ring::{Ring, RingState};
pub use rows::Rows;
pub use scaling::{MinMax, Scaled, Scaling};
pub use split::{Subset, Window, holdout, stratified};
pub use standardization::Standardization;
pub use stratified_k_fold::{StratifiedFold, StratifiedFolds};
pub use stream::Stream;
pub use weighted::Weighted;

use crate::error::Error;

/// Samples with random access: an array in flash, an SD card, a generator, a replay buffer.
///
/// `read` takes `&self`, because a training and a validation set are often two views of one source; a source that
/// needs `&mut`, such as a bus, wraps itself in a `RefCell`.
pub trait Dataset {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Features of a sample.
    fn features(&self) -> usize;

    /// Targets of a sample: one an output, or a single one that is the index of the sample's class (a "sparse label",
    /// such as 3.0), where the loss takes it so.
    fn targets(&self) -> usize;

    /// The sample's weight in the loss (Keras' `sample_weight`): finite and not negative, 1 as a rule. A batch's loss is the sum
    /// of the weighted losses divided by the number of its samples.
    fn weight(&self, index: usize) -> f32 {
        let _ = index;
        1.0
    }

    /// Copies sample `index` into `features` and `target`, which have [`Self::features`] and [`Self::targets`]
    /// elements. The trainer checks what it reads for NaN and infinities; a dataset need not.
    ///
    /// # Errors
    /// [`Error::SampleIndex`] past the end, [`Error::BufferLength`] for slices of other lengths,
    /// [`Error::SampleRead`] if the source fails.
    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error>;

    /// The features and the targets of sample `index` where they stand in memory, to be taken from there: what [`Self::read`] copies,
    /// without a copy. None, unless said otherwise: then the sample is read.
    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        let _ = index;
        None
    }
}

impl<D: Dataset + ?Sized> Dataset for &D {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn features(&self) -> usize {
        (**self).features()
    }

    fn targets(&self) -> usize {
        (**self).targets()
    }

    fn weight(&self, index: usize) -> f32 {
        (**self).weight(index)
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        (**self).read(index, features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        (**self).in_memory(index)
    }
}

/// The dataset of no samples: pass it where there is no validation set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nothing;

impl Dataset for Nothing {
    fn len(&self) -> usize {
        0
    }

    fn features(&self) -> usize {
        0
    }

    fn targets(&self) -> usize {
        0
    }

    fn read(&self, index: usize, _features: &mut [f32], _target: &mut [f32]) -> Result<(), Error> {
        Err(Error::SampleIndex { index, len: 0 })
    }
}
