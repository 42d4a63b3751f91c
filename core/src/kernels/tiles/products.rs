//! Rows and multiples of another.

use core::cell::Cell;

#[cfg(kernels = "apart")]
use super::apart::add_to_row;
#[cfg(not(kernels = "apart"))]
use super::scaled::add_to_row;
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

/// What is no turn. A function of its own, as LLVM would write out the seven elements it can be.
#[inline(never)]
pub(super) fn add_rest(row: &[Cell<f32>], d: f32, x: &[f32]) {
    for (w, x) in row.iter().zip(x) {
        w.set(multiply_add(w.get(), d, *x));
        one_turn_at_a_time();
    }
}
