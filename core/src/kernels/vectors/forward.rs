//! The sums of units.

use super::octets::{Arrays, Octets};
use super::{Eight, LANES, TILE, at, columns, widest};
use crate::matrix::{rows, rows_mut};

/// `y = W x + b` for every sample.
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    #[cfg(target_arch = "x86_64")]
    if let pulp::Arch::V3(v3) = pulp::Arch::new() {
        return v3.vectorize(
            #[inline(always)]
            || forward_all(v3, weights, biases, inputs, outputs, fan_in),
        );
    }
    widest(
        #[inline(always)]
        || forward_all(Arrays, weights, biases, inputs, outputs, fan_in),
    );
}

#[inline(always)]
fn forward_all(
    octets: impl Octets,
    weights: &[f32],
    biases: &[f32],
    inputs: &[f32],
    outputs: &mut [f32],
    fan_in: usize,
) {
    let units = biases.len();
    let (mut x, mut y) = (inputs, outputs);
    while fan_in > 0
        && y.len() >= TILE * units
        && let Some((four, rest)) = x.split_at_checked(TILE * fan_in)
    {
        let (results, y_rest) = y.split_at_mut_checked(TILE * units).unwrap_or_default();
        forward_four(octets, weights, biases, four, results, fan_in);
        (x, y) = (rest, y_rest);
    }
    for (x, y) in rows(x, fan_in).zip(rows_mut(y, units)) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// Four samples, a vector of units each.
#[inline(always)]
fn forward_four(octets: impl Octets, weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let units = biases.len();
    let x = columns(x, fan_in, 0, fan_in);
    let mut first = 0;
    while first < units {
        // The last eight units may be some of those before them again.
        let from = if units < LANES { first } else { first.min(units - LANES) };
        let (w, b) = (weights.get(from * fan_in..).unwrap_or_default(), biases.get(from..).unwrap_or_default());
        let n = if let Some(b) = b.first_chunk() {
            set(y, units, from, dots_of_eight(octets, columns(w, fan_in, 0, fan_in), x, *b));
            LANES
        } else {
            let row = w.get(..fan_in).unwrap_or_default();
            set(y, units, from, dots_of_one(row, x, at(b, 0)).map(|sum| [sum]));
            1
        };
        first = from + n;
    }
}

/// Sets the columns from `first` on of four rows.
#[inline(always)]
fn set<const N: usize>(y: &mut [f32], width: usize, first: usize, values: [[f32; N]; TILE]) {
    for (s, values) in values.into_iter().enumerate() {
        if let Some(y) = y.get_mut(s * width + first..).and_then(<[f32]>::first_chunk_mut) {
            *y = values;
        }
    }
}

/// `b + w . x` for eight units and four samples.
#[inline(always)]
fn dots_of_eight(octets: impl Octets, w: [&[f32]; LANES], x: [&[f32]; TILE], b: [f32; LANES]) -> [[f32; LANES]; TILE] {
    let [mut s0, mut s1, mut s2, mut s3] = [octets.of(b); TILE];
    macro_rules! add {
        ($w:expr, $x0:expr, $x1:expr, $x2:expr, $x3:expr) => {
            let w = $w;
            s0 = octets.multiply_add(s0, w, octets.splat($x0));
            s1 = octets.multiply_add(s1, w, octets.splat($x1));
            s2 = octets.multiply_add(s2, w, octets.splat($x2));
            s3 = octets.multiply_add(s3, w, octets.splat($x3));
        };
    }
    let [(x0, r0), (x1, r1), (x2, r2), (x3, r3)] = x.map(<[f32]>::as_chunks::<LANES>);
    let w_blocks = w.map(<[f32]>::as_chunks::<LANES>);
    let [w0, w1, w2, w3, w4, w5, w6, w7] = w_blocks.map(|(blocks, _)| blocks);
    let inputs = x0.iter().zip(x1).zip(x2).zip(x3);
    for nested!(x0 x1 x2 x3 w0 w1 w2 w3 w4 w5 w6 w7) in
        inputs.zip(w0).zip(w1).zip(w2).zip(w3).zip(w4).zip(w5).zip(w6).zip(w7)
    {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = octets.columns([w0, w1, w2, w3, w4, w5, w6, w7]);
        add!(w0, x0[0], x1[0], x2[0], x3[0]);
        add!(w1, x0[1], x1[1], x2[1], x3[1]);
        add!(w2, x0[2], x1[2], x2[2], x3[2]);
        add!(w3, x0[3], x1[3], x2[3], x3[3]);
        add!(w4, x0[4], x1[4], x2[4], x3[4]);
        add!(w5, x0[5], x1[5], x2[5], x3[5]);
        add!(w6, x0[6], x1[6], x2[6], x3[6]);
        add!(w7, x0[7], x1[7], x2[7], x3[7]);
    }
    let [w0, w1, w2, w3, w4, w5, w6, w7] = w_blocks.map(|(_, rest)| rest);
    let inputs = r0.iter().zip(r1).zip(r2).zip(r3);
    for nested!(x0 x1 x2 x3 w0 w1 w2 w3 w4 w5 w6 w7) in
        inputs.zip(w0).zip(w1).zip(w2).zip(w3).zip(w4).zip(w5).zip(w6).zip(w7)
    {
        add!(octets.of([*w0, *w1, *w2, *w3, *w4, *w5, *w6, *w7]), *x0, *x1, *x2, *x3);
    }
    [s0, s1, s2, s3].map(|sums| octets.values(sums))
}

/// [`dots_of_eight`] for one unit.
#[inline(always)]
fn dots_of_one(w: &[f32], x: [&[f32]; TILE], b: f32) -> [f32; TILE] {
    let [x0, x1, x2, x3] = x;
    let [mut s0, mut s1, mut s2, mut s3] = [b; TILE];
    for nested!(w x0 x1 x2 x3) in w.iter().zip(x0).zip(x1).zip(x2).zip(x3) {
        s0 += w * x0;
        s1 += w * x1;
        s2 += w * x2;
        s3 += w * x3;
    }
    [s0, s1, s2, s3]
}

/// One sample, a vector of units.
#[inline(always)]
fn forward_one(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let mut rest = weights;
    let (y_tiles, y_rest) = y.as_chunks_mut::<LANES>();
    let (b_tiles, b_rest) = biases.as_chunks::<LANES>();
    for (y, b) in y_tiles.iter_mut().zip(b_tiles) {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = columns(rest, fan_in, 0, fan_in);
        let mut sums = Eight(*b);
        let turns = x.iter().zip(w0).zip(w1).zip(w2).zip(w3).zip(w4).zip(w5).zip(w6).zip(w7);
        for nested!(x w0 w1 w2 w3 w4 w5 w6 w7) in turns {
            sums += Eight([*w0, *w1, *w2, *w3, *w4, *w5, *w6, *w7]) * Eight::splat(*x);
        }
        *y = sums.0;
        rest = rest.get(LANES * fan_in..).unwrap_or_default();
    }
    for ((y, b), w) in y_rest.iter_mut().zip(b_rest).zip(rows(rest, fan_in)) {
        let mut sum = *b;
        for (w, x) in w.iter().zip(x) {
            sum += w * x;
        }
        *y = sum;
    }
}
