//! Decay in steps: at a fixed period, or at milestones.

use super::{Schedule, times};
use crate::error::Error;
use crate::math::f64 as m;

/// `rate(t) = lr * gamma^floor(t / size)`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepDecay {
    lr: f64,
    gamma: f64,
    size: f64,
}

impl StepDecay {
    /// Multiplies by `gamma` every `size` steps (which need not be whole: the exact quotient is rounded down).
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` and `gamma` are finite and not negative and `size` is positive.
    pub const fn new(lr: f64, gamma: f64, size: f64) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr, "gamma": NonNegative = gamma, "size": Positive = size);
        Ok(Self { lr, gamma, size })
    }
}

impl Schedule for StepDecay {
    fn value(&self, step: u32) -> f64 {
        times(self.lr, m::pow(self.gamma, m::floor_div(f64::from(step), self.size).min(f64::MAX)))
    }
}

/// `rate(t) = lr * gamma^(number of milestones <= t)`.
///
/// The milestones may come in any order; one that is named twice counts twice, and one at 0 applies at once.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MultiStep<'a> {
    lr: f64,
    gamma: f64,
    milestones: &'a [u32],
}

impl<'a> MultiStep<'a> {
    /// Multiplies by `gamma` at each milestone.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` and `gamma` are finite and not negative.
    pub const fn new(lr: f64, milestones: &'a [u32], gamma: f64) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr, "gamma": NonNegative = gamma);
        Ok(Self { lr, gamma, milestones })
    }
}

impl Schedule for MultiStep<'_> {
    fn value(&self, step: u32) -> f64 {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= step).count();
        times(self.lr, m::pow(self.gamma, passed as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_down() {
        let schedule = StepDecay::new(0.1, 0.5, 10.0).unwrap();
        assert_eq!([0, 9, 10, 20].map(|t| schedule.rate(t)), [0.1, 0.1, 0.05, 0.025]);
        assert_eq!(schedule.rate(u32::MAX), 0.0);
    }

    #[test]
    fn rounds_the_exact_quotient() {
        // 11 / 1.1 rounds to 10, but 1.1 in binary is a little more than 1.1.
        assert_eq!(StepDecay::new(1.0, 0.5, 1.1).unwrap().value(11), 0.5_f64.powi(9));
        assert_eq!(StepDecay::new(1.0, 0.5, 2.5).unwrap().value(5), 0.25);
    }

    #[test]
    fn growth_saturates() {
        assert_eq!(StepDecay::new(0.1, 2.0, 1.0).unwrap().value(u32::MAX), f64::MAX);
        assert_eq!(StepDecay::new(0.0, 2.0, 1.0).unwrap().value(u32::MAX), 0.0);
        assert_eq!(StepDecay::new(0.1, 1.0, f64::MIN_POSITIVE).unwrap().value(u32::MAX), 0.1);
    }

    #[test]
    fn milestones_compound_in_any_order() {
        let schedule = MultiStep::new(1.0, &[20, 10, 10, 0], 0.5).unwrap();
        assert_eq!([0, 9, 10, 20].map(|t| schedule.rate(t)), [0.5, 0.5, 0.125, 0.0625]);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(StepDecay::new(0.1, 0.5, 0.0).is_err());
        assert!(StepDecay::new(0.1, f64::NAN, 1.0).is_err());
        assert!(MultiStep::new(-0.1, &[], 0.5).is_err());
    }
}
