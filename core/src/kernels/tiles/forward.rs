//! Forward, four samples at a time.

use super::super::TILE;
use super::dots::dot_four;
use super::four::{columns, columns_mut, four_rows};
use super::loads::{Pair, Quad};
use super::online::forward_one;
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let shape = Shape { fan_in, units: biases.len() };
    let (mut x, mut y) = (inputs, outputs);
    while let (Some((four, x_rest)), true) = (x.split_at_checked(TILE * fan_in), y.len() >= TILE * shape.units)
        && !four.is_empty()
    {
        let Some((results, y_rest)) = y.split_at_mut_checked(TILE * shape.units) else { return };
        let in_tiles = forward_four(weights, biases, four, results, &shape);
        if fan_in % 2 == 1 {
            add_last_terms(weights, four, results, &shape, in_tiles);
        }
        (x, y) = (x_rest, y_rest);
    }
    if !x.is_empty() {
        forward_rest(weights, biases, x, y, fan_in);
    }
}

/// The samples that are no four. Called last and with the same arguments, so that the frame above is not under it.
#[inline(never)]
fn forward_rest(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    for (x, y) in rows(inputs, fan_in).zip(rows_mut(outputs, biases.len())) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// What a tile has to know of its layer.
struct Shape {
    fan_in: usize,
    units: usize,
}

/// Four samples: every weight loaded serves four sums, every input those of a tile of units. Returns how many units were in tiles:
/// they have an even number of terms.
#[inline(always)]
fn forward_four(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], shape: &Shape) -> usize {
    let (mut w, mut b, mut y, mut in_tiles) = (weights, biases, y, 0);
    let samples = &behind_pairs(x, shape.fan_in);
    loop {
        let units = if let Some(biases) = b.first_chunk()
            && let (Some(samples), Some(rows)) = (samples, &behind_pairs(w, shape.fan_in))
            && let (Some([x0, x1, x2, x3]), Some([w0, w1, w2, w3])) =
                (columns(x, shape.fan_in), columns(w, shape.fan_in))
        {
            let (w0, w1, w2, w3) = (Pair::of(*w0), Pair::of(*w1), Pair::of(*w2), Pair::of(*w3));
            let (x0, x1, x2, x3) = (Pair::of(*x0), Pair::of(*x1), Pair::of(*x2), Pair::of(*x3));
            dots_of_four(w0, w1, w2, w3, x0, x1, x2, x3, rows, samples, biases, y, shape.units);
            in_tiles += TILE;
            TILE
        } else if let (Some(b), Some(w)) = (b.first(), w.get(..shape.fan_in)) {
            dots_of_one(w, x, *b, y, shape.units);
            1
        } else {
            return in_tiles;
        };
        let (Some(w_rest), Some(b_rest), Some(y_rest)) =
            (w.get(units * shape.fan_in..), b.get(units..), y.get_mut(units..))
        else {
            return in_tiles;
        };
        (w, b, y) = (w_rest, b_rest, y_rest);
    }
}

/// `y[s][u] = b[u] + w[u] . x[s]` for four units and four samples, two terms a turn. The first two are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
extern "C" fn dots_of_four(
    mut w0: Pair,
    mut w1: Pair,
    mut w2: Pair,
    mut w3: Pair,
    mut x0: Pair,
    mut x1: Pair,
    mut x2: Pair,
    mut x3: Pair,
    w: &[&[f32]; TILE],
    x: &[&[f32]; TILE],
    biases: &[f32; TILE],
    y: &mut [f32],
    units: usize,
) {
    let [mut wr0, wr1, wr2, wr3] = *w;
    let [xr0, xr1, xr2, xr3] = *x;
    let n = wr0.len();
    macro_rules! cut {
        ($($row:ident)*) => { $( let Some(mut $row) = $row.get(..n) else { return }; )* };
    }
    cut!(wr1 wr2 wr3 xr0 xr1 xr2 xr3);
    let [b0, b1, b2, b3] = *biases;
    let (mut a, mut b, mut c, mut d) = (Quad::all(b0), Quad::all(b1), Quad::all(b2), Quad::all(b3));
    macro_rules! add {
        ($k:ident: $($w:ident $sum:ident),*) => {
            accumulate!([$($w.$k, $sum);*], x0.$k, x1.$k, x2.$k, x3.$k);
        };
    }
    macro_rules! take {
        ($($to:ident $from:ident),*) => {
            $(
                let Some((pair, rest)) = $from.split_first_chunk() else { break };
                $to = Pair::of(*pair);
                $from = rest;
            )*
        };
    }
    loop {
        add!(k0: w0 a, w1 b, w2 c, w3 d);
        add!(k1: w0 a, w1 b, w2 c, w3 d);
        take!(w0 wr0, w1 wr1, w2 wr2, w3 wr3, x0 xr0, x1 xr1, x2 xr2);
        one_turn_at_a_time();
        // By itself: of eight pointers LLVM would step four apart from their loads, of seven and one only one.
        take!(x3 xr3);
        one_turn_at_a_time();
    }
    let Some([y0, y1, y2, y3]) = columns_mut(y, units) else { return };
    *y0 = [a.s0, b.s0, c.s0, d.s0];
    *y1 = [a.s1, b.s1, c.s1, d.s1];
    *y2 = [a.s2, b.s2, c.s2, d.s2];
    *y3 = [a.s3, b.s3, c.s3, d.s3];
}

/// What is left of the tiles' units where the terms are an odd number.
#[inline(never)]
fn add_last_terms(weights: &[f32], x: &[f32], y: &mut [f32], shape: &Shape, in_tiles: usize) {
    for (x, y) in rows(x, shape.fan_in).zip(rows_mut(y, shape.units)) {
        for (w, y) in rows(weights, shape.fan_in).zip(y).take(in_tiles) {
            if let (Some(w), Some(x)) = (w.last(), x.last()) {
                *y = multiply_add(*y, *w, *x);
            }
            one_turn_at_a_time();
        }
    }
}

/// One unit, four samples.
#[inline(never)]
fn dots_of_one(w: &[f32], x: &[f32], b: f32, y: &mut [f32], units: usize) {
    let sums = dot_four([b; 4], x, w);
    let Some([[y0], [y1], [y2], [y3]]) = columns_mut(y, units) else { return };
    [*y0, *y1, *y2, *y3] = sums;
}

/// Four rows without the first two elements of each.
#[inline]
fn behind_pairs(matrix: &[f32], width: usize) -> Option<[&[f32]; TILE]> {
    let [a, b, c, d] = four_rows(matrix, width)?;
    Some([a.get(2..)?, b.get(2..)?, c.get(2..)?, d.get(2..)?])
}
