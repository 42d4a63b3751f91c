//! Combinators: schedules made of schedules.
//!
//! Each is a struct with a `const` constructor, and a method of [`Schedule`] where that reads better.

use super::shape::Curve;
use super::{Finite, LAST_TRIED, Schedule, Shape, finite, times};
use crate::error::{Error, Requirement};

/// `first` for `steps` steps, then `second` **on a clock of its own**, which reads 0 at its first step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Then<A, B> {
    first: A,
    steps: u32,
    second: B,
}

impl<A, B> Then<A, B> {
    /// `second` begins at step `steps`; 0 skips `first`.
    pub const fn new(first: A, steps: u32, second: B) -> Self {
        Self { first, steps, second }
    }
}

impl<A: Schedule, B: Schedule> Schedule for Then<A, B> {
    fn value(&self, step: u32) -> f64 {
        step.checked_sub(self.steps).map_or_else(|| self.first.value(step), |local| self.second.value(local))
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        step.checked_sub(self.steps).map_or_else(|| self.first.momentum(step), |local| self.second.momentum(local))
    }

    fn last_tried(&self) -> u32 {
        self.first.last_tried().min(self.second.last_tried())
    }
}

impl<A: Schedule, B: Finite> Finite for Then<A, B> {
    fn steps(&self) -> u32 {
        self.steps.saturating_add(self.second.steps())
    }
}

/// `first` before step `until`, then `second`, **on one clock**: a warm-up that does not shift what it warms up for.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Overlay<A, B> {
    first: A,
    until: u32,
    second: B,
}

impl<A, B> Overlay<A, B> {
    /// `second` is seen from step `until` on.
    pub const fn new(first: A, until: u32, second: B) -> Self {
        Self { first, until, second }
    }
}

impl<A: Schedule, B: Schedule> Schedule for Overlay<A, B> {
    fn value(&self, step: u32) -> f64 {
        if step < self.until { self.first.value(step) } else { self.second.value(step) }
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        if step < self.until { self.first.momentum(step) } else { self.second.momentum(step) }
    }

    fn last_tried(&self) -> u32 {
        self.first.last_tried().min(self.second.last_tried())
    }
}

/// `rate(t) = first(t) * second(t)`. Momentum is the first's, where it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Product<A, B> {
    first: A,
    second: B,
}

