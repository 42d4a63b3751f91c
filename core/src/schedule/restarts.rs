//! Cycles of a falling shape, each as long as the last or longer.

use super::chosen::{Chosen, Pow};
use super::shape::Curve;
use super::{Schedule, Shape, finite, times};
use crate::error::Error;
use crate::math::f64 as m;

/// Cycle `i` has `first * mul^i` steps and falls from its peak to `low` along a [`Shape`]; then the next begins.
///
/// `rate = low + (lr * decay^i - low) * amplitude^i * shape(u^k)`, `u` the part of the cycle gone. A restart sits exactly on
/// the boundary, so `low` itself is never reached. After `limit` cycles the rate is `low`.
///
/// Source: I. Loshchilov, F. Hutter, "SGDR" (2016), with the factors of Keras (`m_mul`: the amplitude) and timm
/// (`cycle_decay`: the peak; `k_decay`: k).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Restarts {
    lr: f64,
    low: f64,
    first: f64,
    shape: Curve,
    mul: Chosen<f64, Cycle>,
    decay: Pow,
    amplitude: Pow,
    k: Pow,
    limit: u32,
}

impl Restarts {
    /// Equal cycles of `first` steps, for ever.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the rates are finite and not negative, `first` is at least 1 and the shape's own
    /// parameters make sense.
    pub const fn new(lr: f64, low: f64, first: f64, shape: Shape) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr, "low": NonNegative = low, "first": AtLeastOne = first);
        propagate!(shape.check());
        let (shape, mul, one) = (Curve::new(shape), Chosen { by: 1.0, function: equal as Cycle }, Pow::base(1.0));
        let k = Pow::exponent(1.0);
        Ok(Self { lr, low, first, shape, mul, decay: one, amplitude: one, k, limit: u32::MAX })
    }

    /// Each cycle is `mul` times as long as the last.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless finite and at least 1.
    pub const fn mul(mut self, mul: f64) -> Result<Self, Error> {
        require_all!("mul": AtLeastOne = mul);
        self.mul = Chosen { by: mul, function: if mul == 1.0 { equal } else { growing } };
        Ok(self)
    }

    /// Each cycle's peak is `decay` times the last.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless finite and not negative.
    pub const fn decay(mut self, decay: f64) -> Result<Self, Error> {
        require_all!("decay": NonNegative = decay);
        self.decay = Pow::base(decay);
        Ok(self)
    }

    /// Each cycle's height above `low` is `amplitude` times the last.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless finite and not negative.
    pub const fn amplitude(mut self, amplitude: f64) -> Result<Self, Error> {
        require_all!("amplitude": NonNegative = amplitude);
        self.amplitude = Pow::base(amplitude);
        Ok(self)
    }

    /// The time within a cycle is bent to `u^k`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless finite and positive.
    pub const fn k(mut self, k: f64) -> Result<Self, Error> {
        require_all!("k": Positive = k);
        self.k = Pow::exponent(k);
        Ok(self)
    }

    /// Stays at `low` after `limit` cycles.
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }
}

/// From `t`, the first cycle's length and `mul`: the cycle `t` falls into, and the part of it gone.
type Cycle = fn(f64, f64, f64) -> (f64, f64);

fn equal(t: f64, first: f64, _: f64) -> (f64, f64) {
    let index = m::floor_div(t, first);
    (index, (t - index * first) / first)
}

fn growing(t: f64, first: f64, mul: f64) -> (f64, f64) {
    let (mut index, mut left, mut len) = (0.0, t, first);
    // Walking adds no rounding where lengths are whole, which logarithms do; only growth of less than 1% gets past so
    // many cycles, and is then far enough from a boundary's exactness to be estimated.
    for _ in 0..1024 {
        if left < len - 1e-9 {
            return (index, left / len);
        }
        left -= len;
        len *= mul;
        index += 1.0;
    }
    let ahead = m::floor(m::ln(1.0 + left / len * (mul - 1.0)) / m::ln(mul));
    let growth = m::pow(mul, ahead);
    let u = (left - len * (growth - 1.0) / (mul - 1.0)) / (len * growth);
    (index + ahead, if u > 0.0 { u.min(1.0) } else { 0.0 })
}

impl Schedule for Restarts {
    fn value(&self, step: u32) -> f64 {
        let (index, u) = (self.mul.function)(f64::from(step), self.first, self.mul.by);
        if index >= f64::from(self.limit) {
            return self.low;
        }
        let peak = times(self.lr, self.decay.of(index));
        let height = times(peak - self.low, self.amplitude.of(index));
        // A peak that has decayed below `low` and is amplified would fall below 0.
        finite(self.low + height * self.shape.fall(self.k.of(u))).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_on_the_boundary() {
        let schedule = Restarts::new(0.1, 0.0, 10.0, Shape::Linear).unwrap();
        assert_eq!([0, 5, 10, 15, 20].map(|t| schedule.rate(t)), [0.1, 0.05, 0.1, 0.05, 0.1]);
        let schedule = schedule.mul(2.0).unwrap();
        assert_eq!([0, 10, 20, 30, 50].map(|t| schedule.rate(t)), [0.1, 0.1, 0.05, 0.1, 0.05]);
    }

    #[test]
    fn decays_and_ends() {
        let schedule = Restarts::new(0.1, 0.02, 10.0, Shape::Linear).unwrap().decay(0.5).unwrap().limit(2);
        assert_eq!([0, 10, 20, u32::MAX].map(|t| schedule.rate(t)), [0.1, 0.05, 0.02, 0.02]);
        let schedule = Restarts::new(0.1, 0.02, 10.0, Shape::Linear).unwrap().amplitude(0.5).unwrap();
        assert_eq!([0, 10].map(|t| schedule.rate(t)), [0.1, 0.06]);
    }

    #[test]
    fn slow_growth_ends_its_walk() {
        let schedule = Restarts::new(0.1, 0.0, 1.0, Shape::Cosine).unwrap().mul(1.0 + 1e-9).unwrap();
        for step in [0, 1, 5000, 1 << 20, u32::MAX] {
            assert!((0.0..=0.1).contains(&schedule.value(step)), "{step}");
        }
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(Restarts::new(0.1, 0.0, 0.0, Shape::Cosine).is_err());
        let schedule = Restarts::new(0.1, 0.0, 1.0, Shape::Cosine).unwrap();
        assert!(schedule.mul(0.5).is_err() && schedule.decay(-1.0).is_err() && schedule.amplitude(-1.0).is_err());
        assert!(schedule.k(0.0).is_err());
    }
}
