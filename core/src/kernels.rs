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
use crate::multiply_add::multiply_add;

/// Samples taken together, and units or inputs of a small tile: 16 sums fit in the registers of an FPU.
const TILE: usize = 4;
/// Units of a large tile: its 24 sums, four inputs and a weight just fit in 32 registers.
const WIDE: usize = 6;
/// Of a tile's 16 products of unit and sample, so many have to be active for the dense way to be the shorter one.
#[cfg(not(all(target_arch = "arm", not(target_abi = "eabihf"))))]
const DENSE: usize = 11;
/// Without an FPU loads are nothing beside products.
#[cfg(all(target_arch = "arm", not(target_abi = "eabihf")))]
const DENSE: usize = 17;
/// Elements of a row that one turn of a streaming loop takes.
const UNROLL: usize = 8;

/// Keeps LLVM from unrolling the loop it stands in, on a Cortex-M: it would hoist the loads of several turns and spill
/// the sums. No instruction comes of it.
#[inline(always)]
fn one_turn_at_a_time() {
    #[cfg(target_arch = "arm")]
    core::hint::black_box(());
}

/// A number of turns no loop takes, which the compiler does not know.
///
/// In a loop of a single block LLVM steps a Cortex-M's pointers ahead of their loads, one instruction each; in a loop of
/// more than one it steps them in the loads themselves (`vldmia r0!, {s0}`). A comparison with this makes the second
/// block, and saves eight of ten.
#[inline(always)]
fn never() -> usize {
    core::hint::black_box(usize::MAX)
}

/// One unit's sums for four samples, as named scalars: an array of arrays is spilled at `opt-level = "s"`.
#[derive(Clone, Copy)]
struct Sums {
    s0: f32,
    s1: f32,
    s2: f32,
    s3: f32,
}

impl Sums {
    #[inline(always)]
    fn new(start: f32) -> Self {
        Self { s0: start, s1: start, s2: start, s3: start }
    }
}

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

/// Four samples: every weight loaded serves four sums, every input those of a tile of units.
fn forward_four(weights: &[f32], biases: &[f32], x: [&[f32]; 4], y: [&mut [f32]; 4], fan_in: usize) {
    let mut weights = rows(weights, fan_in);
    let mut biases = biases;
    let never = never();
    let [mut y0, mut y1, mut y2, mut y3] = y;
    loop {
        // Two small tiles rather than a large one and two units by themselves.
        if biases.len() != 2 * TILE
            && let Some((b, b_rest)) = biases.split_first_chunk::<WIDE>()
        {
            let Some(w) = weights.next_six() else { return };
            let sums = dot_six_by_four(w, x, b, never);
            (y0, y1, y2, y3) = (
                store(y0, sums.map(|sums| sums.s0)),
                store(y1, sums.map(|sums| sums.s1)),
                store(y2, sums.map(|sums| sums.s2)),
                store(y3, sums.map(|sums| sums.s3)),
            );
            biases = b_rest;
        } else if let Some((b, b_rest)) = biases.split_first_chunk::<TILE>() {
            let Some(w) = weights.next_four() else { return };
            let sums = dot_four_by_four(w, x, b);
            (y0, y1, y2, y3) = (
                store(y0, sums.map(|sums| sums.s0)),
                store(y1, sums.map(|sums| sums.s1)),
                store(y2, sums.map(|sums| sums.s2)),
                store(y3, sums.map(|sums| sums.s3)),
            );
            biases = b_rest;
        } else {
            break;
        }
    }
    for (((((y0, y1), y2), y3), &b), w) in y0.iter_mut().zip(y1).zip(y2).zip(y3).zip(biases).zip(weights) {
        // One unit, four samples: by symmetry of the product also four units, one sample.
        [*y0, *y1, *y2, *y3] = dot_four([b; 4], x, w);
    }
}

