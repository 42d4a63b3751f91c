//! The sums of units.

use pulp::{Simd, WithSimd};

use super::octets::{Arrays, Octets};
use super::{arch, multiply_add, online};
use crate::kernels::TILE;
use crate::matrix::{rows, rows_mut};

/// Inputs transposed at a time.
const BLOCK: usize = 64;

/// Samples transposed at a time, at most: two of the widest vectors.
const MOST: usize = 32;

/// Fewer samples than this are taken one by one.
const FEW: usize = TILE;

/// Samples and inputs, or units, that are transposed together.
const EIGHT: usize = 8;

/// `y = W x + b` for every sample.
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let layer = Layer { weights, biases, fan_in };
    match inputs.len().checked_div(fan_in) {
        None | Some(0) => {}
        Some(..FEW) => {
            for (x, y) in rows(inputs, fan_in).zip(rows_mut(outputs, biases.len())) {
                online::forward(weights, biases, x, y);
            }
        }
        Some(_) => match arch() {
            #[cfg(target_arch = "x86_64")]
            pulp::Arch::V4(v4) => Simd::vectorize(v4, Forward { octets: *v4, layer, inputs, outputs }),
            #[cfg(target_arch = "x86_64")]
            pulp::Arch::V3(v3) => Simd::vectorize(v3, Forward { octets: v3, layer, inputs, outputs }),
            #[cfg(target_arch = "x86_64")]
            pulp::Arch::Scalar => pulp::Scalar256b.vectorize(Forward { octets: Arrays, layer, inputs, outputs }),
            arch => arch.dispatch(Forward { octets: Arrays, layer, inputs, outputs }),
        },
    }
}

#[derive(Clone, Copy)]
struct Layer<'a> {
    weights: &'a [f32],
    biases: &'a [f32],
    fan_in: usize,
}

struct Forward<'a, O> {
    octets: O,
    layer: Layer<'a>,
    inputs: &'a [f32],
    outputs: &'a mut [f32],
}

/// Rows of some samples' values: an input of each, or a unit's sum of each. On a cache line's boundary.
#[repr(align(64))]
struct OfSamples<const ROWS: usize>([[f32; MOST]; ROWS]);

impl<O: Octets> WithSimd for Forward<'_, O> {
    type Output = ();

    /// Vectors of samples: their inputs are transposed once, and serve all units.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { octets, layer, inputs, outputs } = self;
        let mut transposed = OfSamples([[0.0; MOST]; BLOCK]);
        let (mut x, mut y) = (inputs, outputs);
        while !x.is_empty() {
            let n = (2 * S::F32_LANES).min(MOST).min(x.len() / layer.fan_in.max(1));
            let (Some((group, x_rest)), Some((results, y_rest))) =
                (x.split_at_checked(n * layer.fan_in), y.split_at_mut_checked(n * layer.biases.len()))
            else {
                return;
            };
            if n == 0 {
                return;
            }
            for first in (0..layer.fan_in).step_by(BLOCK) {
                let inputs = BLOCK.min(layer.fan_in - first);
                transpose(octets, layer, group, first, n, &mut transposed);
                let block = Block { layer, first, inputs: transposed.0.get(..inputs).unwrap_or_default() };
                if n > S::F32_LANES {
                    add_block::<S, 2>(simd, octets, &block, results, n);
                } else {
                    add_block::<S, 1>(simd, octets, &block, results, n);
                }
            }
            (x, y) = (x_rest, y_rest);
        }
    }
}

/// Inputs from `first` on of `n` samples. What stands behind the last sample is one of theirs again.
#[inline(always)]
fn transpose(octets: impl Octets, layer: Layer, x: &[f32], first: usize, n: usize, transposed: &mut OfSamples<BLOCK>) {
    let inputs = BLOCK.min(layer.fan_in - first);
    for sample in (0..n).step_by(EIGHT) {
        let mut samples = [&[][..]; EIGHT];
        for (k, row) in samples.iter_mut().enumerate() {
            let from = (sample + k).min(n - 1) * layer.fan_in + first;
            let Some(x) = x.get(from..).and_then(|x| x.get(..inputs)) else { return };
            *row = x;
        }
        let (blocks, _) = transposed.0.as_chunks_mut::<EIGHT>();
        let [a, b, c, d, e, f, g, h] = samples.map(<[f32]>::as_chunks::<EIGHT>);
        let turns = a.0.iter().zip(b.0).zip(c.0).zip(d.0).zip(e.0).zip(f.0).zip(g.0).zip(h.0);
        let mut done = 0;
        for (nested!(a b c d e f g h), block) in turns.zip(blocks) {
            for (row, column) in block.iter_mut().zip(octets.columns([a, b, c, d, e, f, g, h])) {
                put(row, sample, octets.values(column));
            }
            done += EIGHT;
        }
        for (i, row) in transposed.0.iter_mut().enumerate().take(inputs).skip(done) {
            put(row, sample, samples.map(|x| x.get(i).copied().unwrap_or_default()));
        }
    }
}

