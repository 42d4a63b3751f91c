//! Backward, four samples at a time.

use super::super::super::{Slopes, TILE};
use super::super::loads::Quad;
use super::super::rest::backward_rest;
use super::{add_four, by_four};
use crate::unroll::one_turn_at_a_time;

/// `x *= W^T d` for every sample.
#[inline(never)]
pub(crate) fn backward(
    weights: &[f32],
    deltas: &[f32],
    inputs: &mut [f32],
    fan_in: usize,
    units: usize,
    slopes: Slopes,
) {
    let (mut x, mut d) = (inputs, deltas);
    while let (Some((deltas, d_rest)), true) = (d.split_at_checked(TILE * units), x.len() >= TILE * fan_in)
        && !deltas.is_empty()
    {
        let Some((inputs, x_rest)) = x.split_at_mut_checked(TILE * fan_in) else { return };
        let above = Above { weights, fan_in, deltas: deltas.as_chunks().0, slopes };
        of_four(&above, inputs.as_chunks_mut().0);
        (x, d) = (x_rest, d_rest);
    }
    if !d.is_empty() {
        backward_rest(weights, d, x, fan_in, units, slopes);
    }
}

/// The layer that the deltas of four samples come down from.
struct Above<'a> {
    weights: &'a [f32],
    fan_in: usize,
    deltas: &'a [[f32; TILE]],
    slopes: Slopes,
}

/// Three columns at a time, as their sums and products fill the registers; then two, or one.
#[inline(never)]
fn of_four(above: &Above<'_>, x: &mut [[f32; TILE]]) {
    let (threes, x) = x.as_chunks_mut();
    let mut at = 0;
    for x in threes {
        three(above, at, x);
        at += 3;
    }
    let (pairs, x) = x.as_chunks_mut();
    if let [pair] = pairs {
        two(above, at, pair);
        at += 2;
    }
    if let Some(x) = x.first_chunk_mut() {
        one(above, at, x);
    }
}

macro_rules! columns {
    ($name:ident, $n:literal, $($w:ident $product:ident $sum:ident $x:ident),*) => {
        /// Columns from `at` on.
        #[inline(always)]
        fn $name(above: &Above<'_>, at: usize, x: &mut [[f32; TILE]; $n]) {
            $( let mut $sum = Quad::all(0.0); )*
            // Chunks of nothing are a panic.
            for (d, row) in above.deltas.iter().zip(above.weights.chunks_exact(above.fan_in.max(1))) {
                let Some(row) = row.get(at..).and_then(|row| row.first_chunk::<$n>()) else { return };
                let quad = Quad::of(*d);
                let [$($w),*] = *row;
                one_turn_at_a_time();
                step!(quad; $($w $product $sum),*);
                one_turn_at_a_time();
            }
            let [$($x),*] = x;
            $( above.slopes.scale($x, $sum.s0, $sum.s1, $sum.s2, $sum.s3); )*
        }
    };
}

columns!(three, 3, w0 p0 a x0, w1 p1 b x1, w2 p2 c x2);
columns!(two, 2, w0 p0 a x0, w1 p1 b x1);
columns!(one, 1, w0 p0 a x0);
