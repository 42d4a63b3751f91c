//! One sample at a time.

use super::super::columns::column_sum;
use super::super::elements::UNROLL;
use super::super::{Below, TILE};
use super::quads::split;
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Four sums that share one factor: `start[k] + rows[k] . shared`, the rows being as long as that.
#[inline(never)]
pub(super) fn dot_four(start: [f32; 4], rows: &[f32], shared: &[f32]) -> [f32; 4] {
    let [mut s0, mut s1, mut s2, mut s3] = start;
    let Some(rows) = split(&mut { rows }, shared.len()) else { return start };
    let (v, v_rest) = shared.as_chunks::<UNROLL>();
    // One by one: at `opt-level = "s"` a `map` is a loop over arrays in memory.
    let [r0, r1, r2, r3] = rows;
    let ((r0, r0_rest), (r1, r1_rest)) = (r0.as_chunks::<UNROLL>(), r1.as_chunks::<UNROLL>());
    let ((r2, r2_rest), (r3, r3_rest)) = (r2.as_chunks::<UNROLL>(), r3.as_chunks::<UNROLL>());
    macro_rules! add {
        ($($k:literal)*, $v:ident $r0:ident $r1:ident $r2:ident $r3:ident) => {
            $(
                s0 = multiply_add(s0, $r0[$k], $v[$k]);
                s1 = multiply_add(s1, $r1[$k], $v[$k]);
                s2 = multiply_add(s2, $r2[$k], $v[$k]);
                s3 = multiply_add(s3, $r3[$k], $v[$k]);
            )*
            one_turn_at_a_time();
        };
    }
    for nested!(v r0 r1 r2 r3) in v.iter().zip(r0).zip(r1).zip(r2).zip(r3) {
        add!(0 1 2 3, v r0 r1 r2 r3);
        add!(4 5 6 7, v r0 r1 r2 r3);
    }
    for nested!(v r0 r1 r2 r3) in v_rest.iter().zip(r0_rest).zip(r1_rest).zip(r2_rest).zip(r3_rest) {
        s0 = multiply_add(s0, *r0, *v);
        s1 = multiply_add(s1, *r1, *v);
        s2 = multiply_add(s2, *r2, *v);
        s3 = multiply_add(s3, *r3, *v);
        one_turn_at_a_time();
    }
    [s0, s1, s2, s3]
}

/// One sample: every input loaded serves four sums. The last four units may be some of those before them again.
#[inline(never)]
pub(super) fn forward_one(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let mut w = weights;
    let (y_tiles, y_rest) = y.as_chunks_mut::<TILE>();
    let (b_tiles, b_rest) = biases.as_chunks::<TILE>();
    for (y, b) in y_tiles.iter_mut().zip(b_tiles) {
        *y = dot_four(*b, w, x);
        w = w.get(TILE * fan_in..).unwrap_or_default();
    }
    if y_rest.is_empty() {
        return;
    }
    if let (Some(b), Some(from)) = (biases.last_chunk(), weights.len().checked_sub(TILE * fan_in)) {
        let (Some(w), Some(y)) = (weights.get(from..), y.last_chunk_mut()) else { return };
        *y = dot_four(*b, w, x);
        return;
    }
    for ((y, &b), w) in y_rest.iter_mut().zip(b_rest).zip(rows(w, fan_in)) {
        let mut sum = b;
        for (w, x) in w.iter().zip(x) {
            sum = multiply_add(sum, *w, *x);
            one_turn_at_a_time();
        }
        *y = sum;
    }
}

/// One sample. A unit whose delta is 0, such as a ReLU that was off, is skipped.
#[inline(never)]
pub(super) fn gradient_one(weights: &mut [f32], biases: &mut [f32], x: &[f32], d: &[f32], fan_in: usize) {
    let mut waiting = None;
    for ((row, bias), &delta) in rows_mut(weights, fan_in).zip(biases).zip(d) {
        // An integer's comparison is the shorter one. What -0.0 adds changes no bit.
        if delta.to_bits() == 0 {
            continue;
        }
        *bias += delta;
        if let Some((first, first_delta)) = waiting.take() {
            add_products_to_two(first, row, first_delta, delta, x);
        } else {
            waiting = Some((row, delta));
        }
    }
    if let Some((row, delta)) = waiting {
        add_products(row, delta, x);
    }
}

