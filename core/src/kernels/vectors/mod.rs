//! For a computer: vectors of eight inputs or of eight units.
//!
//! Each kernel is there twice, for the baseline and for AVX2, and the processor is asked which it can take. A vector's lanes are
//! sums of their own, and a product is rounded before it is added, so the bits are the same. LLVM makes the vectors: what is
//! written are short arrays, in the shapes it was seen to take; only `forward` names instructions, for its transposition.

mod forward;
mod octets;

use core::ops::{Add, AddAssign, Mul};

use super::{Below, Slopes, TILE};
use crate::matrix::{rows, rows_mut};

pub(crate) use forward::forward;

/// Elements of a row taken together.
const LANES: usize = 8;

/// `N` rows of `width`, from column `first` on, `len` long.
#[inline(always)]
fn columns<const N: usize>(matrix: &[f32], width: usize, first: usize, len: usize) -> [&[f32]; N] {
    let mut columns = [&[][..]; N];
    for (columns, row) in columns.iter_mut().zip(rows(matrix, width)) {
        *columns = row.get(first..first + len).unwrap_or_default();
    }
    columns
}

/// A vector of 256 bits, or two of 128: LLVM makes it of what the processor has.
#[derive(Clone, Copy)]
struct Eight([f32; LANES]);

impl Eight {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }
}

impl Add for Eight {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) = (self.0, other.0);
        Self([a + i, b + j, c + k, d + l, e + m, f + n, g + o, h + p])
    }
}

impl AddAssign for Eight {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul for Eight {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) = (self.0, other.0);
        Self([a * i, b * j, c * k, d * l, e * m, f * n, g * o, h * p])
    }
}

/// Does `work` in the instructions this processor has.
#[inline(always)]
pub(super) fn widest<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

#[inline(always)]
fn at(values: &[f32], index: usize) -> f32 {
    values.get(index).copied().unwrap_or_default()
}

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'.
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &[f32],
    fan_in: usize,
) {
    widest(
        #[inline(always)]
        || gradient_all(weight_gradient, bias_gradient, inputs, deltas, fan_in),
    );
}

#[inline(always)]
fn gradient_all(weight_gradient: &mut [f32], bias_gradient: &mut [f32], inputs: &[f32], deltas: &[f32], fan_in: usize) {
    let units = bias_gradient.len();
    let (mut x, mut d) = (inputs, deltas);
    while let (Some((four, x_rest)), Some((four_deltas, d_rest))) =
        (x.split_at_checked(TILE * fan_in), d.split_at_checked(TILE * units))
        && !four.is_empty()
        && !four_deltas.is_empty()
    {
        (x, d) = (x_rest, d_rest);
        let x = columns(four, fan_in, 0, fan_in);
        let [(d0, r0), (d1, r1), (d2, r2), (d3, r3)] = columns(four_deltas, units, 0, units).map(<[f32]>::as_chunks);
        let mut gradients = rows_mut(weight_gradient, fan_in);
        let (pairs, rest) = bias_gradient.as_chunks_mut();
        for nested!(b d0 d1 d2 d3) in pairs.iter_mut().zip(d0).zip(d1).zip(d2).zip(d3) {
            let ([b, c], [d0, e0], [d1, e1], [d2, e2], [d3, e3]) = (b, d0, d1, d2, d3);
            let (Some(g), Some(h)) = (gradients.next(), gradients.next()) else { return };
            (*b, *c) = (*b + d0 + d1 + d2 + d3, *c + e0 + e1 + e2 + e3);
            add_to_two(g, h, [[*d0, *d1, *d2, *d3], [*e0, *e1, *e2, *e3]], x);
        }
        if let ([b], [d0], [d1], [d2], [d3], Some(g)) = (rest, r0, r1, r2, r3, gradients.next()) {
            *b = *b + d0 + d1 + d2 + d3;
            add_to_one(g, [*d0, *d1, *d2, *d3], x);
        }
    }
    for (x, d) in rows(x, fan_in).zip(rows(d, units)) {
        gradient_one(weight_gradient, bias_gradient, x, d, fan_in);
    }
}

