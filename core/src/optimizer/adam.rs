//! Adam, AdamW and AMSGrad.

use super::decay::{Decay, decay_methods};
use super::state::{arrays, check_moments, power};
use super::{Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::math;

/// Adam (Kingma and Ba 2015), with decoupled weight decay AdamW (Loshchilov and Hutter 2019), as `Adam<true>` AMSGrad (Reddi et
/// al. 2018).
///
/// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, and at update `t`, counted from 1,
///
/// - PyTorch: `w -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)`,
/// - Keras: `w -= lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)`,
/// - optax: `w -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t) + eps_root) + eps)`.
///
/// With AMSGrad the largest `v` so far takes the place of `v`, in optax the largest `v / (1 - b2^t)` that of `v / (1 - b2^t)`. Three
/// floats of state a parameter, four with AMSGrad: the gradient, the two moments, the largest second moment. A schedule that drives the
/// momentum drives `b1`. The corrections are computed in f64, the rest in f32.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adam<const AMSGRAD: bool = false> {
    epsilon: Epsilon,
    beta1: f64,
    beta2: f64,
    eps: f32,
    decay: Decay,
}

/// Where the libraries add what keeps the denominator from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Epsilon {
    /// To the root of the corrected moment.
    Torch,
    /// To the root of the moment as it is.
    Keras,
    /// As PyTorch, and something under the root.
    Optax { root: f32 },
}

impl Adam {
    /// `torch.optim.Adam(betas=(beta1, beta2), eps=eps)`; PyTorch's defaults are 0.9, 0.999 and 1e-8.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `eps` is finite and above 0.
    pub const fn torch(beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        Self::new(Epsilon::Torch, beta1, beta2, eps)
    }

    /// `keras.optimizers.Adam(beta_1, beta_2, epsilon)`; Keras' defaults are 0.9, 0.999 and 1e-7.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` and `epsilon` is finite and above 0.
    pub const fn keras(beta1: f64, beta2: f64, epsilon: f32) -> Result<Self, Error> {
        Self::new(Epsilon::Keras, beta1, beta2, epsilon)
    }

    /// `optax.adam(b1, b2, eps, eps_root)`; optax' defaults are 0.9, 0.999, 1e-8 and 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= beta < 1` `eps` is finite and above 0, and `eps_root` finite and not negative.
    pub const fn optax(beta1: f64, beta2: f64, eps: f32, eps_root: f32) -> Result<Self, Error> {
        match require("eps_root", Requirement::NonNegative, eps_root as f64) {
            Ok(()) => Self::new(Epsilon::Optax { root: eps_root }, beta1, beta2, eps),
            Err(error) => Err(error),
        }
    }

    const fn new(epsilon: Epsilon, beta1: f64, beta2: f64, eps: f32) -> Result<Self, Error> {
        match check_moments(beta1, beta2, eps) {
            Ok(()) => Ok(Self { epsilon, beta1, beta2, eps, decay: Decay::NONE }),
            Err(error) => Err(error),
        }
    }

    /// Never forgets a large gradient: `amsgrad=True`. Takes one float a parameter more.
    pub const fn amsgrad(self) -> Adam<true> {
        let Self { epsilon, beta1, beta2, eps, decay } = self;
        Adam { epsilon, beta1, beta2, eps, decay }
    }
}

impl<const AMSGRAD: bool> Adam<AMSGRAD> {
    decay_methods!();

    /// The factors of one update.
    fn step(&self, update: &Update) -> Step {
        let t = update.age.saturating_add(1);
        let beta1 = update.momentum.map_or(self.beta1, f64::from);
        let first = 1.0 - power(beta1, t);
        let second = 1.0 - power(self.beta2, t);
        let rate = f64::from(update.rate) / first;
        let (rate, within, root, outside) = match self.epsilon {
            Epsilon::Torch => (rate, 1.0, 0.0, 1.0 / math::f64::sqrt(second)),
            Epsilon::Keras => (rate * math::f64::sqrt(second), 1.0, 0.0, 1.0),
            Epsilon::Optax { root } => (rate, 1.0 / second, root, 1.0),
        };
        Step {
            keep1: beta1 as f32,
            take1: (1.0 - beta1) as f32,
            keep2: self.beta2 as f32,
            take2: (1.0 - self.beta2) as f32,
            rate: rate as f32,
            within: within as f32,
            root,
            outside: outside as f32,
            eps: self.eps,
            decay: self.decay,
            nominal_rate: update.rate,
        }
    }
}

