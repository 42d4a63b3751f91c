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
//!
//! # Tiles
//!
//! Four samples are taken at a time, and of the other matrix six rows, four, or one: 24 sums, four inputs and a weight just
//! fit in the 32 registers of an FPU. A tile is a function that is not inlined, so that every row is a pointer of its own and
//! not one and a stride to add, and its sums are named scalars: LLVM spills an array of arrays at `opt-level = "s"`.

use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Samples of a tile, and rows of a small one.
const TILE: usize = 4;
/// Rows of a large tile.
const WIDE: usize = 6;
/// Elements of a row that one turn of a streaming loop takes.
const UNROLL: usize = 8;

/// A number of turns no loop takes, which the compiler does not know.
///
/// In a loop of a single block LLVM steps a Cortex-M's pointers ahead of their loads, one instruction each; in a loop of
/// more than one it steps them in the loads themselves (`vldmia r0!, {s0}`). A comparison with this makes the second
/// block, and saves eight of ten.
#[inline(always)]
fn never() -> usize {
    core::hint::black_box(usize::MAX)
}

/// One row's values for four samples.
#[derive(Clone, Copy)]
struct Four {
    s0: f32,
    s1: f32,
    s2: f32,
    s3: f32,
}

impl Four {
    #[inline(always)]
    fn new(start: f32) -> Self {
        Self { s0: start, s1: start, s2: start, s3: start }
    }
}

/// What `a.zip(b).zip(c)` yields, as a pattern: `((a, b), c)`.
macro_rules! nested {
    ($a:pat) => { $a };
    ($a:tt $b:tt $($rest:tt)*) => { nested!(($a, $b) $($rest)*) };
}

/// `$sum += $w * x` for the four samples.
macro_rules! accumulate {
    ([$($w:ident $sum:ident),*], $x0:ident, $x1:ident, $x2:ident, $x3:ident) => {
        $(
            $sum.s0 = multiply_add($sum.s0, *$w, *$x0);
            $sum.s1 = multiply_add($sum.s1, *$w, *$x1);
            $sum.s2 = multiply_add($sum.s2, *$w, *$x2);
            $sum.s3 = multiply_add($sum.s3, *$w, *$x3);
        )*
    };
}

/// Four rows of a tile's results or deltas, a sample each.
type FourOf<'a, const N: usize> = [&'a mut [f32; N]; 4];

/// The next `N` values of each of four rows, or `None` without taking any if fewer are left.
#[inline(always)]
fn next<'a, const N: usize>(samples: &mut [&'a mut [f32]; 4]) -> Option<FourOf<'a, N>> {
    let [a, b, c, d] = samples;
    Some([take(a)?, take(b)?, take(c)?, take(d)?])
}

/// Takes the first `N` values off a row.
#[allow(clippy::mut_mut)] // the row is what changes
#[inline(always)]
fn take<'a, const N: usize>(row: &mut &'a mut [f32]) -> Option<&'a mut [f32; N]> {
    if row.len() < N {
        return None;
    }
    let (first, rest) = core::mem::take(row).split_first_chunk_mut()?;
    *row = rest;
    Some(first)
}

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let mut samples = rows(inputs, fan_in);
    let mut results = rows_mut(outputs, biases.len());
    while let (Some(x), Some(y)) = (samples.next_four(), results.next_four()) {
        forward_four(weights, biases, &x, y, fan_in);
    }
    for (x, y) in samples.zip(results) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// Four samples: every weight loaded serves four sums, every input those of a tile of units.
#[inline(always)]
fn forward_four(weights: &[f32], biases: &[f32], x: &[&[f32]; 4], mut y: [&mut [f32]; 4], fan_in: usize) {
    let mut weights = rows(weights, fan_in);
    let mut biases = biases;
    let never = never();
    loop {
        // Two small tiles rather than a large one and two units by themselves.
        if biases.len() != 2 * TILE
            && let Some((b, rest)) = biases.split_first_chunk()
        {
            let (Some(w), Some(y)) = (weights.next_six(), next(&mut y)) else { return };
            dots_of_six(&w, x, b, y, never);
            biases = rest;
        } else if let Some((b, rest)) = biases.split_first_chunk() {
            let (Some(w), Some(y)) = (weights.next_four(), next(&mut y)) else { return };
            dots_of_four(&w, x, b, y);
            biases = rest;
        } else if let Some(([b], rest)) = biases.split_first_chunk() {
            let (Some(w), Some([[y0], [y1], [y2], [y3]])) = (weights.next(), next(&mut y)) else { return };
            // One unit, four samples: by symmetry of the product also four units, one sample.
            [*y0, *y1, *y2, *y3] = dot_four([*b; 4], x, w);
            biases = rest;
        } else {
            return;
        }
    }
}

