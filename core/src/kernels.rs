//! The only loops over matrices: slices in, slices out.
//!
//! # The order of sums, which is the contract
//!
//! Every product is rounded, then added; nothing is fused. With `n` samples taken together,
//!
//! - [`forward`]: `y[s][u] = b[u]`, then `+= w[u][i] * x[s][i]` for `i` ascending;
//! - [`gradient`]: `g[u][i] += d[s][u] * x[s][i]` for `s` ascending, and `g_b[u] += d[s][u]`;
//! - [`backward`]: `x[s][i] *= sum`, where the sum starts at 0 and `+= w[u][i] * d[s][u]` for `u` ascending.
//!
//! How many samples, units or inputs are taken together changes what is loaded when, never this order, so the bits do
//! not depend on it. A term with a factor of 0 may be left out, the other factor being finite: adding 0 to a sum that is not
//! -0.0 changes no bit, and no sum here starts at -0.0 (parameters and optimizer state never hold it, see [`canonical`]).
//!
//! Matrices are row-major: weights and gradients `[units][fan_in]`, inputs `[n][fan_in]`, outputs and deltas
//! `[n][units]`. Slices of other lengths do less work; they do not fail.

use crate::matrix::{rows, rows_mut};

/// Samples and units that make a full tile: 16 sums fit in the registers of an FPU.
const TILE: usize = 4;

/// `y = W x + b` for every sample.
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let mut samples = rows(inputs, fan_in);
    let mut results = rows_mut(outputs, biases.len());
    while let (Some(x), Some(y)) = (samples.next_four(), results.next_four()) {
        forward_four(weights, biases, x, y, fan_in);
    }
    for (x, y) in samples.zip(results) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// Four samples: every weight loaded serves four sums.
fn forward_four(weights: &[f32], biases: &[f32], x: [&[f32]; 4], y: [&mut [f32]; 4], fan_in: usize) {
    let [y0, y1, y2, y3] = y;
    let (y0_tiles, y0_rest) = y0.as_chunks_mut::<TILE>();
    let (y1_tiles, y1_rest) = y1.as_chunks_mut::<TILE>();
    let (y2_tiles, y2_rest) = y2.as_chunks_mut::<TILE>();
    let (y3_tiles, y3_rest) = y3.as_chunks_mut::<TILE>();
    let (bias_tiles, bias_rest) = biases.as_chunks::<TILE>();
    let mut weights = rows(weights, fan_in);
    let tiles = y0_tiles.iter_mut().zip(y1_tiles).zip(y2_tiles).zip(y3_tiles).zip(bias_tiles);
    for ((((y0, y1), y2), y3), b) in tiles {
        let Some(w) = weights.next_four() else { return };
        dot_four_by_four(w, x, b, [y0, y1, y2, y3]);
    }
    let rest = y0_rest.iter_mut().zip(y1_rest).zip(y2_rest).zip(y3_rest).zip(bias_rest).zip(weights);
    for (((((y0, y1), y2), y3), &b), w) in rest {
        [*y0, *y1, *y2, *y3] = dot_one_by_four(w, x, b);
    }
}

