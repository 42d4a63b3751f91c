//! For a Cortex-M with an FPU: as many sums in registers as there are, and loads of several values.
//!
//! Forward and backward take four samples at a time, and of the weights four rows or four columns: sixteen sums, named, as LLVM spills
//! an array of arrays at `opt-level = "s"`; forward then two rows, and one. The four stand value by value, see `place`. The gradient
//! takes three inputs a turn, of those of the four that have a delta. What is no four goes row by row: `products` adds a multiple of one
//! row to another, which is also the update of online SGD and of the optimizers. How several values come to be loaded by one instruction
//! says `loads`. What a Cortex-M4 has otherwise is in `apart`.

#[cfg(any(kernels = "tiles", test))]
#[macro_use]
mod four;

#[cfg(any(kernels = "apart", test))]
pub(super) mod apart;
#[cfg(any(kernels = "tiles", test))]
mod backward;
#[cfg(any(kernels = "tiles", test))]
mod dots;
mod elements;
#[cfg(not(feature = "fast-math"))]
mod exponentials;
#[cfg(any(kernels = "tiles", test))]
mod forward;
#[cfg(any(kernels = "tiles", test))]
mod gradient;
mod loads;
#[cfg(any(kernels = "tiles", test))]
mod one;
mod online;
mod products;
mod rest;
#[cfg(any(kernels = "tiles", test))]
mod scaled;

#[cfg(any(kernels = "tiles", test))]
pub(crate) use backward::backward;
pub(crate) use elements::{all_finite, copy, fill, rectify};
#[cfg(not(feature = "fast-math"))]
pub(crate) use exponentials::exponentials;
#[cfg(any(kernels = "tiles", test))]
pub(crate) use forward::forward;
#[cfg(any(kernels = "tiles", test))]
pub(crate) use gradient::gradient;
pub(crate) use online::backward_online;
#[cfg(any(kernels = "tiles", test))]
pub(crate) use scaled::{add, add_scaled, scale, spread};
