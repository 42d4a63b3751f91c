//! Element by element, eight a turn.

use super::super::elements::rectified;
use super::loads::Quad;
use super::products::TURN;
use crate::unroll::{one_turn_at_a_time, unknown};

/// Whole turns, and what is left: not known to be less than a turn, as LLVM would write that out.
#[inline(always)]
pub(super) fn turns_mut(values: &mut [f32]) -> (&mut [[f32; TURN]], &mut [f32]) {
    let (turns, rest) = values.split_at_mut_checked(unknown(values.len() / TURN) * TURN).unwrap_or_default();
    (turns.as_chunks_mut().0, rest)
}

/// `to = from`: a call of `memcpy` takes several times as many instructions on a Cortex-M.
#[inline(never)]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    let ((turns, from_rest), (to, to_rest)) = (from.as_chunks(), to.as_chunks_mut());
    if let Some((first, turns)) = turns.split_first() {
        let (a, b) = Quad::two(*first);
        copy_turns(a, b, turns, to);
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
        one_turn_at_a_time();
    }
}

/// The first turn's values are here already, `from` holds the next.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn copy_turns(mut a: Quad, mut b: Quad, from: &[[f32; TURN]], to: &mut [[f32; TURN]]) {
    let mut from = from;
    for to in to {
        *to = Quad::one(a, b);
        let Some((next, rest)) = from.split_first() else { break };
        (a, b) = Quad::two(*next);
        from = rest;
        one_turn_at_a_time();
    }
}

/// `values = max(values, 0)`: what integers an instruction loads need not be in registers that follow one another.
#[inline(never)]
pub(crate) fn rectify(values: &mut [f32]) {
    let (mut turns, rest) = values.as_chunks_mut::<TURN>();
    while let Some((values, behind)) = turns.split_first_mut() {
        let [a, b, c, d, e, f, g, h] = *values;
        let (a, b, c, d) = (a.to_bits(), b.to_bits(), c.to_bits(), d.to_bits());
        let (e, f, g, h) = (e.to_bits(), f.to_bits(), g.to_bits(), h.to_bits());
        one_turn_at_a_time();
        *values = [
            rectified(a),
            rectified(b),
            rectified(c),
            rectified(d),
            rectified(e),
            rectified(f),
            rectified(g),
            rectified(h),
        ];
        turns = behind;
        one_turn_at_a_time();
    }
    for value in rest {
        *value = rectified(value.to_bits());
        one_turn_at_a_time();
    }
}

/// `values = value`, without `memset`, which a Cortex-M's image need not have then.
#[inline(never)]
pub(crate) fn fill(values: &mut [f32], value: f32) {
    let value = core::hint::black_box(value);
    let (turns, rest) = turns_mut(values);
    fill_turns(Quad::all(value), Quad::all(value), turns);
    for to in rest {
        *to = value;
        one_turn_at_a_time();
    }
}

#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn fill_turns(a: Quad, b: Quad, to: &mut [[f32; TURN]]) {
    for to in to {
        *to = Quad::one(a, b);
        one_turn_at_a_time();
    }
}

/// Whether none of the values is NaN or infinite: 0 times such a value is NaN, and so is what that is multiplied by.
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let (turns, rest) = values.split_at_checked(unknown(values.len() / LONG_TURN) * LONG_TURN).unwrap_or_default();
    let mut product = 0.0;
    if let Some((first, next)) = turns.as_chunks().0.split_first() {
        let [a, b, c, d] = Quad::four(*first);
        product = zero_times_turns(a, b, c, d, next);
    }
    for value in rest {
        product *= value;
        one_turn_at_a_time();
    }
    product == 0.0
}

/// As many values as come in registers.
const LONG_TURN: usize = 2 * TURN;

/// The first turn's values are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn zero_times_turns(mut a: Quad, mut b: Quad, mut c: Quad, mut d: Quad, next: &[[f32; LONG_TURN]]) -> f32 {
    // Two products, as one would wait for itself.
    let (mut even, mut odd, mut next) = (0.0, 0.0, next);
    loop {
        macro_rules! multiply {
            ($($s:ident)*) => {
                $(
                    (even, odd) = (even * a.$s, odd * b.$s);
                    (even, odd) = (even * c.$s, odd * d.$s);
                )*
            };
        }
        multiply!(s0 s1 s2 s3);
        let Some((values, rest)) = next.split_first() else { break };
        [a, b, c, d] = Quad::four(*values);
        next = rest;
        one_turn_at_a_time();
    }
    even + odd
}
