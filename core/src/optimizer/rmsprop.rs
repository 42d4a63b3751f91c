//! RMSprop.

use super::decay::{Decay, decay_methods};
use super::state::arrays;
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::math;

/// RMSprop (Hinton's lecture 6e, 2012): `v = r v + (1 - r) g^2`, and
///
/// - PyTorch: `w -= lr g / (sqrt(v) + eps)`,
/// - Keras and optax: `w -= lr g / sqrt(v + eps)`.
///
/// [`Self::centered`] takes the square of the gradient's mean from `v` under the root; [`Self::momentum`] remembers steps, with the
/// learning rate in them (Keras, optax) or not (PyTorch). Two floats of state a parameter, one more for each of these.
/// A schedule that drives the momentum drives that one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RmsProp<const CENTERED: bool = false, const MOMENTUM: bool = false> {
    rho: f64,
    eps: f32,
    /// Whether eps is added before the root is taken.
    under_root: bool,
    momentum: f32,
    decay: Decay,
}

impl RmsProp {
    /// `torch.optim.RMSprop(alpha=rho, eps=eps)`; PyTorch's defaults are 0.99 and 1e-8.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= rho < 1` and `eps` is finite and above 0.
    pub const fn torch(rho: f64, eps: f32) -> Result<Self, Error> {
        Self::new(rho, eps, false)
    }

    /// `keras.optimizers.RMSprop(rho, epsilon=eps)`, whose defaults are 0.9 and 1e-7, and `optax.rmsprop(decay=rho, eps=eps)`,
    /// whose are 0.9 and 1e-8.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= rho < 1` and `eps` is finite and above 0.
    pub const fn keras(rho: f64, eps: f32) -> Result<Self, Error> {
        Self::new(rho, eps, true)
    }

    const fn new(rho: f64, eps: f32, under_root: bool) -> Result<Self, Error> {
        match (require("rho", Requirement::Fraction, rho), require("eps", Requirement::Positive, eps as f64)) {
            (Ok(()), Ok(())) => Ok(Self { rho, eps, under_root, momentum: 0.0, decay: Decay::NONE }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl<const MOMENTUM: bool> RmsProp<false, MOMENTUM> {
    /// Divides by an estimate of the gradient's standard deviation: `centered=True`. Takes one float a parameter more.
    pub const fn centered(self) -> RmsProp<true, MOMENTUM> {
        let Self { rho, eps, under_root, momentum, decay } = self;
        RmsProp { rho, eps, under_root, momentum, decay }
    }
}

impl<const CENTERED: bool> RmsProp<CENTERED, false> {
    /// Remembers steps. Takes one float a parameter more.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= momentum < 1`.
    pub const fn momentum(self, momentum: f32) -> Result<RmsProp<CENTERED, true>, Error> {
        let Self { rho, eps, under_root, decay, .. } = self;
        match require("momentum", Requirement::Fraction, momentum as f64) {
            Ok(()) => Ok(RmsProp { rho, eps, under_root, momentum, decay }),
            Err(error) => Err(error),
        }
    }
}

impl<const CENTERED: bool, const MOMENTUM: bool> RmsProp<CENTERED, MOMENTUM> {
    decay_methods!();
}

impl<const CENTERED: bool, const MOMENTUM: bool> Optimizer for RmsProp<CENTERED, MOMENTUM> {
    const STATE_PER_PARAM: usize = 2 + CENTERED as usize + MOMENTUM as usize;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let len = params.len();
        let (keep, take) = (self.rho as f32, (1.0 - self.rho) as f32);
        let momentum = update.momentum.unwrap_or(self.momentum);
        // First every gradient becomes its step, then every parameter takes it.
        let [gradient, squares, means] = arrays(state, len);
        let divided = |g: f32, v: f32| {
            let step = if self.under_root { g / math::sqrt(v + self.eps) } else { g / (math::sqrt(v) + self.eps) };
            if self.under_root { update.rate * step } else { step }
        };
        let squared = params.iter().zip(gradient.iter_mut()).zip(squares);
        if CENTERED {
            for (((w, g), v), a) in squared.zip(means) {
                let raw = self.decay.gradient(*w, *g);
                *v = keep * *v + take * (raw * raw);
                *a = keep * *a + take * raw;
                // Rounding must not bring a variance below 0; one that is no number has to stay so, to be found.
                let variance = *v - *a * *a;
                *g = divided(raw, if variance < 0.0 { 0.0 } else { variance });
            }
        } else {
            for ((w, g), v) in squared {
                let raw = self.decay.gradient(*w, *g);
                *v = keep * *v + take * (raw * raw);
                *g = divided(raw, *v);
            }
        }
        let rate = if self.under_root { 1.0 } else { update.rate };
        let (steps, rest) = state.split_at_mut_checked(len).unwrap_or_default();
        if MOMENTUM {
            let velocities = rest.get_mut(len * (1 + usize::from(CENTERED))..).unwrap_or_default();
            for (step, velocity) in steps.iter_mut().zip(velocities) {
                *velocity = momentum * *velocity + *step;
                *step = *velocity;
            }
        }
        for (w, step) in params.iter_mut().zip(steps) {
            *w = self.decay.shrunk(*w, update.rate) - rate * *step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::descend;

    /// The square of such a gradient is infinite, and its variance no number: not 0, by which the step were `g / eps`.
    #[test]
    fn a_variance_that_overflows_is_found() {
        let (mut params, mut state) = ([1.0], [0.0; 3]);
        let update = Update { step: 0, age: 0, rate: 0.01, momentum: None, samples: 1 };
        let centered = RmsProp::keras(0.9, 1e-7).unwrap().centered();
        descend(&centered, &update, &Variables::one(1), &mut params, &[3e20], &mut state);
        assert!(params[0].is_nan(), "{params:?}");
    }
}
