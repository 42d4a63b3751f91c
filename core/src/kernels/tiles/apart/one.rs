//! Forward, one sample.

use super::super::super::TILE;
use crate::unroll::one_turn_at_a_time;

/// `y = W x + b`, four units at a time, so that no sum waits for the one before it; then two, or one.
#[inline(never)]
pub(super) fn forward_one(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let Some(x) = x.get(..fan_in) else { return };
    let ((fours, biases), (sums, y)) = (biases.as_chunks(), y.as_chunks_mut());
    let mut weights = weights;
    for (biases, sums) in fours.iter().zip(sums) {
        let Some((rows, rest)) = weights.split_at_checked(TILE * fan_in) else { return };
        four(rows, biases, x, sums);
        weights = rest;
    }
    let ((pairs, last), (sums, y)) = (biases.as_chunks(), y.as_chunks_mut());
    if let ([biases], [sums]) = (pairs, sums) {
        two(weights, biases, x, sums);
        weights = weights.get(2 * fan_in..).unwrap_or_default();
    }
    if let (Some(bias), Some(sum)) = (last.first_chunk(), y.first_chunk_mut()) {
        one(weights, bias, x, sum);
    }
}

/// Each unit's products with the inputs named, then their sums, input by input.
macro_rules! steps {
    ($x:ident; $($row:ident $p0:ident $p1:ident $p2:ident $p3:ident $sum:ident),*) => {
        let [x0, x1, x2, x3] = *$x;
        $( let [$p0, $p1, $p2, $p3] = *$row; )*
        one_turn_at_a_time();
        $( let $p0 = $p0 * x0; )*
        $( let $p1 = $p1 * x1; )*
        $( let $p2 = $p2 * x2; )*
        $( let $p3 = $p3 * x3; )*
        $( $sum += $p0; )*
        $( $sum += $p1; )*
        $( $sum += $p2; )*
        $( $sum += $p3; )*
    };
}

macro_rules! dots {
    ($name:ident, $units:literal, $($row:ident $p0:ident $p1:ident $p2:ident $p3:ident $sum:ident),*) => {
        #[inline(always)]
        fn $name(weights: &[f32], biases: &[f32; $units], x: &[f32], sums: &mut [f32; $units]) {
            let [$(mut $sum),*] = *biases;
            let rest = weights;
            $( let Some(($row, rest)) = rest.split_at_checked(x.len()) else { return }; )*
            let _ = rest;
            let (turns, x) = x.as_chunks::<TILE>();
            $( let $p0 = $row.as_chunks::<TILE>(); )*
            for nested!(x $($row)*) in turns.iter()$( .zip($p0.0) )* {
                steps!(x; $($row $p0 $p1 $p2 $p3 $sum),*);
                one_turn_at_a_time();
            }
            for nested!(x $($row)*) in x.iter()$( .zip($p0.1) )* {
                $( $sum += $row * x; )*
                one_turn_at_a_time();
            }
            *sums = [$($sum),*];
        }
    };
}

dots!(four, 4, u p0 p1 p2 p3 a, v q0 q1 q2 q3 b, w r0 r1 r2 r3 c, z t0 t1 t2 t3 d);
dots!(two, 2, u p0 p1 p2 p3 a, v q0 q1 q2 q3 b);
dots!(one, 1, u p0 p1 p2 p3 a);
