//! One file a command.

pub mod bench;
pub mod checkpoint;
pub mod compare;
pub mod contenders;
pub mod demo;
pub mod device;
pub mod schedule;
pub mod train;
