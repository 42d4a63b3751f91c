//! For a Cortex-M with an FPU: as many sums in registers as there are, and loads of several values.
//!
//! Forward and backward take four samples at a time, and of the weights four rows or four columns: sixteen sums, named, as LLVM spills
//! an array of arrays at `opt-level = "s"`; forward then two rows, and one. The four stand value by value, see `place`. The gradient
//! takes three inputs a turn, of those of the four that have a delta. What is no four goes row by row: `products` adds a multiple of one
//! row to another, which is also the update of online SGD and of the optimizers. How several values come to be loaded by one instruction
//! says `loads`.

#[macro_use]
mod four;

mod backward;
mod dots;
mod elements;
#[cfg(not(feature = "fast-math"))]
mod exponentials;
mod forward;
mod gradient;
mod loads;
mod online;
mod products;

pub(crate) use backward::backward;
pub(crate) use elements::{add, add_scaled, all_finite, copy, fill, rectify, scale, spread};
#[cfg(not(feature = "fast-math"))]
pub(crate) use exponentials::exponentials;
pub(crate) use forward::forward;
pub(crate) use gradient::gradient;
pub(crate) use online::backward_online;
