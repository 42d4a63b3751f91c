//! Four samples side by side.

use super::super::TILE;
use super::loads::Quad;

/// `$sum += $w * x` for four samples, whose inputs and sums are a `Quad` each.
macro_rules! accumulate {
    ([$($w:expr, $sum:ident);*], $x:ident) => {
        $(
            $sum.s0 = multiply_add($sum.s0, $w, $x.s0);
            $sum.s1 = multiply_add($sum.s1, $w, $x.s1);
            $sum.s2 = multiply_add($sum.s2, $w, $x.s2);
            $sum.s3 = multiply_add($sum.s3, $w, $x.s3);
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

/// The sums of four units, one after the other.
#[inline(always)]
pub(super) fn in_quads(a: Quad, b: Quad, c: Quad, d: Quad) -> [f32; 16] {
    [a.s0, a.s1, a.s2, a.s3, b.s0, b.s1, b.s2, b.s3, c.s0, c.s1, c.s2, c.s3, d.s0, d.s1, d.s2, d.s3]
}

/// Two values.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Pair {
    pub(super) k0: f32,
    pub(super) k1: f32,
}

impl Pair {
    #[inline(always)]
    pub(super) fn of(values: [f32; 2]) -> Self {
        let [k0, k1] = values;
        Self { k0, k1 }
    }
}
