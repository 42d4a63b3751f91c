//! Adagrad.

use super::decay::{Decay, decay_methods};
use super::state::arrays;
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::math;

/// Adagrad (Duchi et al. 2011): `v += g^2` from an initial value on, and
///
/// - PyTorch: `w -= lr / (1 + t lr_decay) g / (sqrt(v) + eps)`, after `t` updates,
/// - Keras and optax: `w -= lr g / sqrt(v + eps)`.
///
/// Two floats of state a parameter: the gradient and `v`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adagrad {
    initial: f32,
    eps: f32,
    under_root: bool,
    lr_decay: f32,
    decay: Decay,
}

impl Adagrad {
    /// `torch.optim.Adagrad(lr_decay=lr_decay, initial_accumulator_value=initial, eps=eps)`; PyTorch's defaults are 0, 0 and
    /// 1e-10.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a parameter that is negative or not finite, or an eps of 0.
    pub const fn torch(lr_decay: f32, initial: f32, eps: f32) -> Result<Self, Error> {
        Self::new(lr_decay, initial, eps, false)
    }

    /// `keras.optimizers.Adagrad(initial_accumulator_value=initial, epsilon=eps)` and `optax.adagrad`; the defaults of both are
    /// 0.1 and 1e-7.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a parameter that is negative or not finite, or an eps of 0.
    pub const fn keras(initial: f32, eps: f32) -> Result<Self, Error> {
        Self::new(0.0, initial, eps, true)
    }

    const fn new(lr_decay: f32, initial: f32, eps: f32, under_root: bool) -> Result<Self, Error> {
        let checks = [
            require("lr_decay", Requirement::NonNegative, lr_decay as f64),
            require("initial", Requirement::NonNegative, initial as f64),
            require("eps", Requirement::Positive, eps as f64),
        ];
        match checks {
            [Ok(()), Ok(()), Ok(())] => Ok(Self { initial, eps, under_root, lr_decay, decay: Decay::NONE }),
            [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => Err(error),
        }
    }

    decay_methods!();
}

impl Optimizer for Adagrad {
    const STATE_PER_PARAM: usize = 2;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let [gradient, squares] = arrays(state, params.len());
        let rate = update.rate / (1.0 + update.age as f32 * self.lr_decay);
        for ((w, g), v) in params.iter_mut().zip(gradient).zip(squares) {
            let g = self.decay.gradient(*w, *g);
            let before = if update.age == 0 { self.initial } else { *v };
            *v = before + g * g;
            let step = if self.under_root { g / math::sqrt(*v + self.eps) } else { g / (math::sqrt(*v) + self.eps) };
            *w = self.decay.shrunk(*w, update.rate) - rate * step;
        }
    }
}
