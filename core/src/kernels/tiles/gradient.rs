//! The gradient, one sample after the other.

use super::products::add_products;
use crate::matrix::rows;

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'.
#[inline(never)]
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &[f32],
    fan_in: usize,
) {
    for (x, d) in rows(inputs, fan_in).zip(rows(deltas, bias_gradient.len())) {
        add_products(weight_gradient, bias_gradient, x, d);
    }
}
