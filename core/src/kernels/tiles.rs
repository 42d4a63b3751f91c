//! For a Cortex-M: small code, and as many sums in registers as there are.
//!
//! Four samples are taken at a time, and of the other matrix six rows, four, or one: 24 sums, four inputs and a weight just
//! fit in the 32 registers of an FPU. A tile is a function that is not inlined, so that every row is a pointer of its own and
//! not one and a stride to add, and its sums are named scalars: LLVM spills an array of arrays at `opt-level = "s"`.

use super::columns::column_sum;
use super::elements::UNROLL;
use super::{Below, Slopes, TILE};
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Rows of a large tile, and of the least.
const WIDE: usize = 6;
const ONE: usize = 1;

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

/// What a tile has to know of its layer.
#[derive(Clone, Copy)]
struct Shape {
    fan_in: usize,
    units: usize,
}

/// Makes a function that takes the first rows off a matrix. All are as long as LLVM sees, which saves the comparison of their
/// lengths.
macro_rules! takes {
    ($(#[$attribute:meta])* $name:ident, $matrix:ty, $rows:ty, $split:ident: $($row:ident)*) => {
        $(#[$attribute])*
        #[allow(clippy::mut_mut)] // the matrix is what changes
        fn $name<'a>(matrix: &mut $matrix, width: usize) -> Option<$rows> {
            let rest = core::mem::take(matrix);
            $( let ($row, rest) = rest.$split(width)?; )*
            *matrix = rest;
            Some([$($row),*])
        }
    };
}

takes!(
    /// The first four rows.
    #[inline(always)]
    split, &'a [f32], [&'a [f32]; TILE], split_at_checked: a b c d
);
// Rows for a tile, which takes them by reference: where they are moved out of the option they are on the stack twice. These are
// no part of the functions that call them, as each would have its own; of two that differ in `mut` only the compiler keeps one.
takes!(
    /// The first four rows.
    #[inline]
    four_rows, &'a [f32], [&'a [f32]; TILE], split_at_checked: a b c d
);
takes!(
    /// The first six rows.
    #[inline]
    six_rows, &'a [f32], [&'a [f32]; WIDE], split_at_checked: a b c d e f
);
takes!(
    /// The first row, to be changed.
    #[inline(always)]
    one_row_mut, &'a mut [f32], [&'a mut [f32]; ONE], split_at_mut_checked: a
);
takes!(
    /// The first four rows, to be changed.
    #[inline]
    four_rows_mut, &'a mut [f32], [&'a mut [f32]; TILE], split_at_mut_checked: a b c d
);
takes!(
    /// The first six rows, to be changed.
    #[inline]
    six_rows_mut, &'a mut [f32], [&'a mut [f32]; WIDE], split_at_mut_checked: a b c d e f
);

/// The first `N` elements of four rows.
#[inline(always)]
fn columns<const N: usize>(matrix: &[f32], width: usize) -> Option<[&[f32; N]; 4]> {
    let (a, rest) = matrix.split_at_checked(width)?;
    let (b, rest) = rest.split_at_checked(width)?;
    let (c, d) = rest.split_at_checked(width)?;
    Some([a.first_chunk()?, b.first_chunk()?, c.first_chunk()?, d.first_chunk()?])
}

/// The first `N` elements of four rows, to be changed.
#[inline(always)]
fn columns_mut<const N: usize>(matrix: &mut [f32], width: usize) -> Option<[&mut [f32; N]; 4]> {
    let (a, rest) = matrix.split_at_mut_checked(width)?;
    let (b, rest) = rest.split_at_mut_checked(width)?;
    let (c, d) = rest.split_at_mut_checked(width)?;
    Some([a.first_chunk_mut()?, b.first_chunk_mut()?, c.first_chunk_mut()?, d.first_chunk_mut()?])
}

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let shape = Shape { fan_in, units: biases.len() };
    let (mut x, mut y) = (inputs, outputs);
    while let (Some((four, x_rest)), true) = (x.split_at_checked(TILE * fan_in), y.len() >= TILE * shape.units)
        && !four.is_empty()
    {
        let Some((results, y_rest)) = y.split_at_mut_checked(TILE * shape.units) else { return };
        forward_four(weights, biases, four, results, &shape);
        (x, y) = (x_rest, y_rest);
    }
    for (x, y) in rows(x, fan_in).zip(rows_mut(y, shape.units)) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// Four samples: every weight loaded serves four sums, every input those of a tile of units.
