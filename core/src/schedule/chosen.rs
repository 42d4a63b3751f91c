//! Functions chosen where their parameter is, so that a program links those it uses and no others.

use core::fmt;

use crate::math::f64 as m;

/// A parameter and the function that a `const` constructor has chosen for it.
///
/// A `match` at each step would link every arm's function, whichever the parameter is; a pointer in a `const` links
/// its own. Equality and text are the parameter's, because equal functions need not have equal addresses.
#[derive(Clone, Copy)]
pub(crate) struct Chosen<P, F> {
    pub(crate) by: P,
    pub(crate) function: F,
}

impl<P: PartialEq, F> PartialEq for Chosen<P, F> {
    fn eq(&self, other: &Self) -> bool {
        self.by == other.by
    }
}

impl<P: fmt::Debug, F> fmt::Debug for Chosen<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by.fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl<P: defmt::Format, F> defmt::Format for Chosen<P, F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.by.format(f);
    }
}

/// A function of one variable by one number: `pow`, unless the number is 1.
pub(crate) type Pow = Chosen<f64, fn(f64, f64) -> f64>;

impl Pow {
    /// `x^exponent`.
    pub(crate) const fn exponent(exponent: f64) -> Self {
        Self { by: exponent, function: if exponent == 1.0 { |x, _| x } else { m::pow } }
    }

    /// `base^x`.
    pub(crate) const fn base(base: f64) -> Self {
        Self { by: base, function: if base == 1.0 { |_, _| 1.0 } else { |x, base| m::pow(base, x) } }
    }

    pub(crate) fn of(&self, x: f64) -> f64 {
        (self.function)(x, self.by)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;

    #[test]
    fn one_needs_no_power() {
        for x in [0.0, 0.3, 1.0, 7.0] {
            assert_eq!(Pow::exponent(1.0).of(x), m::pow(x, 1.0));
            assert_eq!(Pow::base(1.0).of(x), m::pow(1.0, x));
            assert_eq!(Pow::exponent(0.7).of(x), m::pow(x, 0.7));
            assert_eq!(Pow::base(0.7).of(x), m::pow(0.7, x));
        }
    }

    #[test]
    fn is_told_by_its_parameter() {
        assert_eq!(Pow::exponent(2.0), Pow::exponent(2.0));
        assert_ne!(Pow::exponent(2.0), Pow::exponent(3.0));
        assert_eq!(format!("{:?}", Pow::exponent(2.0)), "2.0");
    }
}
