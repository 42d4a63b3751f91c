//! Element by element, a turn each: for little code, and for a compiler that makes vectors of it.

use super::LANES;
use super::elements::rectified;
use crate::unroll::one_turn_at_a_time;

/// `to = from`: a call of `memcpy` takes two to three times as many instructions on a Cortex-M.
#[cfg(not(kernels = "vectors"))]
#[inline(never)]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
        one_turn_at_a_time();
    }
}

/// `to = from`: of a single loop a compiler makes a call of `memcpy`, which is 7% of a sample's time for 34-34-1.
#[cfg(kernels = "vectors")]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    let len = from.len().min(to.len());
    let (from, to) = (from.get(..len).unwrap_or_default(), to.get_mut(..len).unwrap_or_default());
    let ((turns, rest), (to_turns, to_rest)) = (from.as_chunks::<8>(), to.as_chunks_mut());
    for (to, from) in to_turns.iter_mut().zip(turns) {
        *to = *from;
    }
    for (to, from) in to_rest.iter_mut().zip(rest) {
        *to = *from;
    }
}

/// `to[k][lane] = from[k]`: one of four samples, value by value.
pub(crate) fn spread(from: &[f32], to: &mut [[f32; LANES]], lane: usize) {
    for (to, value) in to.iter_mut().zip(from) {
        if let Some(to) = to.get_mut(lane) {
            *to = *value;
        }
    }
}

/// `values = max(values, 0)`.
pub(crate) fn rectify(values: &mut [f32]) {
    for value in values {
        *value = rectified(value.to_bits());
    }
}

/// `values = value`, without `memset`, which a Cortex-M's image need not have then.
#[inline(never)]
pub(crate) fn fill(values: &mut [f32], value: f32) {
    #[cfg(target_arch = "arm")]
    let value = core::hint::black_box(value);
    for to in values {
        *to = value;
        one_turn_at_a_time();
    }
}

/// `values *= factor`, or 0 where the factor is 0; never -0.0.
#[inline(never)]
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        // Also what NaN and infinities left behind by a diverged run are cleared by.
        return fill(values, 0.0);
    }
    for value in values {
        *value = factor * *value + 0.0;
        one_turn_at_a_time();
    }
}

/// Whether none of the values is NaN or infinite: 0 times such a value is NaN, and so is what that is multiplied by.
#[cfg(all(target_arch = "arm", not(soft_float)))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let mut product = 0.0;
    for value in values {
        product *= value;
        one_turn_at_a_time();
    }
    product == 0.0
}

/// Whether none of the values is NaN or infinite: in integers, where there is no FPU, or vectors of them.
#[cfg(not(all(target_arch = "arm", not(soft_float))))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let mut carried = 0;
    for value in values {
        // The largest exponent carries into the sign's place.
        carried |= (value.to_bits() & 0x7FFF_FFFF).wrapping_add(0x0080_0000);
    }
    carried >> 31 == 0
}

/// `params += rate * direction`.
#[inline(never)]
pub(crate) fn add_scaled(params: &mut [f32], direction: &[f32], rate: f32) {
    for (p, d) in params.iter_mut().zip(direction) {
        *p += rate * d;
        one_turn_at_a_time();
    }
}

/// `params += step`.
#[inline(never)]
pub(crate) fn add(params: &mut [f32], step: &[f32]) {
    for (p, d) in params.iter_mut().zip(step) {
        *p += d;
        one_turn_at_a_time();
    }
}
