//! For a Cortex-M4: products apart from their sums.
//!
//! There a `vmla` takes as long as three other instructions, so LLVM takes a `vmul` and a `vadd` where it is told that the chip is one
//! (`target-cpu=cortex-m4`); and a sum waits a cycle for a product that comes right before it, of which LLVM knows nothing. Here all
//! products of a step come before all its sums.
//!
//! How LLVM comes to keep that order: it places instructions from the last one up, each time one that leaves the fewest values alive. A
//! product is placed right before its sum if that ends more than it begins, as it does where one of its factors is needed below as well.
//! So a step loads all that it multiplies, and nothing of it is for the next: what two steps need is loaded by both. Loads stand between
//! two `one_turn_at_a_time`, or each would be placed at its product; side by side they take a cycle each, as `vldmia` does.
//!
//! `else { return }` in a loop is never taken. A `break` would lead to what stands behind the loop by a way of its own.

use super::loads::Quad;

/// `$sum += $w * x` for four samples, whose inputs and sums are a `Quad` each, all products first.
macro_rules! step {
    ($x:ident; $($w:ident $product:ident $sum:ident),*) => {
        $( let $product = by_four($w, $x); )*
        $( $sum = add_four($sum, $product); )*
    };
}

mod backward;
mod dense;
mod elements;
mod forward;
mod gradient;
mod one;
mod sparse;

pub(crate) use backward::backward;
#[cfg(kernels = "apart")]
pub(super) use elements::add_to_row;
pub(crate) use elements::{add, add_scaled, scale, spread};
pub(crate) use forward::forward;
pub(crate) use gradient::gradient;

#[inline(always)]
fn by_four(w: f32, x: Quad) -> Quad {
    Quad { s0: w * x.s0, s1: w * x.s1, s2: w * x.s2, s3: w * x.s3 }
}

#[inline(always)]
fn add_four(a: Quad, b: Quad) -> Quad {
    Quad { s0: a.s0 + b.s0, s1: a.s1 + b.s1, s2: a.s2 + b.s2, s3: a.s3 + b.s3 }
}
