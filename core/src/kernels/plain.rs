//! For chips with little flash, and for those without an FPU: one sample, one unit or input at a time.
//!
//! The code is a sixth of the tiles'. Where a product and its sum are a routine of a hundred instructions, loading their operands once
//! or four times makes no difference; with an FPU it doubles the time.

use super::{Below, Slopes};
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    for (x, y) in rows(inputs, fan_in).zip(rows_mut(outputs, biases.len())) {
        for ((y, &b), w) in y.iter_mut().zip(biases).zip(rows(weights, fan_in)) {
            let mut sum = b;
            for (w, x) in w.iter().zip(x) {
                sum = multiply_add(sum, *w, *x);
                one_turn_at_a_time();
            }
            *y = sum;
        }
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
            for (w, x) in row.iter_mut().zip(x) {
                *w = multiply_add(*w, delta, *x);
                one_turn_at_a_time();
            }
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
                slopes.scale_one(x, column_sum(weights, d, fan_in, column));
            }
        }
    }
}

/// `sum over u of w[u][column] d[u]`.
#[inline(never)]
fn column_sum(weights: &[f32], deltas: &[f32], fan_in: usize, column: usize) -> f32 {
    let mut sum = 0.0;
    let mut rest = weights.get(column..).unwrap_or_default();
    for d in deltas {
        let Some(w) = rest.first() else { break };
        sum = multiply_add(sum, *w, *d);
        rest = rest.get(fan_in..).unwrap_or_default();
        one_turn_at_a_time();
    }
    sum
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
    for (bias, &delta) in biases.iter_mut().zip(deltas) {
        *bias += delta;
        one_turn_at_a_time();
    }
    for (column, x) in inputs.iter_mut().enumerate() {
        let input = *x;
        // What is off gets no delta, and its weights none from it.
        if input.to_bits() == 0 && matches!(below, Below::Gate) {
            continue;
        }
        let sum = column_sum(weights, deltas, fan_in, column);
        let mut rest = weights.get_mut(column..).unwrap_or_default();
        for d in deltas {
            let Some(w) = rest.first_mut() else { break };
            *w = multiply_add(*w, *d, input);
            rest = rest.get_mut(fan_in..).unwrap_or_default();
            one_turn_at_a_time();
        }
        below.differentiate(column, core::slice::from_mut(x)).scale_one(x, sum);
    }
}
