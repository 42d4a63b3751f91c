//! What the tests that cross crates share.

pub mod device;
pub mod golden;
