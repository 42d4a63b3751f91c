//! Forward, four samples at a time.

use super::super::TILE;
use super::dots::{dots_of_one, dots_of_two};
use super::four::{Pair, four_rows, in_quads};
use super::loads::Quad;
use super::one::forward_one;
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let layer = Layer { weights, biases, fan_in };
    let (mut x, mut y) = (inputs, outputs);
    while let (Some((four, x_rest)), true) = (x.split_at_checked(TILE * fan_in), y.len() >= TILE * biases.len())
        && !four.is_empty()
    {
        let Some((sums, y_rest)) = y.split_at_mut_checked(TILE * biases.len()) else { return };
        in_fours(&layer, four, sums);
        if !biases.len().is_multiple_of(TILE) || fan_in % 2 == 1 {
            not_in_fours(&layer, four, sums);
        }
        (x, y) = (x_rest, y_rest);
    }
    if !x.is_empty() {
        forward_rest(weights, biases, x, y, fan_in);
    }
}

struct Layer<'a> {
    weights: &'a [f32],
    biases: &'a [f32],
    fan_in: usize,
}

impl Layer<'_> {
    /// Units that are in tiles, of four units and of two. A single input is no pair.
    const fn in_tiles(&self) -> usize {
        if self.fan_in == 1 { 0 } else { self.biases.len() - self.biases.len() % 2 }
    }
}

