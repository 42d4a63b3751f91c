//! Activations with an exponential on the left and a line on the right.

use super::{Activation, Kind};
use crate::error::{Error, Requirement, require};
use crate::math;

/// `f(z) = z` above 0 and `alpha (exp(z) - 1)` below (Clevert et al. 2015).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Elu {
    alpha: f32,
}

/// `f(z) = scale z` above 0 and `scale alpha (exp(z) - 1)` below, with the constants of Klambauer et al. 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Selu;

/// `f(z) = ln(1 + exp(z))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Softplus;

impl Elu {
    /// Both libraries' default: alpha is 1.
    pub const DEFAULT: Self = Self { alpha: 1.0 };

    /// # Errors
    /// [`Error::Parameter`] for an alpha that is not finite and above 0: the output's sign has to be that of the sum.
    pub const fn new(alpha: f32) -> Result<Self, Error> {
        match require("alpha", Requirement::Positive, alpha as f64) {
            Ok(()) => Ok(Self { alpha }),
            Err(error) => Err(error),
        }
    }
}

impl Activation for Elu {
    fn kind(&self) -> Kind {
        Kind::Elu
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            if *value < 0.0 {
                *value = self.alpha * math::exp_m1(*value);
            }
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = if *output > 0.0 { 1.0 } else { *output + self.alpha };
        }
    }
}

/// Klambauer et al.'s scale, and scale times alpha.
const SCALE: f32 = 1.050_701;
const SCALE_ALPHA: f32 = 1.758_099_3;

impl Activation for Selu {
    fn kind(&self) -> Kind {
        Kind::Selu
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value = if *value < 0.0 { SCALE_ALPHA * math::exp_m1(*value) } else { SCALE * *value };
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = if *output > 0.0 { SCALE } else { *output + SCALE_ALPHA };
        }
    }
}

impl Activation for Softplus {
    fn kind(&self) -> Kind {
        Kind::Softplus
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            // `max` takes a number rather than NaN, which `exp` passes on.
            *value = value.max(0.0) + math::ln_1p(math::exp(-value.abs()));
        }
    }

    /// The derivative is `sigmoid(z) = 1 - exp(-f(z))`.
    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = -math::exp_m1(-*output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_the_nearest_f32() {
        let (scale, alpha) = (1.050_700_987_355_480_5_f64, 1.673_263_242_354_377_2_f64);
        assert_eq!((SCALE, SCALE_ALPHA), (scale as f32, (scale * alpha) as f32));
    }

    #[test]
    fn alpha_is_above_zero() {
        assert_eq!(Elu::new(1.0), Ok(Elu::DEFAULT));
        assert!(matches!(Elu::new(0.0), Err(Error::Parameter { name: "alpha", .. })));
    }
}
