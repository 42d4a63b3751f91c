//! Adadelta.

use super::decay::{Decay, decay_methods};
use super::state::arrays;
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::math;

/// Adadelta (Zeiler 2012): `v = r v + (1 - r) g^2`, `u = sqrt(a + eps) / sqrt(v + eps) g`, `a = r a + (1 - r) u^2`, `w -= lr u`.
/// Three floats of state a parameter: the gradient, `v` and `a`.
///
/// Sources: `torch.optim.Adadelta`, `keras.optimizers.Adadelta`, which are the same but for their defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adadelta {
    rho: f64,
    eps: f32,
    decay: Decay,
}

impl Adadelta {
    /// The defaults are 0.9 and 1e-6 in PyTorch, 0.95 and 1e-7 in Keras.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= rho < 1` and `eps` is finite and above 0.
    pub const fn new(rho: f64, eps: f32) -> Result<Self, Error> {
        match (require("rho", Requirement::Fraction, rho), require("eps", Requirement::Positive, eps as f64)) {
            (Ok(()), Ok(())) => Ok(Self { rho, eps, decay: Decay::NONE }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    decay_methods!();
}

impl Optimizer for Adadelta {
    const STATE_PER_PARAM: usize = 3;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let [gradient, squares, steps] = arrays(state, params.len());
        let (keep, take) = (self.rho as f32, (1.0 - self.rho) as f32);
        for (((w, g), v), a) in params.iter_mut().zip(gradient).zip(squares).zip(steps) {
            let g = self.decay.gradient(*w, *g);
            *v = keep * *v + take * (g * g);
            let step = math::sqrt(*a + self.eps) / math::sqrt(*v + self.eps) * g;
            *a = keep * *a + take * (step * step);
            *w = self.decay.shrunk(*w, update.rate) - update.rate * step;
        }
    }
}