/// `g += d[0] x[0] + d[1] x[1] + d[2] x[2] + d[3] x[3]`.
#[inline(always)]
fn add_to_one(g: &mut [f32], d: [f32; TILE], x: [&[f32]; TILE]) {
    let v = d.map(Eight::splat);
    let (g, g_rest) = g.as_chunks_mut();
    let [(x0, r0), (x1, r1), (x2, r2), (x3, r3)] = x.map(<[f32]>::as_chunks);
    for nested!(g x0 x1 x2 x3) in g.iter_mut().zip(x0).zip(x1).zip(x2).zip(x3) {
        let [x0, x1, x2, x3] = [x0, x1, x2, x3].map(|x| Eight(*x));
        *g = (Eight(*g) + x0 * v[0] + x1 * v[1] + x2 * v[2] + x3 * v[3]).0;
    }
    for nested!(g x0 x1 x2 x3) in g_rest.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
        *g = *g + x0 * d[0] + x1 * d[1] + x2 * d[2] + x3 * d[3];
    }
}

/// [`add_to_one`] for two units, which share every input loaded.
#[inline(always)]
fn add_to_two(g: &mut [f32], h: &mut [f32], [d, e]: [[f32; TILE]; 2], x: [&[f32]; TILE]) {
    let (v, u) = (d.map(Eight::splat), e.map(Eight::splat));
    let ((g, g_rest), (h, h_rest)) = (g.as_chunks_mut(), h.as_chunks_mut());
    let [(x0, r0), (x1, r1), (x2, r2), (x3, r3)] = x.map(<[f32]>::as_chunks);
    for nested!(g h x0 x1 x2 x3) in g.iter_mut().zip(h).zip(x0).zip(x1).zip(x2).zip(x3) {
        let [x0, x1, x2, x3] = [x0, x1, x2, x3].map(|x| Eight(*x));
        *g = (Eight(*g) + x0 * v[0] + x1 * v[1] + x2 * v[2] + x3 * v[3]).0;
        *h = (Eight(*h) + x0 * u[0] + x1 * u[1] + x2 * u[2] + x3 * u[3]).0;
    }
    for nested!(g h x0 x1 x2 x3) in g_rest.iter_mut().zip(h_rest).zip(r0).zip(r1).zip(r2).zip(r3) {
        *g = *g + x0 * d[0] + x1 * d[1] + x2 * d[2] + x3 * d[3];
        *h = *h + x0 * e[0] + x1 * e[1] + x2 * e[2] + x3 * e[3];
    }
}

/// One sample. A unit whose delta is 0, such as a ReLU that was off, is skipped.
#[inline(always)]
fn gradient_one(weights: &mut [f32], biases: &mut [f32], x: &[f32], d: &[f32], fan_in: usize) {
    for ((row, bias), &delta) in rows_mut(weights, fan_in).zip(biases).zip(d) {
        if delta != 0.0 {
            *bias += delta;
            let (row, row_rest) = row.as_chunks_mut::<LANES>();
            let (x, x_rest) = x.as_chunks::<LANES>();
            for (w, x) in row.iter_mut().zip(x) {
                *w = (Eight(*w) + Eight(*x) * Eight::splat(delta)).0;
            }
            for (w, x) in row_rest.iter_mut().zip(x_rest) {
                *w += delta * x;
            }
        }
    }
}

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
    widest(
        #[inline(always)]
        || backward_all(weights, deltas, inputs, fan_in, units, slopes),
    );
}

#[inline(always)]
fn backward_all(weights: &[f32], deltas: &[f32], inputs: &mut [f32], fan_in: usize, units: usize, slopes: Slopes) {
    let (mut x, mut d) = (inputs, deltas);
    while units > 0
        && x.len() >= TILE * fan_in
        && let Some((four_deltas, rest)) = d.split_at_checked(TILE * units)
    {
        let (four, x_rest) = x.split_at_mut_checked(TILE * fan_in).unwrap_or_default();
        backward_four(weights, four_deltas, four, fan_in, units, slopes);
        (x, d) = (x_rest, rest);
    }
    for (x, d) in rows_mut(x, fan_in).zip(rows(d, units)) {
        backward_one(weights, d, x, 0, slopes);
    }
}