/// Sixteen sums at once, as named scalars: an array of arrays is spilled at `opt-level = "s"`.
#[inline]
fn dot_four_by_four(w: [&[f32]; 4], x: [&[f32]; 4], b: &[f32; 4], y: [&mut [f32; 4]; 4]) {
    let [b0, b1, b2, b3] = *b;
    let (mut s00, mut s01, mut s02, mut s03) = (b0, b1, b2, b3);
    let (mut s10, mut s11, mut s12, mut s13) = (b0, b1, b2, b3);
    let (mut s20, mut s21, mut s22, mut s23) = (b0, b1, b2, b3);
    let (mut s30, mut s31, mut s32, mut s33) = (b0, b1, b2, b3);
    macro_rules! accumulate {
        ($w:expr, $x:expr) => {{
            let ([w0, w1, w2, w3], [x0, x1, x2, x3]): ([f32; 4], [f32; 4]) = ($w, $x);
            s00 += w0 * x0;
            s01 += w1 * x0;
            s02 += w2 * x0;
            s03 += w3 * x0;
            s10 += w0 * x1;
            s11 += w1 * x1;
            s12 += w2 * x1;
            s13 += w3 * x1;
            s20 += w0 * x2;
            s21 += w1 * x2;
            s22 += w2 * x2;
            s23 += w3 * x2;
            s30 += w0 * x3;
            s31 += w1 * x3;
            s32 += w2 * x3;
            s33 += w3 * x3;
        }};
    }
    let (w0, w0_rest) = w[0].as_chunks::<2>();
    let (w1, w1_rest) = w[1].as_chunks::<2>();
    let (w2, w2_rest) = w[2].as_chunks::<2>();
    let (w3, w3_rest) = w[3].as_chunks::<2>();
    let (x0, x0_rest) = x[0].as_chunks::<2>();
    let (x1, x1_rest) = x[1].as_chunks::<2>();
    let (x2, x2_rest) = x[2].as_chunks::<2>();
    let (x3, x3_rest) = x[3].as_chunks::<2>();
    let pairs = w0.iter().zip(w1).zip(w2).zip(w3).zip(x0).zip(x1).zip(x2).zip(x3);
    for (((((((w0, w1), w2), w3), x0), x1), x2), x3) in pairs {
        accumulate!([w0[0], w1[0], w2[0], w3[0]], [x0[0], x1[0], x2[0], x3[0]]);
        accumulate!([w0[1], w1[1], w2[1], w3[1]], [x0[1], x1[1], x2[1], x3[1]]);
    }
    let last =
        w0_rest.iter().zip(w1_rest).zip(w2_rest).zip(w3_rest).zip(x0_rest).zip(x1_rest).zip(x2_rest).zip(x3_rest);
    for (((((((w0, w1), w2), w3), x0), x1), x2), x3) in last {
        accumulate!([*w0, *w1, *w2, *w3], [*x0, *x1, *x2, *x3]);
    }
    let [y0, y1, y2, y3] = y;
    *y0 = [s00, s01, s02, s03];
    *y1 = [s10, s11, s12, s13];
    *y2 = [s20, s21, s22, s23];
    *y3 = [s30, s31, s32, s33];
}

/// One unit, four samples; by symmetry of the product also four units, one sample.
#[inline]
fn dot_one_by_four(w: &[f32], x: [&[f32]; 4], b: f32) -> [f32; 4] {
    dot_four([b; 4], x, w)
}

/// Four sums that share one factor: `start[k] + rows[k] . shared`.
fn dot_four(start: [f32; 4], rows: [&[f32]; 4], shared: &[f32]) -> [f32; 4] {
    let [mut s0, mut s1, mut s2, mut s3] = start;
    let [r0, r1, r2, r3] = rows;
    for ((((v, r0), r1), r2), r3) in shared.iter().zip(r0).zip(r1).zip(r2).zip(r3) {
        s0 += r0 * v;
        s1 += r1 * v;
        s2 += r2 * v;
        s3 += r3 * v;
    }
    [s0, s1, s2, s3]
}

/// One sample: every input loaded serves four sums.
fn forward_one(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let mut weights = rows(weights, fan_in);
    let (y_tiles, y_rest) = y.as_chunks_mut::<TILE>();
    let (bias_tiles, bias_rest) = biases.as_chunks::<TILE>();
    for (y, b) in y_tiles.iter_mut().zip(bias_tiles) {
        let Some(w) = weights.next_four() else { return };
        *y = dot_four(*b, w, x);
    }
    for ((y, &b), w) in y_rest.iter_mut().zip(bias_rest).zip(weights) {
        let mut sum = b;
        for (w, x) in w.iter().zip(x) {
            sum += w * x;
        }
        *y = sum;
    }
}

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'.
///
/// A unit whose delta is 0 for a sample, such as a ReLU that was off, is skipped for it.
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &[f32],
    fan_in: usize,
) {
    let (mut samples, mut deltas) = (rows(inputs, fan_in), rows(deltas, bias_gradient.len()));
    while let (Some(x), Some(d)) = (samples.next_four(), deltas.next_four()) {
        gradient_four(weight_gradient, bias_gradient, x, d, fan_in);
    }
    for (x, d) in samples.zip(deltas) {
        for ((row, bias), &delta) in rows_mut(weight_gradient, fan_in).zip(bias_gradient.iter_mut()).zip(d) {
            if delta != 0.0 {
                *bias += delta;
                add_products(row, delta, x);
            }
        }
    }
}

