//! Triangular cycles.

use super::chosen::Chosen;
use super::{Schedule, finite, times};
use crate::error::Error;
use crate::math::f64 as m;

/// How the height of a [`Cyclic`] changes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CyclicMode {
    /// Not at all.
    Triangular,
    /// Halved each cycle.
    Triangular2,
    /// `gamma^t`, by the step, not the cycle.
    ExpRange {
        /// At least 0, usually a little below 1.
        gamma: f64,
    },
}

/// `rate(t) = base + (max - base) * triangle(t) * scale`: `up` steps from `base` to `max`, `down` steps back, for ever.
///
/// Source: L. Smith, "Cyclical Learning Rates for Training Neural Networks" (2015).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cyclic {
    base: f64,
    max: f64,
    up: f64,
    down: f64,
    mode: Chosen<CyclicMode, Height>,
}

/// From the cycle (1 for the first), the step and gamma: what a cycle's height is multiplied by.
type Height = fn(f64, f64, f64) -> f64;

impl Cyclic {
    /// Cycles between `base` and `max`; `max` may be the smaller, which is what momentum wants.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the rates are finite and not negative, `up` is positive and `down` not negative.
    pub const fn new(base: f64, max: f64, up: f64, down: f64, mode: CyclicMode) -> Result<Self, Error> {
        require_all!("base": NonNegative = base, "max": NonNegative = max, "up": Positive = up,
            "down": NonNegative = down);
        if let CyclicMode::ExpRange { gamma } = mode {
            require_all!("gamma": NonNegative = gamma);
        }
        let height: Height = match mode {
            CyclicMode::Triangular => |_, _, _| 1.0,
            CyclicMode::Triangular2 => |cycle, _, _| m::pow(2.0, 1.0 - cycle),
            CyclicMode::ExpRange { .. } => |_, t, gamma| m::pow(gamma, t),
        };
        Ok(Self { base, max, up, down, mode: Chosen { by: mode, function: height } })
    }
}

impl Schedule for Cyclic {
    fn value(&self, step: u32) -> f64 {
        let t = f64::from(step);
        let total = self.up + self.down;
        let cycle = m::floor(1.0 + t / total);
        let x = 1.0 + t / total - cycle;
        let ratio = self.up / total;
        let height = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        let gamma = if let CyclicMode::ExpRange { gamma } = self.mode.by { gamma } else { 1.0 };
        let scale = (self.mode.function)(cycle, t, gamma);
        // Growth of an inverted cycle (max below base) would fall below 0.
        finite(self.base + times((self.max - self.base) * height, scale)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_and_down() {
        let schedule = Cyclic::new(0.0, 1.0, 2.0, 2.0, CyclicMode::Triangular).unwrap();
        assert_eq!([0, 1, 2, 3, 4, 5].map(|t| schedule.value(t)), [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]);
        let halving = Cyclic::new(0.0, 1.0, 2.0, 2.0, CyclicMode::Triangular2).unwrap();
        assert_eq!([2, 6, 10].map(|t| halving.value(t)), [1.0, 0.5, 0.25]);
        let mode = CyclicMode::ExpRange { gamma: 0.5 };
        assert_eq!([0, 1, 2].map(|t| Cyclic::new(0.0, 1.0, 2.0, 2.0, mode).unwrap().value(t)), [0.0, 0.25, 0.25]);
    }

    #[test]
    fn a_cycle_may_fall_at_once() {
        let schedule = Cyclic::new(0.0, 1.0, 2.0, 0.0, CyclicMode::Triangular).unwrap();
        assert_eq!([0, 1, 2, 3].map(|t| schedule.value(t)), [0.0, 0.5, 0.0, 0.5]);
    }

    #[test]
    fn never_nan() {
        let mode = CyclicMode::ExpRange { gamma: 2.0 };
        assert!(Cyclic::new(0.0, 1.0, 1.0, 1.0, mode).unwrap().value(u32::MAX).is_finite());
        assert_eq!(Cyclic::new(0.9, 0.8, 1.0, 1.0, mode).unwrap().value(u32::MAX), 0.0);
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(Cyclic::new(0.0, 1.0, 0.0, 1.0, CyclicMode::Triangular).is_err());
        assert!(Cyclic::new(0.0, 1.0, 1.0, 1.0, CyclicMode::ExpRange { gamma: -1.0 }).is_err());
    }
}
