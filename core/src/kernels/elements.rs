//! Element by element.

use super::scale;
#[cfg(any(kernels = "plain", feature = "fast-math"))]
use crate::math::exp_of_negative;
use crate::unroll::one_turn_at_a_time;

/// What a batch begins with: `state = keep * state + decay * params`, never -0.0.
#[inline(never)]
pub(crate) fn begin(state: &mut [f32], params: &[f32], keep: f32, decay: f32) {
    scale(state, keep);
    if decay != 0.0 {
        for (s, p) in state.iter_mut().zip(params) {
            *s = (*s + decay * p) + 0.0;
            one_turn_at_a_time();
        }
    }
}

/// `max(value, 0)`, as bits. From minus infinity to -0.0 they are compared as integers: an FPU takes a third more instructions. NaN
/// passes through, so that divergence is seen: `max` would hide it.
#[inline(always)]
pub(super) fn rectified(bits: u32) -> f32 {
    const LAST_NEGATIVE: i32 = f32::NEG_INFINITY.to_bits().cast_signed();
    f32::from_bits(if bits.cast_signed() <= LAST_NEGATIVE { 0 } else { bits })
}

/// Turns -0.0 into 0.0, and leaves every other value as it is. Not by [`scale`], whose stack would lie under what a checkpoint's loading
/// has there already.
pub(crate) fn canonical(values: &mut [f32]) {
    for value in values {
        *value += 0.0;
        one_turn_at_a_time();
    }
}

/// Replaces each value by `exp(value - largest)`, and returns their sum. With libm and room for it they are taken in line, or side by
/// side, by `tiles` and `vectors`.
#[cfg(any(kernels = "plain", feature = "fast-math"))]
pub(crate) fn exponentials(values: &mut [f32], largest: f32) -> f32 {
    let mut total = 0.0;
    for value in values {
        *value = exp_of_negative(*value - largest);
        total += *value;
        one_turn_at_a_time();
    }
    total
}
