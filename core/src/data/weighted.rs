//! Samples that count more or less than others.

use super::Dataset;
use crate::error::{Buffer, Error, Requirement, require};

/// Another dataset with a weight a sample (Keras' `sample_weight`).
///
/// Weights multiply: what the dataset below says of the sample counts too.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Weighted<'a, D> {
    data: D,
    weights: &'a [f32],
}

impl<'a, D: Dataset> Weighted<'a, D> {
    /// The samples of `data`, of which sample `i` weighs `weights[i]` in the loss.
    ///
    /// # Errors
    /// [`Error::BufferLength`] unless there is a weight for every sample, [`Error::Parameter`] for a weight that is
    /// negative or not finite.
    pub fn new(data: D, weights: &'a [f32]) -> Result<Self, Error> {
        let (expected, found) = (data.len(), weights.len());
        if expected != found {
            return Err(Error::BufferLength { buffer: Buffer::SampleWeights, expected, found });
        }
        for &weight in weights {
            require("weights", Requirement::NonNegative, f64::from(weight))?;
        }
        Ok(Self { data, weights })
    }
}

impl<D: Dataset> Dataset for Weighted<'_, D> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        self.data.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        self.data.read(index, features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        self.data.in_memory(index)
    }

    fn weight(&self, index: usize) -> f32 {
        self.weights.get(index).map_or(1.0, |weight| weight * self.data.weight(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{FromFn, Rows, Shuffle, StratifiedFolds, Subset, holdout, k_fold};

    #[test]
    fn weights_go_with_their_samples_through_every_view() {
        let data = Rows { features: &[[0.0]; 4], targets: &[[0.0]; 4] };
        let weights = [0.5, 2.0, 0.0, 3.0];
        let weighted = Weighted::new(data, &weights).unwrap();
        assert_eq!((data.weight(1), weighted.weight(1), Dataset::weight(&&weighted, 3)), (1.0, 2.0, 3.0));
        let (train, validation) = holdout(weighted, 0.5).unwrap();
        assert_eq!((train.weight(0), validation.weight(1)), (0.5, 3.0));
        assert_eq!(Subset::new(weighted, &[3, 1]).weight(1), 2.0);
        assert_eq!(Weighted::new(weighted, &weights).unwrap().weight(3), 9.0);
    }

    #[test]
    fn weights_go_with_their_samples_through_folds() {
        /// Sample number `n` has the feature `n` and weighs 1.5 more.
        fn check(side: &impl Dataset) {
            for index in 0..side.len() {
                let (mut x, mut y) = ([0.0], [0.0]);
                side.read(index, &mut x, &mut y).unwrap();
                assert_eq!(side.weight(index), 1.5 + x[0]);
            }
        }
        let weights: [f32; 7] = core::array::from_fn(|index| 1.5 + index as f32);
        let data = FromFn { len: 7, generate: |i| ([i as f32], [0.0]) };
        let weighted = Weighted::new(data, &weights).unwrap();
        let mut indices = [0; 7];
        let folds = StratifiedFolds::new(7, |i| u16::from(i < 3), 3, 1, &mut indices).unwrap();
        for fold in 0..3 {
            let (train, validation) = k_fold(&weighted, Shuffle::new(1), 3, fold).unwrap();
            check(&train);
            check(&validation);
            let (train, validation) = folds.split(&weighted, fold).unwrap();
            check(&train);
            check(&validation);
        }
    }

    #[test]
    fn refuses_other_lengths_and_values() {
        let data = Rows { features: &[[0.0]; 2], targets: &[[0.0]; 2] };
        assert!(matches!(
            Weighted::new(data, &[1.0]),
            Err(Error::BufferLength { buffer: Buffer::SampleWeights, expected: 2, found: 1 })
        ));
        for bad in [-1.0, f32::NAN, f32::INFINITY] {
            assert!(matches!(Weighted::new(data, &[1.0, bad]), Err(Error::Parameter { name: "weights", .. })));
        }
    }
}
