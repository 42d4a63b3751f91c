//! One sample: vectors of eight units forward, of inputs backward.

use pulp::{Simd, WithSimd};

use super::backward::{column_sum, scaled};
use super::octets::{Arrays, Octets};
use super::{Below, load, multiply_add, place, widest};
use crate::matrix::{rows, rows_mut};

/// Units of a vector.
const EIGHT: usize = 8;

/// `y = W x + b`.
pub(super) fn forward(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(
            #[inline(always)]
            || forward_by(v3, weights, biases, x, y),
        );
    }
    forward_by(Arrays, weights, biases, x, y);
}

#[inline(always)]
fn forward_by(octets: impl Octets, weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32]) {
    let fan_in = x.len();
    let mut rest = weights;
    let (y_tiles, y_rest) = y.as_chunks_mut::<EIGHT>();
    let (b_tiles, b_rest) = biases.as_chunks::<EIGHT>();
    for (y, b) in y_tiles.iter_mut().zip(b_tiles) {
        let mut w = [&[][..]; EIGHT];
        for (w, row) in w.iter_mut().zip(rows(rest, fan_in)) {
            *w = row;
        }
        *y = dots(octets, w, x, *b);
        rest = rest.get(EIGHT * fan_in..).unwrap_or_default();
    }
    for ((y, b), w) in y_rest.iter_mut().zip(b_rest).zip(rows(rest, fan_in)) {
        let mut sum = *b;
        for (w, x) in w.iter().zip(x) {
            sum += w * x;
        }
        *y = sum;
    }
}

/// `b + w . x` of eight units.
#[inline(always)]
fn dots(octets: impl Octets, w: [&[f32]; EIGHT], x: &[f32], b: [f32; EIGHT]) -> [f32; EIGHT] {
    let mut sums = octets.of(b);
    let (blocks, rest) = x.as_chunks::<EIGHT>();
    let [w0, w1, w2, w3, w4, w5, w6, w7] = w.map(<[f32]>::as_chunks::<EIGHT>);
    let turns = w0.0.iter().zip(w1.0).zip(w2.0).zip(w3.0).zip(w4.0).zip(w5.0).zip(w6.0).zip(w7.0).zip(blocks);
    for nested!(w0 w1 w2 w3 w4 w5 w6 w7 x) in turns {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = octets.columns([w0, w1, w2, w3, w4, w5, w6, w7]);
        sums = octets.multiply_add(sums, w0, octets.splat(x[0]));
        sums = octets.multiply_add(sums, w1, octets.splat(x[1]));
        sums = octets.multiply_add(sums, w2, octets.splat(x[2]));
        sums = octets.multiply_add(sums, w3, octets.splat(x[3]));
        sums = octets.multiply_add(sums, w4, octets.splat(x[4]));
        sums = octets.multiply_add(sums, w5, octets.splat(x[5]));
        sums = octets.multiply_add(sums, w6, octets.splat(x[6]));
        sums = octets.multiply_add(sums, w7, octets.splat(x[7]));
    }
    let turns = w0.1.iter().zip(w1.1).zip(w2.1).zip(w3.1).zip(w4.1).zip(w5.1).zip(w6.1).zip(w7.1).zip(rest);
    for nested!(w0 w1 w2 w3 w4 w5 w6 w7 x) in turns {
        let w = octets.of([*w0, *w1, *w2, *w3, *w4, *w5, *w6, *w7]);
        sums = octets.multiply_add(sums, w, octets.splat(*x));
    }
    octets.values(sums)
}

/// The deltas of the layer's inputs from the weights as they were, and the update
/// `w += d x`, so that neither a gradient nor a second copy of the inputs is kept.
///
/// On entry `inputs` holds the layer's inputs, on return their deltas.
pub(crate) fn backward_online(
    weights: &mut [f32],
    biases: &mut [f32],
    deltas: &[f32],
    inputs: &mut [f32],
    below: Below<'_>,
) {
    widest(Online { weights, biases, deltas, inputs, below });
}