/// Four samples, a vector of inputs each.
#[inline(always)]
fn backward_four(weights: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, units: usize, slopes: Slopes) {
    let [d0, d1, d2, d3] = columns(d, units, 0, units);
    let whole = fan_in / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        let [mut s0, mut s1, mut s2, mut s3] = [Eight([0.0; LANES]); TILE];
        let mut rest = weights.get(first..).unwrap_or_default();
        for nested!(d0 d1 d2 d3) in d0.iter().zip(d1).zip(d2).zip(d3) {
            let Some(w) = rest.first_chunk() else { break };
            let w = Eight(*w);
            s0 += w * Eight::splat(*d0);
            s1 += w * Eight::splat(*d1);
            s2 += w * Eight::splat(*d2);
            s3 += w * Eight::splat(*d3);
            let Some(below) = rest.get(fan_in..) else { break };
            rest = below;
        }
        for (row, sums) in rows_mut(x, fan_in).zip([s0, s1, s2, s3]) {
            if let Some(block) = row.get_mut(first..).and_then(<[f32]>::first_chunk_mut) {
                *block = scaled(slopes, Eight(*block), sums).0;
            }
        }
    }
    for (x, d) in rows_mut(x, fan_in).zip(rows(d, units)) {
        backward_one(weights, d, x, whole, slopes);
    }
}

/// [`Slopes::scale_one`] of a vector.
#[inline(always)]
fn scaled(slopes: Slopes, values: Eight, sums: Eight) -> Eight {
    let scaled = match slopes {
        Slopes::Any => values * sums,
        Slopes::OfGate => sums,
    };
    let mut kept = scaled.0;
    for (kept, value) in kept.iter_mut().zip(values.0) {
        if value == 0.0 {
            *kept = 0.0;
        }
    }
    Eight(kept)
}

/// One sample, from input `first` on.
#[inline(always)]
fn backward_one(weights: &[f32], d: &[f32], x: &mut [f32], first: usize, slopes: Slopes) {
    let fan_in = x.len();
    let mut columns = weights.get(first..).unwrap_or_default();
    let (blocks, rest) = x.get_mut(first..).unwrap_or_default().as_chunks_mut();
    for block in blocks {
        *block = scaled(slopes, Eight(*block), column_sums(columns, d, fan_in)).0;
        columns = columns.get(LANES..).unwrap_or_default();
    }
    for slope in rest {
        slopes.scale_one(slope, column_sum(columns, d, fan_in));
        columns = columns.get(1..).unwrap_or_default();
    }
}

/// `sum over u of w[u][k] d[u]` for the first columns `k`.
#[inline(always)]
fn column_sums(columns: &[f32], d: &[f32], fan_in: usize) -> Eight {
    let mut sums = Eight([0.0; LANES]);
    let mut rest = columns;
    for d in d {
        let Some(w) = rest.first_chunk() else { break };
        sums += Eight(*w) * Eight::splat(*d);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
    }
    sums
}

/// [`column_sums`] of one column.
#[inline(always)]
fn column_sum(columns: &[f32], d: &[f32], fan_in: usize) -> f32 {
    let mut sum = 0.0;
    let mut rest = columns;
    for d in d {
        let Some(w) = rest.first() else { break };
        sum += w * d;
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
    }
    sum
}

/// One sample, as online SGD takes it: the deltas of the layer's inputs from the weights as they were, and the update
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
    widest(
        #[inline(always)]
        || backward_online_all(weights, biases, deltas, inputs, below),
    );
}

#[inline(always)]
fn backward_online_all(
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
    let (blocks, rest) = inputs.as_chunks_mut::<LANES>();
    let (mut columns, mut column) = (weights, 0);
    for block in blocks {
        let sums = column_sums(columns, deltas, fan_in);
        update(columns, deltas, block, fan_in);
        let slopes = below.differentiate(column, block);
        *block = scaled(slopes, Eight(*block), sums).0;
        columns = columns.get_mut(LANES..).unwrap_or_default();
        column += LANES;
    }
    for input in rest {
        let sum = column_sum(columns, deltas, fan_in);
        for (row, delta) in columns.chunks_mut(fan_in).zip(deltas) {
            if let Some(w) = row.first_mut() {
                *w += *input * delta;
            }
        }
        below.differentiate(column, core::slice::from_mut(input)).scale_one(input, sum);
        columns = columns.get_mut(1..).unwrap_or_default();
        column += 1;
    }
}

/// `w[u][k] += d[u] x[k]` for the first columns `k`.
#[inline(always)]
fn update(columns: &mut [f32], d: &[f32], x: &[f32; LANES], fan_in: usize) {
    let x = Eight(*x);
    let mut rest = columns;
    for d in d {
        let Some(w) = rest.first_chunk_mut() else { break };
        *w = (Eight(*w) + x * Eight::splat(*d)).0;
        let Some(below) = rest.get_mut(fan_in..) else { break };
        rest = below;
    }
}
