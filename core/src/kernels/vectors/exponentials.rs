//! The exponentials of a softmax, many at once.
//!
//! The steps are those of libm's `expf` (FreeBSD's `e_expf.c`), so the bits are; without its branches, so that a vector takes them:
//! `x = k ln 2 + r` with `|r| <= ln 2 / 2`, up to its rule for small `k`; then `exp(r) = 1 + r c / (2 - c) + r` with
//! `c = r - r^2 (P1 + P2 r^2)`, times `2^k`.

use super::widest;
use crate::math;

/// Taken together: a vector of AVX-512, two of AVX2.
const TOGETHER: usize = 16;

const LN2_HIGH: f32 = f32::from_bits(0x3F31_7200);
const LN2_LOW: f32 = f32::from_bits(0x35BF_BE8E);
const P1: f32 = f32::from_bits(0x3E2A_AA8F);
const P2: f32 = f32::from_bits(0xBB35_5215);

/// Magnitudes, as bits: up to here the result is `1 + x`, is `k` 0, is it -1, and is the result a normal number.
const TINY: u32 = 0x3900_0000;
const HALF_LN2: u32 = 0x3EB1_7218;
const THREE_HALVES_LN2: u32 = 0x3F85_1592;
const NORMAL: u32 = 0x42AE_AC4F;

/// Added to a number of less than 2^22, this rounds it to an integer, in the last bits.
const ROUNDING: f32 = 12_582_912.0;

/// Replaces each value by `exp(value - largest)`, no value being larger.
pub(crate) fn exponentials(values: &mut [f32], largest: f32) {
    for some in values.chunks_mut(TOGETHER) {
        let mut differences = [0.0; TOGETHER];
        for (difference, value) in differences.iter_mut().zip(&*some) {
            *difference = value - largest;
        }
        let (results, usual) = widest(
            #[inline(always)]
            || together(&differences),
        );
        for ((value, result), x) in some.iter_mut().zip(results).zip(differences) {
            *value = if usual || is_usual(x) { result } else { math::exp(x) };
        }
    }
}

/// The exponentials, and whether all are good.
#[inline(always)]
fn together(differences: &[f32; TOGETHER]) -> ([f32; TOGETHER], bool) {
    let (mut results, mut unusual) = ([0.0; TOGETHER], 0);
    for (result, &x) in results.iter_mut().zip(differences) {
        *result = exp(x);
        unusual |= u32::from(!is_usual(x));
    }
    (results, unusual == 0)
}

/// Not above 0, a number, and not so far below that the result is subnormal.
#[inline(always)]
fn is_usual(x: f32) -> bool {
    x <= 0.0 && magnitude(x) <= NORMAL
}

#[inline(always)]
fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7FFF_FFFF
}

/// `exp(x)` of what is usual.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Towards 0, which for a negative number is up.
    let quotient = core::f32::consts::LOG2_E * x - 0.5;
    let rounded = quotient + ROUNDING;
    let nearest = rounded - ROUNDING;
    let up = u32::from(nearest < quotient);
    let large = rounded.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(up);
    let k = if magnitude(x) > THREE_HALVES_LN2 {
        large
    } else if magnitude(x) > HALF_LN2 {
        u32::MAX
    } else {
        0
    };
    let whole = f32::from_bits(k.wrapping_add(ROUNDING.to_bits())) - ROUNDING;
    let (high, low) = (x - whole * LN2_HIGH, whole * LN2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * (P1 + square * P2);
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    let power = f32::from_bits(k.wrapping_add(127) << 23);
    if magnitude(x) <= TINY { 1.0 + x } else { y * power }
}

#[cfg(test)]
#[cfg(not(feature = "fast-math"))]
mod tests {
    extern crate std;
    use super::*;

    fn check(values: impl Iterator<Item = f32>) {
        let values: std::vec::Vec<f32> = values.collect();
        let mut found = values.clone();
        exponentials(&mut found, 0.0);
        for (x, found) in values.into_iter().zip(found) {
            let expected = math::exp(x);
            assert!(
                found.to_bits() == expected.to_bits() || found.is_nan() && x.is_nan(),
                "{x:e}: {found:e}, {expected:e}"
            );
        }
    }

    /// Every so many of the negative floats, and all about the places where the rule changes.
    #[test]
    fn are_libms_to_the_bit() {
        let negative = |magnitude: u32| f32::from_bits(magnitude | 1 << 31);
        check((0..=0x7F80_0000).step_by(997).map(negative));
        for edge in [TINY, HALF_LN2, THREE_HALVES_LN2, NORMAL, 0x42CF_F1B5, 0x7F80_0000, 40] {
            check((edge - 40..edge + 40).map(negative));
        }
        // Where the quotient is about an integer and a half, and about an integer.
        for k in 0..=252 {
            let edge = (k as f32 * 0.5 * core::f32::consts::LN_2).to_bits();
            check((edge.saturating_sub(40)..edge + 40).map(negative));
        }
        check([0.0, -0.0, f32::NAN, -f32::NAN, f32::NEG_INFINITY].into_iter());
    }

    /// All of them: `cargo test --release -p microfit exponentials -- --ignored`.
    #[test]
    #[ignore = "takes a minute"]
    fn are_libms_everywhere() {
        for magnitude in (0..=0x7F80_0000_u32).step_by(1 << 16) {
            check((magnitude..(magnitude + (1 << 16))).map(|magnitude| f32::from_bits(magnitude | 1 << 31)));
        }
    }
}
