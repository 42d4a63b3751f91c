//! What the kernels share.

use super::super::TILE;

/// Rows of a large tile, and of the least.
pub(super) const WIDE: usize = 6;

pub(super) const ONE: usize = 1;

/// A number of turns no loop takes, which the compiler does not know.
///
/// In a loop of a single block LLVM steps a Cortex-M's pointers ahead of their loads, one instruction each; in a loop of
/// more than one it steps them in the loads themselves (`vldmia r0!, {s0}`). A comparison with this makes the second
/// block, and saves eight of ten.
#[inline(always)]
pub(super) fn never() -> usize {
    core::hint::black_box(usize::MAX)
}

/// One row's values for four samples.
#[derive(Clone, Copy)]
pub(super) struct Four {
    pub(super) s0: f32,
    pub(super) s1: f32,
    pub(super) s2: f32,
    pub(super) s3: f32,
}

impl Four {
    #[inline(always)]
    pub(super) fn new(start: f32) -> Self {
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
pub(super) struct Shape {
    pub(super) fan_in: usize,
    pub(super) units: usize,
}

/// Makes a function that takes the first rows off a matrix. All are as long as LLVM sees, which saves the comparison of their
/// lengths.
macro_rules! takes {
    ($(#[$attribute:meta])* $name:ident, $matrix:ty, $rows:ty, $split:ident: $($row:ident)*) => {
        $(#[$attribute])*
        #[allow(clippy::mut_mut)] // the matrix is what changes
        pub(super) fn $name<'a>(matrix: &mut $matrix, width: usize) -> Option<$rows> {
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
pub(super) fn columns<const N: usize>(matrix: &[f32], width: usize) -> Option<[&[f32; N]; 4]> {
    let (a, rest) = matrix.split_at_checked(width)?;
    let (b, rest) = rest.split_at_checked(width)?;
    let (c, d) = rest.split_at_checked(width)?;
    Some([a.first_chunk()?, b.first_chunk()?, c.first_chunk()?, d.first_chunk()?])
}

/// The first `N` elements of four rows, to be changed.
#[inline(always)]
pub(super) fn columns_mut<const N: usize>(matrix: &mut [f32], width: usize) -> Option<[&mut [f32; N]; 4]> {
    let (a, rest) = matrix.split_at_mut_checked(width)?;
    let (b, rest) = rest.split_at_mut_checked(width)?;
    let (c, d) = rest.split_at_mut_checked(width)?;
    Some([a.first_chunk_mut()?, b.first_chunk_mut()?, c.first_chunk_mut()?, d.first_chunk_mut()?])
}
