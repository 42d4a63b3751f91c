//! Activations that saturate on both sides.

use super::{Activation, Kind};
use crate::math;

/// `f(z) = 1 / (1 + exp(-z))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sigmoid;

/// `f(z) = tanh(z)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tanh;

/// `f(z) = z / (1 + |z|)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Softsign;

impl Activation for Sigmoid {
    fn kind(&self) -> Kind {
        Kind::Sigmoid
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value = sigmoid(*value);
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output *= 1.0 - *output;
        }
    }
}

impl Activation for Tanh {
    fn kind(&self) -> Kind {
        Kind::Tanh
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value = math::tanh(*value);
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            // (1 - f)(1 + f) keeps the digits that 1 - f^2 cancels near saturation.
            *output = (1.0 - *output) * (1.0 + *output);
        }
    }
}

impl Activation for Softsign {
    fn kind(&self) -> Kind {
        Kind::Softsign
    }

    fn apply(&self, sums: &mut [f32], _units: usize) {
        for value in sums {
            *value /= 1.0 + value.abs();
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            let rest = 1.0 - output.abs();
            *output = rest * rest;
        }
    }
}

/// The logistic function, by the branch in which `exp` cannot overflow.
pub(crate) fn sigmoid(z: f32) -> f32 {
    sigmoid_of(z, math::exp(-z.abs()))
}

/// [`sigmoid`] where `e = exp(-|z|)` is known already.
pub(crate) fn sigmoid_of(z: f32, e: f32) -> f32 {
    if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
