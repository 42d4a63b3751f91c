//! Cosine annealing.

use super::chosen::Pow;
use super::shape::half_cosine;
use super::{Finite, Schedule, finite, steps_of};
use crate::error::Error;

/// `rate(t) = to + (from - to) * H(half_cycles * t / over)^exponent`, `H(x) = (1 + cos(pi x)) / 2`.
///
/// Source: I. Loshchilov, F. Hutter, "SGDR" (2016), without its restarts. Past the end the libraries disagree: Keras and optax stay at
/// the last rate ([`Self::new`]); torch's `CosineAnnealingLR` and transformers' `cosine` rise again, with a period of
/// two lengths ([`Self::unclamped`]).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cosine {
    from: f64,
    to: f64,
    over: f64,
    half_cycles: f64,
    exponent: Pow,
    clamped: bool,
}

impl Cosine {
    /// Falls from `from` to `to` in `over` steps and stays there.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the rates are finite and not negative and `over` is positive.
    pub const fn new(from: f64, to: f64, over: f64) -> Result<Self, Error> {
        require_all!("from": NonNegative = from, "to": NonNegative = to, "over": Positive = over);
        Ok(Self { from, to, over, half_cycles: 1.0, exponent: Pow::exponent(1.0), clamped: true })
    }

    /// Does not stop at the end: the cosine rises again.
    pub const fn unclamped(mut self) -> Self {
        self.clamped = false;
        self
    }

    /// Half cycles in the schedule's length; 1 unless said.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless finite and not negative.
    pub const fn half_cycles(mut self, half_cycles: f64) -> Result<Self, Error> {
        require_all!("half_cycles": NonNegative = half_cycles);
        self.half_cycles = half_cycles;
        Ok(self)
    }

    /// The exponent of the cosine's factor; 1 unless said.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless finite and not negative.
    pub const fn exponent(mut self, exponent: f64) -> Result<Self, Error> {
        require_all!("exponent": NonNegative = exponent);
        self.exponent = Pow::exponent(exponent);
        Ok(self)
    }
}

impl Schedule for Cosine {
    fn value(&self, step: u32) -> f64 {
        let t = f64::from(step);
        let u = if self.clamped { t.min(self.over) } else { t } / self.over;
        let factor = self.exponent.of(half_cosine(self.half_cycles * u));
        finite(self.to + (self.from - self.to) * factor)
    }
}

impl Finite for Cosine {
    fn steps(&self) -> u32 {
        steps_of(self.over)
    }
}

/// Cosine annealing from `from` to `to` in `over` steps, then `to`: the usual [`Cosine`].
///
/// # Errors
/// [`Error::Parameter`] unless the rates are finite and not negative and `over` is at least 1.
///
/// ```
/// use microfit::schedule::{Schedule, cosine};
///
/// let schedule = cosine(0.1, 0.02, 100)?;
/// assert_eq!([0, 50, 100, 101].map(|t| schedule.rate(t)), [0.1, 0.06, 0.02, 0.02]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine(from: f64, to: f64, over: u32) -> Result<Cosine, Error> {
    Cosine::new(from, to, over as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamped_or_not() {
        let cosine = Cosine::new(0.1, 0.0, 10.0).unwrap();
        assert_eq!([0, 5, 10, 20].map(|t| cosine.rate(t)), [0.1, 0.05, 0.0, 0.0]);
        assert_eq!([0, 5, 10, 20].map(|t| cosine.unclamped().rate(t)), [0.1, 0.05, 0.0, 0.1]);
        assert!(cosine.unclamped().value(u32::MAX) >= 0.0);
    }

    #[test]
    fn waves_and_exponent() {
        let cosine = Cosine::new(0.1, 0.0, 10.0).unwrap();
        assert_eq!(cosine.half_cycles(2.0).unwrap().rate(10), 0.1);
        assert_eq!(cosine.exponent(2.0).unwrap().rate(5), 0.025);
        assert!(cosine.half_cycles(f64::NAN).is_err() && cosine.exponent(-1.0).is_err());
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(Cosine::new(0.1, 0.0, 0.0).is_err());
        assert!(Cosine::new(-0.1, 0.0, 1.0).is_err());
        assert!(Cosine::new(0.1, f64::INFINITY, 1.0).is_err());
    }
}
