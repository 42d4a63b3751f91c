//! One file a command.

pub mod compare;
pub mod demo;
pub mod device;
pub mod train;
