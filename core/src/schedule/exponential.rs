//! Exponential decay.

use super::{Schedule, finite, times};
use crate::error::Error;
use crate::math::f64 as m;

/// `rate(t) = lr * decay_rate^(t / period)`; with [`Self::staircase`] the exponent is rounded down.
///
/// A `decay_rate` above 1 grows, up to the largest f64. [`Clamp`](super::Clamp) gives it a floor or a ceiling,
/// [`Delay`](super::Delay) a later begin.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Exponential {
    lr: f64,
    decay_rate: f64,
    period: f64,
    staircase: bool,
}

impl Exponential {
    /// Multiplies by `decay_rate` in `period` steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` and `decay_rate` are finite and not negative and `period` is positive.
    pub const fn new(lr: f64, decay_rate: f64, period: f64) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr, "decay_rate": NonNegative = decay_rate, "period": Positive = period);
        Ok(Self { lr, decay_rate, period, staircase: false })
    }

    /// Falls only at whole periods.
    pub const fn staircase(mut self, staircase: bool) -> Self {
        self.staircase = staircase;
        self
    }
}

impl Schedule for Exponential {
    fn value(&self, step: u32) -> f64 {
        let periods = f64::from(step) / self.period;
        let exponent = finite(if self.staircase { m::floor(periods) } else { periods });
        times(self.lr, m::pow(self.decay_rate, exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        let smooth = Exponential::new(0.1, 0.25, 10.0).unwrap();
        assert_eq!([0, 5, 10].map(|t| smooth.rate(t)), [0.1, 0.05, 0.025]);
        assert_eq!([0, 9, 10].map(|t| smooth.staircase(true).rate(t)), [0.1, 0.1, 0.025]);
        assert_eq!(smooth.rate(u32::MAX), 0.0);
    }

    #[test]
    fn saturates_and_is_never_nan() {
        assert_eq!(Exponential::new(0.1, 2.0, 1.0).unwrap().value(u32::MAX), f64::MAX);
        assert_eq!(Exponential::new(0.0, 2.0, 1.0).unwrap().value(u32::MAX), 0.0);
        assert_eq!(Exponential::new(0.1, 1.0, f64::MIN_POSITIVE).unwrap().value(u32::MAX), 0.1);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(Exponential::new(0.1, -0.5, 1.0).is_err());
        assert!(Exponential::new(0.1, 0.5, 0.0).is_err());
    }
}