/// `y[s][u] = b[u] + w[u] . x[s]` for six units and four samples.
#[inline(never)]
fn dots_of_six(w: &[&[f32]; 6], x: &[&[f32]; 4], b: &[f32; 6], y: FourOf<'_, 6>, never: usize) {
    let [mut a, mut b, mut c, mut d, mut e, mut f] = b.map(Four::new);
    let weights = w[0].iter().zip(w[1]).zip(w[2]).zip(w[3]).zip(w[4]).zip(w[5]);
    let turns = weights.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]).enumerate();
    for (turn, nested!(w0 w1 w2 w3 w4 w5 x0 x1 x2 x3)) in turns {
        if turn == never {
            one_turn_at_a_time();
        }
        accumulate!([w0 a, w1 b, w2 c, w3 d, w4 e, w5 f], x0, x1, x2, x3);
        one_turn_at_a_time();
    }
    let [y0, y1, y2, y3] = y;
    *y0 = [a.s0, b.s0, c.s0, d.s0, e.s0, f.s0];
    *y1 = [a.s1, b.s1, c.s1, d.s1, e.s1, f.s1];
    *y2 = [a.s2, b.s2, c.s2, d.s2, e.s2, f.s2];
    *y3 = [a.s3, b.s3, c.s3, d.s3, e.s3, f.s3];
}

/// Four units, four samples, two inputs a turn.
#[inline(never)]
fn dots_of_four(w: &[&[f32]; 4], x: &[&[f32]; 4], b: &[f32; 4], y: FourOf<'_, 4>) {
    let [mut a, mut b, mut c, mut d] = b.map(Four::new);
    let (w, w_rest) = in_twos(w);
    let (x, x_rest) = in_twos(x);
    let weights = w[0].iter().zip(w[1]).zip(w[2]).zip(w[3]);
    for nested!(w0 w1 w2 w3 x0 x1 x2 x3) in weights.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]) {
        let ([w0, v0], [w1, v1], [w2, v2], [w3, v3]) = (w0, w1, w2, w3);
        let ([x0, z0], [x1, z1], [x2, z2], [x3, z3]) = (x0, x1, x2, x3);
        accumulate!([w0 a, w1 b, w2 c, w3 d], x0, x1, x2, x3);
        accumulate!([v0 a, v1 b, v2 c, v3 d], z0, z1, z2, z3);
    }
    if let ([[w0], [w1], [w2], [w3]], [[x0], [x1], [x2], [x3]]) = (w_rest, x_rest) {
        accumulate!([w0 a, w1 b, w2 c, w3 d], x0, x1, x2, x3);
    }
    let [y0, y1, y2, y3] = y;
    *y0 = [a.s0, b.s0, c.s0, d.s0];
    *y1 = [a.s1, b.s1, c.s1, d.s1];
    *y2 = [a.s2, b.s2, c.s2, d.s2];
    *y3 = [a.s3, b.s3, c.s3, d.s3];
}

/// Each row as pairs, and what is left of an odd one.
#[inline(always)]
fn in_twos<'a>(rows: &[&'a [f32]; 4]) -> ([&'a [[f32; 2]]; 4], [&'a [f32]; 4]) {
    let pairs = rows.map(<[f32]>::as_chunks::<2>);
    (pairs.map(|(pairs, _)| pairs), pairs.map(|(_, rest)| rest))
}

