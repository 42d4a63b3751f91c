//! Four rows of a matrix, side by side.

use super::super::TILE;

/// `$sum += $w * x` for four samples, whose sums are a `Quad`.
macro_rules! accumulate {
    ([$($w:expr, $sum:ident);*], $x0:expr, $x1:expr, $x2:expr, $x3:expr) => {
        $(
            $sum.s0 = multiply_add($sum.s0, $w, $x0);
            $sum.s1 = multiply_add($sum.s1, $w, $x1);
            $sum.s2 = multiply_add($sum.s2, $w, $x2);
            $sum.s3 = multiply_add($sum.s3, $w, $x3);
        )*
    };
}

/// The first four rows of a matrix. LLVM sees that all are equally long, which saves the comparison of their lengths.
#[inline(always)]
pub(super) fn four_rows(matrix: &[f32], width: usize) -> Option<[&[f32]; TILE]> {
    let (a, rest) = matrix.split_at_checked(width)?;
    let (b, rest) = rest.split_at_checked(width)?;
    let (c, rest) = rest.split_at_checked(width)?;
    let (d, _) = rest.split_at_checked(width)?;
    Some([a, b, c, d])
}

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
