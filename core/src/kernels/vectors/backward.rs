//! The deltas of a layer's inputs.

use pulp::{Simd, WithSimd};

use super::{Slopes, load, multiply_add, place, widest};
use crate::kernels::TILE;
use crate::matrix::{rows, rows_mut};

/// Takes the deltas of a layer's outputs to its inputs: on entry `inputs` holds what `slopes` says, on return each input's
/// delta. Where the derivative is 0 so is the delta.
pub(crate) fn backward(
    weights: &[f32],
    deltas: &[f32],
    inputs: &mut [f32],
    fan_in: usize,
    units: usize,
    slopes: Slopes,
) {
    widest(Backward { layer: Layer { weights, fan_in, slopes }, deltas, inputs, units });
}

/// What the deltas go down through.
#[derive(Clone, Copy)]
struct Layer<'a> {
    weights: &'a [f32],
    fan_in: usize,
    slopes: Slopes,
}

struct Backward<'a> {
    layer: Layer<'a>,
    deltas: &'a [f32],
    inputs: &'a mut [f32],
    units: usize,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, deltas, inputs, units } = self;
        let (mut inputs, mut deltas) = (rows_mut(inputs, layer.fan_in), rows(deltas, units));
        while let (Some(d), Some(mut x)) = (deltas.next_four(), inputs.next_four()) {
            samples::<S, TILE>(simd, layer, d, &mut x);
        }
        for (x, d) in inputs.zip(deltas) {
            samples(simd, layer, [d], &mut [x]);
        }
    }
}

/// `N` samples, vectors of inputs each, and what is left over one by one.
#[inline(always)]
fn samples<S: Simd, const N: usize>(simd: S, layer: Layer, d: [&[f32]; N], x: &mut [&mut [f32]; N]) {
    let mut column = 0;
    while layer.fan_in - column >= 2 * S::F32_LANES {
        tile::<S, N, 2>(simd, layer, d, x, column);
        column += 2 * S::F32_LANES;
    }
    if layer.fan_in - column >= S::F32_LANES {
        tile::<S, N, 1>(simd, layer, d, x, column);
        column += S::F32_LANES;
    }
    for column in column..layer.fan_in {
        for (x, d) in x.iter_mut().zip(d) {
            if let Some(x) = x.get_mut(column) {
                layer.slopes.scale_one(x, column_sum(layer.weights, d, layer.fan_in, column));
            }
        }
    }
}

/// `C` vectors of inputs from `column` on.
#[inline(always)]
fn tile<S: Simd, const N: usize, const C: usize>(
    simd: S,
    layer: Layer,
    d: [&[f32]; N],
    x: &mut [&mut [f32]; N],
    column: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); C]; N];
    let units = d.first().map_or(0, |d| d.len());
    for (unit, w) in (0..units).zip(rows(layer.weights, layer.fan_in)) {
        let Some(w) = load::<S, C>(w, column) else { return };
        for (sums, d) in sums.iter_mut().zip(d) {
            let Some(d) = d.get(unit) else { return };
            let d = simd.splat_f32s(*d);
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = multiply_add(simd, *sum, *w, d);
            }
        }
    }
    for (sums, x) in sums.iter().zip(x) {
        let Some(x) = place::<S, C>(x, column) else { return };
        for (x, sum) in x.iter_mut().zip(sums) {
            *x = scaled(simd, layer.slopes, *x, *sum);
        }
    }
}

/// [`Slopes::scale_one`] of a vector.
#[inline(always)]
pub(super) fn scaled<S: Simd>(simd: S, slopes: Slopes, values: S::f32s, sums: S::f32s) -> S::f32s {
    let scaled = match slopes {
        Slopes::Any => simd.mul_f32s(values, sums),
        Slopes::OfGate => sums,
    };
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.equal_f32s(values, zero), zero, scaled)
}

/// `sum over u of w[u][column] d[u]`.
#[inline(always)]
pub(super) fn column_sum(weights: &[f32], d: &[f32], fan_in: usize, column: usize) -> f32 {
    let mut sum = 0.0;
    for (w, d) in rows(weights, fan_in).zip(d) {
        sum += w.get(column).copied().unwrap_or_default() * d;
    }
    sum
}
