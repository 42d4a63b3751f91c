//! Forward, four samples at a time.

use super::super::TILE;
use super::online::{dot_four, forward_one};
use super::quads::{Four, Shape, WIDE, columns_mut, four_rows, never, six_rows};
use crate::matrix::{rows, rows_mut};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

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
