//! Activation functions, each with its derivative taken from its own output where that is possible.
//!
//! Where `f'(z)` is computed from `f(z)` no sum `z` is kept: the tape holds outputs only. [`Gelu`], [`GeluTanh`] and [`Silu`]
//! have two sums for one output, so theirs are computed again from the layer's inputs on the way down: a second forward
//! pass of that layer, and nothing for the others. An activation is a trait object in the [`Topology`](crate::Topology), so
//! an image carries only those its topology names.
//!
//! # How exact they are
//!
//! Largest errors for sums from -30 to 30, with libm, held by `cargo test -p microfit-tests --test activations`. A value's error
//! is in ulp, the distance of the f32 around the true value. A derivative that is computed from the output cannot be more
//! exact than the output is: where a function saturates, its small derivative has only the digits that the output has left.
//! So its error is in units of 2^-24, half an ulp of the largest slope, 1, and in ulp where its relative precision is kept.
//!
//! | | value, ulp | derivative, 2^-24 | derivative, ulp |
//! |---|---|---|---|
//! | [`Linear`], [`Relu`] | 0 | 0 | 0 |
//! | [`LeakyRelu`] | 1.0 | 0.1 | 0.4 |
//! | [`HardSigmoid`] | 1.0 | 0.1 | 0.4 |
//! | [`Sigmoid`] | 2.5 | 1.5 | |
//! | [`Tanh`] | 2.2 | 2.0 | |
//! | [`Softsign`] | 1.5 | 2.0 | |
//! | [`Softplus`] | 1.7 | 1.3 | 2.4 |
//! | [`Elu`] | 0.8 | 0.8 | |
//! | [`Selu`] | 1.9 | 2.5 | |
//! | [`Silu`] | 3.4 | 3.8 | |
//! | [`Gelu`] | 200 | 2.5 | |
//! | [`GeluTanh`] | 240 | 3.8 | |
//!
//! [`HardSigmoid`]'s derivative is 0, not 1/6, at the largest f32 below 3, whose output rounds to 1.
//!
//! Those of the GELUs are in the left tail, which decays with the square of the sum: an error of half an ulp in the argument of
//! `erfc` or `exp` is one of many ulp in what it decays to.

mod exponential;
mod gelu;
mod piecewise;
mod sigmoid;
mod softmax;

pub use exponential::{Elu, Selu, Softplus};
pub use gelu::{Gelu, GeluTanh, Silu};
pub use piecewise::{HardSigmoid, LeakyRelu, Linear, Relu};
pub use sigmoid::{Sigmoid, Softsign, Tanh};
pub(crate) use sigmoid::{sigmoid, sigmoid_of};
pub use softmax::Softmax;
pub(crate) use softmax::{exponentials_of, largest};

use crate::kernels;

/// A function applied to the units of a layer.
///
/// `Sync`, so that a topology can be shared between threads on the host.
pub trait Activation: Sync {
    /// Which one it is, for losses that fold an activation in.
    fn kind(&self) -> Kind {
        Kind::Other
    }

    /// Replaces each sum `z` by `f(z)`. In the last layer the sums are samples' rows, `[samples][units]`; below it they are of several
    /// samples in whatever order, so one that is a function of its whole row says so, see [`Slope::OfRow`].
    fn apply(&self, sums: &mut [f32], units: usize);

    /// What [`Self::differentiate`] is given: by default the outputs.
    fn slope(&self) -> Slope {
        Slope::OfOutput
    }

    /// Replaces each output `f(z)`, or each sum `z` if [`Self::slope`] says so, by the derivative `f'(z)`.
    ///
    /// A derivative of exactly 0 marks a unit as inactive: what lies behind it is not computed.
    fn differentiate(&self, values: &mut [f32]);

    /// Replaces the last layer's outputs, or sums as for [`Self::differentiate`], by the deltas of its sums, and says that it has;
    /// `gradient` is the loss's derivative by the outputs. Both are `[samples][units]`.
    ///
    /// It is for an activation of one's own that is a function of a row. By default it does nothing and says so, and then [`Softmax`]
    /// goes through its [Jacobian](Softmax::jacobian) and any other activation takes derivative times gradient, element by element. That
    /// code is no part of the trait object, so an image whose loss has no need of it does not carry it.
    #[must_use = "if it is false, nothing has been done"]
    fn backpropagate(&self, values: &mut [f32], gradient: &[f32], units: usize) -> bool {
        let _ = (values, gradient, units);
        false
    }
}

/// Replaces the last layer's outputs, or sums if its slope is of those, by the deltas of its sums.
pub(crate) fn backpropagate(activation: &dyn Activation, values: &mut [f32], gradient: &[f32], units: usize) {
    if activation.backpropagate(values, gradient, units) {
        return;
    }
    if activation.kind() == Kind::Softmax {
        Softmax::jacobian(values, gradient, units);
    } else {
        activation.differentiate(values);
        kernels::scale_by(values, gradient);
    }
}

