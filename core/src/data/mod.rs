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
pub use split::{Subset, Window, batches, holdout, stratified};
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;

    /// What stands in memory is what is read, for every sample and past the last, and the trainer may take it from there.
    fn check(data: &impl Dataset) {
        let past = data.len();
        for index in 0..past {
            let (mut features, mut target) = (vec![0.0; data.features()], vec![0.0; data.targets()]);
            data.read(index, &mut features, &mut target).unwrap();
            assert_eq!(data.in_memory(index), Some((&features[..], &target[..])), "{index}");
        }
        for index in [past, past + 1, usize::MAX] {
            assert_eq!(data.in_memory(index), None, "{index}");
        }
    }

    #[test]
    fn what_is_in_memory_is_what_is_read() {
        let features = [[0.0, 0.5], [1.0, 1.5], [2.0, 2.5], [3.0, 3.5], [4.0, 4.5]];
        let targets = [[0.0], [1.0], [0.0], [1.0], [1.0]];
        let rows = Rows { features: &features, targets: &targets };
        check(&rows);
        check(&&rows);
        check(&Weighted::new(rows, &[0.5; 5]).unwrap());
        let (train, validation) = holdout(&rows, 0.4).unwrap();
        check(&train);
        check(&validation);
        check(&Subset::new(&rows, &[4, 0, 2]));
        assert_eq!(Subset::new(&rows, &[5]).in_memory(0), None);
        for fold in 0..2 {
            let (train, validation) = k_fold(&rows, Shuffle::new(1), 2, fold).unwrap();
            check(&train);
            check(&validation);
            let mut indices = [0; 5];
            let folds = StratifiedFolds::new(5, |index| targets[index][0] as u16, 2, 1, &mut indices).unwrap();
            let (train, validation) = folds.split(&rows, fold).unwrap();
            check(&train);
            check(&validation);
        }
        let (mut x, mut y) = ([[0.0; 2]; 3], [[0.0]; 3]);
        let mut ring = Ring::new(&mut x, &mut y).unwrap();
        for (features, target) in features.into_iter().zip(targets) {
            ring.push(features, target).unwrap();
            check(&ring);
        }
    }

    #[test]
    fn what_is_made_when_it_is_read_is_not_in_memory() {
        let rows = Rows { features: &[[0.0]], targets: &[[1.0]] };
        assert_eq!(OneHot::<_, 2>::new(rows).unwrap().in_memory(0), None);
        assert_eq!(Scaled::new(rows, Scaling::new(&[1.0], &[2.0]).unwrap()).unwrap().in_memory(0), None);
        assert_eq!(FromFn { len: 1, generate: |_| ([0.0], [1.0]) }.in_memory(0), None);
        assert_eq!(Nothing.in_memory(0), None);
    }
}