/// Writes `sums` to the beginning of `y` and hands out what follows.
#[inline(always)]
fn store<const N: usize>(y: &mut [f32], sums: [f32; N]) -> &mut [f32] {
    match y.split_first_chunk_mut::<N>() {
        Some((first, rest)) => {
            *first = sums;
            rest
        }
        None => &mut [],
    }
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

/// Six units and four samples. Not inlined, so that the rows are pointers of their own, not one and a stride to add.
#[inline(never)]
fn dot_six_by_four(w: [&[f32]; 6], x: [&[f32]; 4], b: &[f32; 6], never: usize) -> [Sums; 6] {
    let [mut a, mut b, mut c, mut d, mut e, mut f] = b.map(Sums::new);
    let weights = w[0].iter().zip(w[1]).zip(w[2]).zip(w[3]).zip(w[4]).zip(w[5]);
    let pairs = weights.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]);
    for (turn, (((((((((w0, w1), w2), w3), w4), w5), x0), x1), x2), x3)) in pairs.enumerate() {
        if turn == never {
            one_turn_at_a_time();
        }
        accumulate!([w0 a, w1 b, w2 c, w3 d, w4 e, w5 f], x0, x1, x2, x3);
        one_turn_at_a_time();
    }
    [a, b, c, d, e, f]
}

/// Four units and four samples, two inputs a turn.
#[inline(never)]
fn dot_four_by_four(w: [&[f32]; 4], x: [&[f32]; 4], b: &[f32; 4]) -> [Sums; 4] {
    let [mut a, mut b, mut c, mut d] = b.map(Sums::new);
    let (w, w_rest) = in_twos(w);
    let (x, x_rest) = in_twos(x);
    let weights = w[0].iter().zip(w[1]).zip(w[2]).zip(w[3]);
    for (((((((w0, w1), w2), w3), x0), x1), x2), x3) in weights.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]) {
        let ([w0, v0], [w1, v1], [w2, v2], [w3, v3]) = (w0, w1, w2, w3);
        let ([x0, z0], [x1, z1], [x2, z2], [x3, z3]) = (x0, x1, x2, x3);
        accumulate!([w0 a, w1 b, w2 c, w3 d], x0, x1, x2, x3);
        accumulate!([v0 a, v1 b, v2 c, v3 d], z0, z1, z2, z3);
    }
    if let ([[w0], [w1], [w2], [w3]], [[x0], [x1], [x2], [x3]]) = (w_rest, x_rest) {
        accumulate!([w0 a, w1 b, w2 c, w3 d], x0, x1, x2, x3);
    }
    [a, b, c, d]
}

/// Each row as pairs, and what is left of an odd one.
#[inline(always)]
fn in_twos(rows: [&[f32]; 4]) -> ([&[[f32; 2]]; 4], [&[f32]; 4]) {
    let pairs = rows.map(<[f32]>::as_chunks::<2>);
    (pairs.map(|(pairs, _)| pairs), pairs.map(|(_, rest)| rest))
}

