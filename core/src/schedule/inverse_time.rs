//! Inverse-time decay with a period.

use super::{Schedule, finite};
use crate::error::Error;
use crate::math::f64 as m;

/// `rate(t) = lr / (1 + decay_rate * t / period)`; with [`Self::staircase`] `t / period` is rounded down.
///
/// [`TimeBased`](super::TimeBased) is the same with a period of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InverseTime {
    lr: f64,
    decay_rate: f64,
    period: f64,
    staircase: bool,
}

impl InverseTime {
    /// Has halved after `period / decay_rate` steps.
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

impl Schedule for InverseTime {
    fn value(&self, step: u32) -> f64 {
        let periods = finite(f64::from(step) / self.period);
        self.lr / (1.0 + self.decay_rate * if self.staircase { m::floor(periods) } else { periods })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_formula() {
        let smooth = InverseTime::new(0.1, 0.5, 10.0).unwrap();
        assert_eq!([0, 20].map(|t| smooth.rate(t)), [0.1, 0.05]);
        assert_eq!([9, 10].map(|t| smooth.staircase(true).rate(t)), [0.1, (0.1 / 1.5) as f32]);
        assert_eq!(InverseTime::new(0.1, 0.0, f64::MIN_POSITIVE).unwrap().value(u32::MAX), 0.1);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(InverseTime::new(0.1, 0.5, 0.0).is_err());
        assert!(InverseTime::new(0.1, -0.5, 1.0).is_err());
    }
}
