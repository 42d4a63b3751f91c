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

    /// `exp(x)` where `x` is not above 0, or NaN: told the sign, the compiler leaves out what libm has for the other.
    #[cfg(any(kernels = "plain", test))]
    pub(crate) fn exp_of_negative(x: f32) -> f32 {
        libm::expf(f32::from_bits(x.to_bits() | (-0.0_f32).to_bits()))
    }

    pub(crate) fn ln(x: f32) -> f32 {
        libm::logf(x)
    }

    /// `ln(x)` where `x` is at least 1, or NaN: likewise without what libm has for numbers that are small or negative.
    pub(crate) fn ln_from_one(x: f32) -> f32 {
        libm::logf(f32::from_bits(x.abs().to_bits().max(1.0_f32.to_bits())))
    }

    /// `ln(1 + x)`.
    pub(crate) fn ln_1p(x: f32) -> f32 {
        libm::log1pf(x)
    }

    /// `exp(x) - 1`.
    pub(crate) fn exp_m1(x: f32) -> f32 {
        libm::expm1f(x)
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

    /// NaN has to pass, which micromath makes a number of, so that divergence is seen.
    pub(crate) fn exp(x: f32) -> f32 {
        if x.is_nan() { x } else { F32Ext::exp(x) }
    }

    /// Where `x` is not above 0.
    pub(crate) fn exp_of_negative(x: f32) -> f32 {
        exp(x)
    }

    /// NaN passes here too.
    pub(crate) fn ln(x: f32) -> f32 {
        if x.is_nan() { x } else { F32Ext::ln(x) }
    }

    /// Where `x` is at least 1.
    pub(crate) fn ln_from_one(x: f32) -> f32 {
        ln(x)
    }

    /// `ln(1 + x)`.
    pub(crate) fn ln_1p(x: f32) -> f32 {
        ln(1.0 + x)
    }

    /// `exp(x) - 1`.
    pub(crate) fn exp_m1(x: f32) -> f32 {
        exp(x) - 1.0
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
pub(crate) use fast::{cos, exp, exp_m1, exp_of_negative, ln, ln_1p, ln_from_one, tanh};
#[cfg(all(not(feature = "fast-math"), any(kernels = "plain", test)))]
pub(crate) use precise::exp_of_negative;
#[cfg(not(feature = "fast-math"))]
pub(crate) use precise::{cos, exp, exp_m1, ln, ln_1p, ln_from_one, tanh};

/// Exact to the last bit on every target, so it has one source.
pub(crate) fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// The complementary error function, which micromath has not.
pub(crate) fn erfc(x: f32) -> f32 {
    libm::erfcf(x)
}

/// For schedules, and for what an optimizer computes once an update.
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
    ///
    /// For finite `x` of at least 0 and positive `y`.
    pub(crate) fn floor_div(x: f64, y: f64) -> f64 {
        // A rounded quotient can only have reached the next integer; not by libm's fmod, which has a panic path.
        let quotient = floor(x / y);
        if exceeds(quotient, y, x) { quotient - 1.0 } else { quotient }
    }

    /// Whether `a * b`, unrounded, is above `limit`: libm's `fma` is 1.5 KB more.
    ///
    /// Source of the exact product: T. Dekker, "A floating-point technique for extending the available precision"
    /// (1971). Where it overflows the answer is no, and where it underflows either: `a` is then 0, or so large that 1
    /// less is the same.
    fn exceeds(a: f64, b: f64, limit: f64) -> bool {
        let product = a * b;
        if product != limit {
            return product > limit;
        }
        let halves = |x: f64| {
            let spread = 134_217_729.0 * x; // 2^27 + 1
            let high = spread - (spread - x);
            (high, x - high)
        };
        let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
        a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low) > 0.0
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::println;

    /// The largest error of `f` against `truth` over `[from, to]`: absolute, and relative to the truth.
    fn worst(
        f: fn(f32) -> f32,
        truth: fn(core::primitive::f64) -> core::primitive::f64,
        from: f32,
        to: f32,
    ) -> [core::primitive::f64; 2] {
        let mut worst: [core::primitive::f64; 2] = [0.0; 2];
        for k in 0..=100_000 {
            let x = from + (to - from) * (k as f32 / 100_000.0);
            let (found, expected) = (core::primitive::f64::from(f(x)), truth(x.into()));
            let error = (found - expected).abs();
            worst[0] = worst[0].max(error);
            worst[1] = worst[1].max(if expected == 0.0 { 0.0 } else { error / expected.abs() });
        }
        worst
    }

    #[test]
    fn floor_div_is_that_of_the_exact_quotient() {
        let by_remainder = |x: core::primitive::f64, y| f64::floor((x - libm::fmod(x, y)) / y + 0.5);
        let mut y = 0.013;
        for k in 0..200_000_u32 {
            // Small and large dividends, and divisors that nearly divide them.
            for x in [k % 1000, k, k.wrapping_mul(2_654_435_761)].map(core::primitive::f64::from) {
                for y in
                    [y, 1.1, 0.1, (k % 97 + 1) as core::primitive::f64 / 10.0, x / (k % 89 + 1) as core::primitive::f64]
                {
                    assert!(y == 0.0 || f64::floor_div(x, y) == by_remainder(x, y), "{x} // {y}");
                }
            }
            y = if y > 1e6 { 0.0131 } else { y * 1.01 };
        }
        assert_eq!(f64::floor_div(11.0, 1.1), 9.0);
    }

    /// Every 61st float, and what is special among them.
    #[test]
    fn what_knows_its_argument_has_the_same_bits() {
        let one = 1.0_f32.to_bits();
        let special =
            [0.0, 1.0, f32::MIN_POSITIVE, 1e-45, 88.7, 103.9, 104.0, f32::MAX, f32::INFINITY].map(f32::to_bits);
        for x in (0..=f32::INFINITY.to_bits()).step_by(61).chain(special).map(f32::from_bits) {
            assert_eq!(exp_of_negative(-x).to_bits(), exp(-x).to_bits(), "exp of {}", -x);
            if x.to_bits() >= one {
                assert_eq!(ln_from_one(x).to_bits(), ln(x).to_bits(), "ln of {x}");
            }
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        for nan in [f32::NAN, -f32::NAN] {
            assert!(exp_of_negative(nan).is_nan() && ln_from_one(nan).is_nan());
        }
    }

    /// What the README says of accuracy: `cargo test -p microfit accuracy -- --nocapture`, and the same with
    /// `--features fast-math`.
    #[test]
    fn accuracy() {
        let sigmoid = crate::activation::sigmoid;
        // Largest absolute errors allowed: those measured, rounded up.
        let bounds = if cfg!(feature = "fast-math") { [6e-4, 1.2e-3, 1.3e-3, 7e-5] } else { [1e-7, 1e-7, 5e-8, 4e-8] };
        let cases = [
            ("sigmoid, -16 to 16", worst(sigmoid, |x| 1.0 / (1.0 + libm::exp(-x)), -16.0, 16.0)),
            ("tanh, -8 to 8", worst(tanh, libm::tanh, -8.0, 8.0)),
            ("exp, -16 to 0", worst(exp, libm::exp, -16.0, 0.0)),
            ("ln(1 + x), 0 to 1", worst(ln_1p, libm::log1p, 0.0, 1.0)),
        ];
        for ((name, [absolute, relative]), bound) in cases.into_iter().zip(bounds) {
            println!("{name}: largest error {absolute:.1e}, relative {relative:.1e}");
            assert!(absolute <= bound, "{name}: {absolute:e} is more than {bound:e}");
        }
    }
}