/// Four samples: a unit's row is loaded and stored once for those of them in which the unit was active.
fn gradient_four(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    [x0, x1, x2, x3]: [&[f32]; 4],
    [d0, d1, d2, d3]: [&[f32]; 4],
    fan_in: usize,
) {
    let gradients = rows_mut(weight_gradient, fan_in).zip(bias_gradient);
    for (((((row, bias), &d0), &d1), &d2), &d3) in gradients.zip(d0).zip(d1).zip(d2).zip(d3) {
        let mut active = [(0.0, &[] as &[f32]); TILE];
        let mut count = 0;
        for (delta, x) in [(d0, x0), (d1, x1), (d2, x2), (d3, x3)] {
            if delta != 0.0 {
                *bias += delta;
                if let Some(slot) = active.get_mut(count) {
                    *slot = (delta, x);
                }
                count += 1;
            }
        }
        let [(d0, x0), (d1, x1), (d2, x2), (d3, x3)] = active;
        match count {
            0 => {}
            1 => add_products(row, d0, x0),
            2 => {
                for ((g, x0), x1) in row.iter_mut().zip(x0).zip(x1) {
                    *g = *g + d0 * x0 + d1 * x1;
                }
            }
            3 => {
                for (((g, x0), x1), x2) in row.iter_mut().zip(x0).zip(x1).zip(x2) {
                    *g = *g + d0 * x0 + d1 * x1 + d2 * x2;
                }
            }
            _ => {
                for ((((g, x0), x1), x2), x3) in row.iter_mut().zip(x0).zip(x1).zip(x2).zip(x3) {
                    *g = *g + d0 * x0 + d1 * x1 + d2 * x2 + d3 * x3;
                }
            }
        }
    }
}

/// `row += d x`.
fn add_products(row: &mut [f32], d: f32, x: &[f32]) {
    for (g, x) in row.iter_mut().zip(x) {
        *g += d * x;
    }
}

/// Takes the deltas of a layer's outputs to its inputs: on entry `inputs` holds each input's activation derivative,
/// on return its delta. Where the derivative is 0 so is the delta.
pub(crate) fn backward(weights: &[f32], deltas: &[f32], inputs: &mut [f32], fan_in: usize, units: usize) {
    for (inputs, deltas) in rows_mut(inputs, fan_in).zip(rows(deltas, units)) {
        if let [delta] = deltas {
            // One unit, as behind every binary classifier: its row is all there is.
            for (slope, w) in inputs.iter_mut().zip(weights) {
                scale_by(core::slice::from_mut(slope), &[0.0 + w * delta]);
            }
            continue;
        }
        let (tiles, rest) = inputs.as_chunks_mut::<TILE>();
        let mut column = 0;
        for tile in tiles {
            let sums = column_sums(weights, column, deltas, fan_in);
            scale_by(tile, &sums);
            column += TILE;
        }
        for input in rest {
            scale_by(core::slice::from_mut(input), &[column_sum(weights, column, deltas, fan_in)]);
            column += 1;
        }
    }
}

/// Replaces a layer's outputs from the given one on by derivatives.
type Differentiate<'a> = &'a mut dyn FnMut(usize, &mut [f32]);

/// One sample, as online SGD takes it: the deltas of the layer's inputs from the weights as they were, and the update
/// `w += d x` in the same pass, so that neither a gradient nor a second copy of the inputs is kept.
///
/// On entry `inputs` holds the layer's inputs, on return their deltas; `differentiate` replaces the inputs from the given one
/// on by the derivatives of what they were made by. `None` is where no deltas are needed, as in the first layer.
pub(crate) fn backward_online(
    weights: &mut [f32],
    biases: &mut [f32],
    deltas: &[f32],
    inputs: &mut [f32],
    differentiate: Option<Differentiate<'_>>,
) {
    let fan_in = inputs.len();
    for (bias, &delta) in biases.iter_mut().zip(deltas) {
        if delta != 0.0 {
            *bias += delta;
        }
    }
    let Some(differentiate) = differentiate else {
        update_columns(weights, 0, deltas, inputs, fan_in);
        return;
    };
    let mut column = 0;
    let (tiles, rest) = inputs.as_chunks_mut::<TILE>();
    for tile in tiles {
        let sums = column_sums(weights, column, deltas, fan_in);
        update_columns(weights, column, deltas, tile, fan_in);
        differentiate(column, tile);
        scale_by(tile, &sums);
        column += TILE;
    }
    for input in rest {
        let input = core::slice::from_mut(input);
        let sum = column_sum(weights, column, deltas, fan_in);
        update_columns(weights, column, deltas, input, fan_in);
        differentiate(column, input);
        scale_by(input, &[sum]);
        column += 1;
    }
}