/// The samples that are no four. Called last and with the same arguments, so that the frame above is not under it.
#[inline(never)]
fn forward_rest(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    for (x, y) in rows(inputs, fan_in).zip(rows_mut(outputs, biases.len())) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// Four samples, four units at a time: every weight loaded serves four sums, and so does every input.
#[inline(never)]
fn in_fours(layer: &Layer<'_>, x: &[f32], y: &mut [f32]) {
    let Layer { weights, biases, fan_in } = *layer;
    let four_rows_len = TILE * fan_in;
    // Chunks of nothing are a panic.
    if four_rows_len == 0 {
        return;
    }
    // The first two inputs come in registers.
    let Some((first, rest)) = x.split_first_chunk() else { return };
    let turns = rest.as_chunks().0;
    let tiles = biases.as_chunks().0.iter().zip(weights.chunks_exact(four_rows_len)).zip(y.as_chunks_mut().0);
    for nested!(biases rows sums) in tiles {
        let Some([r0, r1, r2, r3]) = four_rows(rows, fan_in) else { return };
        let (Some((w0, r0)), Some((w1, r1))) = (r0.split_first_chunk(), r1.split_first_chunk()) else { return };
        let (Some((w2, r2)), Some((w3, r3))) = (r2.split_first_chunk(), r3.split_first_chunk()) else { return };
        // Not before the loop, and not one with the other: see `loads`.
        one_turn_at_a_time();
        let (x0, x1) = Quad::two(*first);
        one_turn_at_a_time();
        let (w0, w1, w2, w3) = (Pair::of(*w0), Pair::of(*w1), Pair::of(*w2), Pair::of(*w3));
        let rows = [r0.as_chunks().0, r1.as_chunks().0, r2.as_chunks().0, r3.as_chunks().0];
        dots_of_four(w0, w1, w2, w3, x0, x1, &rows, turns, biases, sums);
    }
}

/// What there is besides whole fours of units, each of an even number of terms.
#[inline(never)]
fn not_in_fours(layer: &Layer<'_>, x: &[f32], y: &mut [f32]) {
    if layer.biases.len() % TILE >= 2 {
        in_pair(layer, x, y);
    }
    if layer.in_tiles() < layer.biases.len() {
        one_by_one(layer, x, y);
    }
    if layer.fan_in % 2 == 1 {
        add_last_terms(layer, x, y);
    }
}

/// The two units behind the fours.
#[inline(never)]
fn in_pair(layer: &Layer<'_>, x: &[f32], y: &mut [f32]) {
    let Layer { weights, biases, fan_in } = *layer;
    let before = biases.len() - biases.len() % TILE;
    let (Some((_, weights)), Some((_, biases))) =
        (weights.split_at_checked(before * fan_in), biases.split_at_checked(before))
    else {
        return;
    };
    let (Some((first, next)), Some(sums)) = (weights.split_at_checked(fan_in), y.get_mut(TILE * before..)) else {
        return;
    };
    let (Some(biases), Some(sums)) = (biases.first_chunk(), sums.first_chunk_mut()) else { return };
    let (Some((w0, r0)), Some((w1, r1))) = (first.split_first_chunk(), next.split_first_chunk()) else { return };
    let Some((inputs, x)) = x.split_first_chunk() else { return };
    let (x0, x1) = Quad::two(*inputs);
    let (w0, w1) = (Pair::of(*w0), Pair::of(*w1));
    dots_of_two(w0, w1, x0, x1, x.as_chunks().0, r0.as_chunks().0, r1.as_chunks().0, biases, sums);
}

/// The units that are in no tile.
#[inline(never)]
fn one_by_one(layer: &Layer<'_>, x: &[f32], y: &mut [f32]) {
    let (units, fan_in) = (layer.in_tiles(), layer.fan_in);
    let (Some(b), Some(w)) = (layer.biases.get(units..), layer.weights.get(units * fan_in..)) else { return };
    let Some(y) = y.get_mut(TILE * units..) else { return };
    for ((b, w), sums) in b.iter().zip(rows(w, fan_in)).zip(y.as_chunks_mut().0) {
        dots_of_one(w, x, *b, sums);
    }
}

/// What is left of the tiles' units where the terms are an odd number.
#[inline(never)]
fn add_last_terms(layer: &Layer<'_>, x: &[f32], y: &mut [f32]) {
    let Some(x) = x.last_chunk() else { return };
    let x = Quad::of(*x);
    for (w, sums) in rows(layer.weights, layer.fan_in).zip(y.as_chunks_mut().0).take(layer.in_tiles()) {
        let (Some(w), mut sum) = (w.last(), Quad::of(*sums)) else { return };
        accumulate!([*w, sum], x);
        *sums = [sum.s0, sum.s1, sum.s2, sum.s3];
        one_turn_at_a_time();
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
    mut x0: Quad,
    mut x1: Quad,
    w: &[&[[f32; 2]]; TILE],
    x: &[[f32; 2 * TILE]],
    biases: &[f32; TILE],
    sums: &mut [f32; TILE * TILE],
) {
    let (n, mut turns, [r0, r1, r2, r3]) = (x.len(), x, *w);
    macro_rules! cut {
        ($($row:ident $from:ident),*) => { $( let Some(mut $row) = $from.get(..n) else { return }; )* };
    }
    cut!(p0 r0, p1 r1, p2 r2, p3 r3);
    let [b0, b1, b2, b3] = *biases;
    let (mut a, mut b, mut c, mut d) = (Quad::all(b0), Quad::all(b1), Quad::all(b2), Quad::all(b3));
    macro_rules! take {
        ($($to:ident $from:ident),*) => {
            $(
                let Some((pair, rest)) = $from.split_first() else { break };
                $to = Pair::of(*pair);
                $from = rest;
            )*
        };
    }
    loop {
        accumulate!([w0.k0, a; w1.k0, b; w2.k0, c; w3.k0, d], x0);
        accumulate!([w0.k1, a; w1.k1, b; w2.k1, c; w3.k1, d], x1);
        let Some((x, rest)) = turns.split_first() else { break };
        take!(w0 p0, w1 p1, w2 p2);
        (x0, x1) = Quad::two(*x);
        turns = rest;
        one_turn_at_a_time();
        // By itself: of four pointers LLVM would step two apart from their loads.
        take!(w3 p3);
        one_turn_at_a_time();
    }
    *sums = in_quads(a, b, c, d);
}
