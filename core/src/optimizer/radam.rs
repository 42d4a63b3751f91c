//! Rectified Adam.

use super::decay::{Decay, decay_methods};
use super::state::{arrays, check_moments, power};
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::math;

/// RAdam (Liu et al. 2020), as `torch.optim.RAdam` computes it: [`Adam`](super::Adam)'s moments; while the second moment's
/// variance has no bound, which is so for the first five updates at a `b2` of 0.999, `w -= lr m / (1 - b1^t)`, and then
///
/// `w -= lr m / (1 - b1^t) r sqrt(1 - b2^t) / (sqrt(v) + eps)`, with `r^2 = (p - 4)(p - 2) q / ((q - 4)(q - 2) p)`,
/// `q = 2 / (1 - b2) - 1` and `p = q - 2 t b2^t / (1 - b2^t)`.
///
/// Three floats of state a parameter: the gradient and the moments. A schedule that drives the momentum drives `b1`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RAdam {
    beta1: f64,
    beta2: f64,
    eps: f32,
    decay: Decay,
}

impl RAdam {
    /// PyTorch's defaults are 0.9, 0.999 and 1e-8.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `eps` is finite and above 0.
    pub const fn torch(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        match check_moments(beta1, beta2, eps) {
            Ok(()) => Ok(Self { beta1, beta2, eps, decay: Decay::NONE }),
            Err(error) => Err(error),
        }
    }

    decay_methods!();

    /// The rectified step's factor on `m / (sqrt(v) + eps)`; `None` while there is none.
    fn rectification(&self, t: u32) -> Option<f64> {
        let fade = power(self.beta2, t);
        let longest = 2.0 / (1.0 - self.beta2) - 1.0;
        let length = longest - 2.0 * f64::from(t) * fade / (1.0 - fade);
        if length <= 5.0 {
            return None;
        }
        let squared = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
        Some(math::f64::sqrt(squared * (1.0 - fade)))
    }
}

impl Optimizer for RAdam {
    const STATE_PER_PARAM: usize = 3;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let [gradient, first, second] = arrays(state, params.len());
        let t = update.age.saturating_add(1);
        let beta1 = update.momentum.map_or(self.beta1, f64::from);
        let rate = f64::from(update.rate) / (1.0 - power(beta1, t));
        let rectification = self.rectification(t);
        let rate = (rate * rectification.unwrap_or(1.0)) as f32;
        let (keep1, take1) = (beta1 as f32, (1.0 - beta1) as f32);
        let (keep2, take2) = (self.beta2 as f32, (1.0 - self.beta2) as f32);
        for (((w, g), m), v) in params.iter_mut().zip(gradient).zip(first).zip(second) {
            let g = self.decay.gradient(*w, *g);
            *m = keep1 * *m + take1 * g;
            *v = keep2 * *v + take2 * (g * g);
            let step = if rectification.is_some() { *m / (math::sqrt(*v) + self.eps) } else { *m };
            *w = self.decay.shrunk(*w, update.rate) - rate * step;
        }
    }
}
