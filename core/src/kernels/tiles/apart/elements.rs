//! Element by element.
//!
//! What a turn makes the next one stores: then the sums are in the registers that the first ones came in, and one instruction stores
//! them, see `loads`.

use core::cell::Cell;

use super::super::super::TILE;
use super::super::elements::fill;
use super::super::loads::{Quad, get, set};
use super::super::products::{TURN, add_rest};
use super::{add_four, by_four};
use crate::unroll::one_turn_at_a_time;

/// `to[k][lane] = from[k]`: by way of integers, which take a cycle each to store, and floats two.
#[inline(never)]
pub(crate) fn spread(from: &[f32], to: &mut [[f32; TILE]], lane: usize) {
    let ((turns, rest), (to, to_rest)) = (from.as_chunks(), to.as_chunks_mut::<4>());
    for (to, from) in to.iter_mut().zip(turns) {
        let to = to.as_flattened_mut().get_mut(lane % TILE..).and_then(|values| values.first_chunk_mut());
        let Some([t0, _, _, _, t1, _, _, _, t2, _, _, _, t3]) = to else { return };
        let [s0, s1, s2, s3] = *from;
        one_turn_at_a_time();
        (*t0, *t1, *t2, *t3) = (s0, s1, s2, s3);
        one_turn_at_a_time();
    }
    for (to, value) in to_rest.iter_mut().zip(rest) {
        if let Some(to) = to.get_mut(lane % TILE) {
            *to = *value;
        }
        one_turn_at_a_time();
    }
}

/// `values *= factor`, or 0 where the factor is 0; never -0.0.
#[inline(never)]
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        return fill(values, 0.0);
    }
    let (turns, rest) = values.as_chunks_mut::<TURN>();
    let turns = Cell::from_mut(turns).as_slice_of_cells();
    let factor = Cell::new(factor);
    if let Some((first, next)) = turns.split_first() {
        let (a, b) = scaled(first, &factor);
        scale_turns(a, b, turns, next, &factor);
    }
    for value in rest {
        *value = factor.get() * *value + 0.0;
        one_turn_at_a_time();
    }
}

/// A turn, in one step.
#[inline(always)]
fn scaled(values: &Cell<[f32; TURN]>, factor: &Cell<f32>) -> (Quad, Quad) {
    let (factor, (x0, x1)) = (factor.get(), Quad::two(values.get()));
    one_turn_at_a_time();
    let (p0, p1) = (by_four(factor, x0), by_four(factor, x1));
    (add_four(p0, Quad::all(0.0)), add_four(p1, Quad::all(0.0)))
}

/// The first turn's products are here already: `to` is where all go, `next` where the next come from.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn scale_turns(
    mut a: Quad,
    mut b: Quad,
    to: &[Cell<[f32; TURN]>],
    next: &[Cell<[f32; TURN]>],
    factor: &Cell<f32>,
) {
    let Some((last, to)) = to.split_last() else { return };
    for (to, next) in to.iter().zip(next) {
        to.set(Quad::one(a, b));
        one_turn_at_a_time();
        (a, b) = scaled(next, factor);
        one_turn_at_a_time();
    }
    last.set(Quad::one(a, b));
}

/// `params += rate * direction`.
#[inline(never)]
pub(crate) fn add_scaled(params: &mut [f32], direction: &[f32], rate: f32) {
    let len = params.len().min(direction.len());
    let (Some(params), Some(direction)) = (params.get_mut(..len), direction.get(..len)) else { return };
    let (turns, rest) = direction.as_chunks();
    add_to_row(Cell::from_mut(params).as_slice_of_cells(), rate, turns, rest);
}

/// `params += step`, which 1 times the step is.
pub(crate) fn add(params: &mut [f32], step: &[f32]) {
    add_scaled(params, step, 1.0);
}

/// `row += d x`, the rows being of one length.
#[inline(always)]
pub(in super::super) fn add_to_row(row: &[Cell<f32>], d: f32, turns: &[[f32; TURN]], x_rest: &[f32]) {
    let (row, row_rest) = row.as_chunks();
    let d = Cell::new(d);
    // Or LLVM would have the factor itself as an argument, not where it is.
    let d = core::hint::black_box(&d);
    if let (Some((first, next)), Some((x, turns))) = (row.split_first(), turns.split_first()) {
        let (a, b) = summed(first, x, d);
        add_turns(a, b, row, next, turns, d);
    }
    if !x_rest.is_empty() {
        add_rest(row_rest, d.get(), x_rest);
    }
}

/// A turn, in one step. What is not multiplied is loaded first, and stays so: what is loaded last could be placed at its sum.
#[inline(always)]
fn summed(row: &[Cell<f32>; TURN], x: &[f32; TURN], d: &Cell<f32>) -> (Quad, Quad) {
    let (w0, w1) = Quad::two(get(row));
    one_turn_at_a_time();
    let (d, (x0, x1)) = (d.get(), Quad::two(*x));
    one_turn_at_a_time();
    let (p0, p1) = (by_four(d, x0), by_four(d, x1));
    (add_four(w0, p0), add_four(w1, p1))
}

/// The first turn's sums are here already: `row` is where all go, `next` where the next are added to.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn add_turns(
    mut a: Quad,
    mut b: Quad,
    row: &[[Cell<f32>; TURN]],
    next: &[[Cell<f32>; TURN]],
    x: &[[f32; TURN]],
    d: &Cell<f32>,
) {
    let Some((last, row)) = row.split_last() else { return };
    for nested!(to next x) in row.iter().zip(next).zip(x) {
        set(to, a, b);
        one_turn_at_a_time();
        (a, b) = summed(next, x, d);
        one_turn_at_a_time();
    }
    set(last, a, b);
}
