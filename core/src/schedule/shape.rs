//! The curve between two rates.

use super::chosen::Chosen;
use crate::error::{Error, Requirement, require};
use crate::math::f64 as m;

/// How the way from one rate to another is gone: a function that falls from 1 to 0 while `u` grows from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Shape {
    /// `1 - u`
    Linear,
    /// `H(u) = (1 + cos(pi u)) / 2`
    Cosine,
    /// `H(half_cycles * u)`: half a cycle is [`Self::Cosine`]; an odd number ends at 0, an even one at 1.
    Waves {
        /// Half cycles from start to end.
        half_cycles: f64,
    },
    /// `H(cycles * u mod 1)`, and 0 at the end: each cycle starts at 1 again.
    HardRestarts {
        /// Falls from start to end.
        cycles: f64,
    },
    /// `1 - sqrt(u)`
    OneMinusSqrt,
    /// `1 - u^exponent`
    Power {
        /// Above 0: 0.5 is [`Self::OneMinusSqrt`], 1 is [`Self::Linear`].
        exponent: f64,
    },
    /// `(1 - u)^power`
    Polynomial {
        /// At least 0: 1 is [`Self::Linear`].
        power: f64,
    },
    /// `(ratio^u - ratio) / (1 - ratio)`
    Exponential {
        /// Between 0 and 1: how far the exponential has fallen at the end.
        ratio: f64,
    },
    /// `(1 - tanh(lower (1 - u) + upper u)) / 2`, which reaches 1 and 0 only nearly.
    Tanh {
        /// The argument of tanh at the start.
        lower: f64,
        /// The argument of tanh at the end.
        upper: f64,
    },
}

impl Shape {
    pub(crate) const fn check(self) -> Result<(), Error> {
        match self {
            Self::Linear | Self::Cosine | Self::OneMinusSqrt => Ok(()),
            Self::Waves { half_cycles } => require("half_cycles", Requirement::NonNegative, half_cycles),
            Self::HardRestarts { cycles } => require("cycles", Requirement::NonNegative, cycles),
            Self::Power { exponent } => require("exponent", Requirement::Positive, exponent),
            Self::Polynomial { power } => require("power", Requirement::NonNegative, power),
            Self::Exponential { ratio } => require("ratio", Requirement::OpenFraction, ratio),
            Self::Tanh { lower, upper } => match require("lower", Requirement::Finite, lower) {
                Ok(()) if upper > lower => require("upper", Requirement::Finite, upper),
                Ok(()) => {
                    Err(Error::Parameter { name: "upper", must_be: Requirement::AboveThePrevious, found: upper as f32 })
                }
                Err(error) => Err(error),
            },
        }
    }

    /// What the curve's function is called with.
    const fn parameters(self) -> (f64, f64) {
        match self {
            Self::Linear | Self::Cosine | Self::OneMinusSqrt => (0.0, 0.0),
            Self::Waves { half_cycles: x }
            | Self::HardRestarts { cycles: x }
            | Self::Power { exponent: x }
            | Self::Polynomial { power: x }
            | Self::Exponential { ratio: x } => (x, 0.0),
            Self::Tanh { lower, upper } => (lower, upper),
        }
    }
}

/// From `u` and the shape's parameters.
type Way = fn(f64, f64, f64) -> f64;

/// The way still to go, and the way gone where it can be had without the cancellation of `1 - fall(u)`.
#[derive(Clone, Copy)]
pub(crate) struct Ways {
    fall: Way,
    rise: Option<Way>,
}

/// A [`Shape`] with its own functions and no others.
pub(crate) type Curve = Chosen<Shape, Ways>;

impl Curve {
    pub(crate) const fn new(shape: Shape) -> Self {
        let fall: Way = match shape {
            Shape::Linear => |u, _, _| 1.0 - u,
            Shape::Cosine => |u, _, _| half_cosine(u),
            Shape::Waves { .. } => |u, half_cycles, _| half_cosine(half_cycles * u),
            Shape::HardRestarts { .. } => |u, cycles, _| {
                if u >= 1.0 { 0.0 } else { half_cosine(cycles * u - m::floor(cycles * u)) }
            },
            Shape::OneMinusSqrt => |u, _, _| 1.0 - m::sqrt(u),
            Shape::Power { .. } => |u, exponent, _| 1.0 - m::pow(u, exponent),
            Shape::Polynomial { .. } => |u, power, _| m::pow(1.0 - u, power),
            Shape::Exponential { .. } => |u, ratio, _| (m::pow(ratio, u) - ratio) / (1.0 - ratio),
            Shape::Tanh { .. } => |u, lower, upper| 0.5 * (1.0 - m::tanh(lower * (1.0 - u) + upper * u)),
        };
        let rise: Option<Way> = match shape {
            Shape::Linear => Some(|u, _, _| u),
            Shape::Cosine => Some(|u, _, _| 0.5 * (1.0 - m::cos_pi(u))),
            _ => None,
        };
        Self { by: shape, function: Ways { fall, rise } }
    }

    /// The way still to go at `u`.
    pub(crate) fn fall(&self, u: f64) -> f64 {
        let (a, b) = self.by.parameters();
        (self.function.fall)(u, a, b)
    }

    /// The way gone at `u`.
    fn rise(&self, u: f64) -> f64 {
        match self.function.rise {
            Some(rise) => rise(u, 0.0, 0.0),
            None => 1.0 - self.fall(u),
        }
    }

    /// From `from` at `u = 0` to `to` at `u = 1`; exact at the lower end, where a relative error would be largest.
    pub(crate) fn between(&self, from: f64, to: f64, u: f64) -> f64 {
        if from < to { from + (to - from) * self.rise(u) } else { to + (from - to) * self.fall(u) }
    }
}

/// `H(x) = (1 + cos(pi x)) / 2`
pub(crate) fn half_cosine(x: f64) -> f64 {
    0.5 * (1.0 + m::cos_pi(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Shape; 9] = [
        Shape::Linear,
        Shape::Cosine,
        Shape::Waves { half_cycles: 3.0 },
        Shape::HardRestarts { cycles: 3.0 },
        Shape::OneMinusSqrt,
        Shape::Power { exponent: 0.7 },
        Shape::Polynomial { power: 2.0 },
        Shape::Exponential { ratio: 0.1 },
        Shape::Tanh { lower: -40.0, upper: 40.0 },
    ];

    #[test]
    fn every_shape_falls_from_one_to_zero() {
        for shape in ALL {
            assert_eq!(shape.check(), Ok(()));
            let curve = Curve::new(shape);
            assert_eq!((curve.fall(0.0), curve.fall(1.0)), (1.0, 0.0), "{shape:?}");
            assert_eq!((curve.rise(0.0), curve.rise(1.0)), (0.0, 1.0), "{shape:?}");
            assert_eq!((curve.between(0.1, 0.7, 0.0), curve.between(0.1, 0.7, 1.0)), (0.1, 0.7), "{shape:?}");
        }
    }

    #[test]
    fn refuses_what_has_no_curve() {
        for shape in [
            Shape::Waves { half_cycles: f64::NAN },
            Shape::HardRestarts { cycles: -1.0 },
            Shape::Power { exponent: 0.0 },
            Shape::Polynomial { power: -1.0 },
            Shape::Exponential { ratio: 1.0 },
            Shape::Tanh { lower: 3.0, upper: -7.0 },
        ] {
            assert!(shape.check().is_err(), "{shape:?}");
        }
    }
}
