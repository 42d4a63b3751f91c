//! What the tests that cross crates share.

pub mod board;
pub mod device;
pub mod golden;
pub mod judge;
pub mod memory;
pub mod optimizers;
pub mod params;
pub mod truth;

/// The README's program is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