/// Four sums that share one factor: `start[k] + rows[k] . shared`.
#[inline(never)]
fn dot_four(start: [f32; 4], rows: &[&[f32]; 4], shared: &[f32]) -> [f32; 4] {
    let [mut s0, mut s1, mut s2, mut s3] = start;
    let (v, v_rest) = shared.as_chunks::<UNROLL>();
    let [(r0, r0_rest), (r1, r1_rest), (r2, r2_rest), (r3, r3_rest)] = rows.map(<[f32]>::as_chunks::<UNROLL>);
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
fn forward_one(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let mut units = rows(weights, fan_in);
    let (y_tiles, y_rest) = y.as_chunks_mut::<TILE>();
    let (b_tiles, b_rest) = biases.as_chunks::<TILE>();
    for (y, b) in y_tiles.iter_mut().zip(b_tiles) {
        let Some(w) = units.next_four() else { return };
        *y = dot_four(*b, &w, x);
    }
    if y_rest.is_empty() {
        return;
    }
    if let (Some(b), Some(from)) = (biases.last_chunk(), weights.len().checked_sub(TILE * fan_in)) {
        let (Some(w), Some(y)) =
            (rows(weights.get(from..).unwrap_or_default(), fan_in).next_four(), y.last_chunk_mut())
        else {
            return;
        };
        *y = dot_four(*b, &w, x);
        return;
    }
    for ((y, &b), w) in y_rest.iter_mut().zip(b_rest).zip(units) {
        let mut sum = b;
        for (w, x) in w.iter().zip(x) {
            sum = multiply_add(sum, *w, *x);
            one_turn_at_a_time();
        }
        *y = sum;
    }
}

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'.
#[inline(never)]
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &mut [f32],
    fan_in: usize,
) {
    let (mut samples, mut deltas) = (rows(inputs, fan_in), rows_mut(deltas, bias_gradient.len()));
    while let (Some(x), Some(d)) = (samples.next_four(), deltas.next_four()) {
        gradient_four(weight_gradient, bias_gradient, &x, d, fan_in);
    }
    for (x, d) in samples.zip(deltas) {
        gradient_one(weight_gradient, bias_gradient, x, d, fan_in);
    }
}

/// Four samples: every input loaded serves a tile of units, every element of the gradient four samples.
#[inline(always)]
fn gradient_four(
    weight_gradient: &mut [f32],
    mut biases: &mut [f32],
    x: &[&[f32]; 4],
    mut d: [&mut [f32]; 4],
    fan_in: usize,
) {
    let never = never();
    let mut weights = rows_mut(weight_gradient, fan_in);
    loop {
        if biases.len() != 2 * TILE
            && let Some(b) = take::<WIDE>(&mut biases)
        {
            let (Some(g), Some(d)) = (weights.next_six(), next(&mut d)) else { return };
            add_to_six(g, b, x, &d, never);
        } else if let Some(b) = take::<TILE>(&mut biases) {
            let (Some(g), Some(d)) = (weights.next_four(), next(&mut d)) else { return };
            add_to_four(g, b, x, &d, never);
        } else if let Some(b) = take::<1>(&mut biases) {
            let (Some(g), Some(d)) = (weights.next(), next(&mut d)) else { return };
            add_to_one([g], b, x, &d, never);
        } else {
            return;
        }
    }
}

/// Makes a function for `g[u] += sum of d[s][u] x[s]`, as many units as rows are named.
macro_rules! adds {
    ($(#[$doc:meta])* $name:ident, $units:literal, [$($g:ident $d:ident $u:literal),*], $g0:ident $($rest:ident)*) => {
        $(#[$doc])*
        #[inline(never)]
        fn $name(
            g: [&mut [f32]; $units],
            b: &mut [f32; $units],
            x: &[&[f32]; 4],
            d: &FourOf<'_, $units>,
            never: usize,
        ) {
            $(
                let $d = Four { s0: d[0][$u], s1: d[1][$u], s2: d[2][$u], s3: d[3][$u] };
                b[$u] = b[$u] + $d.s0 + $d.s1 + $d.s2 + $d.s3;
            )*
            let [$($g),*] = g;
            let turns = $g0.iter_mut();
            $( let turns = turns.zip($rest); )*
            let turns = turns.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]).enumerate();
            for (turn, nested!($($g)* x0 x1 x2 x3)) in turns {
                if turn == never {
                    one_turn_at_a_time();
                }
                $(
                    let sum = multiply_add(multiply_add(*$g, *x0, $d.s0), *x1, $d.s1);
                    *$g = multiply_add(multiply_add(sum, *x2, $d.s2), *x3, $d.s3);
                )*
                one_turn_at_a_time();
            }
        }
    };
}

adds!(
    /// Six units, four samples.
    add_to_six, 6, [g0 a 0, g1 b 1, g2 c 2, g3 e 3, g4 f 4, g5 h 5], g0 g1 g2 g3 g4 g5
);
adds!(
    /// Four units, four samples.
    add_to_four, 4, [g0 a 0, g1 b 1, g2 c 2, g3 e 3], g0 g1 g2 g3
);
adds!(
    /// One unit, four samples.
    add_to_one, 1, [g0 a 0], g0
);

