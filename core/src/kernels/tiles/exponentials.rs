//! The exponentials of a softmax, in line: a call of `expf` takes twice as many instructions.

use crate::kernels::expf::{has_k, is_tiny, reduced};
use crate::math;
use crate::unroll::one_turn_at_a_time;

/// Replaces each value by `exp(value - largest)`, no value being larger, and returns their sum.
#[inline(never)]
pub(crate) fn exponentials(values: &mut [f32], largest: f32) -> f32 {
    let mut total = 0.0;
    for value in values {
        let x = *value - largest;
        *value = if has_k(x) {
            exp(x)
        } else if is_tiny(x) {
            1.0 + x
        } else {
            math::exp(x)
        };
        total += *value;
        one_turn_at_a_time();
    }
    total
}

/// `exp(x)` of what is not above 0, and not too far below.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Towards 0, which for a negative number is up: 0 and -1 where `expf` has a rule of its own, too.
    let k = (core::f32::consts::LOG2_E * x - 0.5) as i32;
    f32::from_bits(reduced(x, k as f32).to_bits().wrapping_add_signed(k << 23))
}
