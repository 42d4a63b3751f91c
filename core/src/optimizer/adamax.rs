//! Adamax.

use super::decay::{Decay, decay_methods};
use super::state::{arrays, check_moments, power};
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};

/// Adamax (Kingma and Ba 2015, section 7): `m = b1 m + (1 - b1) g`, and at update `t`, counted from 1,
///
/// - PyTorch: `u = max(b2 u, |g| + eps)`, `w -= lr / (1 - b1^t) m / u`,
/// - Keras: `u = max(b2 u, |g|)`, `w -= lr / (1 - b1^t) m / (u + eps)`.
///
/// Three floats of state a parameter: the gradient, `m` and `u`. A schedule that drives the momentum drives `b1`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adamax {
    beta1: f64,
    beta2: f64,
    /// One of the two is 0.
    eps_within: f32,
    eps_behind: f32,
    decay: Decay,
}

impl Adamax {
    /// `torch.optim.Adamax`; its defaults are 0.9, 0.999 and 1e-8.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `eps` is finite and above 0.
    pub const fn torch(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        match Self::new(beta1, beta2, eps) {
            Ok(adamax) => Ok(Self { eps_within: eps, eps_behind: 0.0, ..adamax }),
            refused => refused,
        }
    }

    /// `keras.optimizers.Adamax`; its defaults are 0.9, 0.999 and 1e-7.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `eps` is finite and above 0.
    pub const fn keras(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        Self::new(beta1, beta2, eps)
    }

    const fn new(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        match check_moments(beta1, beta2, eps) {
            Ok(()) => Ok(Self { beta1, beta2, eps_within: 0.0, eps_behind: eps, decay: Decay::NONE }),
            Err(error) => Err(error),
        }
    }

    decay_methods!();
}

impl Optimizer for Adamax {
    const STATE_PER_PARAM: usize = 3;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let [gradient, moments, norms] = arrays(state, params.len());
        let beta1 = update.momentum.map_or(self.beta1, f64::from);
        let rate = (f64::from(update.rate) / (1.0 - power(beta1, update.age.saturating_add(1)))) as f32;
        let (keep, take, fade) = (beta1 as f32, (1.0 - beta1) as f32, self.beta2 as f32);
        for (((w, g), m), u) in params.iter_mut().zip(gradient).zip(moments).zip(norms) {
            let g = self.decay.gradient(*w, *g);
            *m = keep * *m + take * g;
            *u = (fade * *u).max(g.abs() + self.eps_within);
            *w = self.decay.shrunk(*w, update.rate) - rate * *m / (*u + self.eps_behind);
        }
    }
}
