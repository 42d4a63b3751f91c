//! Schedules of the user's own.

use super::{Schedule, finite, times};
use crate::error::Error;

/// A schedule from a closure: `FromFn(|step| 0.1 / f64::from(step + 1))`.
///
/// What the closure returns is the rate; NaN counts as 0 and an infinity as the largest f64.
///
/// ```
/// use microfit::schedule::{FromFn, Schedule, constant};
///
/// let schedule = constant(0.1)?.take(10).then(FromFn(|step| 0.1 / (f64::from(step) + 1.0)));
/// assert_eq!(schedule.rate(11), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FromFn<F>(pub F);

impl<F: Fn(u32) -> f64> Schedule for FromFn<F> {
    fn value(&self, step: u32) -> f64 {
        finite((self.0)(step))
    }
}

/// `rate(0) = lr`, `rate(t) = rate(t - 1) * factor(t)`: a rate known only by how it changes.
///
/// There is no closed form, so **a call takes time proportional to the step** (until the product reaches 0, where it
/// stays). NaN counts as 0. `Fit::identity` looks at its steps to 1024, with some 10,000 calls of the factor.
#[derive(Debug, Clone, Copy)]
pub struct Multiplicative<F> {
    lr: f64,
    factor: F,
}

impl<F: Fn(u32) -> f64> Multiplicative<F> {
    /// Starts at `lr`; `factor` is called for the steps from 1.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` is finite and not negative.
    pub fn new(lr: f64, factor: F) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr);
        Ok(Self { lr, factor })
    }
}

impl<F: Fn(u32) -> f64> Schedule for Multiplicative<F> {
    fn value(&self, step: u32) -> f64 {
        let mut value = self.lr;
        for t in 1..=step {
            value = times(value, (self.factor)(t));
            if value == 0.0 {
                break;
            }
        }
        value
    }

    fn last_tried(&self) -> u32 {
        1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures() {
        assert_eq!(FromFn(|step| f64::from(step) * 0.5).value(3), 1.5);
        assert_eq!(FromFn(|_| f64::NAN).value(3), 0.0);
        assert_eq!(FromFn(|_| f64::INFINITY).value(3), f64::MAX);
    }

    #[test]
    fn products() {
        let schedule = Multiplicative::new(1.0, |step| 1.0 / f64::from(step)).unwrap();
        assert_eq!([0, 1, 2, 4].map(|t| schedule.value(t)), [1.0, 1.0, 0.5, 0.25 / 6.0]);
        assert_eq!(schedule.value(u32::MAX), 0.0);
        assert_eq!(Multiplicative::new(1.0, |_| f64::NAN).unwrap().value(1), 0.0);
        assert!(Multiplicative::new(-1.0, |_| 1.0).is_err());
    }
}
