//! Gradient clipping.

use super::{Accumulation, Gather, Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::kernels;
use crate::math;
use crate::metrics::CompensatedSum;

/// What is done to a batch's whole gradient before the optimizer sees it.
pub trait Clip {
    /// Clips the gradient in place.
    fn clip(&self, gradient: &mut [f32], variables: &Variables);
}

/// Every element to `-max..=max`: Keras' `clipvalue`, PyTorch's `clip_grad_value_`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Value {
    max: f32,
}

/// The whole gradient to a Euclidean norm of at most `max`: PyTorch's `clip_grad_norm_`, which adds 1e-6 to the norm, Keras'
/// `global_clipnorm` and optax' `clip_by_global_norm`, which do not. A gradient whose squares overflow has an infinite norm and becomes 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GlobalNorm {
    max: f32,
    eps: f32,
}

/// The gradient of every variable, which is a layer's weights or its biases, to a Euclidean norm of at most `max`: Keras' `clipnorm`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Norm {
    max: f32,
}

impl Value {
    /// # Errors
    /// [`Error::Parameter`] for a `max` that is not finite and above 0.
    pub const fn new(max: f32) -> Result<Self, Error> {
        match require("max", Requirement::Positive, max as f64) {
            Ok(()) => Ok(Self { max }),
            Err(error) => Err(error),
        }
    }
}

impl GlobalNorm {
    /// As PyTorch computes it: `g max / (norm + 1e-6)` where that is less than `g`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a `max` that is not finite and above 0.
    pub const fn torch(max: f32) -> Result<Self, Error> {
        match require("max", Requirement::Positive, max as f64) {
            Ok(()) => Ok(Self { max, eps: 1e-6 }),
            Err(error) => Err(error),
        }
    }

    /// As Keras and optax compute it: `g max / norm` where the norm is above `max`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a `max` that is not finite and above 0.
    pub const fn keras(max: f32) -> Result<Self, Error> {
        match require("max", Requirement::Positive, max as f64) {
            Ok(()) => Ok(Self { max, eps: 0.0 }),
            Err(error) => Err(error),
        }
    }
}

impl Norm {
    /// # Errors
    /// [`Error::Parameter`] for a `max` that is not finite and above 0.
    pub const fn new(max: f32) -> Result<Self, Error> {
        match require("max", Requirement::Positive, max as f64) {
            Ok(()) => Ok(Self { max }),
            Err(error) => Err(error),
        }
    }
}

impl Clip for Value {
    fn clip(&self, gradient: &mut [f32], _variables: &Variables) {
        for g in gradient {
            if *g > self.max {
                *g = self.max;
            } else if *g < -self.max {
                *g = -self.max;
            }
        }
    }
}

impl Clip for GlobalNorm {
    fn clip(&self, gradient: &mut [f32], _variables: &Variables) {
        shorten(gradient, self.max, self.eps);
    }
}

impl Clip for Norm {
    fn clip(&self, gradient: &mut [f32], variables: &Variables) {
        variables.for_each(gradient, |variable| shorten(variable, self.max, 0.0));
    }
}

/// Scales to a norm of at most `max`. The squares are summed from the first to the last, compensated.
fn shorten(gradient: &mut [f32], max: f32, eps: f32) {
    let mut squares = CompensatedSum::default();
    for g in gradient.iter() {
        squares.add_any(g * g);
    }
    let norm = math::sqrt(squares.sum()) + eps;
    if norm > max {
        kernels::scale(gradient, max / norm);
    }
}

/// An optimizer that is given clipped gradients.
///
/// The gradient has to be known before it is clipped, so an optimizer that gathers it in its momentum or in the parameters
/// takes one float a parameter more. What an optimizer adds itself, such as L2, is not clipped.
///
/// ```
/// use microfit::{checked, optimizer::{Clipped, GlobalNorm, Optimizer, Sgd}};
///
/// const OPTIMIZER: Clipped<Sgd, GlobalNorm> =
///     Clipped { optimizer: checked!(Sgd::keras(0.9)), clip: checked!(GlobalNorm::keras(1.0)) };
/// assert_eq!(Clipped::<Sgd, GlobalNorm>::STATE_PER_PARAM, 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clipped<O, C> {
    /// What makes the update.
    pub optimizer: O,
    /// What it may see.
    pub clip: C,
}

impl<O: Optimizer, C: Clip> Optimizer for Clipped<O, C> {
    const STATE_PER_PARAM: usize = O::STATE_PER_PARAM + !matches!(O::GATHER, Gather::InGradient) as usize;
    const STATE_SCALARS: usize = O::STATE_SCALARS;
    const LANES: usize = O::LANES;

    fn accumulation(&self, _update: &Update) -> Accumulation {
        Accumulation::GRADIENT
    }

    fn apply(&self, update: &Update, variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let (gradient, rest) = state.split_at_mut_checked(params.len()).unwrap_or_default();
        self.clip.clip(gradient, variables);
        if O::GATHER == Gather::InGradient {
            self.optimizer.apply(update, variables, params, state);
        } else {
            super::descend(&self.optimizer, update, variables, params, gradient, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_elements_the_whole_and_each_variable() {
        let variables = Variables::with_lengths(&[2, 1]);
        let clipped = |clip: &dyn Clip| {
            let mut gradient = [3.0, -4.0, 0.5];
            clip.clip(&mut gradient, &variables);
            gradient
        };
        assert_eq!(clipped(&Value::new(1.0).unwrap()), [1.0, -1.0, 0.5]);
        assert_eq!(clipped(&Norm::new(2.5).unwrap()), [1.5, -2.0, 0.5]);
        let whole = clipped(&GlobalNorm::keras(1.0).unwrap());
        assert!((whole.iter().map(|g| g * g).sum::<f32>() - 1.0).abs() < 1e-6, "{whole:?}");
        assert_eq!(clipped(&GlobalNorm::torch(10.0).unwrap()), [3.0, -4.0, 0.5]);
        assert!(matches!(Value::new(0.0), Err(Error::Parameter { name: "max", .. })));
    }

    /// What `clip_grad_norm_` of torch 2.15, `clipnorm` of Keras 3.15 and `clip_by_global_norm` of optax 0.2.8 make of it.
    #[test]
    fn a_gradient_whose_squares_overflow_becomes_zero() {
        let clips: [&dyn Clip; 3] =
            [&GlobalNorm::torch(1.0).unwrap(), &GlobalNorm::keras(1.0).unwrap(), &Norm::new(1.0).unwrap()];
        for clip in clips {
            for exploded in [[1e20, 1.0, 1.0], [1.0, -1e20, 1.0], [1.0, 1.0, 3e38], [1.5e19, 1.5e19, 1.5e19]] {
                let mut gradient = exploded;
                clip.clip(&mut gradient, &Variables::one(3));
                assert_eq!(gradient, [0.0; 3], "{exploded:?}");
            }
            let mut gradient = [1.0, f32::NAN];
            clip.clip(&mut gradient, &Variables::one(2));
            assert!(gradient[1].is_nan());
        }
    }
}