impl<A, B> Product<A, B> {
    /// The product of both.
    pub const fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Schedule, B: Schedule> Schedule for Product<A, B> {
    fn value(&self, step: u32) -> f64 {
        times(self.first.value(step), self.second.value(step))
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        self.first.momentum(step).or_else(|| self.second.momentum(step))
    }

    fn last_tried(&self) -> u32 {
        self.first.last_tried().min(self.second.last_tried())
    }
}

/// A schedule whose value, or whose clock, is changed by one number; momentum follows the clock.
macro_rules! wrapper {
    ($(#[$doc:meta])* $name:ident { $field:ident: $type:ty },
     value |$self:ident, $step:ident| $value:expr, clock |$me:ident, $at:ident| $clock:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $name<S> {
            inner: S,
            $field: $type,
        }

        impl<S: Schedule> Schedule for $name<S> {
            fn value(&self, step: u32) -> f64 {
                let ($self, $step) = (self, step);
                $value
            }

            fn momentum(&self, step: u32) -> Option<f32> {
                let ($me, $at) = (self, step);
                let _ = $me.$field;
                self.inner.momentum($clock)
            }

            fn last_tried(&self) -> u32 {
                self.inner.last_tried()
            }
        }
    };
}

wrapper! {
    /// `rate(t) = inner(t) * factor`.
    Scale { factor: f64 },
    value |me, t| times(me.inner.value(t), me.factor), clock |me, t| t
}

impl<S> Scale<S> {
    /// `inner` times `factor`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `factor` is finite and not negative.
    pub const fn new(inner: S, factor: f64) -> Result<Self, Error>
    where
        S: Copy,
    {
        require_all!("factor": NonNegative = factor);
        Ok(Self { inner, factor })
    }
}

impl<S: Finite> Finite for Scale<S> {
    fn steps(&self) -> u32 {
        self.inner.steps()
    }
}

wrapper! {
    /// `rate(t) = max(0, inner(t) + offset)`.
    Offset { offset: f64 },
    value |me, t| finite(me.inner.value(t) + me.offset).max(0.0), clock |me, t| t
}

impl<S> Offset<S> {
    /// `inner` plus `offset`, which may be negative; the sum is kept from falling below 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `offset` is finite.
    pub const fn new(inner: S, offset: f64) -> Result<Self, Error>
    where
        S: Copy,
    {
        require_all!("offset": Finite = offset);
        Ok(Self { inner, offset })
    }
}

impl<S: Finite> Finite for Offset<S> {
    fn steps(&self) -> u32 {
        self.inner.steps()
    }
}

wrapper! {
    /// `rate(t) = min(max(inner(t), low), high)`.
    Clamp { range: (f64, f64) },
    value |me, t| me.inner.value(t).max(me.range.0).min(me.range.1), clock |me, t| t
}

impl<S> Clamp<S> {
    /// `inner`, not below `low` and not above `high`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `low` is finite and not negative and `high` is finite and not below it.
    pub const fn new(inner: S, low: f64, high: f64) -> Result<Self, Error>
    where
        S: Copy,
    {
        require_all!("low": NonNegative = low, "high": NonNegative = high);
        if high < low {
            let must_be = Requirement::AtLeastThePrevious;
            return Err(Error::Parameter { name: "high", must_be, found: high as f32 });
        }
        Ok(Self { inner, range: (low, high) })
    }
}

impl<S: Finite> Finite for Clamp<S> {
    fn steps(&self) -> u32 {
        self.inner.steps()
    }
}

wrapper! {
    /// `rate(t) = inner(t mod period)`: the same cycle for ever.
    Repeat { period: u32 },
    value |me, t| me.inner.value(t.checked_rem(me.period).unwrap_or(0)),
    clock |me, t| t.checked_rem(me.period).unwrap_or(0)
}

impl<S> Repeat<S> {
    /// The first `period` steps of `inner`, again and again.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `period` is at least 1.
    pub const fn new(inner: S, period: u32) -> Result<Self, Error>
    where
        S: Copy,
    {
        require_all!("period": AtLeastOne = period);
        Ok(Self { inner, period })
    }
}

wrapper! {
    /// `rate(t) = inner(min(t, steps))`: holds the value reached after `steps` steps.
    Take { steps: u32 },
    value |me, t| me.inner.value(t.min(me.steps)), clock |me, t| t.min(me.steps)
}

impl<S> Take<S> {
    /// `inner` for `steps` steps; then its value at `steps`.
    pub const fn new(inner: S, steps: u32) -> Self
    where
        S: Copy,
    {
        Self { inner, steps }
    }
}

impl<S: Schedule> Finite for Take<S> {
    fn steps(&self) -> u32 {
        self.steps
    }
}

wrapper! {
    /// `rate(t) = inner(max(t - steps, 0))`: holds the first value for `steps` steps longer.
    Delay { steps: u32 },
    value |me, t| me.inner.value(t.saturating_sub(me.steps)), clock |me, t| t.saturating_sub(me.steps)
}

impl<S> Delay<S> {
    /// `inner`, `steps` steps later.
    pub const fn new(inner: S, steps: u32) -> Self
    where
        S: Copy,
    {
        Self { inner, steps }
    }
}

impl<S: Finite> Finite for Delay<S> {
    fn steps(&self) -> u32 {
        self.inner.steps().saturating_add(self.steps)
    }
}

wrapper! {
    /// `rate(t) = inner(t + steps)`: skips the first steps, or counts from another number than 0.
    Ahead { steps: u32 },
    value |me, t| me.inner.value(t.saturating_add(me.steps)), clock |me, t| t.saturating_add(me.steps)
}

impl<S> Ahead<S> {
    /// `inner`, `steps` steps earlier.
    pub const fn new(inner: S, steps: u32) -> Self
    where
        S: Copy,
    {
        Self { inner, steps }
    }
}

impl<S: Finite> Finite for Ahead<S> {
    fn steps(&self) -> u32 {
        self.inner.steps().saturating_sub(self.steps)
    }
}

/// `rate(t) = to + (inner(t) - to) * shape(u)`, `u = (t - begin) / over` from 0 to 1: leads whatever `inner` does to
/// the rate `to`, on one clock.
///
/// The cool-down of warm-up, stable, decay (WSD), and the annealing of stochastic weight averaging (SWA).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fade<S> {
    inner: S,
    to: f64,
    begin: u32,
    over: u32,
    shape: Curve,
}

impl<S: Copy> Fade<S> {
    /// Begins to leave `inner` at step `begin` and has arrived at `to` `over` steps later; at once if `over` is 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `to` is finite and not negative and the shape's own parameters make sense.
    pub const fn new(inner: S, to: f64, begin: u32, over: u32, shape: Shape) -> Result<Self, Error> {
        require_all!("to": NonNegative = to);
        propagate!(shape.check());
        Ok(Self { inner, to, begin, over, shape: Curve::new(shape) })
    }
}

impl<S: Schedule> Schedule for Fade<S> {
    fn value(&self, step: u32) -> f64 {
        let Some(gone) = step.checked_sub(self.begin) else { return self.inner.value(step) };
        if gone >= self.over {
            return self.to;
        }
        let u = f64::from(gone) / f64::from(self.over);
        finite(self.to + (self.inner.value(step) - self.to) * self.shape.fall(u))
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        self.inner.momentum(step)
    }

