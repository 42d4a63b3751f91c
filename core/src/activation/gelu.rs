//! Activations that fall before they rise, so that an output does not tell its sum: [`Slope::OfSum`].

use super::{Activation, Kind, Slope, sigmoid};
use crate::math;

/// `f(z) = z Phi(z)`, with the normal distribution's `Phi(z) = erfc(-z / sqrt(2)) / 2` (Hendrycks and Gimpel 2016).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gelu;

/// [`Gelu`] as `z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2`: PyTorch's `approximate="tanh"`, Keras'
/// `approximate=True`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GeluTanh;

/// `f(z) = z sigmoid(z)`, also called swish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Silu;

/// Beyond it, both ways, the functions are 0 or `z` in f32, and so that no infinity is multiplied by 0.
const FAR: f32 = 100.0;

impl Activation for Gelu {
    fn kind(&self) -> Kind {
        Kind::Gelu
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value *= phi(*value);
        }
    }

    fn slope(&self) -> Slope {
        Slope::OfSum
    }

    fn differentiate(&self, sums: &mut [f32]) {
        for value in sums {
            let z = value.clamp(-FAR, FAR);
            // Phi + z phi, with the density phi = exp(-z^2 / 2) / sqrt(2 pi).
            let density = 0.398_942_3 * math::exp(-0.5 * z * z);
            *value = phi(z) + z * density;
        }
    }
}

/// The normal distribution's cumulative function.
fn phi(z: f32) -> f32 {
    0.5 * math::erfc(-core::f32::consts::FRAC_1_SQRT_2 * z)
}

impl Activation for GeluTanh {
    fn kind(&self) -> Kind {
        Kind::GeluTanh
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value *= sigmoid(2.0 * inner(value.clamp(-FAR, FAR)));
        }
    }

    fn slope(&self) -> Slope {
        Slope::OfSum
    }

    fn differentiate(&self, sums: &mut [f32]) {
        for value in sums {
            let z = value.clamp(-FAR, FAR);
            let (s, rest) = sigmoid_and_rest(2.0 * inner(z));
            let inner_slope = ROOT_2_BY_PI * (1.0 + 3.0 * CUBE * z * z);
            *value = s + 2.0 * z * s * rest * inner_slope;
        }
    }
}

const ROOT_2_BY_PI: f32 = 0.797_884_6;
const CUBE: f32 = 0.044_715;

/// What the tanh is taken of; `(1 + tanh(x)) / 2` is `sigmoid(2 x)`, which keeps the digits near 0.
fn inner(z: f32) -> f32 {
    ROOT_2_BY_PI * (z + CUBE * z * z * z)
}

impl Activation for Silu {
    fn kind(&self) -> Kind {
        Kind::Silu
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value *= sigmoid(*value);
        }
    }

    fn slope(&self) -> Slope {
        Slope::OfSum
    }

    fn differentiate(&self, sums: &mut [f32]) {
        for value in sums {
            let z = value.clamp(-FAR, FAR);
            let (s, rest) = sigmoid_and_rest(z);
            *value = s * (1.0 + z * rest);
        }
    }
}

/// `sigmoid(z)` and `1 - sigmoid(z)`, neither from the other, so that none is cancelled.
fn sigmoid_and_rest(z: f32) -> (f32, f32) {
    let e = math::exp(-z.abs());
    let (large, small) = (1.0 / (1.0 + e), e / (1.0 + e));
    if z < 0.0 { (small, large) } else { (large, small) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_the_nearest_f32() {
        let pi = core::f64::consts::PI;
        assert_eq!(0.398_942_3_f32, (1.0 / libm::sqrt(2.0 * pi)) as f32);
        assert_eq!(ROOT_2_BY_PI, libm::sqrt(2.0 / pi) as f32);
    }
}
