//! Interpolation between knots at real-valued times.

use super::shape::Curve;
use super::{Finite, Schedule, Shape, finite, steps_of};
use crate::error::{Error, Requirement};

/// A curve through `N` knots `(time, rate)`, along one [`Shape`] from each to the next.
///
/// A knot's time is a real number and may fall between steps. Before the first knot the rate is the first knot's, past
/// the last one the last one's, except as far as [`Self::overshoot`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Knots<const N: usize> {
    points: [(f64, f64); N],
    shape: Curve,
    overshoot: f64,
}

impl<const N: usize> Knots<N> {
    /// A curve through the knots, whose times increase.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless there is a knot, the times increase and are not negative, and the rates are finite and not negative.
    pub const fn new(knots: [(f64, f64); N], shape: Shape) -> Result<Self, Error> {
        propagate!(shape.check());
        require_all!("knots": AtLeastOne = N);
        let mut rest: &[(f64, f64)] = &knots;
        while let [(time, rate), tail @ ..] = rest {
            require_all!("knots": NonNegative = *time, "knots": NonNegative = *rate);
            if let [(next, _), ..] = tail
                && *next <= *time
            {
                return Err(Error::Parameter { name: "knots", must_be: Requirement::Increasing, found: *next as f32 });
            }
            rest = tail;
        }
        Ok(Self::any_times(knots, shape, 0.0))
    }

    /// For one-cycle, whose knots may lie before 0 or on top of each other.
    pub(crate) const fn any_times(knots: [(f64, f64); N], shape: Shape, overshoot: f64) -> Self {
        Self { points: knots, shape: Curve::new(shape), overshoot }
    }

    /// Goes on along the last piece for `steps` steps past its end, then falls back to the last knot's rate.
    pub const fn overshoot(mut self, steps: u32) -> Self {
        self.overshoot = steps as f64;
        self
    }
}

impl<const N: usize> Schedule for Knots<N> {
    fn value(&self, step: u32) -> f64 {
        let mut knots = self.points.iter().copied();
        let Some((mut x0, mut y0)) = knots.next() else { return 0.0 };
        let end = self.points.last().map_or(x0, |&(time, _)| time);
        let t = f64::from(step).max(x0);
        // One-cycle's last knot may lie before the one it follows, which must not be taken for the end then.
        let t = if t > end + self.overshoot { end } else { t };
        let mut knots = knots.peekable();
        while let Some((x, y)) = knots.next() {
            if t <= x || (knots.peek().is_none() && t <= x + self.overshoot && x != x0) {
                return finite(y + (y0 - y) * self.shape.fall((t - x0) / (x - x0)));
            }
            (x0, y0) = (x, y);
        }
        y0
    }
}

impl<const N: usize> Finite for Knots<N> {
    fn steps(&self) -> u32 {
        self.points.last().map_or(0, |&(time, _)| steps_of(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::torch::{Anneal::Linear, OneCycleOptions, one_cycle};

    #[test]
    fn goes_through_its_knots() {
        let curve = Knots::new([(0.0, 0.0), (2.5, 0.5), (5.0, 0.25)], Shape::Linear).unwrap();
        assert_eq!([0, 1, 2, 5, 6, u32::MAX].map(|t| curve.rate(t)), [0.0, 0.2, 0.4, 0.25, 0.25, 0.25]);
        assert_eq!([6, 7].map(|t| curve.overshoot(1).rate(t)), [0.15, 0.25]);
        assert_eq!(curve.steps(), 5);
    }

    #[test]
    fn stays_at_its_first_knot_until_then() {
        for shape in [Shape::Linear, Shape::Cosine, Shape::OneMinusSqrt] {
            let curve = Knots::new([(10.0, 0.01), (20.0, 0.1)], shape).unwrap();
            assert_eq!([0, 5, 10, 20, 99].map(|t| curve.rate(t)), [0.01, 0.01, 0.01, 0.1, 0.1]);
        }
    }

    /// With three phases and `pct_start` above one half the last knot lies before the one it follows. Computed by torch's formula.
    #[test]
    fn one_cycle_may_end_before_it_is_back() {
        let at = |total, pct_start, steps: [u32; 3]| {
            let options =
                OneCycleOptions { pct_start, three_phase: true, anneal_strategy: Linear, ..OneCycleOptions::DEFAULT };
            let schedule = one_cycle(0.1, total, options).unwrap();
            steps.map(|step| schedule.rate(step))
        };
        assert_eq!(at(3, 0.7, [1, 2, 3]), [0.091_272_73, 0.021_454_545, 0.019_998_4]);
        // Past one step too many it is the rate of the last step.
        assert_eq!(at(10, 0.8, [9, 10, 11]), [0.072_571_43, 0.058_857_143, 0.072_571_43]);
    }

    #[test]
    fn refuses_bad_knots() {
        assert!(Knots::new([], Shape::Linear).is_err());
        assert!(Knots::new([(0.0, 0.1), (0.0, 0.2)], Shape::Linear).is_err());
        assert!(Knots::new([(0.0, 0.1), (1.0, -0.2)], Shape::Linear).is_err());
        assert!(Knots::new([(f64::NAN, 0.1)], Shape::Linear).is_err());
    }
}
