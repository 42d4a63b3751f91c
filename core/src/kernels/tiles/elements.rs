//! Element by element, eight a turn.

use core::cell::Cell;

use super::super::TILE;
use super::super::elements::rectified;
use super::loads::{Quad, get};
use super::products::{TURN, add_product};
use crate::multiply_add::multiply_add;
use crate::unroll::{keep_the_end_in_the_middle, one_turn_at_a_time, unknown};

/// Whole turns, and what is left: not known to be less than a turn, as LLVM would write that out.
#[inline(always)]
fn turns_mut(values: &mut [f32]) -> (&mut [[f32; TURN]], &mut [f32]) {
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

/// `to[k][lane] = from[k]`: one of four samples, value by value.
#[inline(never)]
pub(crate) fn spread(from: &[f32], to: &mut [[f32; TILE]], lane: usize) {
    let ((turns, rest), (to, to_rest)) = (from.as_chunks(), to.as_chunks_mut());
    for (to, value) in to_rest.iter_mut().zip(rest) {
        if let Some(to) = to.get_mut(lane % TILE) {
            *to = *value;
        }
        one_turn_at_a_time();
    }
    if let Some((first, next)) = turns.split_first() {
        let (a, b) = Quad::two(*first);
        spread_turns(a, b, next, to, lane);
    }
}

/// The first turn's values are here already, `from` holds the next.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn spread_turns(
    mut a: Quad,
    mut b: Quad,
    from: &[[f32; TURN]],
    to: &mut [[[f32; TILE]; TURN]],
    lane: usize,
) {
    let Some(mut to) = to.get_mut(..=from.len()) else { return };
    let mut from = from;
    while let Some((here, behind)) = to.split_first_mut() {
        // What is left of it has one length, whatever the lane.
        let Some([t0, _, _, _, t1, _, _, _, t2, _, _, _, t3, _, _, _, t4, _, _, _, t5, _, _, _, t6, _, _, _, t7]) =
            here.as_flattened_mut().get_mut(lane % TILE..).and_then(|values| values.first_chunk_mut())
        else {
            return;
        };
        let [s0, s1, s2, s3, s4, s5, s6, s7] = Quad::one(a, b);
        (*t0, *t1, *t2, *t3, *t4, *t5, *t6, *t7) = (s0, s1, s2, s3, s4, s5, s6, s7);
        keep_the_end_in_the_middle();
        let Some((next, rest)) = from.split_first() else { return };
        (a, b) = Quad::two(*next);
        (from, to) = (rest, behind);
        one_turn_at_a_time();
    }
}

/// `values = max(values, 0)`, four a turn: what integers an instruction loads need not be in registers that follow one another.
#[inline(never)]
pub(crate) fn rectify(values: &mut [f32]) {
    let (mut turns, rest) = values.as_chunks_mut::<4>();
    while let Some((values, behind)) = turns.split_first_mut() {
        let [a, b, c, d] = *values;
        let (a, b, c, d) = (a.to_bits(), b.to_bits(), c.to_bits(), d.to_bits());
        one_turn_at_a_time();
        *values = [rectified(a), rectified(b), rectified(c), rectified(d)];
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

/// `values *= factor`, or 0 where the factor is 0; never -0.0.
#[inline(never)]
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        // Also what NaN and infinities left behind by a diverged run are cleared by.
        return fill(values, 0.0);
    }
    let (turns, rest) = turns_mut(values);
    let turns = Cell::from_mut(turns).as_slice_of_cells();
    if let Some((first, next)) = turns.split_first() {
        let ((a, b), zeros) = (Quad::two(first.get()), core::hint::black_box([const { Cell::new(0.0) }; TURN]));
        let (zero_a, zero_b) = Quad::two(get(&zeros));
        scale_turns(zero_a, zero_b, a, b, turns, next, &zeros, &factor);
    }
    for value in rest {
        *value = factor * *value + 0.0;
        one_turn_at_a_time();
    }
}

/// The first turn's values are here already: `to` is where they go, `next` where the next come from. A product is added to what is in
/// the sum's register, and one instruction loads a turn's zeros.
#[inline(never)]
#[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
extern "C" fn scale_turns(
    mut sum_a: Quad,
    mut sum_b: Quad,
    mut a: Quad,
    mut b: Quad,
    to: &[Cell<[f32; TURN]>],
    next: &[Cell<[f32; TURN]>],
    zeros: &[Cell<f32>; TURN],
    factor: &f32,
) {
    let (factor, mut next) = (*factor, next);
    let Some((last, to)) = to.split_last() else { return };
    let Some(mut to) = to.get(..next.len()) else { return };
    loop {
        macro_rules! scale {
            ($($s:ident)*) => {
                $(
                    sum_a.$s = multiply_add(sum_a.$s, factor, a.$s);
                    sum_b.$s = multiply_add(sum_b.$s, factor, b.$s);
                )*
            };
        }
        scale!(s0 s1 s2 s3);
        keep_the_end_in_the_middle();
        let Some((next_values, next_rest)) = next.split_first() else { break };
        let Some((here, to_rest)) = to.split_first() else { break };
        here.set(Quad::one(sum_a, sum_b));
        one_turn_at_a_time();
        (a, b) = Quad::two(next_values.get());
        one_turn_at_a_time();
        (sum_a, sum_b) = Quad::two(get(zeros));
        one_turn_at_a_time();
        (to, next) = (to_rest, next_rest);
    }
    last.set(Quad::one(sum_a, sum_b));
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

/// `params += rate * direction`.
#[inline(never)]
pub(crate) fn add_scaled(params: &mut [f32], direction: &[f32], rate: f32) {
    add_product(params, rate, direction);
}

/// `params += step`, which 1 times the step is.
#[inline(never)]
pub(crate) fn add(params: &mut [f32], step: &[f32]) {
    add_product(params, 1.0, step);
}