/// `g += d x` and `h += e x`: every input loaded serves two units.
#[inline(never)]
fn add_products_to_two(g: &mut [f32], h: &mut [f32], d: f32, e: f32, x: &[f32]) {
    let ((g, g_rest), (h, h_rest)) = (g.as_chunks_mut::<UNROLL>(), h.as_chunks_mut::<UNROLL>());
    let (x, x_rest) = x.as_chunks::<UNROLL>();
    for ((g, h), x) in g.iter_mut().zip(h).zip(x) {
        macro_rules! add {
            ($($k:literal)*) => {
                $(
                    g[$k] = multiply_add(g[$k], x[$k], d);
                    h[$k] = multiply_add(h[$k], x[$k], e);
                )*
                one_turn_at_a_time();
            };
        }
        add!(0 1 2 3 4 5 6 7);
    }
    for ((g, h), x) in g_rest.iter_mut().zip(h_rest).zip(x_rest) {
        *g = multiply_add(*g, *x, d);
        *h = multiply_add(*h, *x, e);
        one_turn_at_a_time();
    }
}

/// `row += d x`.
#[inline(never)]
fn add_products(row: &mut [f32], d: f32, x: &[f32]) {
    for (w, x) in row.iter_mut().zip(x) {
        *w = multiply_add(*w, *x, d);
        one_turn_at_a_time();
    }
}

/// One sample, as online SGD takes it: the deltas of the layer's inputs from the weights as they were, and the update
/// `w += d x` in the same pass, so that neither a gradient nor a second copy of the inputs is kept.
///
/// On entry `inputs` holds the layer's inputs, on return their deltas.
#[inline(never)]
pub(crate) fn backward_online(
    weights: &mut [f32],
    biases: &mut [f32],
    deltas: &[f32],
    inputs: &mut [f32],
    mut below: Below<'_>,
) {
    let fan_in = inputs.len();
    if matches!(below, Below::Nothing) {
        return gradient_one(weights, biases, inputs, deltas, fan_in);
    }
    for (bias, &delta) in biases.iter_mut().zip(deltas) {
        *bias += delta;
    }
    let mut columns = weights;
    let (tiles, rest) = inputs.as_chunks_mut::<TILE>();
    let mut column = 0;
    for tile in tiles {
        let [s0, s1, s2, s3] = sum_and_update(columns, deltas, tile, fan_in);
        below.differentiate(column, tile).scale(tile, s0, s1, s2, s3);
        column += TILE;
        columns = columns.get_mut(TILE..).unwrap_or_default();
    }
    for input in rest {
        let sum = column_sum(columns, deltas, fan_in);
        for (row, delta) in columns.chunks_mut(fan_in.max(1)).zip(deltas) {
            if let Some(w) = row.first_mut() {
                *w = multiply_add(*w, *input, *delta);
            }
        }
        below.differentiate(column, core::slice::from_mut(input)).scale_one(input, sum);
        column += 1;
        columns = columns.get_mut(1..).unwrap_or_default();
    }
}

/// `sum over u of w[u][k] d[u]` for the first four columns, and their update: every weight is loaded once for both.
#[inline(never)]
fn sum_and_update(columns: &mut [f32], deltas: &[f32], x: &[f32; TILE], fan_in: usize) -> [f32; TILE] {
    let [x0, x1, x2, x3] = *x;
    let (mut s0, mut s1, mut s2, mut s3) = (0.0, 0.0, 0.0, 0.0);
    let mut rest = columns;
    for &d in deltas {
        let Some([w0, w1, w2, w3]) = rest.first_chunk_mut::<TILE>() else { break };
        s0 = multiply_add(s0, *w0, d);
        s1 = multiply_add(s1, *w1, d);
        s2 = multiply_add(s2, *w2, d);
        s3 = multiply_add(s3, *w3, d);
        *w0 = multiply_add(*w0, d, x0);
        *w1 = multiply_add(*w1, d, x1);
        *w2 = multiply_add(*w2, d, x2);
        *w3 = multiply_add(*w3, d, x3);
        let Some(below) = rest.get_mut(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    [s0, s1, s2, s3]
}
