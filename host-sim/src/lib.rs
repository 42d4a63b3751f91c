//! The simulator: the core and the application of `microfit` under std, on the desk.
//!
//! The library is what the binary `microfit` is made of, so that tests call the same code.

pub mod cli;
pub mod commands;
pub mod config;
pub mod dataset;
pub mod device;
pub mod error;
pub mod exchange;
pub mod frame;
pub mod output;
pub mod run;
pub mod spec;

mod chart;
mod progress;
mod svg;
mod table;
mod trace;
