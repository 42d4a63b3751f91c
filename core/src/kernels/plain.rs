//! For chips with little flash, and for those without an FPU: one sample, one unit or input at a time.
//!
//! The code is a quarter of the tiles'. Where a product and its sum are a routine of a hundred instructions, loading their operands once
//! or four times makes no difference; with an FPU it takes 1.6 to 3.1 times the instructions.

use super::columns::{add_to_column, column_sum};
use super::streams::add;
use super::{Below, Slopes};
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    for (x, y) in rows(inputs, fan_in).zip(rows_mut(outputs, biases.len())) {
        for ((y, &b), w) in y.iter_mut().zip(biases).zip(rows(weights, fan_in)) {
            *y = dot(b, w, x);
        }
    }
}

/// Whether a term takes so little that the loop around it counts.
const FPU: bool = cfg!(not(soft_float));

/// Four elements a turn, and those that are left: all without an FPU.
#[inline(always)]
fn in_fours(values: &[f32]) -> (&[[f32; 4]], &[f32]) {
    if FPU { values.as_chunks() } else { (&[], values) }
}

/// `start + w . x`, four terms a turn: the loop itself takes as long as one.
#[inline(always)]
fn dot(start: f32, w: &[f32], x: &[f32]) -> f32 {
    let mut sum = start;
    let ((w, w_rest), (x, x_rest)) = (in_fours(w), in_fours(x));
    for ([w0, w1, w2, w3], [x0, x1, x2, x3]) in w.iter().zip(x) {
        sum = multiply_add(sum, *w0, *x0);
        sum = multiply_add(sum, *w1, *x1);
        sum = multiply_add(sum, *w2, *x2);
        sum = multiply_add(sum, *w3, *x3);
        one_turn_at_a_time();
    }
    for (w, x) in w_rest.iter().zip(x_rest) {
        sum = multiply_add(sum, *w, *x);
        one_turn_at_a_time();
    }
    sum
}

/// `row += d x`, likewise.
#[inline(always)]
fn add_products(row: &mut [f32], d: f32, x: &[f32]) {
    let (row, row_rest) = if FPU { row.as_chunks_mut() } else { (&mut [][..], row) };
    let (x, x_rest) = in_fours(x);
    for ([w0, w1, w2, w3], [x0, x1, x2, x3]) in row.iter_mut().zip(x) {
        *w0 = multiply_add(*w0, d, *x0);
        *w1 = multiply_add(*w1, d, *x1);
        *w2 = multiply_add(*w2, d, *x2);
        *w3 = multiply_add(*w3, d, *x3);
        one_turn_at_a_time();
    }
    for (w, x) in row_rest.iter_mut().zip(x_rest) {
        *w = multiply_add(*w, d, *x);
        one_turn_at_a_time();
    }
}

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'. A unit whose delta is 0, such as a ReLU that was off, is
/// skipped.
#[inline(never)]
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &[f32],
    fan_in: usize,
) {
    for (x, d) in rows(inputs, fan_in).zip(rows(deltas, bias_gradient.len())) {
        for ((row, bias), &delta) in rows_mut(weight_gradient, fan_in).zip(&mut *bias_gradient).zip(d) {
            // An integer's comparison is the shorter one. What -0.0 adds changes no bit.
            if delta.to_bits() == 0 {
                continue;
            }
            *bias += delta;
            add_products(row, delta, x);
        }
    }
}

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
    for (x, d) in rows_mut(inputs, fan_in).zip(rows(deltas, units)) {
        for (column, x) in x.iter_mut().enumerate() {
            if x.to_bits() != 0 {
                slopes.scale_one(x, column_sum(weights.get(column..).unwrap_or_default(), d, fan_in));
            }
        }
    }
}

/// One sample, as online SGD takes it: the deltas of the layer's inputs from the weights as they were, and the update
/// `w += d x` at once, so that neither a gradient nor a second copy of the inputs is kept.
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
        return gradient(weights, biases, inputs, deltas, fan_in);
    }
    add(biases, deltas);
    for (column, x) in inputs.iter_mut().enumerate() {
        let input = *x;
        // What is off gets no delta, and its weights none from it.
        if input.to_bits() == 0 && matches!(below, Below::Gate) {
            continue;
        }
        let columns = weights.get_mut(column..).unwrap_or_default();
        let sum = column_sum(columns, deltas, fan_in);
        add_to_column(columns, deltas, input, fan_in);
        below.differentiate(column, core::slice::from_mut(x)).scale_one(x, sum);
    }
}