/// One sample. A unit whose delta is 0, such as a ReLU that was off, is skipped.
#[inline(never)]
fn gradient_one(weights: &mut [f32], biases: &mut [f32], x: &[f32], d: &[f32], fan_in: usize) {
    for ((row, bias), &delta) in rows_mut(weights, fan_in).zip(biases).zip(d) {
        if delta != 0.0 {
            *bias += delta;
            add_products(row, delta, x);
        }
    }
}

/// `row += d x`.
#[inline(never)]
fn add_products(row: &mut [f32], d: f32, x: &[f32]) {
    let (row, row_rest) = row.as_chunks_mut::<UNROLL>();
    let (x, x_rest) = x.as_chunks::<UNROLL>();
    for (row, x) in row.iter_mut().zip(x) {
        row[0] = multiply_add(row[0], x[0], d);
        row[1] = multiply_add(row[1], x[1], d);
        row[2] = multiply_add(row[2], x[2], d);
        row[3] = multiply_add(row[3], x[3], d);
        row[4] = multiply_add(row[4], x[4], d);
        row[5] = multiply_add(row[5], x[5], d);
        row[6] = multiply_add(row[6], x[6], d);
        row[7] = multiply_add(row[7], x[7], d);
        one_turn_at_a_time();
    }
    for (row, x) in row_rest.iter_mut().zip(x_rest) {
        *row = multiply_add(*row, *x, d);
        one_turn_at_a_time();
    }
}

/// What a layer's inputs hold when its deltas go down to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slopes {
    /// The derivatives of what made them.
    Any,
    /// The outputs of a gate, whose derivative is 1 where they are not 0: a ReLU.
    OfGate,
}

