//! Mini-batch stochastic gradient descent with momentum.

use super::{Accumulation, Optimizer, Update};
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
/// which gradients are added as they are found.
///
/// Sources: Keras' `SGD(momentum=m)` and `torch.optim.SGD(momentum=m, dampening=0)`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd {
    momentum: f32,
    convention: Convention,
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
            Ok(()) => Ok(Self { momentum, convention }),
            Err(error) => Err(error),
        }
    }
}

impl Optimizer for Sgd {
    const STATE_PER_PARAM: usize = 1;
    const LANES: usize = 4;

    fn accumulation(&self, update: &Update) -> Accumulation {
        let samples = update.samples as f32;
        Accumulation {
            keep: update.momentum.unwrap_or(self.momentum),
            scale: match self.convention {
                Convention::Keras => -(update.rate / samples),
                Convention::Torch => 1.0 / samples,
            },
        }
    }

    fn apply(&self, update: &Update, params: &mut [f32], velocity: &mut [f32]) {
        match self.convention {
            Convention::Keras => kernels::add(params, velocity),
            Convention::Torch => kernels::add_scaled(params, velocity, -update.rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One parameter, gradient 1 at every step, two samples a batch.
    fn walk(optimizer: Sgd, rates: [f32; 3]) -> f32 {
        let (mut param, mut state) = ([1.0_f32], [0.0_f32]);
        for (step, rate) in (0..).zip(rates) {
            let update = Update { step, rate, momentum: None, samples: 2 };
            let into = optimizer.accumulation(&update);
            kernels::scale(&mut state, into.keep);
            state[0] += into.scale * 1.0;
            state[0] += into.scale * 1.0;
            optimizer.apply(&update, &mut param, &mut state);
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

    #[test]
    fn a_schedule_can_drive_the_momentum() {
        let update = Update { step: 0, rate: 0.1, momentum: Some(0.85), samples: 1 };
        assert_eq!(Sgd::keras(0.5).unwrap().accumulation(&update).keep, 0.85);
    }

    #[test]
    fn refuses_a_momentum_that_never_forgets() {
        for momentum in [1.0, -0.1, f32::NAN] {
            assert!(matches!(Sgd::keras(momentum), Err(Error::Parameter { name: "momentum", .. })));
        }
    }
}
