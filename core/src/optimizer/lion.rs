//! Lion.

use super::decay::{Decay, decay_methods};
use super::state::arrays;
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};

/// Lion (Chen et al. 2023): `w -= lr sign(b1 m + (1 - b1) g)`, then `m = b2 m + (1 - b2) g`. Two floats of state a parameter: the
/// gradient and `m`. A schedule that drives the momentum drives `b1`.
///
/// Sources: `keras.optimizers.Lion`, `optax.lion`; optax' default of the weight decay is 1e-3, Keras' none.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lion {
    beta1: f64,
    beta2: f64,
    decay: Decay,
}

impl Lion {
    /// Both libraries' defaults are 0.9 and 0.99.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1`.
    pub const fn new(beta1: f64, beta2: f64) -> Result<Self, Error> {
        match (require("beta1", Requirement::Fraction, beta1), require("beta2", Requirement::Fraction, beta2)) {
            (Ok(()), Ok(())) => Ok(Self { beta1, beta2, decay: Decay::NONE }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    decay_methods!();
}

impl Optimizer for Lion {
    const STATE_PER_PARAM: usize = 2;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let [gradient, moments] = arrays(state, params.len());
        let beta1 = update.momentum.map_or(self.beta1, f64::from);
        let (keep1, take1) = (beta1 as f32, (1.0 - beta1) as f32);
        let (keep2, take2) = (self.beta2 as f32, (1.0 - self.beta2) as f32);
        for ((w, g), m) in params.iter_mut().zip(gradient).zip(moments) {
            let g = self.decay.gradient(*w, *g);
            let direction = keep1 * *m + take1 * g;
            let step = if direction == 0.0 { 0.0 } else { update.rate.copysign(direction) };
            *w = self.decay.shrunk(*w, update.rate) - step;
            *m = keep2 * *m + take2 * g;
        }
    }
}