#[inline(always)]
fn forward_four(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], shape: &Shape) {
    let (mut w, mut b, mut y) = (weights, biases, y);
    let Some(samples) = &four_rows(&mut { x }, shape.fan_in) else { return };
    loop {
        // Two small tiles rather than a large one and two units by themselves.
        let units = if b.len() != 2 * TILE
            && let Some(b) = b.first_chunk()
            && let Some(w) = &six_rows(&mut { w }, shape.fan_in)
        {
            dots_of_six(w, samples, b, y, shape.units);
            WIDE
        } else if let Some(b) = b.first_chunk()
            && let Some(w) = &four_rows(&mut { w }, shape.fan_in)
        {
            dots_of_four(w, samples, b, y, shape.units);
            TILE
        } else if let (Some(b), Some(w)) = (b.first(), w.get(..shape.fan_in)) {
            dots_of_one(w, x, *b, y, shape.units);
            1
        } else {
            return;
        };
        let (Some(w_rest), Some(b_rest), Some(y_rest)) =
            (w.get(units * shape.fan_in..), b.get(units..), y.get_mut(units..))
        else {
            return;
        };
        (w, b, y) = (w_rest, b_rest, y_rest);
    }
}

/// `y[s][u] = b[u] + w[u] . x[s]` for six units and four samples.
#[inline(never)]
fn dots_of_six(w: &[&[f32]; WIDE], x: &[&[f32]; TILE], b: &[f32; WIDE], y: &mut [f32], units: usize) {
    let [mut a, mut b, mut c, mut d, mut e, mut f] = b.map(Four::new);
    let never = never();
    let weights = w[0].iter().zip(w[1]).zip(w[2]).zip(w[3]).zip(w[4]).zip(w[5]);
    let turns = weights.zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]).enumerate();
    for (turn, nested!(w0 w1 w2 w3 w4 w5 x0 x1 x2 x3)) in turns {
        if turn == never {
            one_turn_at_a_time();
        }
        accumulate!([w0 a, w1 b, w2 c, w3 d, w4 e, w5 f], x0, x1, x2, x3);
        one_turn_at_a_time();
    }
    let Some([y0, y1, y2, y3]) = columns_mut(y, units) else { return };
    *y0 = [a.s0, b.s0, c.s0, d.s0, e.s0, f.s0];
    *y1 = [a.s1, b.s1, c.s1, d.s1, e.s1, f.s1];
    *y2 = [a.s2, b.s2, c.s2, d.s2, e.s2, f.s2];
    *y3 = [a.s3, b.s3, c.s3, d.s3, e.s3, f.s3];
}

/// Four units, four samples.
#[inline(never)]
fn dots_of_four(w: &[&[f32]; TILE], x: &[&[f32]; TILE], b: &[f32; TILE], y: &mut [f32], units: usize) {
    let [mut a, mut b, mut c, mut d] = b.map(Four::new);
    let never = never();
    let turns = w[0].iter().zip(w[1]).zip(w[2]).zip(w[3]).zip(x[0]).zip(x[1]).zip(x[2]).zip(x[3]).enumerate();
    for (turn, nested!(w0 w1 w2 w3 x0 x1 x2 x3)) in turns {
        if turn == never {
            one_turn_at_a_time();
        }
        // Unit by unit: LLVM would load all eight values at once, and then has no pointers left.
        accumulate!([w0 a], x0, x1, x2, x3);
        one_turn_at_a_time();
        accumulate!([w1 b], x0, x1, x2, x3);
        one_turn_at_a_time();
        accumulate!([w2 c], x0, x1, x2, x3);
        one_turn_at_a_time();
        accumulate!([w3 d], x0, x1, x2, x3);
        one_turn_at_a_time();
    }
    let Some([y0, y1, y2, y3]) = columns_mut(y, units) else { return };
    *y0 = [a.s0, b.s0, c.s0, d.s0];
    *y1 = [a.s1, b.s1, c.s1, d.s1];
    *y2 = [a.s2, b.s2, c.s2, d.s2];
    *y3 = [a.s3, b.s3, c.s3, d.s3];
}

/// One unit, four samples: by symmetry of the product also four units, one sample.
#[inline(never)]
fn dots_of_one(w: &[f32], x: &[f32], b: f32, y: &mut [f32], units: usize) {
    let sums = dot_four([b; 4], x, w);
    let Some([[y0], [y1], [y2], [y3]]) = columns_mut(y, units) else { return };
    [*y0, *y1, *y2, *y3] = sums;
}