/// `w[u][column + k] += d[u] x[k]` for every unit and every `x`.
fn update_columns(weights: &mut [f32], column: usize, deltas: &[f32], x: &[f32], fan_in: usize) {
    for (row, &delta) in rows_mut(weights, fan_in).zip(deltas) {
        if delta != 0.0 {
            add_products(row.get_mut(column..).unwrap_or_default(), delta, x);
        }
    }
}

/// `sum over u of w[u][column + k] d[u]` for the four columns from `column`.
fn column_sums(weights: &[f32], column: usize, deltas: &[f32], fan_in: usize) -> [f32; TILE] {
    let (mut s0, mut s1, mut s2, mut s3) = (0.0, 0.0, 0.0, 0.0);
    for (row, d) in rows(weights, fan_in).zip(deltas) {
        let Some([w0, w1, w2, w3]) = row.get(column..).and_then(<[f32]>::first_chunk) else { break };
        s0 += w0 * d;
        s1 += w1 * d;
        s2 += w2 * d;
        s3 += w3 * d;
    }
    [s0, s1, s2, s3]
}

/// [`column_sums`] for one column.
fn column_sum(weights: &[f32], column: usize, deltas: &[f32], fan_in: usize) -> f32 {
    let mut sum = 0.0;
    for (row, d) in rows(weights, fan_in).zip(deltas) {
        let Some(w) = row.get(column) else { break };
        sum += w * d;
    }
    sum
}

/// `slopes[k] *= sums[k]`; what is inactive stays 0, whatever its sum.
pub(crate) fn scale_by(slopes: &mut [f32], sums: &[f32]) {
    for (slope, sum) in slopes.iter_mut().zip(sums) {
        *slope = if *slope == 0.0 { 0.0 } else { *slope * sum };
    }
}

/// `values *= factor`, or 0 where the factor is 0; never -0.0.
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        // Also what NaN and infinities left behind by a diverged run are cleared by.
        values.fill(0.0);
    } else {
        for value in values {
            *value = factor * *value + 0.0;
        }
    }
}

/// What a batch begins with: `state = keep * state + decay * params`, never -0.0.
pub(crate) fn begin(state: &mut [f32], params: &[f32], keep: f32, decay: f32) {
    scale(state, keep);
    if decay != 0.0 {
        for (s, p) in state.iter_mut().zip(params) {
            *s = (*s + decay * p) + 0.0;
        }
    }
}

/// Whether none of the values is NaN or infinite: 0 times such a one is NaN.
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let mut sum = 0.0;
    for value in values {
        sum += value * 0.0;
    }
    sum == 0.0
}

/// Turns -0.0 into 0.0, and leaves every other value as it is.
pub(crate) fn canonical(values: &mut [f32]) {
    for value in values {
        *value += 0.0;
    }
}

/// `params += rate * direction`.
pub(crate) fn add_scaled(params: &mut [f32], direction: &[f32], rate: f32) {
    for (p, d) in params.iter_mut().zip(direction) {
        *p += rate * d;
    }
}

