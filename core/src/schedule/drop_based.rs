//! Drop-based decay, the second schedule of the tutorial microfit began from.

use super::{Schedule, times};
use crate::error::Error;
use crate::math;

/// `rate(t) = lr0 * drop^floor((1 + t) / epochs_drop)`.
///
/// Source: the tutorial's `step_decay`, run by Keras' `LearningRateScheduler`, which counts **epochs** from 0: use
/// [`Clock::Epoch`](crate::Clock::Epoch). Because of the `1 +` the first plateau is one epoch short: with
/// `epochs_drop = 10` it holds for the epochs 0 to 8, and the last of 50 epochs gets a fifth drop.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DropBased {
    lr0: f64,
    drop: f64,
    epochs_drop: f64,
}

impl DropBased {
    /// Starts at `lr0` and multiplies by `drop` every `epochs_drop` steps (which need not be whole).
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr0` and `drop` are finite and not negative and `epochs_drop` is positive.
    pub const fn new(lr0: f64, drop: f64, epochs_drop: f64) -> Result<Self, Error> {
        require_all!("lr0": NonNegative = lr0, "drop": NonNegative = drop, "epochs_drop": Positive = epochs_drop);
        Ok(Self { lr0, drop, epochs_drop })
    }
}

impl Schedule for DropBased {
    fn value(&self, step: u32) -> f64 {
        let drops = math::f64::floor((1.0 + f64::from(step)) / self.epochs_drop);
        times(self.lr0, math::f64::pow(self.drop, drops.min(f64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_one_epoch_early() {
        let schedule = DropBased::new(0.1, 0.5, 10.0).unwrap();
        assert_eq!(schedule.rate(8), 0.1);
        assert_eq!(schedule.rate(9), 0.05);
        assert_eq!(schedule.rate(18), 0.05);
        assert_eq!(schedule.rate(19), 0.025);
        assert_eq!(schedule.rate(49), 0.003125);
        assert_eq!(schedule.rate(u32::MAX), 0.0);
    }

    #[test]
    fn never_nan() {
        assert_eq!(DropBased::new(0.0, 2.0, 1.0).unwrap().value(u32::MAX), 0.0);
        assert_eq!(DropBased::new(0.1, 2.0, 1.0).unwrap().value(u32::MAX), f64::MAX);
        assert_eq!(DropBased::new(0.1, 1.0, f64::MIN_POSITIVE).unwrap().value(u32::MAX), 0.1);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(matches!(DropBased::new(0.1, 0.5, 0.0), Err(Error::Parameter { name: "epochs_drop", .. })));
        assert!(matches!(DropBased::new(0.1, -0.5, 1.0), Err(Error::Parameter { name: "drop", .. })));
    }
}
