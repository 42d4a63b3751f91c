//! Forward, four samples at a time.

use super::super::{Layout, TILE};
use super::dots::dots_of_one;
use super::four::{columns_mut, four_rows, in_quads};
use super::loads::{Pair, Quad};
use super::online::forward_one;
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(
    weights: &[f32],
    biases: &[f32],
    inputs: &[f32],
    outputs: &mut [f32],
    fan_in: usize,
    of_outputs: Layout,
) {
    let shape = Shape { fan_in, units: biases.len(), of_outputs };
    let (mut x, mut y) = (inputs, outputs);
    while let (Some((four, x_rest)), true) = (x.split_at_checked(TILE * fan_in), y.len() >= TILE * shape.units)
        && !four.is_empty()
    {
        let Some((results, y_rest)) = y.split_at_mut_checked(TILE * shape.units) else { return };
        forward_four(weights, biases, four, results, &shape);
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
    of_outputs: Layout,
}

/// Where a tile's sums go: what stands before its first unit is not there.
struct Sums<'a> {
    y: &'a mut [f32],
    shape: &'a Shape,
}

impl Sums<'_> {
    /// Those of the next units.
    #[inline(always)]
    fn behind(self, units: usize) -> Option<Self> {
        let step = if self.shape.of_outputs == Layout::Rows { 1 } else { TILE };
        Some(Self { y: self.y.get_mut(units * step..)?, ..self })
    }

    /// The sums of four units.
    #[inline(always)]
    fn put_four(self, a: Quad, b: Quad, c: Quad, d: Quad) {
        if self.shape.of_outputs == Layout::Quads {
            let Some(y) = self.y.first_chunk_mut() else { return };
            *y = in_quads(a, b, c, d);
            return;
        }
        let Some([y0, y1, y2, y3]) = columns_mut(self.y, self.shape.units) else { return };
        *y0 = [a.s0, b.s0, c.s0, d.s0];
        *y1 = [a.s1, b.s1, c.s1, d.s1];
        *y2 = [a.s2, b.s2, c.s2, d.s2];
        *y3 = [a.s3, b.s3, c.s3, d.s3];
    }

    /// The sums of one unit.
    #[inline(always)]
    fn put_one(self, sums: Quad) {
        if self.shape.of_outputs == Layout::Quads {
            let Some(y) = self.y.first_chunk_mut() else { return };
            *y = [sums.s0, sums.s1, sums.s2, sums.s3];
            return;
        }
        let Some([[y0], [y1], [y2], [y3]]) = columns_mut(self.y, self.shape.units) else { return };
        (*y0, *y1, *y2, *y3) = (sums.s0, sums.s1, sums.s2, sums.s3);
    }
}

/// Four samples: every weight loaded serves four sums, every input those of a tile of units.
#[inline(always)]
fn forward_four(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], shape: &Shape) {
    let fan_in = shape.fan_in;
    let mut sums = Sums { y, shape };
    let (mut w, mut b) = (weights, biases);
    // The first two inputs come in registers.
    if let Some((first, rest)) = x.split_first_chunk() {
        let (tiles, last) = biases.as_chunks();
        for (biases, rows) in tiles.iter().zip(weights.chunks_exact(TILE * fan_in)) {
            let Some([r0, r1, r2, r3]) = four_rows(rows, fan_in) else { return };
            let (Some((w0, r0)), Some((w1, r1))) = (r0.split_first_chunk(), r1.split_first_chunk()) else { return };
            let (Some((w2, r2)), Some((w3, r3))) = (r2.split_first_chunk(), r3.split_first_chunk()) else { return };
            // Not before the loop, and not one with the other: see `loads`.
            one_turn_at_a_time();
            let (x0, x1) = Quad::two(*first);
            one_turn_at_a_time();
            let (w0, w1, w2, w3) = (Pair::of(*w0), Pair::of(*w1), Pair::of(*w2), Pair::of(*w3));
            one_turn_at_a_time();
            let here = Sums { y: &mut *sums.y, shape };
            dots_of_four(w0, w1, w2, w3, x0, x1, &[r0, r1, r2, r3], rest, biases, here);
            let Some(behind) = sums.behind(TILE) else { return };
            sums = behind;
        }
        b = last;
        w = weights.get((biases.len() - last.len()) * fan_in..).unwrap_or_default();
    }
    for (b, w) in b.iter().zip(rows(w, fan_in)) {
        Sums { y: &mut *sums.y, shape }.put_one(dots_of_one(w, x, *b));
        let Some(behind) = sums.behind(1) else { return };
        sums = behind;
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
    w: &[&[f32]; TILE],
    x: &[f32],
    biases: &[f32; TILE],
    sums: Sums<'_>,
) {
    let (turns, last) = x.as_chunks();
    let mut turns: &[[f32; 2 * TILE]] = turns;
    let n = turns.len();
    macro_rules! cut {
        ($($row:ident $from:ident),*) => { $( let Some(mut $row) = $from.as_chunks().0.get(..n) else { return }; )* };
    }
    let [r0, r1, r2, r3] = *w;
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
    if let Some(x) = last.first_chunk() {
        let x = Quad::of(*x);
        if let (Some(w0), Some(w1), Some(w2), Some(w3)) = (r0.last(), r1.last(), r2.last(), r3.last()) {
            accumulate!([*w0, a; *w1, b; *w2, c; *w3, d], x);
        }
    }
    sums.put_four(a, b, c, d);
}