/// What a derivative is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Slope {
    /// The output, which is on the tape: costs nothing.
    OfOutput,
    /// The sum, which is computed again on the way down.
    OfSum,
    /// All outputs of the sample at once: for the last layer only. One of the caller's own goes backward by [`Activation::backpropagate`].
    OfRow,
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
    /// [`LeakyRelu`].
    LeakyRelu,
    /// [`Elu`].
    Elu,
    /// [`Selu`].
    Selu,
    /// [`Sigmoid`].
    Sigmoid,
    /// [`HardSigmoid`].
    HardSigmoid,
    /// [`Tanh`].
    Tanh,
    /// [`Softsign`].
    Softsign,
    /// [`Softplus`].
    Softplus,
    /// [`Softmax`].
    Softmax,
    /// [`Gelu`].
    Gelu,
    /// [`GeluTanh`].
    GeluTanh,
    /// [`Silu`].
    Silu,
    /// Any other, such as one of the caller's own.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn value(f: &dyn Activation, z: f32) -> f32 {
        let mut values = [z];
        f.apply(&mut values, 1);
        values[0]
    }

    pub(super) fn slope(f: &dyn Activation, z: f32) -> f32 {
        let mut values = [if f.slope() == Slope::OfSum { z } else { value(f, z) }];
        f.differentiate(&mut values);
        values[0]
    }

    const ALL: [&dyn Activation; 13] = [
        &Linear,
        &Relu,
        &LeakyRelu::TORCH,
        &Elu::DEFAULT,
        &Selu,
        &Sigmoid,
        &HardSigmoid,
        &Tanh,
        &Softsign,
        &Softplus,
        &Gelu,
        &GeluTanh,
        &Silu,
    ];

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn derivatives_agree_with_central_differences() {
        let h = 1.0 / 64.0;
        for f in ALL {
            for k in -20..20 {
                let z = k as f32 * 0.25 + 0.125;
                let difference = (value(f, z + h) - value(f, z - h)) / (2.0 * h);
                assert!((slope(f, z) - difference).abs() < 3e-4, "{:?} at {z}", f.kind());
            }
        }
    }

    #[test]
    fn no_value_overflows_and_nan_passes() {
        for f in ALL {
            for z in [-1e30, -200.0, -0.0, 0.0, 200.0, 1e30] {
                assert!(value(f, z).is_finite() && slope(f, z).is_finite(), "{:?} at {z}", f.kind());
            }
            assert!(value(f, f32::NAN).is_nan(), "{:?}", f.kind());
        }
        assert_eq!((value(&Sigmoid, 1e30), value(&Sigmoid, -1e30), value(&Softplus, 1e30)), (1.0, 0.0, 1e30));
        assert_eq!((value(&Gelu, -1e30), value(&Silu, -1e30), value(&Softsign, -1e30)), (0.0, 0.0, -1.0));
    }

    /// A softmax of half the sums.
    #[cfg(not(feature = "fast-math"))]
    struct Tempered;

    #[cfg(not(feature = "fast-math"))]
    impl Activation for Tempered {
        fn apply(&self, sums: &mut [f32], units: usize) {
            for sum in &mut *sums {
                *sum *= 0.5;
            }
            Softmax.apply(sums, units);
        }

        fn slope(&self) -> Slope {
            Slope::OfRow
        }

        fn differentiate(&self, _values: &mut [f32]) {}

        fn backpropagate(&self, values: &mut [f32], gradient: &[f32], units: usize) -> bool {
            Softmax::jacobian(values, gradient, units);
            for delta in values {
                *delta *= 0.5;
            }
            true
        }
    }

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn the_last_layer_goes_backward_by_what_its_activation_is() {
        let gradient = [0.3, -0.7, 0.2];
        let deltas = |activation: &dyn Activation| {
            let mut values = [0.5, -1.0, 0.25];
            activation.apply(&mut values, 3);
            backpropagate(activation, &mut values, &gradient, 3);
            values
        };
        let h = 1.0 / 32.0;
        for activation in [&Tempered as &dyn Activation, &Softmax, &Tanh] {
            for (unit, delta) in deltas(activation).into_iter().enumerate() {
                let loss = |shift: f32| {
                    let mut values = [0.5, -1.0, 0.25];
                    values[unit] += shift;
                    activation.apply(&mut values, 3);
                    values.iter().zip(gradient).map(|(value, g)| value * g).sum::<f32>()
                };
                let difference = (loss(h) - loss(-h)) / (2.0 * h);
                assert!((delta - difference).abs() < 1e-3, "{:?}: {delta} {difference}", activation.kind());
            }
        }
    }

    #[test]
    fn relu_is_off_at_zero() {
        assert_eq!(slope(&Relu, 0.0), 0.0);
        assert_eq!(value(&Relu, -0.0).max(0.0), 0.0);
    }
}
