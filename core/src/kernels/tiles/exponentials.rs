//! The exponentials of a softmax, in line: a call of `expf` takes twice as many instructions.

use crate::kernels::expf::{has_k, is_tiny, reduced};
use crate::math;
use crate::unroll::one_turn_at_a_time;

/// Replaces each value by `exp(value - largest)`, no value being larger, and returns their sum.
#[inline(never)]
pub(crate) fn exponentials(values: &mut [f32], largest: f32) -> f32 {
    let (mut total, mut rest) = (0.0, values);
    while let Some(value) = rest.first_mut() {
        let x = *value - largest;
        *value = if has_k(x) {
            exp(x)
        } else if is_tiny(x) {
            1.0 + x
        } else {
            return all_by_libm(rest, largest, total);
        };
        total += *value;
        rest = core::mem::take(&mut rest).get_mut(1..).unwrap_or_default();
        one_turn_at_a_time();
    }
    total
}

/// The same from here on. A call that came back would have all registers above saved.
#[cold]
#[inline(never)]
fn all_by_libm(values: &mut [f32], largest: f32, total: f32) -> f32 {
    let mut total = total;
    for value in values {
        *value = math::exp(*value - largest);
        total += *value;
    }
    total
}

#[inline(always)]
fn exp(x: f32) -> f32 {
    // Towards 0, which for a negative number is up: 0 and -1 where `expf` has a rule of its own, too.
    let k = (core::f32::consts::LOG2_E * x - 0.5) as i32;
    f32::from_bits(reduced(x, k as f32).to_bits().wrapping_add_signed(k << 23))
}
