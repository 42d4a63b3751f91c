//! The application that trains on a board: it trains, validates, reports and blinks.
//!
//! Written once, over embedded-hal's traits and a [`Report`], so that a board's binary is thin, the simulator runs the
//! very same code, and the tests run it with mocks.

#![no_std]
#![forbid(unsafe_code)]

mod app;
pub mod fixed_point;
#[cfg(feature = "storage")]
mod flash;
pub mod nets;
pub mod parts;
mod record;
mod report;
#[cfg(feature = "storage")]
mod resume;
pub mod schedules;

pub use app::{App, Failure, Outcome};
#[cfg(feature = "storage")]
pub use flash::{Unlike, examine};
pub use record::{History, MAX_EPOCHS, Record};
#[cfg(feature = "defmt")]
pub use report::Defmt;
pub use report::{Checkpoint, Report, Saved};
#[cfg(feature = "storage")]
pub use resume::{Interruption, Run, USER_BYTES, checkpoint_lengths};

/// The seed of the tutorial's runs on a board, and of the simulator unless it is told another: the same seed gives the
/// same weights on both.
pub const SEED: u32 = 7;
