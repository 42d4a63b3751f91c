//! Polynomial decay.

use super::chosen::Pow;
use super::{Finite, Schedule, finite, steps_of};
use crate::error::Error;
use crate::math::f64 as m;

/// `rate(t) = to + (from - to) * (1 - min(t, n) / n)^power` with `n = over`; linear at power 1.
///
/// Past the end the rate is `to` (at power 0 ever `from`), or, with [`Self::cycling`], `n` is `over * max(1, ceil(t / over))`: each cycle falls
/// from a lower start (1/2, 1/3, ... of the way at power 1), and `to` is held only at the multiples of `over`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Polynomial {
    from: f64,
    to: f64,
    over: f64,
    power: Pow,
    cycle: bool,
}

impl Polynomial {
    /// From `from` to `to` in `over` steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the rates are finite and not negative, `over` is positive and `power` is finite and
    /// not negative.
    pub const fn new(from: f64, to: f64, over: f64, power: f64) -> Result<Self, Error> {
        require_all!("from": NonNegative = from, "to": NonNegative = to, "over": Positive = over,
            "power": NonNegative = power);
        Ok(Self { from, to, over, power: Pow::exponent(power), cycle: false })
    }

    /// Begins anew at each end, as Keras does with `cycle=True`.
    pub const fn cycling(mut self, cycle: bool) -> Self {
        self.cycle = cycle;
        self
    }
}

impl Schedule for Polynomial {
    fn value(&self, step: u32) -> f64 {
        let t = f64::from(step);
        let over = if self.cycle { self.over * m::ceil(t / self.over).max(1.0) } else { self.over };
        let factor = self.power.of(1.0 - t.min(over) / over);
        finite(self.to + (self.from - self.to) * factor)
    }
}

impl Finite for Polynomial {
    fn steps(&self) -> u32 {
        steps_of(self.over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_and_stays() {
        let schedule = Polynomial::new(0.1, 0.02, 10.0, 2.0).unwrap();
        assert_eq!([0, 5, 10, u32::MAX].map(|t| schedule.rate(t)), [0.1, 0.04, 0.02, 0.02]);
    }

    #[test]
    fn each_cycle_starts_lower() {
        let schedule = Polynomial::new(1.0, 0.0, 10.0, 1.0).unwrap().cycling(true);
        assert_eq!([0, 10, 15, 20, 25].map(|t| schedule.value(t)), [1.0, 0.0, 0.25, 0.0, 1.0 - 25.0 / 30.0]);
        assert!(schedule.value(u32::MAX) >= 0.0);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(Polynomial::new(0.1, 0.0, 0.0, 1.0).is_err());
        assert!(Polynomial::new(0.1, 0.0, 1.0, -1.0).is_err());
        assert!(Polynomial::new(f64::NAN, 0.0, 1.0, 1.0).is_err());
    }
}