/// `params += step`.
pub(crate) fn add(params: &mut [f32], step: &[f32]) {
    for (p, d) in params.iter_mut().zip(step) {
        *p += d;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::activation::{Activation, Relu};
    use crate::rng::Rng;
    use std::vec::Vec;

    /// Values of which a third are exactly 0, as after a ReLU or in an image.
    fn sparse(len: usize, rng: &mut Rng) -> Vec<f32> {
        (0..len).map(|_| if rng.below(3) == 0 { 0.0 } else { 2.0 * rng.unit() - 1.0 }).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn shapes() -> impl Iterator<Item = (usize, usize, usize)> {
        [1, 2, 3, 4, 5, 7, 8, 34].into_iter().flat_map(|fan_in| {
            [1, 2, 3, 4, 5, 9, 34].into_iter().flat_map(move |units| [1, 2, 3, 4, 5, 8, 11].map(|n| (fan_in, units, n)))
        })
    }

    #[test]
    fn forward_agrees_to_the_bit_with_its_naive_twin() {
        let mut rng = Rng::new(1);
        for (fan_in, units, n) in shapes() {
            let (w, b, x) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng), sparse(n * fan_in, &mut rng));
            let mut y = std::vec![f32::NAN; n * units];
            forward(&w, &b, &x, &mut y, fan_in);
            let mut naive = Vec::new();
            for s in 0..n {
                for u in 0..units {
                    naive.push((0..fan_in).fold(b[u], |sum, i| sum + w[u * fan_in + i] * x[s * fan_in + i]));
                }
            }
            assert_eq!(bits(&y), bits(&naive), "{fan_in} {units} {n}");
        }
    }

    #[test]
    fn gradient_agrees_to_the_bit_with_its_naive_twin() {
        let mut rng = Rng::new(2);
        for (fan_in, units, n) in shapes() {
            let (x, d) = (sparse(n * fan_in, &mut rng), sparse(n * units, &mut rng));
            let (mut w, mut b) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng));
            let (mut naive_w, mut naive_b) = (w.clone(), b.clone());
            gradient(&mut w, &mut b, &x, &d, fan_in);
            for s in 0..n {
                for u in 0..units {
                    naive_b[u] += d[s * units + u];
                    for i in 0..fan_in {
                        naive_w[u * fan_in + i] += d[s * units + u] * x[s * fan_in + i];
                    }
                }
            }
            assert_eq!((bits(&w), bits(&b)), (bits(&naive_w), bits(&naive_b)), "{fan_in} {units} {n}");
        }
    }

    fn naive_backward(w: &[f32], d: &[f32], slopes: &[f32], fan_in: usize, units: usize) -> Vec<f32> {
        let mut deltas = Vec::new();
        for (s, slopes) in slopes.chunks(fan_in).enumerate() {
            for (i, slope) in slopes.iter().enumerate() {
                let sum = (0..units).fold(0.0, |sum, u| sum + w[u * fan_in + i] * d[s * units + u]);
                deltas.push(if *slope == 0.0 { 0.0 } else { slope * sum });
            }
        }
        deltas
    }

    #[test]
    fn backward_agrees_to_the_bit_with_its_naive_twin() {
        let mut rng = Rng::new(3);
        for (fan_in, units, n) in shapes() {
            let (w, d) = (sparse(units * fan_in, &mut rng), sparse(n * units, &mut rng));
            let mut x = sparse(n * fan_in, &mut rng);
            let naive = naive_backward(&w, &d, &x, fan_in, units);
            backward(&w, &d, &mut x, fan_in, units);
            assert_eq!(bits(&x), bits(&naive), "{fan_in} {units} {n}");
        }
    }

    #[test]
    fn online_is_gradient_and_backward_in_one_pass() {
        let mut rng = Rng::new(4);
        for (fan_in, units, _) in shapes() {
            let (w, b) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng));
            let (x, d) = (sparse(fan_in, &mut rng), sparse(units, &mut rng));
            let (mut expected_w, mut expected_b, mut slopes) = (w.clone(), b.clone(), x.clone());
            gradient(&mut expected_w, &mut expected_b, &x, &d, fan_in);
            Relu.differentiate(&mut slopes);
            let expected_x = naive_backward(&w, &d, &slopes, fan_in, units);
            for first in [true, false] {
                let (mut w, mut b, mut x) = (w.clone(), b.clone(), x.clone());
                let expected_x = if first { &x.clone() } else { &expected_x };
                let mut differentiate = |_, values: &mut [f32]| Relu.differentiate(values);
                let differentiate: &mut dyn FnMut(usize, &mut [f32]) = &mut differentiate;
                backward_online(&mut w, &mut b, &d, &mut x, (!first).then_some(differentiate));
                assert_eq!((bits(&w), bits(&b)), (bits(&expected_w), bits(&expected_b)), "{fan_in} {units}");
                assert_eq!(bits(&x), bits(expected_x), "{fan_in} {units}");
            }
        }
    }

    #[test]
    fn sees_what_is_not_finite() {
        assert!(all_finite(&[f32::MAX, -0.0, f32::MIN, 1.0]) && all_finite(&[]));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!all_finite(&[1.0, bad, 1.0]));
        }
    }

    #[test]
    fn a_batch_begins_without_what_went_before_it() {
        let mut state = [f32::NAN, f32::INFINITY, 1.0];
        begin(&mut state, &[1.0, -2.0, -0.0], 0.0, 0.5);
        assert_eq!(bits(&state), bits(&[0.5, -1.0, 0.0]));
        begin(&mut state, &[1.0, 1.0, 1.0], 0.5, 0.0);
        assert_eq!(state, [0.25, -0.5, 0.0]);
    }

    #[test]
    fn scaling_never_leaves_a_negative_zero() {
        let mut values = [-f32::from_bits(1), -0.0, f32::NAN, 3.0];
        scale(&mut values[..2], 0.25);
        assert_eq!(bits(&values[..2]), [0, 0]);
        scale(&mut values, 0.0);
        assert_eq!(bits(&values), [0; 4]);
    }
}
