//! From one rate to another in a number of steps.

use super::shape::Curve;
use super::{Finite, Schedule, Shape, finite, steps_of};
use crate::error::Error;

/// `rate(t) = to + (from - to) * shape(t / over)` before step `over`, then `to`.
///
/// With [`Shape::Linear`] it is the usual warm-up; with another shape a cool-down.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ramp {
    from: f64,
    to: f64,
    over: f64,
    shape: Curve,
}

impl Ramp {
    /// A ramp from `from` to `to` in `over` steps (which need not be whole).
    ///
    /// # Errors
    /// [`Error::Parameter`] unless both rates are finite and not negative, `over` is positive, and the shape's own
    /// parameters make sense.
    pub const fn new(from: f64, to: f64, over: f64, shape: Shape) -> Result<Self, Error> {
        require_all!("from": NonNegative = from, "to": NonNegative = to, "over": Positive = over);
        propagate!(shape.check());
        Ok(Self { from, to, over, shape: Curve::new(shape) })
    }

    /// For named constructors: a length of 0 has arrived.
    pub(crate) const fn any_length(from: f64, to: f64, over: u32, shape: Shape) -> Self {
        Self { from, to, over: over as f64, shape: Curve::new(shape) }
    }
}

impl Schedule for Ramp {
    fn value(&self, step: u32) -> f64 {
        let t = f64::from(step);
        if t < self.over { finite(self.shape.between(self.from, self.to, t / self.over)) } else { self.to }
    }
}

impl Finite for Ramp {
    fn steps(&self) -> u32 {
        steps_of(self.over)
    }
}

/// A linear warm-up from 0 to `lr` in `steps` steps: `rate(t) = lr * min(t / steps, 1)`.
///
/// Step 0 trains at rate 0, as in transformers; a [`Ramp`] starts from another rate.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative and `steps` is at least 1.
///
/// ```
/// use microfit::schedule::{Schedule, cosine, warmup};
///
/// let schedule = warmup(0.1, 5)?.then(cosine(0.1, 0.0, 45)?);
/// assert_eq!(schedule.rate(4), 0.08);
/// assert_eq!(schedule.rate(5), 0.1);
/// assert_eq!(schedule.rate(50), 0.0);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn warmup(lr: f64, steps: u32) -> Result<Ramp, Error> {
    require_all!("lr": NonNegative = lr, "steps": AtLeastOne = steps);
    Ok(Ramp::any_length(0.0, lr, steps, Shape::Linear))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrives_and_stays() {
        let up = Ramp::new(0.0, 0.1, 4.0, Shape::Linear).unwrap();
        assert_eq!([0, 1, 2, 3, 4, u32::MAX].map(|t| up.rate(t)), [0.0, 0.025, 0.05, 0.075, 0.1, 0.1]);
        let down = Ramp::new(0.1, 0.0, 2.5, Shape::Linear).unwrap();
        assert_eq!([0, 1, 2, 3].map(|t| down.rate(t)), [0.1, 0.06, 0.02, 0.0]);
        assert_eq!(down.steps(), 3);
    }

    #[test]
    fn no_length_has_arrived() {
        assert_eq!(Ramp::any_length(0.1, 0.2, 0, Shape::Cosine).value(0), 0.2);
    }

    #[test]
    fn refuses_bad_parameters() {
        for (from, to, over) in [(-0.1, 0.1, 1.0), (0.1, f64::NAN, 1.0), (0.1, 0.0, 0.0), (0.1, 0.0, f64::INFINITY)] {
            assert!(Ramp::new(from, to, over, Shape::Linear).is_err());
        }
        assert!(Ramp::new(0.1, 0.0, 1.0, Shape::Power { exponent: -1.0 }).is_err());
        assert!(warmup(0.1, 0).is_err());
    }
}