    fn last_tried(&self) -> u32 {
        self.inner.last_tried()
    }
}

impl<S: Schedule> Finite for Fade<S> {
    fn steps(&self) -> u32 {
        self.begin.saturating_add(self.over)
    }
}

/// The rate of one schedule and, where there is another, its values as momentum.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WithMomentum<S, M> {
    rate: S,
    momentum: Option<M>,
}

impl<S, M> WithMomentum<S, M> {
    /// `rate` drives the learning rate, `momentum` the momentum; with `None` the optimizer keeps its own.
    pub const fn new(rate: S, momentum: Option<M>) -> Self {
        Self { rate, momentum }
    }
}

impl<S: Schedule, M: Schedule> Schedule for WithMomentum<S, M> {
    fn value(&self, step: u32) -> f64 {
        self.rate.value(step)
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        self.momentum.as_ref().map(|momentum| momentum.rate(step))
    }

    fn last_tried(&self) -> u32 {
        self.momentum.as_ref().map_or(LAST_TRIED, M::last_tried).min(self.rate.last_tried())
    }
}

impl<S: Finite, M: Schedule> Finite for WithMomentum<S, M> {
    fn steps(&self) -> u32 {
        self.rate.steps()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Constant, FromFn, Multiplicative, Sequential, warmup};
    use super::*;

    /// A schedule that says what time it is.
    fn clock() -> FromFn<fn(u32) -> f64> {
        FromFn(f64::from)
    }

    #[test]
    fn are_tried_as_far_as_their_parts() {
        let (slow, fast) = (|| Multiplicative::new(0.1, |_| 0.9).unwrap(), || Constant::new(0.1).unwrap());
        let slowest = slow().last_tried();
        assert!(slowest < fast().last_tried());
        assert_eq!(Then::new(slow(), 3, fast()).last_tried(), slowest);
        assert_eq!(Overlay::new(fast(), 3, slow()).last_tried(), slowest);
        assert_eq!(fast().product(slow()).last_tried(), slowest);
        assert_eq!(slow().scale(0.5).unwrap().last_tried(), slowest);
        assert_eq!(Fade::new(slow(), 0.0, 3, 3, Shape::Linear).unwrap().last_tried(), slowest);
        assert_eq!(WithMomentum::new(slow(), None::<Constant>).last_tried(), slowest);
        assert_eq!(WithMomentum::new(fast(), Some(slow())).last_tried(), slowest);
        assert_eq!(Sequential::new(&[&fast() as &dyn Schedule, &slow()], &[3]).unwrap().last_tried(), slowest);
        assert_eq!(Then::new(fast(), 3, fast()).last_tried(), LAST_TRIED);
    }

