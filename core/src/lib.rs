#![no_std]
#![forbid(unsafe_code)]
// On docs.rs each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]
// Code for storage that blocks and for storage that is waited for is one file, included twice.
#![allow(clippy::duplicate_mod)]

pub mod activation;
#[cfg(feature = "storage")]
pub mod checkpoint;
pub mod data;
#[cfg(feature = "digits")]
pub mod digits;
mod dropout;
mod early_stopping;
mod error;
mod fit;
mod group;
mod hash;
mod init;
mod kernels;
mod lanes;
mod layer;
mod learner;
pub mod loss;
mod math;
mod matrix;
pub mod metrics;
mod multiply_add;
mod network;
pub mod optimizer;
mod pass;
mod penalty;
mod progress;
mod rng;
pub mod schedule;
#[cfg(feature = "storage")]
pub mod storage;
mod topology;
mod trainer;
#[cfg(feature = "ionosphere")]
pub mod tutorial;
mod unroll;

pub use activation::Activation;
pub use early_stopping::{EarlyStopping, EarlyStoppingState, Goal, Verdict};
pub use error::{Buffer, Error, Requirement};
pub use fit::{Clock, Fit};
pub use hash::weights_hash;
pub use init::Init;
pub use layer::{Layer, dense, frozen};
pub use learner::Learner;
pub use metrics::Metrics;
pub use network::Network;
pub use progress::{Epoch, Event, Progress};
pub use rng::Rng;
pub use topology::Topology;
pub use trainer::Trainer;

/// Evaluates a constructor at compile time: what it would refuse does not build.
///
/// Constructors of this crate return a [`Result`], because the simulator and a configurable device make them from
/// input. Where the arguments are constants this macro takes the value out without a panic path in the image.
///
/// ```
/// use microfit::{checked, schedule::TimeBased};
///
/// const RATE: TimeBased = checked!(TimeBased::new(0.1, 0.002));
/// ```
///
/// ```compile_fail
/// use microfit::{checked, schedule::TimeBased};
///
/// const RATE: TimeBased = checked!(TimeBased::new(-0.1, 0.002)); // no negative rates
/// ```
#[macro_export]
macro_rules! checked {
    ($constructor:expr) => {
        const {
            match $constructor {
                Ok(value) => value,
                Err(error) => error.stops_the_build(),
            }
        }
    };
}
