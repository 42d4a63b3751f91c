//! Two units of four samples, or one.

use super::super::TILE;
use super::four::Pair;
use super::loads::Quad;
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `y[u][s] = b[u] + w[u] . x[s]` for two units and four samples, two terms a turn. The first two are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
pub(super) extern "C" fn dots_of_two(
    mut w0: Pair,
    mut w1: Pair,
    mut x0: Quad,
    mut x1: Quad,
    x: &[[f32; 2 * TILE]],
    r0: &[[f32; 2]],
    r1: &[[f32; 2]],
    biases: &[f32; 2],
    sums: &mut [f32; 2 * TILE],
) {
    let (n, mut turns, [b0, b1]) = (x.len(), x, *biases);
    let (Some(mut p0), Some(mut p1)) = (r0.get(..n), r1.get(..n)) else { return };
    let (mut a, mut b) = (Quad::all(b0), Quad::all(b1));
    loop {
        accumulate!([w0.k0, a; w1.k0, b], x0);
        accumulate!([w0.k1, a; w1.k1, b], x1);
        let Some((x, x_rest)) = turns.split_first() else { break };
        let Some((pair0, rest0)) = p0.split_first() else { break };
        let Some((pair1, rest1)) = p1.split_first() else { break };
        (w0, w1, (x0, x1)) = (Pair::of(*pair0), Pair::of(*pair1), Quad::two(*x));
        (turns, p0, p1) = (x_rest, rest0, rest1);
        one_turn_at_a_time();
    }
    *sums = Quad::one(a, b);
}

/// `b + w . x[s]` for four samples in a quad.
#[inline(never)]
pub(super) fn dots_of_one(w: &[f32], x: &[f32], b: f32, sums: &mut [f32; TILE]) {
    let mut sum = Quad::all(b);
    let (mut w, mut x) = (w, x);
    // What is no pair comes first: a loop whose pointers are used behind it is the slower one.
    if w.len() % 2 == 1 {
        let (Some((first, w_rest)), Some((inputs, x_rest))) = (w.split_first(), x.split_first_chunk()) else {
            return;
        };
        let inputs = Quad::of(*inputs);
        accumulate!([*first, sum], inputs);
        (w, x) = (w_rest, x_rest);
    }
    if let (Some((pair, w)), Some((first, x))) = (w.split_first_chunk(), x.split_first_chunk()) {
        let (x0, x1) = Quad::two(*first);
        sum = dots_of_pairs(Pair::of(*pair), x0, x1, sum, w, x);
    }
    *sums = [sum.s0, sum.s1, sum.s2, sum.s3];
}

/// Two terms a turn, the first of which are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn dots_of_pairs(mut w0: Pair, mut x0: Quad, mut x1: Quad, sum: Quad, w: &[f32], x: &[f32]) -> Quad {
    let mut sum = sum;
    let mut turns: &[[f32; 2 * TILE]] = x.as_chunks().0;
    let Some(mut pairs) = w.as_chunks().0.get(..turns.len()) else { return sum };
    loop {
        accumulate!([w0.k0, sum], x0);
        accumulate!([w0.k1, sum], x1);
        let Some((x, x_rest)) = turns.split_first() else { break };
        let Some((pair, w_rest)) = pairs.split_first() else { break };
        (w0, (x0, x1)) = (Pair::of(*pair), Quad::two(*x));
        (turns, pairs) = (x_rest, w_rest);
        one_turn_at_a_time();
    }
    sum
}
