//! One file a command.

pub mod bench;
pub mod compare;
pub mod demo;
pub mod device;
pub mod train;
