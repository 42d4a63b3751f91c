//! Losses: what training makes small.

mod binary;
mod categorical;
mod class_weights;
mod hinge;
mod regression;
mod smoothing;

pub use binary::BinaryCrossEntropy;
pub use categorical::{CategoricalCrossEntropy, SparseCategoricalCrossEntropy};
pub use class_weights::ClassWeights;
pub use hinge::Hinge;
pub use regression::{Huber, MeanAbsoluteError, MeanSquaredError};
pub use smoothing::{CrossEntropy, Smoothed};

use crate::activation::Activation;
use crate::error::Error;

/// What a loss is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Input {
    /// The last layer's sums, before its activation: the loss has the activation folded in, which is exact where
    /// computing it first would overflow or cancel.
    Logits,
    /// The last layer's outputs, after its activation.
    Outputs,
}

/// A loss of one sample. Losses of a batch are means over its samples, each times its weight.
pub trait Loss {
    /// What this loss is computed from when the last layer has the given activation.
    ///
    /// # Errors
    /// [`Error::LossActivation`] if the loss is not defined there.
    fn input(&self, last: &dyn Activation) -> Result<Input, Error>;

    /// Targets a sample has where the network has that many outputs: by default as many. More cannot be trained with.
    fn targets(&self, outputs: usize) -> usize {
        outputs
    }

    /// Whether `target` is a value this loss is defined for, the network having that many outputs; it is finite already. By default
    /// every number is.
    fn accepts(&self, target: f32, outputs: usize) -> bool {
        let _ = (target, outputs);
        true
    }

    /// The loss of one sample. `inputs` are what [`Self::input`] says, `target` has [`Self::targets`] elements.
    fn value(&self, inputs: &[f32], target: &[f32]) -> f32;

    /// The loss of one sample, with [`Self::value`]'s bits, and its derivative: `target`, as long as `inputs`, begins with
    /// the [`Self::targets`] targets, and is replaced by `scale` times the derivative by the input of the same position.
    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32;

    /// The share of this sample's outputs that are right, or `None`, the default, for losses that have no right and wrong.
    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        let _ = (inputs, target);
        None
    }

    /// A factor on the loss of a training sample with this target, not of a validation sample (Keras' `class_weight`). By default 1.
    fn weight(&self, target: &[f32]) -> f32 {
        let _ = target;
        1.0
    }
}

impl<L: Loss + ?Sized> Loss for &L {
    fn input(&self, last: &dyn Activation) -> Result<Input, Error> {
        (**self).input(last)
    }

    fn targets(&self, outputs: usize) -> usize {
        (**self).targets(outputs)
    }

    fn accepts(&self, target: f32, outputs: usize) -> bool {
        (**self).accepts(target, outputs)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        (**self).value(inputs, target)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        (**self).differentiate(inputs, target, scale)
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        (**self).accuracy(inputs, target)
    }

    fn weight(&self, target: &[f32]) -> f32 {
        (**self).weight(target)
    }
}

/// `sum / outputs`, without a division where there is one output.
fn mean(sum: f32, outputs: usize) -> f32 {
    if outputs == 1 { sum } else { sum / outputs as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::{Kind, Linear, Relu, Sigmoid, Softmax};

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn derivatives_agree_with_central_differences() {
        let h = 1.0 / 64.0;
        let huber = Huber::new(0.75).unwrap();
        let smooth = Smoothed::new(BinaryCrossEntropy, 0.2).unwrap();
        let smooth_classes = Smoothed::new(CategoricalCrossEntropy, 0.2).unwrap();
        let losses: [&dyn Loss; 8] = [
            &BinaryCrossEntropy,
            &smooth,
            &MeanSquaredError,
            &MeanAbsoluteError,
            &huber,
            &Hinge,
            &CategoricalCrossEntropy,
            &smooth_classes,
        ];
        for (which, loss) in losses.into_iter().enumerate() {
            for k in -8..8 {
                let inputs = [k as f32 * 0.5 + 0.1, 0.3, -1.0];
                let target = if which == 5 { [1.0, -1.0, 1.0] } else { [1.0, 0.0, 0.75] };
                let mut delta = target;
                let value = loss.differentiate(&inputs, &mut delta, 3.0);
                assert_eq!(value, loss.value(&inputs, &target), "{which}");
                for (i, d) in delta.iter().enumerate() {
                    let (mut up, mut down) = (inputs, inputs);
                    up[i] += h;
                    down[i] -= h;
                    let difference = 3.0 * (loss.value(&up, &target) - loss.value(&down, &target)) / (2.0 * h);
                    assert!((d - difference).abs() < 2e-3, "loss {which} at {k}: {d} {difference}");
                }
            }
        }
    }

    #[test]
    fn is_refused_where_it_is_not_defined() {
        let refused = |expected, found| Err(Error::LossActivation { expected, found });
        assert_eq!(BinaryCrossEntropy.input(&Relu), refused("Sigmoid or Linear", Kind::Relu));
        assert_eq!(BinaryCrossEntropy.input(&Sigmoid), Ok(Input::Logits));
        assert_eq!(BinaryCrossEntropy.input(&Linear), Ok(Input::Logits));
        assert_eq!(CategoricalCrossEntropy.input(&Softmax), Ok(Input::Logits));
        assert_eq!(SparseCategoricalCrossEntropy.input(&Sigmoid), refused("Softmax or Linear", Kind::Sigmoid));
        assert_eq!(MeanSquaredError.input(&Relu), Ok(Input::Outputs));
        assert!(!BinaryCrossEntropy.accepts(2.0, 1) && BinaryCrossEntropy.accepts(0.5, 1));
    }
}
