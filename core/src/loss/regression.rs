//! Losses of a number, after any activation.

use super::{Input, Loss, mean};
use crate::activation::Activation;
use crate::error::{Error, Requirement, require};

/// Mean squared error: `mean((y - t)^2)` over the outputs, after any activation.
///
/// Source: Keras' `mean_squared_error`, PyTorch's `MSELoss(reduction="mean")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MeanSquaredError;

/// Mean absolute error: `mean(|y - t|)` over the outputs; its derivative is 0 where they are equal.
///
/// Source: Keras' `mean_absolute_error`, PyTorch's `L1Loss(reduction="mean")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MeanAbsoluteError;

/// Huber's loss (1964): `e^2 / 2` where `|e| <= delta`, else `delta (|e| - delta / 2)`, the mean over the outputs of the errors
/// `e = y - t`.
///
/// Source: Keras' `Huber`, PyTorch's `HuberLoss`; PyTorch's `SmoothL1Loss(beta=delta)` is this divided by `delta`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Huber {
    delta: f32,
}

impl Huber {
    /// Both libraries' default: delta is 1.
    pub const DEFAULT: Self = Self { delta: 1.0 };

    /// # Errors
    /// [`Error::Parameter`] for a delta that is not finite and above 0.
    pub const fn new(delta: f32) -> Result<Self, Error> {
        match require("delta", Requirement::Positive, delta as f64) {
            Ok(()) => Ok(Self { delta }),
            Err(error) => Err(error),
        }
    }
}

/// The mean of `loss(y - t)`.
fn mean_of(inputs: &[f32], target: &[f32], loss: impl Fn(f32) -> f32) -> f32 {
    let mut sum = 0.0;
    for (y, t) in inputs.iter().zip(target) {
        sum += loss(y - t);
    }
    mean(sum, inputs.len())
}

/// The mean of `loss(y - t)`, the targets being replaced by `scale` times `derivative(y - t)`.
fn mean_and_slopes(
    inputs: &[f32],
    target: &mut [f32],
    scale: f32,
    loss: impl Fn(f32) -> f32,
    derivative: impl Fn(f32) -> f32,
) -> f32 {
    let mut sum = 0.0;
    for (y, t) in inputs.iter().zip(target) {
        let error = y - *t;
        sum += loss(error);
        *t = derivative(error) * scale;
    }
    mean(sum, inputs.len())
}

impl Loss for MeanSquaredError {
    fn input(&self, _last: &dyn Activation) -> Result<Input, Error> {
        Ok(Input::Outputs)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        mean_of(inputs, target, |e| e * e)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        let scale = mean(2.0 * scale, inputs.len());
        mean_and_slopes(inputs, target, scale, |e| e * e, |e| e)
    }
}

impl Loss for MeanAbsoluteError {
    fn input(&self, _last: &dyn Activation) -> Result<Input, Error> {
        Ok(Input::Outputs)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        mean_of(inputs, target, f32::abs)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        let scale = mean(scale, inputs.len());
        mean_and_slopes(inputs, target, scale, f32::abs, |e| if e == 0.0 { 0.0 } else { 1_f32.copysign(e) })
    }
}

impl Huber {
    fn of(self, e: f32) -> f32 {
        if e.abs() <= self.delta { 0.5 * e * e } else { self.delta * (e.abs() - 0.5 * self.delta) }
    }
}

impl Loss for Huber {
    fn input(&self, _last: &dyn Activation) -> Result<Input, Error> {
        Ok(Input::Outputs)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        mean_of(inputs, target, |e| self.of(e))
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        let scale = mean(scale, inputs.len());
        // Delta is above 0, so `clamp` cannot panic, but the compiler does not know.
        let clipped = |e: f32| if e.abs() <= self.delta { e } else { self.delta.copysign(e) };
        mean_and_slopes(inputs, target, scale, |e| self.of(e), clipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hubers_loss_is_quadratic_and_then_linear() {
        let huber = Huber::new(2.0).unwrap();
        assert_eq!(huber.value(&[1.0], &[0.0]), 0.5);
        assert_eq!(huber.value(&[-5.0], &[0.0]), 8.0);
        let mut slopes = [0.0, 0.0];
        huber.differentiate(&[1.0, -5.0], &mut slopes, 4.0);
        assert_eq!(slopes, [2.0, -4.0]);
        assert!(matches!(Huber::new(0.0), Err(Error::Parameter { name: "delta", .. })));
    }

    #[test]
    fn an_absolute_error_has_no_slope_where_there_is_none() {
        let mut slopes = [1.0, 1.0, 1.0];
        assert_eq!(MeanAbsoluteError.differentiate(&[1.0, 4.0, -2.0], &mut slopes, 3.0), 2.0);
        assert_eq!(slopes, [0.0, 1.0, -1.0]);
    }
}
