//! Activations made of straight lines.

use super::{Activation, Kind};
use crate::error::{Error, Requirement, require};
use crate::kernels;
use crate::unroll::one_turn_at_a_time;

/// `f(z) = z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Linear;

/// `f(z) = max(z, 0)`; its derivative at 0 is 0, as in Keras and PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Relu;

/// `f(z) = z` above 0 and `slope * z` below; its derivative at 0 is `slope`, as in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeakyRelu {
    slope: f32,
}

/// `f(z) = min(max(z / 6 + 1/2, 0), 1)`, as in Keras 3 and PyTorch (Keras 2: `0.2 z + 0.5`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HardSigmoid;

impl LeakyRelu {
    /// PyTorch's default slope, 0.01.
    pub const TORCH: Self = Self { slope: 0.01 };

    /// The default slope of Keras' layer, 0.3.
    pub const KERAS: Self = Self { slope: 0.3 };

    /// # Errors
    /// [`Error::Parameter`] for a slope that is not finite and above 0: the output's sign has to be that of the sum.
    pub const fn new(slope: f32) -> Result<Self, Error> {
        match require("slope", Requirement::Positive, slope as f64) {
            Ok(()) => Ok(Self { slope }),
            Err(error) => Err(error),
        }
    }
}

impl Activation for Linear {
    fn kind(&self) -> Kind {
        Kind::Linear
    }

    fn apply(&self, _sums: &mut [f32], _units: usize) {}

    fn differentiate(&self, outputs: &mut [f32]) {
        outputs.fill(1.0);
    }
}

impl Activation for Relu {
    fn kind(&self) -> Kind {
        Kind::Relu
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        kernels::rectify(sums);
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = if *output > 0.0 { 1.0 } else { 0.0 };
            one_turn_at_a_time();
        }
    }
}

impl Activation for LeakyRelu {
    fn kind(&self) -> Kind {
        Kind::LeakyRelu
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            if *value < 0.0 {
                *value *= self.slope;
            }
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = if *output > 0.0 { 1.0 } else { self.slope };
        }
    }
}

impl Activation for HardSigmoid {
    fn kind(&self) -> Kind {
        Kind::HardSigmoid
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            // `clamp` passes NaN on.
            *value = ((*value + 3.0) / 6.0).clamp(0.0, 1.0);
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = if *output > 0.0 && *output < 1.0 { 1.0 / 6.0 } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_above_zero() {
        assert_eq!(LeakyRelu::new(0.01), Ok(LeakyRelu::TORCH));
        for slope in [0.0, -0.1, f32::NAN, f32::INFINITY] {
            assert!(matches!(LeakyRelu::new(slope), Err(Error::Parameter { name: "slope", .. })));
        }
    }

    #[test]
    fn relu_lets_every_nan_through_and_no_negative_zero() {
        let negative_nan = f32::from_bits(0xFF80_0001);
        let least = f32::from_bits(1);
        let mut values =
            [-0.0, -least, -1.0, f32::MIN, f32::NEG_INFINITY, 0.0, least, f32::INFINITY, f32::NAN, negative_nan];
        Relu.apply(&mut values, 10);
        assert_eq!(values[..6].iter().map(|value| value.to_bits()).max(), Some(0));
        assert_eq!(values[6..8], [least, f32::INFINITY]);
        assert!(values[8].is_nan() && values[9].is_nan());
    }

    #[test]
    fn hard_sigmoid_ends_at_three() {
        let mut values = [-3.0, 0.0, 3.0, 4.0];
        HardSigmoid.apply(&mut values, 4);
        assert_eq!(values, [0.0, 0.5, 1.0, 1.0]);
        HardSigmoid.differentiate(&mut values);
        assert_eq!(values, [0.0, 1.0 / 6.0, 0.0, 0.0]);
    }
}
