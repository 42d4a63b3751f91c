//! Mini-batch stochastic gradient descent with momentum.

use super::decay::{Decay, decay_methods};
use super::{Accumulation, Gather, Optimizer, Update, Variables};
use crate::error::{Error, Requirement, require};
use crate::kernels;

/// Where the learning rate enters the velocity. The two differ as soon as the rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Convention {
    /// `v = m v - lr g; w += v`: the velocity remembers the rates of its past.
    Keras,
    /// `v = m v + g; w -= lr v`: today's rate applies to the whole velocity.
    Torch,
}

/// SGD over batches of any size, with momentum `m` (0 for none): one float of state a parameter, the velocity, into
/// which gradients are added as they are found. [`Nesterov`](super::Nesterov) momentum takes a float more.
///
/// Sources: Keras' `SGD(momentum=m)`, `torch.optim.SGD(momentum=m)` and `optax.sgd`, which is PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd {
    momentum: f32,
    convention: Convention,
    dampening: f32,
    decay: Decay,
    ascend: bool,
}

impl Sgd {
    /// As Keras computes it.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= momentum < 1`.
    pub const fn keras(momentum: f32) -> Result<Self, Error> {
        Self::new(momentum, Convention::Keras)
    }

    /// As PyTorch computes it.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= momentum < 1`.
    pub const fn torch(momentum: f32) -> Result<Self, Error> {
        Self::new(momentum, Convention::Torch)
    }

    /// In the given convention.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= momentum < 1`.
    pub const fn new(momentum: f32, convention: Convention) -> Result<Self, Error> {
        match require("momentum", Requirement::Fraction, momentum as f64) {
            Ok(()) => Ok(Self { momentum, convention, dampening: 0.0, decay: Decay::NONE, ascend: false }),
            Err(error) => Err(error),
        }
    }

    /// `v = m v + (1 - dampening) g`, except for the very first `v`, which is `g`: PyTorch's `dampening`. Without momentum nothing is
    /// dampened, as there.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= dampening <= 1`.
    pub const fn dampening(self, dampening: f32) -> Result<Self, Error> {
        match require("dampening", Requirement::UnitInterval, dampening as f64) {
            Ok(()) => Ok(Self { dampening, ..self }),
            Err(error) => Err(error),
        }
    }

    decay_methods!();

    /// Goes up the gradient: PyTorch's `maximize`.
    #[must_use]
    pub const fn ascending(self) -> Self {
        Self { ascend: true, ..self }
    }
}

impl Optimizer for Sgd {
    const GATHER: Gather = Gather::InMomentum;
    const STATE_PER_PARAM: usize = 1;

    fn accumulation(&self, update: &Update) -> Accumulation {
        let keep = update.momentum.unwrap_or(self.momentum);
        // PyTorch's first velocity is the gradient as it is, and so is every one without momentum.
        let part = if update.age == 0 || keep == 0.0 { 1.0 } else { 1.0 - self.dampening };
        let scale = match self.convention {
            Convention::Keras => -update.rate * part,
            Convention::Torch => part,
        };
        // No product with 0, of which the compiler would not know that it is none.
        let decay = if self.decay.l2 == 0.0 { 0.0 } else { scale * self.decay.l2 };
        Accumulation { keep, decay, scale: if self.ascend { -scale } else { scale } }
    }

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], velocity: &mut [f32]) {
        if self.decay.decoupled > 0.0 {
            kernels::scale(params, self.decay.shrunk(1.0, update.rate));
        }
        match self.convention {
            Convention::Keras => kernels::add(params, velocity),
            Convention::Torch => kernels::add_scaled(params, velocity, -update.rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::descend;

    /// One parameter, gradient 1 at every step.
    fn walk(optimizer: Sgd, rates: [f32; 3]) -> f32 {
        let (mut param, mut state) = ([1.0_f32], [0.0_f32]);
        for (step, rate) in (0..).zip(rates) {
            let update = Update { step, age: step, rate, momentum: None, samples: 2 };
            descend(&optimizer, &update, &Variables::one(1), &mut param, &[1.0], &mut state);
        }
        param[0]
    }

    #[test]
    fn follows_each_library() {
        // Keras: v = -1, -0.75, -0.625; PyTorch: v = 1, 1.5, 1.75.
        assert_eq!(walk(Sgd::keras(0.5).unwrap(), [1.0, 0.25, 0.25]), 1.0 - 1.0 - 0.75 - 0.625);
        assert_eq!(walk(Sgd::torch(0.5).unwrap(), [1.0, 0.25, 0.25]), 1.0 - 1.0 - 0.25 * 1.5 - 0.25 * 1.75);
        // They agree while the rate stays.
        assert_eq!(walk(Sgd::keras(0.5).unwrap(), [0.5; 3]), walk(Sgd::torch(0.5).unwrap(), [0.5; 3]));
    }

    /// `torch.optim.SGD(lr=0.1, momentum=m, dampening=0.5)` of torch 2.15, three steps of gradient 1.
    #[test]
    fn without_momentum_nothing_is_dampened() {
        for (momentum, expected) in [(0.0, 0.7), (0.9, 0.584)] {
            let dampened = Sgd::torch(momentum).unwrap().dampening(0.5).unwrap();
            assert!((walk(dampened, [0.1; 3]) - expected).abs() < 1e-6, "{momentum}");
        }
    }

    #[test]
    fn a_schedule_can_drive_the_momentum() {
        let update = Update { step: 0, age: 0, rate: 0.1, momentum: Some(0.85), samples: 1 };
        assert_eq!(Sgd::keras(0.5).unwrap().accumulation(&update).keep, 0.85);
    }

    #[test]
    fn refuses_a_momentum_that_never_forgets() {
        for momentum in [1.0, -0.1, f32::NAN] {
            assert!(matches!(Sgd::keras(momentum), Err(Error::Parameter { name: "momentum", .. })));
        }
    }
}