/// Four sums that share one factor: `start[k] + rows[k] . shared`.
fn dot_four(start: [f32; 4], rows: [&[f32]; 4], shared: &[f32]) -> [f32; 4] {
    let [mut s0, mut s1, mut s2, mut s3] = start;
    let [r0, r1, r2, r3] = rows;
    for ((((v, r0), r1), r2), r3) in shared.iter().zip(r0).zip(r1).zip(r2).zip(r3) {
        s0 = multiply_add(s0, *r0, *v);
        s1 = multiply_add(s1, *r1, *v);
        s2 = multiply_add(s2, *r2, *v);
        s3 = multiply_add(s3, *r3, *v);
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
            sum = multiply_add(sum, *w, *x);
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
    let never = never();
    let mut gradient_rows = rows_mut(weight_gradient, fan_in);
    let samples = [x0, x1, x2, x3];
    let (b_tiles, b_rest) = bias_gradient.as_chunks_mut::<TILE>();
    let (d0_tiles, d0_rest) = d0.as_chunks::<TILE>();
    let (d1_tiles, d1_rest) = d1.as_chunks::<TILE>();
    let (d2_tiles, d2_rest) = d2.as_chunks::<TILE>();
    let (d3_tiles, d3_rest) = d3.as_chunks::<TILE>();
    for ((((b, d0), d1), d2), d3) in b_tiles.iter_mut().zip(d0_tiles).zip(d1_tiles).zip(d2_tiles).zip(d3_tiles) {
        let Some(rows) = gradient_rows.next_four() else { return };
        let mut deltas = [[0.0; TILE]; TILE];
        let mut active = 0;
        let tile = deltas.iter_mut().zip(b).zip(d0).zip(d1).zip(d2).zip(d3);
        for (((((deltas, bias), &d0), &d1), &d2), &d3) in tile {
            *deltas = [d0, d1, d2, d3];
            for delta in *deltas {
                if delta != 0.0 {
                    *bias += delta;
                    active += 1;
                }
            }
        }
        if active >= DENSE {
            add_sixteen_products(rows, samples, &deltas, never);
        } else {
            for (row, deltas) in rows.into_iter().zip(deltas) {
                add_active_products(row, samples, deltas);
            }
        }
    }
    let rest = gradient_rows.zip(b_rest).zip(d0_rest).zip(d1_rest).zip(d2_rest).zip(d3_rest);
    for (((((row, bias), &d0), &d1), &d2), &d3) in rest {
        for delta in [d0, d1, d2, d3] {
            if delta != 0.0 {
                *bias += delta;
            }
        }
        add_active_products(row, samples, [d0, d1, d2, d3]);
    }
}

/// One unit: its row is loaded and stored once for those of the four samples in which it was active.
fn add_active_products(row: &mut [f32], samples: [&[f32]; 4], deltas: [f32; 4]) {
    let mut active = [(0.0, &[] as &[f32]); TILE];
    let mut count = 0;
    for (delta, x) in deltas.into_iter().zip(samples) {
        if delta != 0.0 {
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
        2 => add_two_products(row, [d0, d1], [x0, x1]),
        3 => add_three_products(row, [d0, d1, d2], [x0, x1, x2]),
        _ => add_four_products(row, [d0, d1, d2, d3], [x0, x1, x2, x3]),
    }
}

/// Four units and four samples, most of them active: every input loaded serves four rows.
#[inline(never)]
fn add_sixteen_products(rows: [&mut [f32]; 4], x: [&[f32]; 4], deltas: &[[f32; 4]; 4], never: usize) {
    let [r0, r1, r2, r3] = rows;
    let [d0, d1, d2, d3] = *deltas;
    let rows = r0.iter_mut().zip(r1).zip(r2).zip(r3);
    let turns = rows.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]).enumerate();
    for (turn, (((((((r0, r1), r2), r3), x0), x1), x2), x3)) in turns {
        if turn == never {
            one_turn_at_a_time();
        }
        *r0 =
            multiply_add(multiply_add(multiply_add(multiply_add(*r0, d0[0], *x0), d0[1], *x1), d0[2], *x2), d0[3], *x3);
        *r1 =
            multiply_add(multiply_add(multiply_add(multiply_add(*r1, d1[0], *x0), d1[1], *x1), d1[2], *x2), d1[3], *x3);
        *r2 =
            multiply_add(multiply_add(multiply_add(multiply_add(*r2, d2[0], *x0), d2[1], *x1), d2[2], *x2), d2[3], *x3);
        *r3 =
            multiply_add(multiply_add(multiply_add(multiply_add(*r3, d3[0], *x0), d3[1], *x1), d3[2], *x2), d3[3], *x3);
        one_turn_at_a_time();
    }
}

/// What `a.zip(b).zip(c)` yields, as a pattern: `((a, b), c)`.
macro_rules! nested {
    ($a:pat) => { $a };
    ($a:tt $b:tt $($rest:tt)*) => { nested!(($a, $b) $($rest)*) };
}

