//! The exponentials of a softmax, many at once.
//!
//! Those of `expf`, without its branches, so that a vector takes them.

use super::widest;
use crate::kernels::expf::{is_normal, is_tiny, magnitude, reduced};
use crate::math;

/// Taken together: a vector of AVX-512, two of AVX2.
const TOGETHER: usize = 16;

/// Magnitudes, as bits: up to here `k` is 0, and -1.
const HALF_LN2: u32 = 0x3EB1_7218;
const THREE_HALVES_LN2: u32 = 0x3F85_1592;

/// Added to a number of less than 2^22, this rounds it to an integer, in the last bits.
const ROUNDING: f32 = 12_582_912.0;

/// Replaces each value by `exp(value - largest)`, no value being larger, and returns their sum.
pub(crate) fn exponentials(values: &mut [f32], largest: f32) -> f32 {
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
    values.iter().fold(0.0, |sum, value| sum + value)
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
    x <= 0.0 && is_normal(x)
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
    let y = reduced(x, whole);
    let power = f32::from_bits(k.wrapping_add(127) << 23);
    if is_tiny(x) { 1.0 + x } else { y * power }
}
