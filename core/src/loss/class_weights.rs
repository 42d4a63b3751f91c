//! Classes that count more than others.

use super::{Input, Loss};
use crate::activation::Activation;
use crate::data::argmax;
use crate::error::{Error, Requirement, require};

/// A loss in which a training sample counts with its class's weight: Keras' `class_weight`. A batch's loss is the sum of the
/// weighted losses divided by the number of its samples, as in Keras; PyTorch's `CrossEntropyLoss(weight=...)` divides by the
/// sum of the weights, which is the same where the weights of a batch have a mean of 1.
///
/// A sample's class is its target where there is one (0 or 1, or an index; a soft label counts as the nearer, 0.5 as 0), else where
/// its largest target stands; one past the weights counts 1. Validation samples are not weighted. For weights of single samples see
/// [`Dataset::weight`](crate::data::Dataset::weight).
///
/// ```
/// use microfit::{checked, loss::{BinaryCrossEntropy, ClassWeights}};
///
/// const LOSS: ClassWeights<BinaryCrossEntropy> = checked!(ClassWeights::new(BinaryCrossEntropy, &[1.4, 0.8]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClassWeights<'a, L> {
    loss: L,
    weights: &'a [f32],
}

impl<'a, L: Copy> ClassWeights<'a, L> {
    /// # Errors
    /// [`Error::Parameter`] for a weight that is negative or not finite.
    pub const fn new(loss: L, weights: &'a [f32]) -> Result<Self, Error> {
        let mut rest = weights;
        while let Some((&weight, tail)) = rest.split_first() {
            if let Err(error) = require("class weight", Requirement::NonNegative, weight as f64) {
                return Err(error);
            }
            rest = tail;
        }
        Ok(Self { loss, weights })
    }
}

impl<L: Loss> Loss for ClassWeights<'_, L> {
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
        self.loss.value(inputs, target)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        self.loss.differentiate(inputs, target, scale)
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        self.loss.accuracy(inputs, target)
    }

    fn weight(&self, target: &[f32]) -> f32 {
        let class = match *target {
            // Below 0 the cast gives 0, the class of what is not.
            [class] if class - (class as usize as f32) > 0.5 => (class as usize).saturating_add(1),
            [class] => class as usize,
            _ => argmax(target),
        };
        self.weights.get(class).copied().unwrap_or(1.0) * self.loss.weight(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{BinaryCrossEntropy, CategoricalCrossEntropy, Hinge, SparseCategoricalCrossEntropy};

    #[test]
    fn knows_a_class_by_its_label_or_its_row() {
        let weights = [0.5, 2.0, 3.0];
        let sparse = ClassWeights::new(SparseCategoricalCrossEntropy, &weights).unwrap();
        assert_eq!([sparse.weight(&[0.0]), sparse.weight(&[2.0]), sparse.weight(&[7.0])], [0.5, 3.0, 1.0]);
        let rows = ClassWeights::new(CategoricalCrossEntropy, &weights).unwrap();
        assert_eq!(rows.weight(&[0.0, 1.0, 0.0]), 2.0);
        assert!(ClassWeights::new(CategoricalCrossEntropy, &[-1.0]).is_err());
        // Keras 3.15.1's `class_weight_to_sample_weights` of these.
        let soft = ClassWeights::new(BinaryCrossEntropy, &[1.0, 5.0]).unwrap();
        let of = |y: f32| soft.weight(&[y]);
        assert_eq!([0.0, 0.4, 0.5, 0.6, 0.9, 1.0].map(of), [1.0, 1.0, 1.0, 5.0, 5.0, 5.0]);
        let signs = ClassWeights::new(Hinge, &[1.0, 5.0]).unwrap();
        assert_eq!([-1.0, 0.0, 1.0].map(|y| signs.weight(&[y])), [1.0, 1.0, 5.0]);
    }
}
