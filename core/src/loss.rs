//! Losses: what training makes small.

use crate::activation::{Activation, Kind, sigmoid};
use crate::error::Error;
use crate::math;

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

/// A loss of one sample. Losses of a batch are means over its samples.
pub trait Loss {
    /// What this loss is computed from when the last layer has the given activation.
    ///
    /// # Errors
    /// [`Error::LossActivation`] if the loss is not defined there.
    fn input(&self, last: &dyn Activation) -> Result<Input, Error>;

    /// Whether `target` is a value this loss is defined for; it is finite already.
    fn accepts(&self, target: f32) -> bool {
        let _ = target;
        true
    }

    /// The loss of one sample.
    fn value(&self, inputs: &[f32], target: &[f32]) -> f32;

    /// Replaces each target by `scale` times the loss's derivative by the input of the same position.
    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32);

    /// The share of this sample's outputs that are right, or `None` for losses that have no right and wrong.
    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        let _ = (inputs, target);
        None
    }
}

/// Binary cross-entropy: `-mean(y ln p + (1 - y) ln(1 - p))` over the outputs, with targets `y` from 0 to 1.
///
/// Computed from the logit `z` as `max(z, 0) - z y + ln(1 + exp(-|z|))`, which neither overflows nor needs the
/// clipping Keras does at 1e-7; its derivative by `z` is `sigmoid(z) - y`. The last activation must be
/// [`Sigmoid`](crate::activation::Sigmoid) (Keras' `binary_crossentropy`, PyTorch's `BCELoss`) or
/// [`Linear`](crate::activation::Linear) (`from_logits=True`, `BCEWithLogitsLoss`).
/// An output is right if `p > 0.5` just where `y > 0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BinaryCrossEntropy;

/// Mean squared error: `mean((y - t)^2)` over the outputs, after any activation.
///
/// Source: Keras' `mean_squared_error`, PyTorch's `MSELoss(reduction="mean")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MeanSquaredError;

impl Loss for BinaryCrossEntropy {
    fn input(&self, last: &dyn Activation) -> Result<Input, Error> {
        match last.kind() {
            Kind::Sigmoid | Kind::Linear => Ok(Input::Logits),
            _ => Err(Error::LossActivation),
        }
    }

    fn accepts(&self, target: f32) -> bool {
        (0.0..=1.0).contains(&target)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        let mut sum = 0.0;
        for (&z, &y) in inputs.iter().zip(target) {
            // An infinite logit gives NaN, also where it is on the target's side: it is divergence either way.
            sum += z.max(0.0) - z * y + math::ln_1p(math::exp(-z.abs()));
        }
        mean(sum, inputs.len())
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) {
        let scale = mean(scale, inputs.len());
        for (&z, y) in inputs.iter().zip(target) {
            *y = (sigmoid(z) - *y) * scale;
        }
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        let right = inputs.iter().zip(target).filter(|(z, y)| (**z > 0.0) == (**y > 0.5)).count();
        Some(mean(right as f32, inputs.len()))
    }
}

impl Loss for MeanSquaredError {
    fn input(&self, _last: &dyn Activation) -> Result<Input, Error> {
        Ok(Input::Outputs)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        let mut sum = 0.0;
        for (y, t) in inputs.iter().zip(target) {
            sum += (y - t) * (y - t);
        }
        mean(sum, inputs.len())
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) {
        let scale = mean(2.0 * scale, inputs.len());
        for (y, t) in inputs.iter().zip(target) {
            *t = (y - *t) * scale;
        }
    }
}

/// `sum / outputs`, without a division where there is one output.
fn mean(sum: f32, outputs: usize) -> f32 {
    if outputs == 1 { sum } else { sum / outputs as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::{Linear, Relu, Sigmoid};

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn derivatives_agree_with_central_differences() {
        let h = 1.0 / 64.0;
        for loss in [&BinaryCrossEntropy as &dyn Loss, &MeanSquaredError] {
            for k in -8..8 {
                let inputs = [k as f32 * 0.5, 0.25, -1.0];
                let target = [1.0, 0.0, 0.75];
                let mut delta = target;
                loss.differentiate(&inputs, &mut delta, 3.0);
                for (i, d) in delta.iter().enumerate() {
                    let (mut up, mut down) = (inputs, inputs);
                    up[i] += h;
                    down[i] -= h;
                    let difference = 3.0 * (loss.value(&up, &target) - loss.value(&down, &target)) / (2.0 * h);
                    assert!((d - difference).abs() < 1e-3, "{d} {difference}");
                }
            }
        }
    }

    #[test]
    fn cross_entropy_is_exact_far_from_the_boundary() {
        assert_eq!(BinaryCrossEntropy.value(&[500.0], &[0.0]), 500.0);
        assert_eq!(BinaryCrossEntropy.value(&[500.0], &[1.0]), 0.0);
        assert_eq!(BinaryCrossEntropy.value(&[-500.0], &[1.0]), 500.0);
        assert_eq!(BinaryCrossEntropy.accuracy(&[0.5, -1.0], &[1.0, 1.0]), Some(0.5));
        assert_eq!(BinaryCrossEntropy.accuracy(&[0.0], &[0.0]), Some(1.0));
    }

    #[test]
    fn is_refused_where_it_is_not_defined() {
        assert_eq!(BinaryCrossEntropy.input(&Relu), Err(Error::LossActivation));
        assert_eq!(BinaryCrossEntropy.input(&Sigmoid), Ok(Input::Logits));
        assert_eq!(BinaryCrossEntropy.input(&Linear), Ok(Input::Logits));
        assert_eq!(MeanSquaredError.input(&Relu), Ok(Input::Outputs));
        assert!(!BinaryCrossEntropy.accepts(2.0) && BinaryCrossEntropy.accepts(0.5));
    }
}
