//! Rows and a multiple of another.

use core::cell::Cell;

use super::loads::{Quad, get, set};
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Elements a turn takes.
pub(super) const TURN: usize = 8;

/// Adds one sample's `d x` to the weights and `d` to the biases. A unit whose delta is 0, such as a ReLU that was off, is skipped.
#[inline(never)]
pub(super) fn add_products(weights: &mut [f32], biases: &mut [f32], x: &[f32], d: &[f32]) {
    // Chunks of nothing are a panic.
    if x.is_empty() {
        return;
    }
    // By one count for units and rows, where `matrix::rows` asks for each row. What it saves is a division, dear only without an FPU.
    let rows = Cell::from_mut(weights).as_slice_of_cells().chunks_exact(x.len());
    let (turns, x_rest) = x.as_chunks::<TURN>();
    for ((&d, bias), row) in d.iter().zip(biases).zip(rows) {
        // An integer's comparison is the shorter one. What -0.0 adds changes no bit.
        if d.to_bits() == 0 {
            continue;
        }
        *bias += d;
        add_to_row(row, d, turns, x_rest);
    }
}

/// `row += d x`.
#[inline(always)]
pub(super) fn add_product(row: &mut [f32], d: f32, x: &[f32]) {
    let len = row.len().min(x.len());
    let (Some(row), Some(x)) = (row.get_mut(..len), x.get(..len)) else { return };
    let (turns, x_rest) = x.as_chunks();
    add_to_row(Cell::from_mut(row).as_slice_of_cells(), d, turns, x_rest);
}

/// The same, the rows being of one length.
#[inline(always)]
fn add_to_row(row: &[Cell<f32>], d: f32, turns: &[[f32; TURN]], x_rest: &[f32]) {
    let (row, row_rest) = row.as_chunks();
    if let (Some((w, next)), Some((first, x))) = (row.split_first(), turns.split_first()) {
        let ((w0, w1), (x0, x1)) = (Quad::two(get(w)), Quad::two(*first));
        add_turns(w0, w1, x0, x1, row, next, x, &d);
    } else {
        // Or LLVM would write out a loop over rows that have neither turns nor a rest.
        one_turn_at_a_time();
    }
    if !x_rest.is_empty() {
        add_rest(row_rest, d, x_rest);
    }
}

/// What is no turn. A function of its own, as LLVM would write out the seven elements it can be.
#[inline(never)]
fn add_rest(row: &[Cell<f32>], d: f32, x: &[f32]) {
    for (w, x) in row.iter().zip(x) {
        w.set(multiply_add(w.get(), d, *x));
        one_turn_at_a_time();
    }
}

/// Eight elements a turn, the first of which are here already: `row` is where they go, `next` where those of the next turns come from.
#[inline(never)]
#[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
extern "C" fn add_turns(
    mut w0: Quad,
    mut w1: Quad,
    mut x0: Quad,
    mut x1: Quad,
    row: &[[Cell<f32>; TURN]],
    next: &[[Cell<f32>; TURN]],
    x: &[[f32; TURN]],
    d: &f32,
) {
    let (d, mut next) = (*d, next);
    let (Some(mut x), Some((last, row))) = (x.get(..next.len()), row.split_last()) else { return };
    let Some(mut row) = row.get(..next.len()) else { return };
    loop {
        macro_rules! add {
            ($($s:ident)*) => {
                $(
                    w0.$s = multiply_add(w0.$s, d, x0.$s);
                    w1.$s = multiply_add(w1.$s, d, x1.$s);
                )*
            };
        }
        add!(s0 s1 s2 s3);
        let Some((next_w, next_rest)) = next.split_first() else { break };
        let Some((next_x, x_rest)) = x.split_first() else { break };
        let Some((here, row_rest)) = row.split_first() else { break };
        set(here, w0, w1);
        one_turn_at_a_time();
        ((w0, w1), (x0, x1)) = (Quad::two(get(next_w)), Quad::two(*next_x));
        (row, next, x) = (row_rest, next_rest, x_rest);
        one_turn_at_a_time();
    }
    set(last, w0, w1);
}
