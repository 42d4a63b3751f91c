//! For a Cortex-M: small code, and as many sums in registers as there are.
//!
//! Four samples are taken at a time, and of the other matrix six rows, four, or one: 24 sums, four inputs and a weight just
//! fit in the 32 registers of an FPU. A tile is a function that is not inlined, so that every row is a pointer of its own and
//! not one and a stride to add, and its sums are named scalars: LLVM spills an array of arrays at `opt-level = "s"`.

#[macro_use]
mod quads;

mod backward;
mod forward;
mod gradient;
mod online;

pub(crate) use backward::backward;
pub(crate) use forward::forward;
pub(crate) use gradient::gradient;
pub(crate) use online::backward_online;
