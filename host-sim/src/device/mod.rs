//! Emulated boards: building an image, running it, and reading its log.

mod board;
mod boot;
pub(crate) mod desk;
mod emulator;
mod image;
mod log;
mod monitor;
mod power;
mod schedules;
mod toolchain;

use std::io;

pub use board::{BOARDS, Board};
pub use boot::{Boot, Start};
pub use emulator::run;
pub use image::Image;
pub use log::{DeviceRun, Log, Memory};
pub(crate) use log::{Fields, difference};
pub use power::{Exchange, Machine, Moment, Trial, examine_flash, exchange};
pub(crate) use schedules::schedule_line;
pub use schedules::{Found, compare_schedules};
pub use toolchain::{Toolchain, workspace_root};

/// Why a board could not be built for, run, or understood.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum DeviceError {
    #[error("no Rust library for {target}; {PREPARE}")]
    NoTarget { target: &'static str },
    #[error("{program} cannot be started ({source}); {PREPARE}")]
    NoProgram { program: &'static str, source: io::Error },
    #[error("building for {board} failed:\n{stderr}")]
    Build { board: &'static str, stderr: String },
    #[error("{path}: {reason}")]
    Image { path: String, reason: String },
    #[error("{machine} was still running after {seconds} s and was stopped")]
    TimedOut { machine: &'static str, seconds: u64 },
    #[error("{machine} ended with {status} before it reported `finished`")]
    Ended { machine: &'static str, status: String },
    #[error("the application on the board failed: {reason}")]
    Failed { reason: String },
    #[error("the board's log: expected {expected}, found `{found}`")]
    Log { expected: &'static str, found: String },
    #[error("{board}: expected a board with the memory for {application}, such as mps2-an386")]
    TooSmall { board: String, application: &'static str },
    #[error("{machine}: checkpoint {} was whole, found {} after a power cut", sequence(*expected), sequence(*found))]
    Lost { machine: &'static str, expected: Option<u32>, found: Option<u32> },
    #[error("{machine}: expected a board with a flash controller of its own, which is microbit")]
    NoResets { machine: &'static str },
    #[error("QEMU's monitor: {0}")]
    Monitor(io::Error),
    #[error("the file that stands for flash: {0}")]
    Flash(io::Error),
    #[error("{board} and the desk differ: {what}")]
    Differs { board: &'static str, what: String },
}

fn sequence(sequence: Option<u32>) -> String {
    sequence.map_or_else(|| "none".to_owned(), |sequence| sequence.to_string())
}

/// What to do about a missing toolchain or emulator.
pub const PREPARE: &str = "run firmware/prepare.sh, which installs it";
