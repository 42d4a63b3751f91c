//! Element by element.

use super::SMALL;
use crate::unroll::{one_turn_at_a_time, unknown};

/// Elements of a row that one turn of a streaming loop takes.
pub(super) const UNROLL: usize = 8;

/// Two rows of equal length for a streaming loop: whole turns of [`UNROLL`] elements, and what is left.
type Turns<'a, 'b> = (&'a [[f32; UNROLL]], &'b mut [[f32; UNROLL]], &'a [f32], &'b mut [f32]);

/// Both rows, as long as the shorter one.
#[inline(always)]
fn in_turns<'a, 'b>(from: &'a [f32], to: &'b mut [f32]) -> Turns<'a, 'b> {
    let len = from.len().min(to.len());
    let turns = if SMALL { 0 } else { unknown(len / UNROLL) * UNROLL };
    let (from, from_rest) = from.get(..len).and_then(|from| from.split_at_checked(turns)).unwrap_or_default();
    let (to, to_rest) = to.get_mut(..len).and_then(|to| to.split_at_mut_checked(turns)).unwrap_or_default();
    (from.as_chunks().0, to.as_chunks_mut().0, from_rest, to_rest)
}

/// The same of one row.
#[cfg(all(target_arch = "arm", not(soft_float)))]
#[inline(always)]
fn turns(values: &[f32]) -> (&[[f32; UNROLL]], &[f32]) {
    if SMALL { (&[], values) } else { values.as_chunks() }
}

/// The same of one row to be changed.
#[inline(always)]
fn turns_mut(values: &mut [f32]) -> (&mut [[f32; UNROLL]], &mut [f32]) {
    if SMALL { (&mut [], values) } else { values.as_chunks_mut() }
}

/// `to = from`: a call of `memcpy` takes two to three times as many instructions on a Cortex-M.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    let (from, to, from_rest, to_rest) = in_turns(from, to);
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
        one_turn_at_a_time();
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
        one_turn_at_a_time();
    }
}

/// `values = value`, without `memset`, which a Cortex-M's image need not have then.
#[inline(never)]
pub(crate) fn fill(values: &mut [f32], value: f32) {
    #[cfg(target_arch = "arm")]
    let value = core::hint::black_box(value);
    let (chunks, rest) = turns_mut(values);
    for chunk in chunks {
        *chunk = [value; UNROLL];
        one_turn_at_a_time();
    }
    for to in rest {
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
    let (chunks, rest) = turns_mut(values);
    for chunk in chunks {
        let [a, b, c, d, e, f, g, h] = *chunk;
        *chunk = [
            factor * a + 0.0,
            factor * b + 0.0,
            factor * c + 0.0,
            factor * d + 0.0,
            factor * e + 0.0,
            factor * f + 0.0,
            factor * g + 0.0,
            factor * h + 0.0,
        ];
        one_turn_at_a_time();
    }
    for value in rest {
        *value = factor * *value + 0.0;
        one_turn_at_a_time();
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
#[cfg(all(target_arch = "arm", not(soft_float)))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let (chunks, rest) = turns(values);
    let (mut even, mut odd) = (0.0, 0.0);
    for &[a, b, c, d, e, f, g, h] in chunks {
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

/// Turns -0.0 into 0.0, and leaves every other value as it is.
pub(crate) fn canonical(values: &mut [f32]) {
    scale(values, 1.0);
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
    let (step, params, step_rest, params_rest) = in_turns(step, params);
    for (p, d) in params.iter_mut().zip(step) {
        let ([p0, p1, p2, p3, p4, p5, p6, p7], [d0, d1, d2, d3, d4, d5, d6, d7]) = (*p, *d);
        *p = [p0 + d0, p1 + d1, p2 + d2, p3 + d3, p4 + d4, p5 + d5, p6 + d6, p7 + d7];
        one_turn_at_a_time();
    }
    for (p, d) in params_rest.iter_mut().zip(step_rest) {
        *p += d;
        one_turn_at_a_time();
    }
}
