//! Values that one instruction loads.
//!
//! A `vldmia` fills registers that follow one another, and LLVM chooses it for values that happen to be in such. They are if they
//! come as arguments, in `s0` to `s15`, and stay where they came: a loop that takes its first values so keeps the later ones in
//! the same place. Aggregates of up to four floats are split among those registers in C's convention only, so these functions are
//! `extern "C"`.
//!
//! Such a loop takes the next values in the middle: after the arithmetic, and after the branch that ends it, so that LLVM does not mix
//! loads and arithmetic. Every slice is cut to one length before, and asked by a statement of its own: then LLVM keeps one of the
//! comparisons, and steps the pointers in the loads. What one instruction is to load stands between two `one_turn_at_a_time`: of more
//! LLVM moves eight loads at most, and of several pointers not all are stepped in their loads. Slices come as turns, not as values: then
//! their length, by which the turns are counted, stays in the register it came in, which the branch at the end can ask by itself.

use core::cell::Cell;

/// Four values.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Quad {
    pub(super) s0: f32,
    pub(super) s1: f32,
    pub(super) s2: f32,
    pub(super) s3: f32,
}

impl Quad {
    #[inline(always)]
    pub(super) fn of(values: [f32; 4]) -> Self {
        let [s0, s1, s2, s3] = values;
        Self { s0, s1, s2, s3 }
    }

    /// The same value four times.
    #[inline(always)]
    pub(super) fn all(value: f32) -> Self {
        Self { s0: value, s1: value, s2: value, s3: value }
    }

    #[inline(always)]
    pub(super) fn two(values: [f32; 8]) -> (Self, Self) {
        let [a, b, c, d, e, f, g, h] = values;
        (Self::of([a, b, c, d]), Self::of([e, f, g, h]))
    }

    #[inline(always)]
    pub(super) fn four(values: [f32; 16]) -> [Self; 4] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = values;
        [Self::of([a, b, c, d]), Self::of([e, f, g, h]), Self::of([i, j, k, l]), Self::of([m, n, o, p])]
    }

    /// The values of both.
    #[inline(always)]
    pub(super) fn one(a: Self, b: Self) -> [f32; 8] {
        [a.s0, a.s1, a.s2, a.s3, b.s0, b.s1, b.s2, b.s3]
    }
}

/// The values of cells, one by one: at `opt-level = "s"` a `map` is a loop over arrays in memory.
#[inline(always)]
pub(super) fn get(cells: &[Cell<f32>; 8]) -> [f32; 8] {
    let [a, b, c, d, e, f, g, h] = cells;
    [a.get(), b.get(), c.get(), d.get(), e.get(), f.get(), g.get(), h.get()]
}

/// Likewise.
#[inline(always)]
pub(super) fn set(cells: &[Cell<f32>; 8], w0: Quad, w1: Quad) {
    let [a, b, c, d, e, f, g, h] = cells;
    a.set(w0.s0);
    b.set(w0.s1);
    c.set(w0.s2);
    d.set(w0.s3);
    e.set(w1.s0);
    f.set(w1.s1);
    g.set(w1.s2);
    h.set(w1.s3);
}
