//! Down to the inputs, four samples at a time.

use super::super::columns::column_sum;
use super::super::{Slopes, TILE};
use super::four::{columns_mut, four_rows};
use super::loads::Quad;
use crate::matrix::{rows, rows_mut};
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
    if units == 1 {
        return backward_from_one(weights, deltas, inputs, fan_in, slopes);
    }
    let (mut x, mut d, last) = (inputs, deltas, fan_in - fan_in % TILE);
    while let (Some((four, d_rest)), true) = (d.split_at_checked(TILE * units), x.len() >= TILE * fan_in)
        && !four.is_empty()
    {
        let Some((inputs, x_rest)) = x.split_at_mut_checked(TILE * fan_in) else { return };
        backward_four(weights, four, inputs, fan_in, units, slopes);
        if last < fan_in {
            backward_rest(weights, four, inputs, fan_in, units, last, slopes);
        }
        (x, d) = (x_rest, d_rest);
    }
    if !d.is_empty() {
        backward_rest(weights, d, x, fan_in, units, 0, slopes);
    }
}

/// From a single unit, such as tells two classes apart: sums of one term.
#[inline(never)]
fn backward_from_one(weights: &[f32], deltas: &[f32], inputs: &mut [f32], fan_in: usize, slopes: Slopes) {
    for (x, &d) in rows_mut(inputs, fan_in).zip(deltas) {
        if slopes == Slopes::Any {
            for (x, w) in x.iter_mut().zip(weights) {
                slopes.scale_one(x, multiply_add(0.0, *w, d));
                one_turn_at_a_time();
            }
            continue;
        }
        // Not by `scale_one`: what is off need not be multiplied.
        for (x, w) in x.iter_mut().zip(weights) {
            if x.to_bits() != 0 {
                *x = multiply_add(0.0, *w, d);
                one_turn_at_a_time();
            }
        }
    }
}

/// Four samples: every weight loaded serves four sums, every delta those of a tile of inputs.
#[inline(always)]
fn backward_four(weights: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, units: usize, slopes: Slopes) {
    let Some([r0, r1, r2, r3]) = four_rows(d, units) else { return };
    let (Some((d0, r0)), Some((d1, r1))) = (r0.split_first(), r1.split_first()) else { return };
    let (Some((d2, r2)), Some((d3, r3))) = (r2.split_first(), r3.split_first()) else { return };
    let d = Quad::of([*d0, *d1, *d2, *d3]);
    let rows = &[r0, r1, r2, r3];
    let mut first = 0;
    while let (Some(columns), Some(x)) = (weights.get(first..), x.get_mut(first..))
        && first + TILE <= fan_in
    {
        let Some(w) = columns.first_chunk() else { return };
        columns_of_four(d, Quad::of(*w), columns, rows, x, fan_in, slopes);
        first += TILE;
    }
}

/// What is no tile: sample by sample, and column by column from the `first` on.
#[inline(never)]
fn backward_rest(weights: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, units: usize, first: usize, slopes: Slopes) {
    for (x, d) in rows_mut(x, fan_in).zip(rows(d, units)) {
        let (Some(mut columns), Some(x)) = (weights.get(first..), x.get_mut(first..)) else { return };
        for x in x {
            slopes.scale_one(x, column_sum(columns, d, fan_in));
            columns = columns.get(1..).unwrap_or_default();
            one_turn_at_a_time();
        }
    }
}

/// `x[s][k] *= sum over u of w[u][k] d[s][u]` for the first four columns `k` and the four samples `s`. The first unit's are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn columns_of_four(
    mut d: Quad,
    mut w: Quad,
    columns: &[f32],
    rows: &[&[f32]; TILE],
    x: &mut [f32],
    fan_in: usize,
    slopes: Slopes,
) {
    let (mut a, mut b, mut c, mut e) = (Quad::all(0.0), Quad::all(0.0), Quad::all(0.0), Quad::all(0.0));
    let [r0, r1, r2, r3] = *rows;
    if fan_in < TILE {
        return;
    }
    // From behind the first unit's weights to the end of the next one's: so the last one's are a chunk too.
    let mut units = r0.iter().zip(r1).zip(r2).zip(r3).zip(columns.get(TILE..).unwrap_or_default().chunks_exact(fan_in));
    loop {
        accumulate!([w.s0, a; w.s1, b; w.s2, c; w.s3, e], d.s0, d.s1, d.s2, d.s3);
        let Some(nested!(d0 d1 d2 d3 below)) = units.next() else { break };
        let Some(tile) = below.last_chunk() else { break };
        d = Quad::of([*d0, *d1, *d2, *d3]);
        w = Quad::of(*tile);
        one_turn_at_a_time();
    }
    let Some([x0, x1, x2, x3]) = columns_mut(x, fan_in) else { return };
    slopes.scale(x0, a.s0, b.s0, c.s0, e.s0);
    slopes.scale(x1, a.s1, b.s1, c.s1, e.s1);
    slopes.scale(x2, a.s2, b.s2, c.s2, e.s2);
    slopes.scale(x3, a.s3, b.s3, c.s3, e.s3);
}
