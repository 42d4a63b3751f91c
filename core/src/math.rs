//! The one door to the transcendental functions.
//!
//! By default f32 functions come from libm, pure Rust with the same bits on every target. The feature `fast-math`
//! takes them from micromath: fewer instructions and less flash, fewer correct digits; the README has the measured
//! figures. Schedules are always computed by libm in f64 ([`mod@f64`]), whatever the feature.

#[cfg(not(feature = "fast-math"))]
mod precise {
    pub(crate) fn exp(x: f32) -> f32 {
        libm::expf(x)
    }

    pub(crate) fn ln(x: f32) -> f32 {
        libm::logf(x)
    }

    /// `ln(1 + x)`.
    pub(crate) fn ln_1p(x: f32) -> f32 {
        libm::log1pf(x)
    }

    pub(crate) fn tanh(x: f32) -> f32 {
        libm::tanhf(x)
    }

    pub(crate) fn cos(x: f32) -> f32 {
        libm::cosf(x)
    }
}

#[cfg(feature = "fast-math")]
mod fast {
    // By path, not as a method: where std is linked too, in tests, its inherent methods would win.
    use micromath::F32Ext;

    pub(crate) fn exp(x: f32) -> f32 {
        F32Ext::exp(x)
    }

    pub(crate) fn ln(x: f32) -> f32 {
        F32Ext::ln(x)
    }

    /// `ln(1 + x)`.
    pub(crate) fn ln_1p(x: f32) -> f32 {
        F32Ext::ln(1.0 + x)
    }

    /// From `exp`, because micromath has no hyperbolic functions.
    pub(crate) fn tanh(x: f32) -> f32 {
        let e = exp(-2.0 * x.abs());
        ((1.0 - e) / (1.0 + e)).copysign(x)
    }

    pub(crate) fn cos(x: f32) -> f32 {
        F32Ext::cos(x)
    }
}

#[cfg(feature = "fast-math")]
pub(crate) use fast::{cos, exp, ln, ln_1p, tanh};
#[cfg(not(feature = "fast-math"))]
pub(crate) use precise::{cos, exp, ln, ln_1p, tanh};

/// Exact to the last bit on every target, so it has one source.
pub(crate) fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// For schedules.
pub(crate) mod f64 {
    pub(crate) fn floor(x: f64) -> f64 {
        libm::floor(x)
    }

    pub(crate) fn ceil(x: f64) -> f64 {
        libm::ceil(x)
    }

    pub(crate) fn pow(x: f64, y: f64) -> f64 {
        libm::pow(x, y)
    }

    pub(crate) fn sqrt(x: f64) -> f64 {
        libm::sqrt(x)
    }

    pub(crate) fn ln(x: f64) -> f64 {
        libm::log(x)
    }

    /// `cos(pi * x)` as the libraries write it: the product is rounded first.
    pub(crate) fn cos_pi(x: f64) -> f64 {
        libm::cos(core::f64::consts::PI * x)
    }

    pub(crate) fn tanh(x: f64) -> f64 {
        libm::tanh(x)
    }

    /// `floor(x / y)` of the exact quotient, as Python's `//`: 11 // 1.1 is 9, although 11 / 1.1 rounds to 10.
    pub(crate) fn floor_div(x: f64, y: f64) -> f64 {
        floor((x - libm::fmod(x, y)) / y + 0.5)
    }
}
