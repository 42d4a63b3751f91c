//! Binary cross-entropy.

use super::{CrossEntropy, Input, Loss, mean};
use crate::activation::{Activation, Kind, sigmoid_of};
use crate::error::Error;
use crate::math;
use crate::unroll::one_turn_at_a_time;

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

impl Loss for BinaryCrossEntropy {
    fn input(&self, last: &dyn Activation) -> Result<Input, Error> {
        match last.kind() {
            Kind::Sigmoid | Kind::Linear => Ok(Input::Logits),
            found => Err(Error::LossActivation { expected: "Sigmoid or Linear", found }),
        }
    }

    fn accepts(&self, target: f32, _outputs: usize) -> bool {
        (0.0..=1.0).contains(&target)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        self.smoothed_value(inputs, target, 0.0)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        self.differentiate_smoothed(inputs, target, scale, 0.0)
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        let is_right = |(z, y): &(&f32, &f32)| {
            one_turn_at_a_time();
            (**z > 0.0) == (**y > 0.5)
        };
        let right = inputs.iter().zip(target).filter(is_right).count();
        Some(mean(right as f32, inputs.len()))
    }
}

impl CrossEntropy for BinaryCrossEntropy {
    fn smoothed_value(&self, inputs: &[f32], target: &[f32], smoothing: f32) -> f32 {
        let mut sum = 0.0;
        for (&z, &y) in inputs.iter().zip(target) {
            sum += of_logit(z, math::exp(-z.abs()), smooth(y, smoothing));
        }
        mean(sum, inputs.len())
    }

    fn differentiate_smoothed(&self, inputs: &[f32], target: &mut [f32], scale: f32, smoothing: f32) -> f32 {
        let scale = mean(scale, inputs.len());
        let mut sum = 0.0;
        for (&z, y) in inputs.iter().zip(target) {
            let (e, smoothed) = (math::exp(-z.abs()), smooth(*y, smoothing));
            sum += of_logit(z, e, smoothed);
            *y = (sigmoid_of(z, e) - smoothed) * scale;
        }
        mean(sum, inputs.len())
    }
}

/// The loss of one logit, `e` being `exp(-|z|)`. An infinite logit gives NaN, also where it is on the target's side: it is
/// divergence either way.
fn of_logit(z: f32, e: f32, y: f32) -> f32 {
    z.max(0.0) - z * y + math::ln_1p(e)
}

/// Towards one half, there being two classes.
fn smooth(y: f32, smoothing: f32) -> f32 {
    if smoothing == 0.0 { y } else { y * (1.0 - smoothing) + 0.5 * smoothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exact_far_from_the_boundary() {
        assert_eq!(BinaryCrossEntropy.value(&[500.0], &[0.0]), 500.0);
        assert_eq!(BinaryCrossEntropy.value(&[500.0], &[1.0]), 0.0);
        assert_eq!(BinaryCrossEntropy.value(&[-500.0], &[1.0]), 500.0);
        assert_eq!(BinaryCrossEntropy.accuracy(&[0.5, -1.0], &[1.0, 1.0]), Some(0.5));
        assert_eq!(BinaryCrossEntropy.accuracy(&[0.0], &[0.0]), Some(1.0));
    }
}
