//! The gradient by the weights and biases, summed over samples.

use pulp::{Simd, WithSimd};

use super::{load, multiply_add, place, some, widest};
use crate::matrix::{rows, rows_mut};

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'.
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &[f32],
    fan_in: usize,
) {
    let samples = Samples { inputs, deltas, fan_in, units: bias_gradient.len() };
    widest(Gradient { weights: weight_gradient, biases: bias_gradient, samples });
}

/// What the gradient is made of.
#[derive(Clone, Copy)]
struct Samples<'a> {
    inputs: &'a [f32],
    deltas: &'a [f32],
    fan_in: usize,
    units: usize,
}

impl<'a> Samples<'a> {
    /// Inputs and deltas of each sample.
    #[inline(always)]
    fn iter(self) -> impl Iterator<Item = (&'a [f32], &'a [f32])> {
        rows(self.inputs, self.fan_in).zip(rows(self.deltas, self.units))
    }
}

struct Gradient<'a> {
    weights: &'a mut [f32],
    biases: &'a mut [f32],
    samples: Samples<'a>,
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    /// Vectors of inputs; of those that are left over, and of the biases, vectors of units.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, biases, samples } = self;
        let fan_in = samples.fan_in;
        if fan_in == 0 {
            return;
        }
        let whole = fan_in - fan_in % S::F32_LANES;
        if whole > 0 {
            let (mut units, mut first) = (rows_mut(weights, fan_in), 0);
            while let Some(mut four) = units.next_four() {
                add_to_units(simd, &mut four, samples, first);
                first += 4;
            }
            for unit in units {
                add_to_units(simd, &mut [unit], samples, first);
                first += 1;
            }
        }
        for first in (0..samples.units).step_by(S::F32_LANES) {
            let mut column = whole;
            while fan_in - column >= 4 {
                add_to_columns::<S, 4>(simd, weights, samples, first, column);
                column += 4;
            }
            for column in column..fan_in {
                add_to_columns::<S, 1>(simd, weights, samples, first, column);
            }
            add_to_biases(simd, biases, samples, first);
        }
    }
}

/// `U` units from `first` on, as many inputs as make whole vectors.
#[inline(always)]
fn add_to_units<S: Simd, const U: usize>(simd: S, g: &mut [&mut [f32]; U], samples: Samples, first: usize) {
    let mut column = 0;
    while samples.fan_in - column >= 2 * S::F32_LANES {
        add_to_tile::<S, U, 2>(simd, g, samples, first, column);
        column += 2 * S::F32_LANES;
    }
    if samples.fan_in - column >= S::F32_LANES {
        add_to_tile::<S, U, 1>(simd, g, samples, first, column);
    }
}

/// `C` vectors of inputs from `column` on: their sums stay in registers over all samples.
#[inline(always)]
fn add_to_tile<S: Simd, const U: usize, const C: usize>(
    simd: S,
    g: &mut [&mut [f32]; U],
    samples: Samples,
    first: usize,
    column: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); C]; U];
    for (sums, g) in sums.iter_mut().zip(&*g) {
        let Some(g) = load::<S, C>(g, column) else { return };
        *sums = *g;
    }
    for (x, d) in samples.iter() {
        let (Some(x), Some(d)) = (load::<S, C>(x, column), d.get(first..).and_then(<[f32]>::first_chunk::<U>)) else {
            return;
        };
        for (sums, d) in sums.iter_mut().zip(d) {
            let d = simd.splat_f32s(*d);
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum = multiply_add(simd, *sum, *x, d);
            }
        }
    }
    for (sums, g) in sums.iter().zip(g) {
        let Some(g) = place::<S, C>(g, column) else { return };
        *g = *sums;
    }
}

/// The weights of `N` inputs from `column` on, of as many units from `first` on as a vector has.
#[inline(always)]
fn add_to_columns<S: Simd, const N: usize>(
    simd: S,
    weights: &mut [f32],
    samples: Samples,
    first: usize,
    column: usize,
) {
    let fan_in = samples.fan_in;
    let mut lanes = [simd.splat_f32s(0.0); N];
    let weights = weights.get_mut(first * fan_in..).unwrap_or_default();
    for (unit, row) in (0..S::F32_LANES).zip(rows(weights, fan_in)) {
        let Some(g) = row.get(column..).and_then(<[f32]>::first_chunk::<N>) else { return };
        for (lanes, g) in lanes.iter_mut().zip(g) {
            if let Some(lane) = floats_of::<S>(lanes).get_mut(unit) {
                *lane = *g;
            }
        }
    }
    for (x, d) in samples.iter() {
        let Some(x) = x.get(column..).and_then(<[f32]>::first_chunk::<N>) else { return };
        let d = simd.partial_load_f32s(some::<S>(d, first));
        for (lanes, x) in lanes.iter_mut().zip(x) {
            *lanes = multiply_add(simd, *lanes, d, simd.splat_f32s(*x));
        }
    }
    for (unit, row) in (0..S::F32_LANES).zip(rows_mut(weights, fan_in)) {
        let Some(g) = row.get_mut(column..).and_then(<[f32]>::first_chunk_mut::<N>) else { return };
        for (g, lanes) in g.iter_mut().zip(&mut lanes) {
            if let Some(lane) = floats_of::<S>(lanes).get(unit) {
                *g = *lane;
            }
        }
    }
}

/// A vector's floats.
#[inline(always)]
fn floats_of<S: Simd>(vector: &mut S::f32s) -> &mut [f32] {
    pulp::bytemuck::cast_slice_mut(core::slice::from_mut(vector))
}

/// As many biases from `first` on as a vector has.
#[inline(always)]
fn add_to_biases<S: Simd>(simd: S, biases: &mut [f32], samples: Samples, first: usize) {
    let mut sums = simd.partial_load_f32s(some::<S>(biases, first));
    for (_, d) in samples.iter() {
        sums = simd.add_f32s(sums, simd.partial_load_f32s(some::<S>(d, first)));
    }
    let len = some::<S>(biases, first).len();
    let biases = biases.get_mut(first..).and_then(|biases| biases.get_mut(..len)).unwrap_or_default();
    simd.partial_store_f32s(biases, sums);
}