struct Online<'a, 'b> {
    weights: &'a mut [f32],
    biases: &'a mut [f32],
    deltas: &'a [f32],
    inputs: &'a mut [f32],
    below: Below<'b>,
}

impl WithSimd for Online<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, biases, deltas, inputs, mut below } = self;
        for (bias, &delta) in biases.iter_mut().zip(deltas) {
            *bias += delta;
        }
        if matches!(below, Below::Nothing) {
            return add_products(simd, weights, deltas, inputs);
        }
        let (fan_in, mut column) = (inputs.len(), 0);
        while fan_in - column >= S::F32_LANES {
            let Some([x]) = load::<S, 1>(inputs, column) else { return };
            let sums = sum_and_update(simd, weights, deltas, fan_in, *x, column);
            let slopes = below.differentiate(column, inputs.get_mut(column..column + S::F32_LANES).unwrap_or_default());
            let Some([x]) = place::<S, 1>(inputs, column) else { return };
            *x = scaled(simd, slopes, *x, sums);
            column += S::F32_LANES;
        }
        for (column, input) in inputs.iter_mut().enumerate().skip(column) {
            let sum = column_sum(weights, deltas, fan_in, column);
            for (row, delta) in rows_mut(weights, fan_in).zip(deltas) {
                if let Some(w) = row.get_mut(column) {
                    *w += *input * delta;
                }
            }
            below.differentiate(column, core::slice::from_mut(input)).scale_one(input, sum);
        }
    }
}

/// `w[u] += d[u] x`. A unit whose delta is 0, such as a ReLU that was off, is skipped.
#[inline(always)]
fn add_products<S: Simd>(simd: S, weights: &mut [f32], deltas: &[f32], x: &[f32]) {
    for (row, &delta) in rows_mut(weights, x.len()).zip(deltas) {
        if delta == 0.0 {
            continue;
        }
        let ((w, w_rest), (x, x_rest)) = (S::as_mut_simd_f32s(row), S::as_simd_f32s(x));
        let d = simd.splat_f32s(delta);
        for (w, x) in w.iter_mut().zip(x) {
            *w = multiply_add(simd, *w, *x, d);
        }
        for (w, x) in w_rest.iter_mut().zip(x_rest) {
            *w += delta * x;
        }
    }
}

/// `sum over u of w[u] d[u]` and `w[u] += d[u] x` of a vector of inputs from `column` on.
#[inline(always)]
fn sum_and_update<S: Simd>(
    simd: S,
    weights: &mut [f32],
    deltas: &[f32],
    fan_in: usize,
    x: S::f32s,
    column: usize,
) -> S::f32s {
    let mut sums = simd.splat_f32s(0.0);
    for (w, d) in rows_mut(weights, fan_in).zip(deltas) {
        let Some([w]) = place::<S, 1>(w, column) else { break };
        let d = simd.splat_f32s(*d);
        sums = multiply_add(simd, sums, *w, d);
        *w = multiply_add(simd, *w, x, d);
    }
    sums
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng::Rng;

    /// The other tests see only what this processor takes.
    #[test]
    fn arrays_and_instructions_agree_to_the_bit() {
        let mut rng = Rng::new(8);
        for (fan_in, units) in [(1, 8), (7, 9), (8, 10), (34, 34), (67, 16), (64, 7)] {
            let mut values = |len: usize| -> std::vec::Vec<f32> { (0..len).map(|_| 2.0 * rng.unit() - 1.0).collect() };
            let (w, b, x) = (values(units * fan_in), values(units), values(fan_in));
            let (mut dispatched, mut arrays) = (std::vec![0.0_f32; units], std::vec![1.0_f32; units]);
            forward(&w, &b, &x, &mut dispatched);
            forward_by(Arrays, &w, &b, &x, &mut arrays);
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<std::vec::Vec<_>>();
            assert_eq!(bits(&dispatched), bits(&arrays), "{fan_in} {units}");
        }
    }
}
