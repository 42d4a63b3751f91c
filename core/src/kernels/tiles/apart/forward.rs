//! Forward, four samples at a time.

use super::super::super::TILE;
use super::super::loads::Quad;
use super::one::forward_one;
use super::{add_four, by_four};
use crate::matrix::{rows, rows_mut};
use crate::unroll::{one_turn_at_a_time, unknown};

/// Inputs of a turn.
const TURN: usize = 16;

/// `y = W x + b` for every sample.
#[inline(never)]
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    let (mut x, mut y) = (inputs, outputs);
    while let (Some((four, x_rest)), true) = (x.split_at_checked(TILE * fan_in), y.len() >= TILE * biases.len())
        && !four.is_empty()
    {
        let Some((sums, y_rest)) = y.split_at_mut_checked(TILE * biases.len()) else { return };
        of_four(weights, biases, four.as_chunks().0, sums.as_chunks_mut().0, fan_in);
        (x, y) = (x_rest, y_rest);
    }
    if !x.is_empty() {
        forward_rest(weights, biases, x, y, fan_in);
    }
}

/// The samples that are no four. Called last and with the same arguments, so that the frame above is not under it.
#[inline(never)]
fn forward_rest(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    for (x, y) in rows(inputs, fan_in).zip(rows_mut(outputs, biases.len())) {
        forward_one(weights, biases, x, y, fan_in);
    }
}

/// A layer's inputs, for four samples.
struct Inputs<'a> {
    x: &'a [[f32; TILE]],
    /// How many there are.
    fan_in: usize,
    /// How many of them are in turns.
    in_turns: usize,
}

/// Three units at a time, as their sums and products fill the registers; then two, or one.
#[inline(never)]
fn of_four(weights: &[f32], biases: &[f32], x: &[[f32; TILE]], y: &mut [[f32; TILE]], fan_in: usize) {
    // A rest that LLVM knows to be short it would write out.
    let inputs = Inputs { x, fan_in, in_turns: unknown(fan_in / TURN) * TURN };
    let ((threes, biases), (sums, y)) = (biases.as_chunks(), y.as_chunks_mut());
    let mut weights = weights;
    for (biases, sums) in threes.iter().zip(sums) {
        let Some((rows, rest)) = weights.split_at_checked(3 * fan_in) else { return };
        three(rows, biases, &inputs, sums);
        weights = rest;
    }
    let ((pairs, last), (sums, y)) = (biases.as_chunks(), y.as_chunks_mut());
    if let ([biases], [sums]) = (pairs, sums) {
        two(weights, biases, &inputs, sums);
        weights = weights.get(2 * fan_in..).unwrap_or_default();
    }
    if let (Some(bias), Some(sums)) = (last.first_chunk(), y.first_chunk_mut()) {
        one(weights, bias, &inputs, sums);
    }
}

/// A step for each of the inputs named.
macro_rules! steps {
    ([] $($rest:tt)*) => {};
    ([$k:literal $($others:literal)*] $x:ident; $($row:ident $w:ident $product:ident $sum:ident),*) => {
        let quad = Quad::of($x[$k]);
        $( let $w = $row[$k]; )*
        one_turn_at_a_time();
        step!(quad; $($w $product $sum),*);
        steps!([$($others)*] $x; $($row $w $product $sum),*);
    };
}

macro_rules! dots {
    ($name:ident, $units:literal, [$($k:literal)*], $($row:ident $w:ident $product:ident $sum:ident),*) => {
        #[inline(always)]
        fn $name(weights: &[f32], biases: &[f32; $units], inputs: &Inputs<'_>, sums: &mut [[f32; TILE]; $units]) {
            const STEPS: usize = [$($k),*].len();
            let Inputs { x, fan_in, in_turns } = *inputs;
            let [$($sum),*] = *biases;
            $( let mut $sum = Quad::all($sum); )*
            let rest = weights;
            $( let Some(($row, rest)) = rest.split_at_checked(fan_in) else { return }; )*
            let _ = rest;
            let Some((turns, x)) = x.split_at_checked(in_turns) else { return };
            $( let Some($w) = $row.split_at_checked(in_turns) else { return }; )*
            for nested!(x $($row)*) in turns.as_chunks::<STEPS>().0.iter()$( .zip($w.0.as_chunks::<STEPS>().0) )* {
                steps!([$($k)*] x; $($row $w $product $sum),*);
                one_turn_at_a_time();
            }
            for nested!(x $($row)*) in x.iter()$( .zip($w.1) )* {
                let quad = Quad::of(*x);
                $( let $w = *$row; )*
                one_turn_at_a_time();
                step!(quad; $($w $product $sum),*);
                one_turn_at_a_time();
            }
            *sums = [$( [$sum.s0, $sum.s1, $sum.s2, $sum.s3] ),*];
        }
    };
}

dots!(three, 3, [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15], u wu pu a, v wv pv b, w ww pw c);
dots!(two, 2, [0 1 2 3], u wu pu a, v wv pv b);
dots!(one, 1, [0 1 2 3], u wu pu a);
