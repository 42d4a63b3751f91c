//! Activation functions, each with its derivative taken from its own output.
//!
//! Because `f'(z)` is computed from `f(z)`, no pre-activation is kept: the tape holds outputs only. An activation is a
//! trait object in the [`Topology`](crate::Topology), so an image carries only those its topology names.

use crate::math;

/// A function applied to every unit of a layer.
///
/// `Sync`, so that a topology can be shared between threads on the host.
pub trait Activation: Sync {
    /// Which one it is, for losses that fold an activation in.
    fn kind(&self) -> Kind {
        Kind::Other
    }

    /// Replaces each sum `z` by `f(z)`.
    fn apply(&self, values: &mut [f32]);

    /// Replaces each output `f(z)` by the derivative `f'(z)`.
    ///
    /// A derivative of exactly 0 marks a unit as inactive: what lies behind it is not computed.
    fn differentiate(&self, outputs: &mut [f32]);
}

/// The identity of an [`Activation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// [`Linear`].
    Linear,
    /// [`Relu`].
    Relu,
    /// [`Sigmoid`].
    Sigmoid,
    /// [`Tanh`].
    Tanh,
    /// Any other, such as one of the caller's own.
    Other,
}

/// `f(z) = z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Linear;

/// `f(z) = max(z, 0)`; its derivative at 0 is 0, as in Keras and PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Relu;

/// `f(z) = 1 / (1 + exp(-z))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sigmoid;

/// `f(z) = tanh(z)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tanh;

impl Activation for Linear {
    fn kind(&self) -> Kind {
        Kind::Linear
    }

    fn apply(&self, _values: &mut [f32]) {}

    fn differentiate(&self, outputs: &mut [f32]) {
        outputs.fill(1.0);
    }
}

impl Activation for Relu {
    fn kind(&self) -> Kind {
        Kind::Relu
    }

    fn apply(&self, values: &mut [f32]) {
        for value in values {
            // NaN has to pass through, so that divergence is seen: `max` would hide it.
            if *value < 0.0 {
                *value = 0.0;
            }
        }
    }

    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output = if *output > 0.0 { 1.0 } else { 0.0 };
        }
    }
}

impl Activation for Sigmoid {
    fn kind(&self) -> Kind {
        Kind::Sigmoid
    }

    fn apply(&self, values: &mut [f32]) {
        for value in values {
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

    fn apply(&self, values: &mut [f32]) {
        for value in values {
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

/// The logistic function, by the branch in which `exp` cannot overflow.
pub(crate) fn sigmoid(z: f32) -> f32 {
    let e = math::exp(-z.abs());
    if z < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(f: &dyn Activation, z: f32) -> f32 {
        let mut values = [z];
        f.apply(&mut values);
        values[0]
    }

    fn slope(f: &dyn Activation, z: f32) -> f32 {
        let mut values = [value(f, z)];
        f.differentiate(&mut values);
        values[0]
    }

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn derivatives_agree_with_central_differences() {
        let h = 1.0 / 64.0;
        for f in [&Linear as &dyn Activation, &Relu, &Sigmoid, &Tanh] {
            for k in -20..20 {
                let z = k as f32 * 0.25 + 0.125;
                let difference = (value(f, z + h) - value(f, z - h)) / (2.0 * h);
                assert!((slope(f, z) - difference).abs() < 1e-4, "{:?} at {z}", f.kind());
            }
        }
    }

    #[test]
    fn saturate_without_overflow() {
        for z in [-1e30, -200.0, 200.0, 1e30] {
            assert!(value(&Sigmoid, z).is_finite() && value(&Tanh, z).is_finite());
            assert_eq!(value(&Tanh, z), z.signum());
        }
        assert_eq!(value(&Sigmoid, 1e30), 1.0);
        assert_eq!(value(&Sigmoid, -1e30), 0.0);
    }

    #[test]
    fn relu_is_off_at_zero_and_passes_nan_on() {
        assert_eq!(slope(&Relu, 0.0), 0.0);
        assert_eq!(value(&Relu, -0.0).max(0.0), 0.0);
        assert!(value(&Relu, f32::NAN).is_nan());
    }
}
