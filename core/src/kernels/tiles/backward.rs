//! Down to the inputs, four samples at a time.

use super::super::{Slopes, TILE};
use super::loads::Quad;
use super::rest::backward_rest;
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Takes the deltas of a layer's outputs to its inputs: on entry `inputs` holds what `slopes` says, on return each input's
/// delta. Where the derivative is 0 so is the delta.
#[inline(never)]
pub(crate) fn backward(
    weights: &[f32],
    deltas: &[f32],
    inputs: &mut [f32],
    fan_in: usize,
    units: usize,
    slopes: Slopes,
) {
    let (mut x, mut d) = (inputs, deltas);
    while let (Some((deltas, d_rest)), true) = (d.split_at_checked(TILE * units), x.len() >= TILE * fan_in)
        && !deltas.is_empty()
    {
        let Some((inputs, x_rest)) = x.split_at_mut_checked(TILE * fan_in) else { return };
        backward_four(weights, deltas.as_chunks().0, inputs, fan_in, slopes);
        (x, d) = (x_rest, d_rest);
    }
    if !d.is_empty() {
        backward_rest(weights, d, x, fan_in, units, slopes);
    }
}

/// Four samples: every weight loaded serves four sums, every delta those of a tile of inputs.
#[inline(always)]
fn backward_four(weights: &[f32], deltas: &[[f32; TILE]], x: &mut [f32], fan_in: usize, slopes: Slopes) {
    let Some((first, others)) = deltas.split_first() else { return };
    if others.is_empty() && slopes == Slopes::OfGate {
        return from_one(weights, Quad::of(*first), x);
    }
    let (tiles, rest) = x.as_chunks_mut();
    let mut columns = weights;
    for x in tiles {
        let Some((w, _)) = columns.split_first_chunk() else { return };
        columns_of_four(Quad::of(*first), Quad::of(*w), columns, others, x, fan_in, slopes);
        columns = columns.get(TILE..).unwrap_or_default();
    }
    for x in rest.as_chunks_mut().0 {
        column_of_one(columns, deltas, x, fan_in, slopes);
        columns = columns.get(1..).unwrap_or_default();
    }
}

/// From a single unit, such as tells two classes apart, to a gate: sums of one term, of which those that are off need not be made.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn from_one(weights: &[f32], d: Quad, x: &mut [f32]) {
    for (x, w) in x.as_chunks_mut().0.iter_mut().zip(weights) {
        let product = |d| multiply_add(0.0, *w, d);
        Slopes::OfGate.scale(x, product(d.s0), product(d.s1), product(d.s2), product(d.s3));
    }
}

/// `x[k][s] *= sum over u of w[u][k] d[u][s]` for the first four columns `k` and the four samples `s`. The first unit's are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn columns_of_four(
    mut d: Quad,
    mut w: Quad,
    columns: &[f32],
    deltas: &[[f32; TILE]],
    x: &mut [f32; TILE * TILE],
    fan_in: usize,
    slopes: Slopes,
) {
    let (mut a, mut b, mut c, mut e) = (Quad::all(0.0), Quad::all(0.0), Quad::all(0.0), Quad::all(0.0));
    let (false, Some(behind)) = (fan_in < TILE, columns.get(TILE..)) else { return };
    // From behind the first unit's weights to the end of the next one's: so the last one's are a chunk too.
    let mut units = deltas.iter().zip(behind.chunks_exact(fan_in));
    loop {
        accumulate!([w.s0, a; w.s1, b; w.s2, c; w.s3, e], d);
        let Some((deltas, below)) = units.next() else { break };
        let Some(tile) = below.last_chunk() else { break };
        d = last_first(deltas);
        one_turn_at_a_time();
        w = Quad::of(*tile);
        one_turn_at_a_time();
    }
    let ([x0, x1, x2, x3], _) = x.as_chunks_mut() else { return };
    slopes.scale(x0, a.s0, a.s1, a.s2, a.s3);
    slopes.scale(x1, b.s0, b.s1, b.s2, b.s3);
    slopes.scale(x2, c.s0, c.s1, c.s2, c.s3);
    slopes.scale(x3, e.s0, e.s1, e.s2, e.s3);
}

/// The same for one column.
#[inline(never)]
fn column_of_one(columns: &[f32], deltas: &[[f32; TILE]], x: &mut [f32; TILE], fan_in: usize, slopes: Slopes) {
    let (mut sum, mut rest) = (Quad::all(0.0), columns);
    for deltas in deltas {
        let (Some(w), d) = (rest.first(), Quad::of(*deltas)) else { break };
        accumulate!([*w, sum], d);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    slopes.scale(x, sum.s0, sum.s1, sum.s2, sum.s3);
}

/// What stands there, the last one loaded first: in a loop that counts its turns LLVM then steps the pointer in the load.
#[inline(always)]
const fn last_first([s0, s1, s2, s3]: &[f32; TILE]) -> Quad {
    let (s3, s2, s1, s0) = (*s3, *s2, *s1, *s0);
    Quad { s0, s1, s2, s3 }
}