/// Four sums that share one factor: `start[k] + rows[k] . shared`, the rows being as long as that.
#[inline(never)]
fn dot_four(start: [f32; 4], rows: &[f32], shared: &[f32]) -> [f32; 4] {
    let [mut s0, mut s1, mut s2, mut s3] = start;
    let Some(rows) = split(&mut { rows }, shared.len()) else { return start };
    let (v, v_rest) = shared.as_chunks::<UNROLL>();
    // One by one: at `opt-level = "s"` a `map` is a loop over arrays in memory.
    let [r0, r1, r2, r3] = rows;
    let ((r0, r0_rest), (r1, r1_rest)) = (r0.as_chunks::<UNROLL>(), r1.as_chunks::<UNROLL>());
    let ((r2, r2_rest), (r3, r3_rest)) = (r2.as_chunks::<UNROLL>(), r3.as_chunks::<UNROLL>());
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
    let mut w = weights;
    let (y_tiles, y_rest) = y.as_chunks_mut::<TILE>();
    let (b_tiles, b_rest) = biases.as_chunks::<TILE>();
    for (y, b) in y_tiles.iter_mut().zip(b_tiles) {
        *y = dot_four(*b, w, x);
        w = w.get(TILE * fan_in..).unwrap_or_default();
    }
    if y_rest.is_empty() {
        return;
    }
    if let (Some(b), Some(from)) = (biases.last_chunk(), weights.len().checked_sub(TILE * fan_in)) {
        let (Some(w), Some(y)) = (weights.get(from..), y.last_chunk_mut()) else { return };
        *y = dot_four(*b, w, x);
        return;
    }
    for ((y, &b), w) in y_rest.iter_mut().zip(b_rest).zip(rows(w, fan_in)) {
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
    deltas: &[f32],
    fan_in: usize,
) {
    let shape = Shape { fan_in, units: bias_gradient.len() };
    let (mut x, mut d) = (inputs, deltas);
    while let (Some((four, x_rest)), Some((four_deltas, d_rest))) =
        (x.split_at_checked(TILE * fan_in), d.split_at_checked(TILE * shape.units))
        && !four.is_empty()
    {
        gradient_four(weight_gradient, bias_gradient, four, four_deltas, &shape);
        (x, d) = (x_rest, d_rest);
    }
    for (x, d) in rows(x, fan_in).zip(rows(d, shape.units)) {
        gradient_one(weight_gradient, bias_gradient, x, d, fan_in);
    }
}

/// Four samples: every input loaded serves a tile of units, every element of the gradient four samples.
#[inline(always)]
fn gradient_four(weight_gradient: &mut [f32], bias_gradient: &mut [f32], x: &[f32], d: &[f32], shape: &Shape) {
    let (mut g, mut b, mut d) = (weight_gradient, bias_gradient, d);
    let Some(x) = &four_rows(&mut { x }, shape.fan_in) else { return };
    macro_rules! add {
        ($units:ident, $rows:ident, $add:ident) => {{
            let Some(rows) = &mut $rows(&mut g, shape.fan_in) else { return };
            let (Some((biases, b_rest)), Some(d_rest)) = (b.split_first_chunk_mut(), d.get($units..)) else { return };
            $add(rows, biases, x, d, shape.units);
            (b, d) = (b_rest, d_rest);
        }};
    }
    while !b.is_empty() {
        // As in `forward_four`.
        if b.len() >= WIDE && b.len() != 2 * TILE {
            add!(WIDE, six_rows_mut, add_to_six);
        } else if b.len() >= TILE {
            add!(TILE, four_rows_mut, add_to_four);
        } else {
            add!(ONE, one_row_mut, add_to_one);
        }
    }
}

/// Makes a function for `g[u] += sum of d[s][u] x[s]`, as many units as rows are named.
macro_rules! adds {
    ($(#[$doc:meta])* $name:ident, $units:literal, [$($g:ident $d:ident $u:literal),*], $g0:ident $($rest:ident)*) => {
        $(#[$doc])*
        #[inline(never)]
        fn $name(g: &mut [&mut [f32]; $units], b: &mut [f32; $units], x: &[&[f32]; TILE], d: &[f32], units: usize) {
            let Some(d) = columns::<$units>(d, units) else { return };
            let never = never();
            $(
                let $d = Four { s0: d[0][$u], s1: d[1][$u], s2: d[2][$u], s3: d[3][$u] };
                b[$u] = b[$u] + $d.s0 + $d.s1 + $d.s2 + $d.s3;
            )*
            let [$($g),*] = g;
            let turns = $g0.iter_mut();
            $( let turns = turns.zip($rest.iter_mut()); )*
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
    let mut waiting = None;
    for ((row, bias), &delta) in rows_mut(weights, fan_in).zip(biases).zip(d) {
        // An integer's comparison is the shorter one. What -0.0 adds changes no bit.
        if delta.to_bits() == 0 {
            continue;
        }
        *bias += delta;
        if let Some((first, first_delta)) = waiting.take() {
            add_products_to_two(first, row, first_delta, delta, x);
        } else {
            waiting = Some((row, delta));
        }
    }
    if let Some((row, delta)) = waiting {
        add_products(row, delta, x);
    }
}

/// `g += d x` and `h += e x`: every input loaded serves two units.
#[inline(never)]
fn add_products_to_two(g: &mut [f32], h: &mut [f32], d: f32, e: f32, x: &[f32]) {
    let ((g, g_rest), (h, h_rest)) = (g.as_chunks_mut::<UNROLL>(), h.as_chunks_mut::<UNROLL>());
    let (x, x_rest) = x.as_chunks::<UNROLL>();
    for ((g, h), x) in g.iter_mut().zip(h).zip(x) {
        macro_rules! add {
            ($($k:literal)*) => {
                $(
                    g[$k] = multiply_add(g[$k], x[$k], d);
                    h[$k] = multiply_add(h[$k], x[$k], e);
                )*
                one_turn_at_a_time();
            };
        }
        add!(0 1 2 3 4 5 6 7);
    }
    for ((g, h), x) in g_rest.iter_mut().zip(h_rest).zip(x_rest) {
        *g = multiply_add(*g, *x, d);
        *h = multiply_add(*h, *x, e);
        one_turn_at_a_time();
    }
}

/// `row += d x`.
#[inline(never)]
fn add_products(row: &mut [f32], d: f32, x: &[f32]) {
    for (w, x) in row.iter_mut().zip(x) {
        *w = multiply_add(*w, *x, d);
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
    let (mut x, mut d, mut in_tiles) = (&mut *inputs, deltas, 0);
    while let (Some((four, d_rest)), true) = (d.split_at_checked(TILE * units), x.len() >= TILE * fan_in)
        && !four.is_empty()
    {
        let Some((four_inputs, x_rest)) = x.split_at_mut_checked(TILE * fan_in) else { return };
        backward_four(weights, four, four_inputs, fan_in, units, slopes);
        (x, d) = (x_rest, d_rest);
        in_tiles += TILE;
    }
    // What no tile has taken: the last columns of those samples, and all of the others.
    let last = fan_in - fan_in % TILE;
    if last == fan_in && d.is_empty() {
        return;
    }
    for (x, d) in rows_mut(inputs, fan_in).zip(rows(deltas, units)) {
        let first = if in_tiles > 0 { last } else { 0 };
        in_tiles = in_tiles.saturating_sub(1);
        let (Some(columns), Some(x)) = (weights.get(first..), x.get_mut(first..)) else { return };
        backward_one(columns, d, x, fan_in, slopes);
    }
}

/// Four samples: every weight loaded serves four sums, every delta those of a tile of inputs.
#[inline(always)]
fn backward_four(weights: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, units: usize, slopes: Slopes) {
    let (mut columns, mut x) = (weights, x);
    let Some(rows) = &four_rows(&mut { d }, units) else { return };
    for _ in 0..fan_in / TILE {
        columns_of_four(columns, rows, x, fan_in, slopes);
        let (Some(next), Some(x_rest)) = (columns.get(TILE..), x.get_mut(TILE..)) else { return };
        (columns, x) = (next, x_rest);
    }
}

/// One sample, column by column.
#[inline(never)]
fn backward_one(columns: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, slopes: Slopes) {
    let mut columns = columns;
    for x in x {
        slopes.scale_one(x, column_sum(columns, d, fan_in));
        columns = columns.get(1..).unwrap_or_default();
        one_turn_at_a_time();
    }
}

/// `x[s][k] *= sum over u of w[u][k] d[s][u]` for the first four columns `k` and the four samples `s`.
#[inline(never)]
fn columns_of_four(columns: &[f32], d: &[&[f32]; TILE], x: &mut [f32], fan_in: usize, slopes: Slopes) {
    let [mut a, mut b, mut c, mut e] = [Four::new(0.0); 4];
    let mut rest = columns;
    for (((d0, d1), d2), d3) in d[0].iter().zip(d[1]).zip(d[2]).zip(d[3]) {
        let Some(([w0, w1, w2, w3], _)) = rest.split_first_chunk::<TILE>() else { break };
        accumulate!([w0 a, w1 b, w2 c, w3 e], d0, d1, d2, d3);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    let Some([x0, x1, x2, x3]) = columns_mut(x, fan_in) else { return };
    slopes.scale(x0, a.s0, b.s0, c.s0, e.s0);
    slopes.scale(x1, a.s1, b.s1, c.s1, e.s1);
    slopes.scale(x2, a.s2, b.s2, c.s2, e.s2);
    slopes.scale(x3, a.s3, b.s3, c.s3, e.s3);
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
        let [s0, s1, s2, s3] = sum_and_update(columns, deltas, tile, fan_in);
        below.differentiate(column, tile).scale(tile, s0, s1, s2, s3);
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
        below.differentiate(column, core::slice::from_mut(input)).scale_one(input, sum);
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
