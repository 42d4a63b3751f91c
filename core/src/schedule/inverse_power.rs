//! Decay by a power of the time: inverse square root, and Noam.

use super::{Schedule, finite, times};
use crate::error::Error;
use crate::math::f64 as m;

/// `rate(t) = lr * (1 + t / timescale)^-power`; power 1/2 is the inverse square root. It falls for ever.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct InversePower {
    lr: f64,
    timescale: f64,
    power: f64,
}

impl InversePower {
    /// Starts at `lr` and has fallen by `2^power` after `timescale` steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` and `power` are finite and not negative and `timescale` is positive.
    pub const fn new(lr: f64, timescale: f64, power: f64) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr, "timescale": Positive = timescale, "power": NonNegative = power);
        Ok(Self { lr, timescale, power })
    }
}

impl Schedule for InversePower {
    fn value(&self, step: u32) -> f64 {
        let base = finite(1.0 + f64::from(step) / self.timescale);
        if self.power == 0.5 { self.lr / m::sqrt(base) } else { self.lr * m::pow(base, -self.power) }
    }
}

/// `rate(t) = factor * d_model^-0.5 * min(t^-0.5, t * warmup^-1.5)`, `t` updates **counted from 1**.
///
/// Source: A. Vaswani et al., "Attention Is All You Need" (2017), section 5.3. Rises linearly for `warmup` updates and
/// then falls as the inverse square root, for ever. The paper's first update is `t = 1`; a caller that counts from 0,
/// as the trainer does, wraps it in [`ahead(1)`](Schedule::ahead). At `t = 0` the rate is 0, the linear part's value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Noam {
    d_model: f64,
    warmup: f64,
    factor: f64,
}

impl Noam {
    /// For a model of width `d_model`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `d_model` and `warmup` are at least 1 and `factor` is finite and not negative.
    pub const fn new(d_model: u32, warmup: u32, factor: f64) -> Result<Self, Error> {
        require_all!("d_model": AtLeastOne = d_model, "warmup": AtLeastOne = warmup, "factor": NonNegative = factor);
        Ok(Self { d_model: d_model as f64, warmup: warmup as f64, factor })
    }
}

impl Schedule for Noam {
    fn value(&self, step: u32) -> f64 {
        let t = f64::from(step);
        // At t = 0 the first is infinite and the second, 0, is taken.
        let time = m::pow(t, -0.5).min(t * m::pow(self.warmup, -1.5));
        times(self.factor * m::pow(self.d_model, -0.5), time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_square_root() {
        let schedule = InversePower::new(0.1, 10.0, 0.5).unwrap();
        assert_eq!([0, 30].map(|t| schedule.rate(t)), [0.1, 0.05]);
        assert_eq!(InversePower::new(0.1, 10.0, 1.0).unwrap().rate(10), 0.05);
        assert_eq!(InversePower::new(0.1, f64::MIN_POSITIVE, 9.0).unwrap().value(u32::MAX), 0.0);
        assert!(InversePower::new(0.1, 0.0, 0.5).is_err());
    }

    #[test]
    fn noam_peaks_at_the_warmups_end() {
        let schedule = Noam::new(64, 100, 1.0).unwrap();
        assert_eq!(schedule.value(0), 0.0);
        assert_eq!(schedule.rate(100), 0.0125);
        assert!(schedule.value(99) < schedule.value(100) && schedule.value(101) < schedule.value(100));
        assert!(schedule.value(u32::MAX) > 0.0);
        assert!(Noam::new(0, 1, 1.0).is_err() && Noam::new(1, 0, 1.0).is_err());
    }
}
