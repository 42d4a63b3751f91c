//! Down to the inputs, four samples at a time.

use super::super::columns::column_sum;
use super::super::{Slopes, TILE};
use super::quads::{Four, columns_mut, four_rows};
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
    let (mut x, mut d, mut in_tiles) = (&mut *inputs, deltas, 0);
    while let (Some((four, d_rest)), true) = (d.split_at_checked(TILE * units), x.len() >= TILE * fan_in)
        && !four.is_empty()
    {
        let Some((four_inputs, x_rest)) = x.split_at_mut_checked(TILE * fan_in) else { return };
        backward_four(weights, four, four_inputs, fan_in, units, slopes);
        (x, d) = (x_rest, d_rest);
        in_tiles += TILE;
    }
    // What no tile has taken: the last columns of those samples, and all of the others.
    let last = fan_in - fan_in % TILE;
    if last == fan_in && d.is_empty() {
        return;
    }
    for (x, d) in rows_mut(inputs, fan_in).zip(rows(deltas, units)) {
        let first = if in_tiles > 0 { last } else { 0 };
        in_tiles = in_tiles.saturating_sub(1);
        let (Some(columns), Some(x)) = (weights.get(first..), x.get_mut(first..)) else { return };
        backward_one(columns, d, x, fan_in, slopes);
    }
}

/// Four samples: every weight loaded serves four sums, every delta those of a tile of inputs.
#[inline(always)]
fn backward_four(weights: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, units: usize, slopes: Slopes) {
    let (mut columns, mut x) = (weights, x);
    let Some(rows) = &four_rows(&mut { d }, units) else { return };
    for _ in 0..fan_in / TILE {
        columns_of_four(columns, rows, x, fan_in, slopes);
        let (Some(next), Some(x_rest)) = (columns.get(TILE..), x.get_mut(TILE..)) else { return };
        (columns, x) = (next, x_rest);
    }
}

/// One sample, column by column.
#[inline(never)]
fn backward_one(columns: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, slopes: Slopes) {
    let mut columns = columns;
    for x in x {
        slopes.scale_one(x, column_sum(columns, d, fan_in));
        columns = columns.get(1..).unwrap_or_default();
        one_turn_at_a_time();
    }
}

/// `x[s][k] *= sum over u of w[u][k] d[s][u]` for the first four columns `k` and the four samples `s`.
#[inline(never)]
fn columns_of_four(columns: &[f32], d: &[&[f32]; TILE], x: &mut [f32], fan_in: usize, slopes: Slopes) {
    let [mut a, mut b, mut c, mut e] = [Four::new(0.0); 4];
    let mut rest = columns;
    for (((d0, d1), d2), d3) in d[0].iter().zip(d[1]).zip(d[2]).zip(d[3]) {
        let Some(([w0, w1, w2, w3], _)) = rest.split_first_chunk::<TILE>() else { break };
        accumulate!([w0 a, w1 b, w2 c, w3 e], d0, d1, d2, d3);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    let Some([x0, x1, x2, x3]) = columns_mut(x, fan_in) else { return };
    slopes.scale(x0, a.s0, b.s0, c.s0, e.s0);
    slopes.scale(x1, a.s1, b.s1, c.s1, e.s1);
    slopes.scale(x2, a.s2, b.s2, c.s2, e.s2);
    slopes.scale(x3, a.s3, b.s3, c.s3, e.s3);
}