impl Slopes {
    /// `slopes[k] *= sums[k]`; what is inactive stays 0, whatever its sum.
    #[inline(always)]
    fn scale(self, slopes: &mut [f32; TILE], sums: [f32; TILE]) {
        match self {
            Self::Any => {
                for (slope, sum) in slopes.iter_mut().zip(sums) {
                    *slope = if *slope == 0.0 { 0.0 } else { *slope * sum };
                    one_turn_at_a_time();
                }
            }
            Self::OfGate => {
                for (slope, sum) in slopes.iter_mut().zip(sums) {
                    // An integer comparison, and no sum is -0.0.
                    if slope.to_bits() != 0 {
                        *slope = sum;
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn scale_one(self, slope: &mut f32, sum: f32) {
        *slope = match self {
            _ if *slope == 0.0 => 0.0,
            Self::Any => *slope * sum,
            Self::OfGate => sum,
        }
    }
}

/// `slopes[k] *= sums[k]`; what is inactive stays 0, whatever its sum.
#[inline(always)]
pub(crate) fn scale_by(slopes: &mut [f32], sums: &[f32]) {
    for (slope, sum) in slopes.iter_mut().zip(sums) {
        *slope = if *slope == 0.0 { 0.0 } else { *slope * sum };
        one_turn_at_a_time();
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
    let (mut samples, mut deltas) = (rows_mut(inputs, fan_in), rows(deltas, units));
    while let (Some(d), Some(x)) = (deltas.next_four(), samples.next_four()) {
        backward_four(weights, &d, x, fan_in, slopes);
    }
    for (inputs, deltas) in samples.zip(deltas) {
        let mut columns = weights;
        for input in inputs {
            slopes.scale_one(input, column_sum(columns, deltas, fan_in));
            columns = columns.get(1..).unwrap_or_default();
        }
    }
}

/// Four samples: every weight loaded serves four sums, every delta those of a tile of inputs.
#[inline(always)]
fn backward_four(weights: &[f32], d: &[&[f32]; 4], mut x: [&mut [f32]; 4], fan_in: usize, slopes: Slopes) {
    let mut columns = weights;
    loop {
        if let Some(x) = next::<TILE>(&mut x) {
            columns_of_four(columns, d, x, fan_in, slopes);
            columns = columns.get(TILE..).unwrap_or_default();
        } else if let Some(x) = next::<1>(&mut x) {
            for ([x], d) in x.into_iter().zip(d) {
                slopes.scale_one(x, column_sum(columns, d, fan_in));
            }
            columns = columns.get(1..).unwrap_or_default();
        } else {
            return;
        }
    }
}

/// `x[s][k] *= sum over u of w[u][k] d[s][u]` for the first four columns `k` and the four samples `s`.
#[inline(never)]
fn columns_of_four(columns: &[f32], d: &[&[f32]; 4], x: FourOf<'_, 4>, fan_in: usize, slopes: Slopes) {
    let [mut a, mut b, mut c, mut e] = [Four::new(0.0); 4];
    let mut rest = columns;
    for (((d0, d1), d2), d3) in d[0].iter().zip(d[1]).zip(d[2]).zip(d[3]) {
        let Some(([w0, w1, w2, w3], _)) = rest.split_first_chunk::<TILE>() else { break };
        accumulate!([w0 a, w1 b, w2 c, w3 e], d0, d1, d2, d3);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    let [x0, x1, x2, x3] = x;
    slopes.scale(x0, [a.s0, b.s0, c.s0, e.s0]);
    slopes.scale(x1, [a.s1, b.s1, c.s1, e.s1]);
    slopes.scale(x2, [a.s2, b.s2, c.s2, e.s2]);
    slopes.scale(x3, [a.s3, b.s3, c.s3, e.s3]);
}

/// `sum over u of w[u][0] d[u]`.
#[inline(never)]
fn column_sum(columns: &[f32], deltas: &[f32], fan_in: usize) -> f32 {
    let mut sum = 0.0;
    let mut rest = columns;
    for d in deltas {
        let Some(w) = rest.first() else { break };
        sum = multiply_add(sum, *w, *d);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    sum
}

/// Replaces a layer's outputs from the given one on by derivatives.
type Differentiate<'a> = &'a mut dyn FnMut(usize, &mut [f32]);

/// What becomes of a layer's inputs in [`backward_online`].
pub(crate) enum Below<'a> {
    /// Nothing: there is no trained layer below.
    Nothing,
    /// Deltas: they are outputs of a gate.
    Gate,
    /// Deltas: this makes derivatives of them.
    Any(Differentiate<'a>),
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
        let sums = sum_and_update(columns, deltas, tile, fan_in);
        match &mut below {
            Below::Any(differentiate) => {
                differentiate(column, tile);
                Slopes::Any.scale(tile, sums);
            }
            Below::Gate | Below::Nothing => Slopes::OfGate.scale(tile, sums),
        }
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
        match &mut below {
            Below::Any(differentiate) => {
                differentiate(column, core::slice::from_mut(input));
                Slopes::Any.scale_one(input, sum);
            }
            Below::Gate | Below::Nothing => Slopes::OfGate.scale_one(input, sum),
        }
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

/// `to = from`, in line: a call of `memcpy` takes two to three times as many instructions on a Cortex-M.
#[inline(always)]
pub(crate) fn copy(from: &[f32], to: &mut [f32]) {
    let (from, from_rest) = from.as_chunks::<UNROLL>();
    let (to, to_rest) = to.as_chunks_mut::<UNROLL>();
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
        one_turn_at_a_time();
    }
    for (to, from) in to_rest.iter_mut().zip(from_rest) {
        *to = *from;
        one_turn_at_a_time();
    }
}

/// `values *= factor`, or 0 where the factor is 0; never -0.0.
#[inline(never)]
pub(crate) fn scale(values: &mut [f32], factor: f32) {
    if factor == 0.0 {
        // Also what NaN and infinities left behind by a diverged run are cleared by.
        values.fill(0.0);
    } else {
        let (chunks, rest) = values.as_chunks_mut::<UNROLL>();
        for [a, b, c, d, e, f, g, h] in chunks {
            *a = factor * *a + 0.0;
            *b = factor * *b + 0.0;
            *c = factor * *c + 0.0;
            *d = factor * *d + 0.0;
            *e = factor * *e + 0.0;
            *f = factor * *f + 0.0;
            *g = factor * *g + 0.0;
            *h = factor * *h + 0.0;
            one_turn_at_a_time();
        }
        for value in rest {
            *value = factor * *value + 0.0;
            one_turn_at_a_time();
        }
    }
}

/// What a batch begins with: `state = keep * state + decay * params`, never -0.0.
#[inline(never)]
pub(crate) fn begin(state: &mut [f32], params: &[f32], keep: f32, decay: f32) {
    scale(state, keep);
    if decay != 0.0 {
        for (s, p) in state.iter_mut().zip(params) {
            *s = (*s + decay * p) + 0.0;
            one_turn_at_a_time();
        }
    }
}

/// Whether none of the values is NaN or infinite: 0 times such a value is NaN, and so is every sum it is in.
#[cfg(not(all(target_arch = "arm", not(target_abi = "eabihf"))))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let (chunks, rest) = values.as_chunks::<UNROLL>();
    let (mut even, mut odd) = (0.0, 0.0);
    for [a, b, c, d, e, f, g, h] in chunks {
        even += 0.0 * a;
        odd += 0.0 * b;
        even += 0.0 * c;
        odd += 0.0 * d;
        even += 0.0 * e;
        odd += 0.0 * f;
        even += 0.0 * g;
        odd += 0.0 * h;
        one_turn_at_a_time();
    }
    for value in rest {
        even += 0.0 * value;
        one_turn_at_a_time();
    }
    even + odd == 0.0
}

/// Whether none of the values is NaN or infinite: in integers, where there is no FPU.
#[cfg(all(target_arch = "arm", not(target_abi = "eabihf")))]
#[inline(never)]
pub(crate) fn all_finite(values: &[f32]) -> bool {
    let mut carried = 0;
    for value in values {
        // The largest exponent carries into the sign's place.
        carried |= (value.to_bits() & 0x7FFF_FFFF).wrapping_add(0x0080_0000);
    }
    carried >> 31 == 0
}

/// Turns -0.0 into 0.0, and leaves every other value as it is.
#[inline(never)]
pub(crate) fn canonical(values: &mut [f32]) {
    for value in values {
        *value += 0.0;
        one_turn_at_a_time();
    }
}

/// `params += rate * direction`.
#[inline(never)]
pub(crate) fn add_scaled(params: &mut [f32], direction: &[f32], rate: f32) {
    for (p, d) in params.iter_mut().zip(direction) {
        *p += rate * d;
        one_turn_at_a_time();
    }
}

/// `params += step`.
#[inline(never)]
pub(crate) fn add(params: &mut [f32], step: &[f32]) {
    let (params, params_rest) = params.as_chunks_mut::<UNROLL>();
    let (step, step_rest) = step.as_chunks::<UNROLL>();
    for (p, d) in params.iter_mut().zip(step) {
        p[0] += d[0];
        p[1] += d[1];
        p[2] += d[2];
        p[3] += d[3];
        p[4] += d[4];
        p[5] += d[5];
        p[6] += d[6];
        p[7] += d[7];
        one_turn_at_a_time();
    }
    for (p, d) in params_rest.iter_mut().zip(step_rest) {
        *p += d;
        one_turn_at_a_time();
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
            gradient(&mut w, &mut b, &x, &mut d.clone(), fan_in);
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
            backward(&w, &d, &mut x, fan_in, units, Slopes::Any);
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
            gradient(&mut expected_w, &mut expected_b, &x, &mut d.clone(), fan_in);
            Relu.differentiate(&mut slopes);
            let expected_x = naive_backward(&w, &d, &slopes, fan_in, units);
            for first in [true, false] {
                let (mut w, mut b, mut x) = (w.clone(), b.clone(), x.clone());
                let expected_x = if first { &x.clone() } else { &expected_x };
                let mut differentiate = |_, values: &mut [f32]| Relu.differentiate(values);
                let below = if first { Below::Nothing } else { Below::Any(&mut differentiate) };
                backward_online(&mut w, &mut b, &d, &mut x, below);
                assert_eq!((bits(&w), bits(&b)), (bits(&expected_w), bits(&expected_b)), "{fan_in} {units}");
                assert_eq!(bits(&x), bits(expected_x), "{fan_in} {units}");
            }
        }
    }

    #[test]
    fn a_gate_is_its_derivatives() {
        let mut rng = Rng::new(5);
        for (fan_in, units, n) in shapes() {
            let (w, d) = (sparse(units * fan_in, &mut rng), sparse(n * units, &mut rng));
            let mut outputs = sparse(n * fan_in, &mut rng);
            Relu.apply(&mut outputs, fan_in);
            let (mut gated, mut slopes) = (outputs.clone(), outputs.clone());
            Relu.differentiate(&mut slopes);
            let expected = naive_backward(&w, &d, &slopes, fan_in, units);
            backward(&w, &d, &mut gated, fan_in, units, Slopes::OfGate);
            assert_eq!(bits(&gated), bits(&expected), "{fan_in} {units} {n}");
            if n == 1 {
                let (mut w, mut b, mut x) = (w.clone(), std::vec![0.0; units], outputs.clone());
                backward_online(&mut w, &mut b, &d, &mut x, Below::Gate);
                assert_eq!(bits(&x), bits(&expected), "{fan_in} {units}");
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
