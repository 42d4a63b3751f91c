//! The gradient, four samples at a time.

use super::super::TILE;
use super::online::gradient_one;
use super::quads::{Four, ONE, Shape, WIDE, columns, four_rows, four_rows_mut, never, one_row_mut, six_rows_mut};
use crate::matrix::rows;
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

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