struct Step {
    keep1: f32,
    take1: f32,
    keep2: f32,
    take2: f32,
    rate: f32,
    within: f32,
    root: f32,
    outside: f32,
    eps: f32,
    decay: Decay,
    /// The rate as the schedule has it, which the decay takes.
    nominal_rate: f32,
}

impl Step {
    /// The new moments; what is to be under the root of the second one is returned.
    fn moments(&self, w: f32, g: f32, m: &mut f32, v: &mut f32) -> f32 {
        let g = self.decay.gradient(w, g);
        *m = self.keep1 * *m + self.take1 * g;
        *v = self.keep2 * *v + self.take2 * (g * g);
        *v * self.within
    }

    fn descend(&self, w: &mut f32, m: f32, v: f32) {
        let denominator = math::sqrt(v + self.root) * self.outside + self.eps;
        *w = self.decay.shrunk(*w, self.nominal_rate) - self.rate * m / denominator;
    }
}

impl<const AMSGRAD: bool> Optimizer for Adam<AMSGRAD> {
    const STATE_PER_PARAM: usize = 3 + AMSGRAD as usize;

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        let step = self.step(update);
        let [gradient, first, second, largest] = arrays(state, params.len());
        let moments = params.iter_mut().zip(gradient).zip(first).zip(second);
        if AMSGRAD {
            for ((((w, g), m), v), x) in moments.zip(largest) {
                *x = x.max(step.moments(*w, *g, m, v));
                step.descend(w, *m, *x);
            }
        } else {
            for (((w, g), m), v) in moments {
                let v = step.moments(*w, *g, m, v);
                step.descend(w, *m, v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::descend;

    #[test]
    fn refuses_what_never_forgets() {
        assert!(matches!(Adam::torch(1.0, 0.999, 1e-8), Err(Error::Parameter { name: "beta1", .. })));
        assert!(matches!(Adam::keras(0.9, 1.0, 1e-8), Err(Error::Parameter { name: "beta2", .. })));
        assert!(matches!(Adam::torch(0.9, 0.999, -1.0), Err(Error::Parameter { name: "eps", .. })));
        assert!(matches!(Adam::optax(0.9, 0.999, 1e-8, f32::NAN), Err(Error::Parameter { name: "eps_root", .. })));
    }

    /// `optax.amsgrad(0.1)` and `optax.amsgrad(0.1, eps_root=1e-3)` of optax 0.2.8 in f64: it corrects the second moment before it
    /// takes the largest.
    #[test]
    fn is_the_amsgrad_of_optax() {
        let expected = [
            (0.0, [0.9, 0.847_368_4, 0.810_468, 0.793_021_1, 0.779_590_4, 0.764_757_7]),
            (1e-3, [0.900_05, 0.847_444_7, 0.810_562_7, 0.793_124_5, 0.779_700_6, 0.764_875_3]),
        ];
        for (root, weights) in expected {
            let optimizer = Adam::optax(0.9, 0.999, 1e-8, root).unwrap().amsgrad();
            let (mut params, mut state) = ([1.0], [0.0; 4]);
            for ((step, gradient), expected) in (0..).zip([1.0, 0.1, 0.1, -0.3, 0.01, 0.2]).zip(weights) {
                let update = Update { step, age: step, rate: 0.1, momentum: None, samples: 1 };
                descend(&optimizer, &update, &Variables::one(1), &mut params, &[gradient], &mut state);
                assert!((params[0] - expected).abs() < 1e-6, "root {root}, step {step}: {} {expected}", params[0]);
            }
        }
    }
}
