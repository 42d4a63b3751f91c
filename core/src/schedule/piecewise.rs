//! Tables: constant between boundaries, or interpolated.

use super::shape::Curve;
use super::{Schedule, Shape, finite, times};
use crate::error::{Error, Requirement};

/// `rate(t) = values[i]`, where `i` boundaries have been passed.
///
/// The libraries disagree on a step that is equal to a boundary: by default the next value holds from it on (as torch
/// and optax count), with [`Self::inclusive`] the old one still holds at it (Keras).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Piecewise<'a> {
    boundaries: &'a [u32],
    values: &'a [f64],
    inclusive: bool,
}

impl<'a> Piecewise<'a> {
    /// The first value before the first boundary, the last from the last boundary on.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the boundaries increase, there is one value more than boundaries, and all values
    /// are finite and not negative.
    pub const fn new(boundaries: &'a [u32], values: &'a [f64]) -> Result<Self, Error> {
        if values.len() != boundaries.len() + 1 {
            let must_be = Requirement::OneMoreThanBoundaries;
            return Err(Error::Parameter { name: "values", must_be, found: values.len() as f32 });
        }
        propagate!(increasing(boundaries));
        let mut rest = values;
        while let [value, tail @ ..] = rest {
            require_all!("values": NonNegative = *value);
            rest = tail;
        }
        Ok(Self { boundaries, values, inclusive: false })
    }

    /// The value before a boundary still holds at it.
    pub const fn inclusive(mut self) -> Self {
        self.inclusive = true;
        self
    }
}

pub(crate) const fn increasing(boundaries: &[u32]) -> Result<(), Error> {
    let mut rest = boundaries;
    while let [low, tail @ ..] = rest {
        if let [high, ..] = tail
            && *high <= *low
        {
            let must_be = Requirement::Increasing;
            return Err(Error::Parameter { name: "boundaries", must_be, found: *high as f32 });
        }
        rest = tail;
    }
    Ok(())
}

impl Schedule for Piecewise<'_> {
    fn value(&self, step: u32) -> f64 {
        let passed = |boundary: &&u32| if self.inclusive { **boundary < step } else { **boundary <= step };
        let index = self.boundaries.iter().take_while(passed).count();
        self.values.get(index).copied().unwrap_or_default()
    }
}

/// `rate(t) = lr * (product of the scales whose boundary is <= t)`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scales<'a> {
    lr: f64,
    table: &'a [(u32, f64)],
    between: Option<Curve>,
}

impl<'a> Scales<'a> {
    /// Starts at `lr` and multiplies by each scale from its boundary on.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` and the scales are finite and not negative and the boundaries do not decrease.
    pub const fn new(lr: f64, boundaries_and_scales: &'a [(u32, f64)]) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr);
        let mut rest = boundaries_and_scales;
        while let [(boundary, scale), tail @ ..] = rest {
            require_all!("boundaries_and_scales": NonNegative = *scale);
            if let [(next, _), ..] = tail
                && *next < *boundary
            {
                let must_be = Requirement::Increasing;
                return Err(Error::Parameter { name: "boundaries_and_scales", must_be, found: *next as f32 });
            }
            rest = tail;
        }
        Ok(Self { lr, table: boundaries_and_scales, between: None })
    }

    /// Goes from one product to the next along `shape` instead of jumping; constant from the last boundary on.
    ///
    /// # Errors
    /// [`Error::Parameter`] where the shape's own parameters make no sense.
    pub const fn interpolated(mut self, shape: Shape) -> Result<Self, Error> {
        propagate!(shape.check());
        self.between = Some(Curve::new(shape));
        Ok(self)
    }
}

impl Schedule for Scales<'_> {
    fn value(&self, step: u32) -> f64 {
        walk(self.lr, self.table, self.between, step)
    }
}

fn walk(lr: f64, scales: &[(u32, f64)], between: Option<Curve>, step: u32) -> f64 {
    let (mut value, mut from) = (lr, 0_u32);
    for &(boundary, scale) in scales {
        let next = times(value, scale);
        if step < boundary {
            let Some(shape) = between else { return value };
            let u = f64::from(step.saturating_sub(from)) / f64::from(boundary.saturating_sub(from).max(1));
            return finite(next + (value - next) * shape.fall(u));
        }
        (value, from) = (next, boundary);
    }
    value
}

/// [`Scales`] that owns its `N` boundaries: what optax' one-cycles are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScaleTable<const N: usize> {
    pub(crate) lr: f64,
    pub(crate) scales: [(u32, f64); N],
    pub(crate) shape: Curve,
}

impl<const N: usize> Schedule for ScaleTable<N> {
    fn value(&self, step: u32) -> f64 {
        walk(self.lr, &self.scales, Some(self.shape), step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundary_inclusive_or_not() {
        let schedule = Piecewise::new(&[10, 20], &[0.3, 0.2, 0.1]).unwrap();
        assert_eq!([9, 10, 11, 20, 21].map(|t| schedule.value(t)), [0.3, 0.2, 0.2, 0.1, 0.1]);
        assert_eq!([9, 10, 11, 20, 21].map(|t| schedule.inclusive().value(t)), [0.3, 0.3, 0.2, 0.2, 0.1]);
    }

    #[test]
    fn scales_compound() {
        let scales = [(10, 2.0), (20, 0.5)];
        let schedule = Scales::new(0.1, &scales).unwrap();
        assert_eq!([0, 9, 10, 20].map(|t| schedule.value(t)), [0.1, 0.1, 0.2, 0.1]);
        let schedule = schedule.interpolated(Shape::Linear).unwrap();
        assert_eq!([0, 5, 10, 15, 20, u32::MAX].map(|t| schedule.rate(t)), [0.1, 0.15, 0.2, 0.15, 0.1, 0.1]);
    }

    #[test]
    fn refuses_bad_tables() {
        assert!(Piecewise::new(&[10], &[0.1]).is_err());
        assert!(Piecewise::new(&[10, 10], &[0.1, 0.2, 0.3]).is_err());
        assert!(Piecewise::new(&[10], &[0.1, f64::NAN]).is_err());
        assert!(Scales::new(0.1, &[(2, 1.0), (1, 1.0)]).is_err());
        assert!(Scales::new(0.1, &[(2, -1.0)]).is_err());
        assert!(Scales::new(f64::INFINITY, &[]).is_err());
    }
}
