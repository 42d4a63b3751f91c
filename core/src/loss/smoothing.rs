//! Label smoothing.

use super::{Input, Loss};
use crate::activation::Activation;
use crate::error::{Error, Requirement, require};

/// A cross-entropy whose labels can be smoothed.
pub trait CrossEntropy: Loss {
    /// [`Loss::value`] with the labels moved by `smoothing` towards all classes alike.
    fn smoothed_value(&self, inputs: &[f32], target: &[f32], smoothing: f32) -> f32;

    /// [`Loss::differentiate`], likewise.
    fn differentiate_smoothed(&self, inputs: &[f32], target: &mut [f32], scale: f32, smoothing: f32) -> f32;
}

/// A cross-entropy with label smoothing `s` (Szegedy et al. 2016): each target `y` counts as `y (1 - s) + s / classes`, two
/// classes for binary cross-entropy. Keras' and PyTorch's `label_smoothing`.
///
/// ```
/// use microfit::{checked, loss::{Smoothed, SparseCategoricalCrossEntropy}};
///
/// const LOSS: Smoothed<SparseCategoricalCrossEntropy> = checked!(Smoothed::new(SparseCategoricalCrossEntropy, 0.1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Smoothed<L> {
    loss: L,
    smoothing: f32,
}

impl<L: Copy> Smoothed<L> {
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= smoothing <= 1`.
    pub const fn new(loss: L, smoothing: f32) -> Result<Self, Error> {
        match require("smoothing", Requirement::UnitInterval, smoothing as f64) {
            Ok(()) => Ok(Self { loss, smoothing }),
            Err(error) => Err(error),
        }
    }
}

impl<L: CrossEntropy> Loss for Smoothed<L> {
    fn input(&self, last: &dyn Activation) -> Result<Input, Error> {
        self.loss.input(last)
    }

    fn targets(&self, outputs: usize) -> usize {
        self.loss.targets(outputs)
    }

    fn accepts(&self, target: f32, outputs: usize) -> bool {
        self.loss.accepts(target, outputs)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        self.loss.smoothed_value(inputs, target, self.smoothing)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        self.loss.differentiate_smoothed(inputs, target, scale, self.smoothing)
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        self.loss.accuracy(inputs, target)
    }

    fn weight(&self, target: &[f32]) -> f32 {
        self.loss.weight(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{BinaryCrossEntropy, CategoricalCrossEntropy};

    #[test]
    fn moves_the_labels() {
        let binary = Smoothed::new(BinaryCrossEntropy, 0.2).unwrap();
        assert_eq!(binary.value(&[0.7], &[1.0]), BinaryCrossEntropy.value(&[0.7], &[0.9]));
        let classes = Smoothed::new(CategoricalCrossEntropy, 0.5).unwrap();
        let expected = CategoricalCrossEntropy.value(&[0.7, 0.0], &[0.75, 0.25]);
        assert_eq!(classes.value(&[0.7, 0.0], &[1.0, 0.0]), expected);
        assert!(matches!(Smoothed::new(BinaryCrossEntropy, 1.5), Err(Error::Parameter { name: "smoothing", .. })));
    }
}
