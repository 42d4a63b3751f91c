//! Element by element.

use crate::unroll::one_turn_at_a_time;

/// Elements of a row that one turn of a streaming loop takes.
pub(super) const UNROLL: usize = 8;

/// `to = from`, in line: a call of `memcpy` takes two to three times as many instructions on a Cortex-M.
#[inline(always)]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    let (from, from_rest) = from.as_chunks::<UNROLL>();
    let (to, to_rest) = to.as_chunks_mut::<UNROLL>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
        one_turn_at_a_time();
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
        one_turn_at_a_time();
    }
}

/// `values *= factor`, or 0 where the factor is 0; never -0.0.
#[inline(never)]
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        // Also what NaN and infinities left behind by a diverged run are cleared by.
        values.fill(0.0);
    } else {
        let (chunks, rest) = values.as_chunks_mut::<UNROLL>();
        for [a, b, c, d, e, f, g, h] in chunks {
            *a = factor * *a + 0.0;
            *b = factor * *b + 0.0;
            *c = factor * *c + 0.0;
            *d = factor * *d + 0.0;
            *e = factor * *e + 0.0;
            *f = factor * *f + 0.0;
            *g = factor * *g + 0.0;
            *h = factor * *h + 0.0;
            one_turn_at_a_time();
        }
        for value in rest {
            *value = factor * *value + 0.0;
            one_turn_at_a_time();
        }
    }
}

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

/// Whether none of the values is NaN or infinite: 0 times such a value is NaN, and so is every sum it is in.
#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let (chunks, rest) = values.as_chunks::<UNROLL>();
    let (mut even, mut odd) = (0.0, 0.0);
    for [a, b, c, d, e, f, g, h] in chunks {
        even += 0.0 * a;
        odd += 0.0 * b;
        even += 0.0 * c;
        odd += 0.0 * d;
        even += 0.0 * e;
        odd += 0.0 * f;
        even += 0.0 * g;
        odd += 0.0 * h;
        one_turn_at_a_time();
    }
    for value in rest {
        even += 0.0 * value;
        one_turn_at_a_time();
    }
    even + odd == 0.0
}

/// Whether none of the values is NaN or infinite: in integers, where there is no FPU, or vectors of them.
#[cfg(not(all(target_arch = "arm", target_abi = "eabihf")))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let mut carried = 0;
    for value in values {
        // The largest exponent carries into the sign's place.
        carried |= (value.to_bits() & 0x7FFF_FFFF).wrapping_add(0x0080_0000);
    }
    carried >> 31 == 0
}

/// Turns -0.0 into 0.0, and leaves every other value as it is.
#[inline(never)]
pub(crate) fn canonical(values: &mut [f32]) {
    for value in values {
        *value += 0.0;
        one_turn_at_a_time();
    }
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
    let (params, params_rest) = params.as_chunks_mut::<UNROLL>();
    let (step, step_rest) = step.as_chunks::<UNROLL>();
    for (p, d) in params.iter_mut().zip(step) {
        p[0] += d[0];
        p[1] += d[1];
        p[2] += d[2];
        p[3] += d[3];
        p[4] += d[4];
        p[5] += d[5];
        p[6] += d[6];
        p[7] += d[7];
        one_turn_at_a_time();
    }
    for (p, d) in params_rest.iter_mut().zip(step_rest) {
        *p += d;
        one_turn_at_a_time();
    }
}
