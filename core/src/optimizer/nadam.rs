//! Adam with Nesterov's momentum.

use super::decay::{Decay, decay_methods};
use super::state::{arrays, check_moments, power};
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::math;

/// Nadam (Dozat 2016): [`Adam`](super::Adam) whose first moment looks one step ahead, its decay warming up as
/// `d(t) = b1 (1 - 0.96^(t p) / 2)`. With `D(t)` the product of `d(1)` to `d(t)`, counted from 1,
///
/// `w -= lr (d(t+1) m / (1 - D(t+1)) + (1 - d(t)) g / (1 - D(t))) / (sqrt(v / (1 - b2^t)) + eps)`.
///
/// `p` is 0.004 in PyTorch and 1 in Keras. Three floats of state a parameter, the gradient and the moments, and one for `D`. A
/// schedule that drives the momentum drives `b1`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nadam {
    beta1: f64,
    beta2: f64,
    eps: f32,
    warming: f64,
    decay: Decay,
}

impl Nadam {
    /// `torch.optim.NAdam`; its defaults are 0.9, 0.999 and 1e-8. Its `momentum_decay` is 0.004.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `eps` is finite and above 0.
    pub const fn torch(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        Self::new(beta1, beta2, eps, 0.004)
    }

    /// `keras.optimizers.Nadam`; its defaults are 0.9, 0.999 and 1e-7.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `eps` is finite and above 0.
    pub const fn keras(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        Self::new(beta1, beta2, eps, 1.0)
    }

    const fn new(beta1: f64, beta2: f64, eps: f32, warming: f64) -> Result<Self, Error> {
        match check_moments(beta1, beta2, eps) {
            Ok(()) => Ok(Self { beta1, beta2, eps, warming, decay: Decay::NONE }),
            Err(error) => Err(error),
        }
    }

    decay_methods!();
}

impl Optimizer for Nadam {
    const STATE_PER_PARAM: usize = 3;
    const STATE_SCALARS: usize = 1;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let t = update.age.saturating_add(1);
        let beta1 = update.momentum.map_or(self.beta1, f64::from);
        let warmed = |t: u32| beta1 * (1.0 - 0.5 * math::f64::pow(0.96, f64::from(t) * self.warming));
        let (now, next) = (warmed(t), warmed(t.saturating_add(1)));
        let Some(product) = state.get_mut(Self::STATE_PER_PARAM * params.len()) else { return };
        let before = if update.age == 0 { 1.0 } else { f64::from(*product) };
        let until_now = before * now;
        *product = until_now as f32;
        let rate = f64::from(update.rate);
        let by_moment = (rate * next / (1.0 - until_now * next)) as f32;
        let by_gradient = (rate * (1.0 - now) / (1.0 - until_now)) as f32;
        let corrected = (1.0 / (1.0 - power(self.beta2, t))) as f32;
        let (keep1, take1) = (beta1 as f32, (1.0 - beta1) as f32);
        let (keep2, take2) = (self.beta2 as f32, (1.0 - self.beta2) as f32);
        let [gradient, first, second] = arrays(state, params.len());
        for (((w, g), m), v) in params.iter_mut().zip(gradient).zip(first).zip(second) {
            let g = self.decay.gradient(*w, *g);
            *m = keep1 * *m + take1 * g;
            *v = keep2 * *v + take2 * (g * g);
            let step = (by_moment * *m + by_gradient * g) / (math::sqrt(*v * corrected) + self.eps);
            *w = self.decay.shrunk(*w, update.rate) - step;
        }
    }
}
