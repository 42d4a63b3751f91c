//! The hinge loss of support vector machines.

use super::{Input, Loss, mean};
use crate::activation::Activation;
use crate::error::Error;

/// Hinge loss: `mean(max(1 - t y, 0))` over the outputs, with targets `t` of -1 and 1; 0 counts as -1, as in Keras' `Hinge`.
/// An output is right if it is above 0 just where its target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hinge;

fn sign(target: f32) -> f32 {
    if target > 0.0 { 1.0 } else { -1.0 }
}

/// `max(margin, 0)` that passes NaN on, so that divergence is seen.
fn missing(margin: f32) -> f32 {
    if margin < 0.0 { 0.0 } else { margin }
}

impl Loss for Hinge {
    fn input(&self, _last: &dyn Activation) -> Result<Input, Error> {
        Ok(Input::Outputs)
    }

    fn accepts(&self, target: f32, _outputs: usize) -> bool {
        target == 1.0 || target == 0.0 || target == -1.0
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        let mut sum = 0.0;
        for (y, &t) in inputs.iter().zip(target) {
            sum += missing(1.0 - sign(t) * y);
        }
        mean(sum, inputs.len())
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        let scale = mean(scale, inputs.len());
        let mut sum = 0.0;
        for (y, t) in inputs.iter().zip(target) {
            let margin = 1.0 - sign(*t) * y;
            sum += missing(margin);
            *t = if margin > 0.0 { -sign(*t) * scale } else { 0.0 };
        }
        mean(sum, inputs.len())
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        let right = inputs.iter().zip(target).filter(|(y, t)| (**y > 0.0) == (**t > 0.0)).count();
        Some(mean(right as f32, inputs.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_missing_to_the_margin() {
        assert_eq!(Hinge.value(&[0.5, 3.0], &[1.0, 0.0]), 2.25);
        let mut slopes = [1.0, 1.0];
        Hinge.differentiate(&[0.5, 3.0], &mut slopes, 2.0);
        assert_eq!(slopes, [-1.0, 0.0]);
        assert_eq!(Hinge.accuracy(&[0.5, 3.0], &[1.0, -1.0]), Some(0.5));
        assert!(Hinge.accepts(-1.0, 1) && !Hinge.accepts(0.5, 1));
    }
}
