//! Nesterov's momentum.

use super::decay::{Decay, decay_methods};
use super::state::arrays;
use super::{Convention, Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};

/// SGD with Nesterov's momentum `m`: after the velocity's update, as [`Sgd`](super::Sgd) makes it, a parameter takes the step
/// the next one would begin with: `w += m v - lr g` (Keras), `w -= lr (g + m v)` (PyTorch, optax). Two floats of state a
/// parameter: the gradient and the velocity.
///
/// Sources: Keras' `SGD(nesterov=True)`, `torch.optim.SGD(nesterov=True)`; Sutskever et al. 2013.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nesterov {
    momentum: f32,
    convention: Convention,
    decay: Decay,
}

impl Nesterov {
    /// As Keras computes it.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 < momentum < 1`.
    pub const fn keras(momentum: f32) -> Result<Self, Error> {
        Self::new(momentum, Convention::Keras)
    }

    /// As PyTorch and optax compute it.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 < momentum < 1`.
    pub const fn torch(momentum: f32) -> Result<Self, Error> {
        Self::new(momentum, Convention::Torch)
    }

    const fn new(momentum: f32, convention: Convention) -> Result<Self, Error> {
        match require("momentum", Requirement::OpenFraction, momentum as f64) {
            Ok(()) => Ok(Self { momentum, convention, decay: Decay::NONE }),
            Err(error) => Err(error),
        }
    }

    decay_methods!();
}

impl Optimizer for Nesterov {
    const STATE_PER_PARAM: usize = 2;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let [gradient, velocity] = arrays(state, params.len());
        let momentum = update.momentum.unwrap_or(self.momentum);
        for ((w, g), v) in params.iter_mut().zip(gradient).zip(velocity) {
            let g = self.decay.gradient(*w, *g);
            let step = match self.convention {
                Convention::Keras => {
                    *v = momentum * *v - update.rate * g;
                    momentum * *v - update.rate * g
                }
                Convention::Torch => {
                    *v = momentum * *v + g;
                    -(update.rate * (g + momentum * *v))
                }
            };
            *w = self.decay.shrunk(*w, update.rate) + step;
        }
    }
}
