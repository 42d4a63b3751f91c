//! Time-based decay, the first schedule of the tutorial microfit began from.

use super::Schedule;
use crate::error::Error;

/// `rate(t) = lr0 / (1 + decay * t)`.
///
/// Source: the `decay` argument of `SGD` in Keras 1 and 2 and in `tf_keras`'s legacy optimizers, which counts
/// **updates**, not epochs: use [`Clock::Update`](crate::Clock::Update) to get what Keras computes. The tutorial
/// prints the formula with the epoch in the place of `t`; [`Clock::Epoch`](crate::Clock::Epoch) gives that. Keras 3
/// spells it `InverseTimeDecay(lr0, 1, decay)`.
///
/// At step 0 the rate is `lr0`; it falls for ever and never reaches 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimeBased {
    lr0: f64,
    decay: f64,
}

impl TimeBased {
    /// Starts at `lr0` and has halved after `1 / decay` steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless both are finite and not negative.
    pub const fn new(lr0: f64, decay: f64) -> Result<Self, Error> {
        require_all!("lr0": NonNegative = lr0, "decay": NonNegative = decay);
        Ok(Self { lr0, decay })
    }
}

impl Schedule for TimeBased {
    fn value(&self, step: u32) -> f64 {
        self.lr0 / (1.0 + self.decay * f64::from(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_formula() {
        let schedule = TimeBased::new(0.1, 0.002).unwrap();
        assert_eq!(schedule.rate(0), 0.1);
        assert_eq!(schedule.value(500), 0.05);
        assert_eq!(schedule.rate(8), (0.1 / 1.016) as f32);
        assert!(schedule.rate(u32::MAX) > 0.0);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(matches!(TimeBased::new(-0.1, 0.0), Err(Error::Parameter { name: "lr0", .. })));
        assert!(matches!(TimeBased::new(0.1, f64::NAN), Err(Error::Parameter { name: "decay", .. })));
    }
}