/// Makes a function `row += sum of d[k] x[k]`, `k` ascending.
macro_rules! add_products {
    ($(#[$doc:meta])* $name:ident, $n:literal, [$($d:ident $x:ident),*]) => {
        $(#[$doc])*
        fn $name(row: &mut [f32], [$($d),*]: [f32; $n], [$($x),*]: [&[f32]; $n]) {
            let (row, row_rest) = row.as_chunks_mut::<UNROLL>();
            let chunks = row.iter_mut();
            let rest = row_rest.iter_mut();
            $(
                let $x = $x.as_chunks::<UNROLL>();
                let chunks = chunks.zip($x.0);
                let rest = rest.zip($x.1);
            )*
            for nested!(row $($x)*) in chunks {
                $( row[0] = multiply_add(row[0], $d, $x[0]); )*
                $( row[1] = multiply_add(row[1], $d, $x[1]); )*
                $( row[2] = multiply_add(row[2], $d, $x[2]); )*
                $( row[3] = multiply_add(row[3], $d, $x[3]); )*
                $( row[4] = multiply_add(row[4], $d, $x[4]); )*
                $( row[5] = multiply_add(row[5], $d, $x[5]); )*
                $( row[6] = multiply_add(row[6], $d, $x[6]); )*
                $( row[7] = multiply_add(row[7], $d, $x[7]); )*
                one_turn_at_a_time();
            }
            for nested!(row $($x)*) in rest {
                $( *row = multiply_add(*row, $d, *$x); )*
                one_turn_at_a_time();
            }
        }
    };
}

add_products!(
    /// One active sample.
    add_one_product, 1, [d0 x0]
);
add_products!(
    /// Two active samples.
    add_two_products, 2, [d0 x0, d1 x1]
);
add_products!(
    /// Three active samples.
    add_three_products, 3, [d0 x0, d1 x1, d2 x2]
);
add_products!(
    /// Four active samples.
    add_four_products, 4, [d0 x0, d1 x1, d2 x2, d3 x3]
);

/// `row += d x`.
fn add_products(row: &mut [f32], d: f32, x: &[f32]) {
    add_one_product(row, [d], [x]);
}

/// Takes the deltas of a layer's outputs to its inputs: on entry `inputs` holds each input's activation derivative,
/// on return its delta. Where the derivative is 0 so is the delta.
pub(crate) fn backward(weights: &[f32], deltas: &[f32], inputs: &mut [f32], fan_in: usize, units: usize) {
    let (mut samples, mut deltas) = (rows_mut(inputs, fan_in), rows(deltas, units));
    // One unit, as behind every binary classifier: its row is all there is, and nothing to share.
    while units > 1
        && let (Some(d), Some(x)) = (deltas.next_four(), samples.next_four())
    {
        backward_four(weights, d, x, fan_in);
    }
    for (inputs, deltas) in samples.zip(deltas) {
        if let [delta] = deltas {
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

/// Four samples: every weight loaded serves four sums, every delta those of a tile of inputs.
fn backward_four(weights: &[f32], d: [&[f32]; 4], x: [&mut [f32]; 4], fan_in: usize) {
    let [x0, x1, x2, x3] = x;
    let (x0_tiles, x0_rest) = x0.as_chunks_mut::<TILE>();
    let (x1_tiles, x1_rest) = x1.as_chunks_mut::<TILE>();
    let (x2_tiles, x2_rest) = x2.as_chunks_mut::<TILE>();
    let (x3_tiles, x3_rest) = x3.as_chunks_mut::<TILE>();
    let mut columns = weights;
    let tiled = TILE * x0_tiles.len();
    for (((x0, x1), x2), x3) in x0_tiles.iter_mut().zip(x1_tiles).zip(x2_tiles).zip(x3_tiles) {
        let sums = column_sums_of_four(columns, d, fan_in);
        scale_by(x0, &sums.map(|sums| sums.s0));
        scale_by(x1, &sums.map(|sums| sums.s1));
        scale_by(x2, &sums.map(|sums| sums.s2));
        scale_by(x3, &sums.map(|sums| sums.s3));
        columns = columns.get(TILE..).unwrap_or_default();
    }
    for (rest, d) in [x0_rest, x1_rest, x2_rest, x3_rest].into_iter().zip(d) {
        for (column, input) in rest.iter_mut().enumerate() {
            scale_by(core::slice::from_mut(input), &[column_sum(weights, tiled + column, d, fan_in)]);
        }
    }
}

/// `sum over u of w[u][k] d[s][u]` for the first four columns `k` and the four samples `s`.
#[inline(never)]
fn column_sums_of_four(columns: &[f32], d: [&[f32]; 4], fan_in: usize) -> [Sums; 4] {
    let [mut a, mut b, mut c, mut e] = [Sums::new(0.0); 4];
    let mut rest = columns;
    for (((d0, d1), d2), d3) in d[0].iter().zip(d[1]).zip(d[2]).zip(d[3]) {
        let Some(([w0, w1, w2, w3], _)) = rest.split_first_chunk::<TILE>() else { break };
        accumulate!([w0 a, w1 b, w2 c, w3 e], d0, d1, d2, d3);
        let Some((_, below)) = rest.split_at_checked(fan_in) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    [a, b, c, e]
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
        let columns = weights.get_mut(column..).unwrap_or_default();
        let sums = sum_and_update(columns, deltas, tile, fan_in);
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

/// [`column_sums`] of the first four columns, and their update: every weight is loaded once for both.
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
        let Some((_, below)) = rest.split_at_mut_checked(fan_in) else { break };
        rest = below;
    }
    [s0, s1, s2, s3]
}

/// `w[u][column + k] += d[u] x[k]` for every unit and every `x`.
fn update_columns(weights: &mut [f32], column: usize, deltas: &[f32], x: &[f32], fan_in: usize) {
    for (row, &delta) in rows_mut(weights, fan_in).zip(deltas) {
        if delta != 0.0 {
            // As long as `x`, because chunks are counted from both beginnings and zipped from both ends.
            add_products(row.get_mut(column..column + x.len()).unwrap_or_default(), delta, x);
        }
    }
}

/// `sum over u of w[u][column + k] d[u]` for the four columns from `column`.
fn column_sums(weights: &[f32], column: usize, deltas: &[f32], fan_in: usize) -> [f32; TILE] {
    let (mut s0, mut s1, mut s2, mut s3) = (0.0, 0.0, 0.0, 0.0);
    for (row, d) in rows(weights, fan_in).zip(deltas) {
        let Some([w0, w1, w2, w3]) = row.get(column..).and_then(<[f32]>::first_chunk) else { break };
        s0 = multiply_add(s0, *w0, *d);
        s1 = multiply_add(s1, *w1, *d);
        s2 = multiply_add(s2, *w2, *d);
        s3 = multiply_add(s3, *w3, *d);
    }
    [s0, s1, s2, s3]
}

/// [`column_sums`] for one column.
fn column_sum(weights: &[f32], column: usize, deltas: &[f32], fan_in: usize) -> f32 {
    let mut sum = 0.0;
    for (row, d) in rows(weights, fan_in).zip(deltas) {
        let Some(w) = row.get(column) else { break };
        sum = multiply_add(sum, *w, *d);
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

/// Whether none of the values is NaN or infinite: in integers, which an FPU does not slow down and its lack does not either.
pub(crate) fn all_finite(values: &[f32]) -> bool {
    // The largest exponent carries into the sign's place.
    let carry = |value: f32| (value.to_bits() & 0x7FFF_FFFF).wrapping_add(0x0080_0000);
    let (chunks, rest) = values.as_chunks::<TILE>();
    let mut carried = 0;
    for [a, b, c, d] in chunks {
        carried |= carry(*a) | carry(*b) | carry(*c) | carry(*d);
    }
    for value in rest {
        carried |= carry(*value);
    }
    carried >> 31 == 0
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