#[inline(always)]
fn put(row: &mut [f32], first: usize, values: [f32; EIGHT]) {
    if let Some(place) = row.get_mut(first..).and_then(<[f32]>::first_chunk_mut) {
        *place = values;
    }
}

/// A block of transposed inputs, of which the first is input `first`.
struct Block<'a> {
    layer: Layer<'a>,
    first: usize,
    inputs: &'a [[f32; MOST]],
}

/// What the block adds to all units of `n` samples.
#[inline(always)]
fn add_block<S: Simd, const V: usize>(simd: S, octets: impl Octets, block: &Block, y: &mut [f32], n: usize) {
    let units = block.layer.biases.len();
    let mut sums = OfSamples([[0.0; MOST]; EIGHT]);
    for first in (0..units).step_by(EIGHT) {
        let some = EIGHT.min(units - first);
        start(block, y, first, some, &mut sums);
        let mut unit = 0;
        while some - unit >= 4 {
            add_to_units::<S, 4, V>(simd, block, first, &mut sums, unit);
            unit += 4;
        }
        if some - unit >= 2 {
            add_to_units::<S, 2, V>(simd, block, first, &mut sums, unit);
            unit += 2;
        }
        if some > unit {
            add_to_units::<S, 1, V>(simd, block, first, &mut sums, unit);
        }
        hand_out(octets, &sums, y, units, first, n);
    }
}

/// The sums so far of `some` units from `first` on: their biases, or what the block before has come to.
#[inline(always)]
fn start(block: &Block, y: &[f32], first: usize, some: usize, sums: &mut OfSamples<EIGHT>) {
    let biases = block.layer.biases;
    for (unit, sums) in (first..first + some).zip(&mut sums.0) {
        if block.first == 0 {
            *sums = [biases.get(unit).copied().unwrap_or_default(); MOST];
        } else {
            for (sum, y) in sums.iter_mut().zip(rows(y, biases.len())) {
                *sum = y.get(unit).copied().unwrap_or_default();
            }
        }
    }
}

/// `U` of the sums' units from `unit` on, the first of which is unit `first` of the layer.
#[inline(always)]
fn add_to_units<S: Simd, const U: usize, const V: usize>(
    simd: S,
    block: &Block,
    first: usize,
    sums: &mut OfSamples<EIGHT>,
    unit: usize,
) {
    let Block { layer: Layer { weights, fan_in, .. }, first: input, inputs } = *block;
    let len = inputs.len();
    let mut w = [&[][..]; U];
    for (k, w) in w.iter_mut().enumerate() {
        let from = (first + unit + k) * fan_in + input;
        let Some(row) = weights.get(from..).and_then(|row| row.get(..len)) else { return };
        *w = row;
    }
    let Some(sums) = sums.0.get_mut(unit..).and_then(|sums| sums.first_chunk_mut::<U>()) else { return };
    let mut vectors = [[simd.splat_f32s(0.0); V]; U];
    for (vectors, sums) in vectors.iter_mut().zip(&*sums) {
        let Some(sums) = S::as_simd_f32s(sums).0.first_chunk() else { return };
        *vectors = *sums;
    }
    for i in 0..len {
        let Some(x) = inputs.get(i).and_then(|x| S::as_simd_f32s(x).0.first_chunk::<V>()) else { return };
        for (vectors, w) in vectors.iter_mut().zip(w) {
            let Some(w) = w.get(i) else { return };
            let w = simd.splat_f32s(*w);
            for (vector, x) in vectors.iter_mut().zip(x) {
                *vector = multiply_add(simd, *vector, w, *x);
            }
        }
    }
    for (vectors, sums) in vectors.iter().zip(sums) {
        let Some(sums) = S::as_mut_simd_f32s(sums).0.first_chunk_mut() else { return };
        *sums = *vectors;
    }
}

/// The sums of the units from `first` on go to each sample's row.
#[inline(always)]
fn hand_out(octets: impl Octets, sums: &OfSamples<EIGHT>, y: &mut [f32], units: usize, first: usize, n: usize) {
    let mut results = rows_mut(y, units);
    for sample in (0..n).step_by(EIGHT) {
        let blocks = sums.0.each_ref().map(|sums| sums.get(sample..).and_then(<[f32]>::first_chunk::<EIGHT>));
        let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g), Some(h)] = blocks else { return };
        for (column, y) in octets.columns([a, b, c, d, e, f, g, h]).into_iter().zip(&mut results) {
            let (values, y) = (octets.values(column), y.get_mut(first..).unwrap_or_default());
            if let Some(y) = y.first_chunk_mut() {
                *y = values;
            } else {
                for (y, value) in y.iter_mut().zip(values) {
                    *y = value;
                }
            }
        }
    }
}