    #[test]
    fn local_and_shared_clocks() {
        let lr = Constant::new(7.0).unwrap();
        let then = Then::new(lr, 2, clock());
        assert_eq!([0, 1, 2, 3].map(|t| then.value(t)), [7.0, 7.0, 0.0, 1.0]);
        let overlay = Overlay::new(lr, 2, clock());
        assert_eq!([0, 1, 2, 3].map(|t| overlay.value(t)), [7.0, 7.0, 2.0, 3.0]);
        assert_eq!(Then::new(lr, 0, clock()).value(0), 0.0);
    }

    #[test]
    fn values() {
        let two = Constant::new(2.0).unwrap();
        assert_eq!(clock().product(two).value(3), 6.0);
        assert_eq!(clock().scale(0.5).unwrap().value(3), 1.5);
        assert_eq!([1, 3].map(|t| clock().offset(-2.0).unwrap().value(t)), [0.0, 1.0]);
        assert_eq!([1, 3, 9].map(|t| clock().clamp(2.0, 4.0).unwrap().value(t)), [2.0, 3.0, 4.0]);
        let fade = Fade::new(two, 1.0, 2, 2, Shape::Linear).unwrap();
        assert_eq!([0, 2, 3, 4, 5].map(|t| fade.value(t)), [2.0, 2.0, 1.5, 1.0, 1.0]);
        assert_eq!(Fade::new(two, 1.0, 0, 0, Shape::Linear).unwrap().value(0), 1.0);
    }

    #[test]
    fn clocks() {
        assert_eq!([2, 3, 7].map(|t| clock().cycle(3).unwrap().value(t)), [2.0, 0.0, 1.0]);
        assert_eq!([2, 3, 7].map(|t| clock().take(3).value(t)), [2.0, 3.0, 3.0]);
        assert_eq!([2, 3, 7].map(|t| clock().delay(3).value(t)), [0.0, 0.0, 4.0]);
        assert_eq!([0, u32::MAX].map(|t| clock().ahead(3).value(t)), [3.0, f64::from(u32::MAX)]);
    }

    #[test]
    fn lengths_add_up() {
        let schedule = warmup(0.1, 5).unwrap().then(clock().take(10)).then(clock().take(7));
        assert_eq!(schedule.steps(), 22);
        assert_eq!(schedule.value(16), 1.0);
    }

    /// What changes the value keeps the end, what changes the clock moves it.
    #[test]
    fn an_end_is_seen_from_outside() {
        let up = warmup(0.1, 5).unwrap();
        assert_eq!(up.scale(0.5).unwrap().steps(), 5);
        assert_eq!(up.offset(0.1).unwrap().steps(), 5);
        assert_eq!(up.clamp(0.0, 0.05).unwrap().steps(), 5);
        assert_eq!([2, 5, 9].map(|steps| up.ahead(steps).steps()), [3, 0, 0]);
        assert_eq!((&up).then(clock()).value(7), 2.0);
        let any: &dyn Finite = &up;
        assert_eq!(any.then(clock()).value(7), 2.0);
    }

    #[test]
    fn momentum_follows_its_clock() {
        let both = WithMomentum::new(clock(), Some(clock()));
        assert_eq!(both.delay(2).momentum(5), Some(3.0));
        assert_eq!(clock().take(4).then(both).momentum(5), Some(1.0));
        assert_eq!(clock().take(4).then(both).momentum(3), None);
        assert_eq!(WithMomentum::<_, Constant>::new(clock(), None).momentum(5), None);
        assert_eq!(clock().product(both).momentum(5), Some(5.0));
    }

    #[test]
    fn refuses_bad_parameters() {
        assert!(clock().scale(-1.0).is_err() && clock().offset(f64::NAN).is_err() && clock().cycle(0).is_err());
        assert!(clock().clamp(2.0, 1.0).is_err() && clock().clamp(f64::NAN, 1.0).is_err());
        assert!(Fade::new(clock(), -1.0, 0, 1, Shape::Linear).is_err());
    }
}
