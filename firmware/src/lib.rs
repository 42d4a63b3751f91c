//! The application that trains on a board: it trains, validates, reports and blinks.
//!
//! Written once, over embedded-hal's traits and a [`Report`], so that a board's binary is thin, the simulator runs the
//! very same code, and the tests run it with mocks.
//!
//! `microfit device` builds an image, runs it in QEMU and reads what it logs. By hand, with `defmt-print` from crates.io:
//!
//! ```sh
//! cargo build --profile firmware -p microfit-firmware --target thumbv7em-none-eabihf --features mps2 --bin mps2
//! image=target/thumbv7em-none-eabihf/firmware/mps2
//! qemu-system-arm -M mps2-an386 -nographic -monitor none -serial null -semihosting-config enable=on,target=native \
//!     -kernel $image | defmt-print -e $image
//! ```
//!
//! A micro:bit is `thumbv6m-none-eabi`, `microbit` and `-M microbit`. An image is of one board, and images build for their targets only,
//! so `--all-features` is for `--lib`. Logged are `info` and above unless `DEFMT_LOG` says otherwise. A board crate of one's own takes no
//! board's feature, and has its own `memory.x`.

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
