//! Element by element, eight a turn: what is scaled, added or spread.

use core::cell::Cell;

use super::super::TILE;
use super::elements::{fill, turns_mut};
use super::loads::{Quad, get, set};
use super::products::{TURN, add_rest};
use crate::multiply_add::multiply_add;
use crate::unroll::{keep_the_end_in_the_middle, one_turn_at_a_time};

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

/// `row += d x`.
#[inline(always)]
fn add_product(row: &mut [f32], d: f32, x: &[f32]) {
    let len = row.len().min(x.len());
    let (Some(row), Some(x)) = (row.get_mut(..len), x.get(..len)) else { return };
    let (turns, x_rest) = x.as_chunks();
    add_to_row(Cell::from_mut(row).as_slice_of_cells(), d, turns, x_rest);
}

/// `row += d x`, the rows being of one length.
#[inline(always)]
pub(super) fn add_to_row(row: &[Cell<f32>], d: f32, turns: &[[f32; TURN]], x_rest: &[f32]) {
    let (row, row_rest) = row.as_chunks();
    if let (Some((w, next)), Some((first, x))) = (row.split_first(), turns.split_first()) {
        let ((w0, w1), (x0, x1)) = (Quad::two(get(w)), Quad::two(*first));
        add_turns(w0, w1, x0, x1, row, next, x, &d);
    } else {
        // Or LLVM would write out a loop over rows that have neither turns nor a rest.
        one_turn_at_a_time();
    }
    if !x_rest.is_empty() {
        add_rest(row_rest, d, x_rest);
    }
}

/// Eight elements a turn, the first of which are here already: `row` is where they go, `next` where those of the next turns come from.
#[inline(never)]
#[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
extern "C" fn add_turns(
    mut w0: Quad,
    mut w1: Quad,
    mut x0: Quad,
    mut x1: Quad,
    row: &[[Cell<f32>; TURN]],
    next: &[[Cell<f32>; TURN]],
    x: &[[f32; TURN]],
    d: &f32,
) {
    let (d, mut next) = (*d, next);
    let (Some(mut x), Some((last, row))) = (x.get(..next.len()), row.split_last()) else { return };
    let Some(mut row) = row.get(..next.len()) else { return };
    loop {
        macro_rules! add {
            ($($s:ident)*) => {
                $(
                    w0.$s = multiply_add(w0.$s, d, x0.$s);
                    w1.$s = multiply_add(w1.$s, d, x1.$s);
                )*
            };
        }
        add!(s0 s1 s2 s3);
        let Some((next_w, next_rest)) = next.split_first() else { break };
        let Some((next_x, x_rest)) = x.split_first() else { break };
        let Some((here, row_rest)) = row.split_first() else { break };
        set(here, w0, w1);
        one_turn_at_a_time();
        ((w0, w1), (x0, x1)) = (Quad::two(get(next_w)), Quad::two(*next_x));
        (row, next, x) = (row_rest, next_rest, x_rest);
        one_turn_at_a_time();
    }
    set(last, w0, w1);
}
