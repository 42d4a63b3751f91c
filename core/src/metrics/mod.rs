//! How good a network is, in fixed memory.
//!
//! [`Metrics`] is what training reports. The others are fed by the caller, a sample at a time, with a network's outputs
//! and the sample's target: a class index (one number), one-hot (one number a class), or values.

mod auc;
mod confusion;
mod mean;
mod moments;
mod regression;
mod target;
mod top_k;

pub use auc::{RocAuc, Scored};
pub use confusion::{Confusion, Scores};
pub(crate) use mean::CompensatedSum;
pub use mean::Metrics;
pub(crate) use moments::Moments;
#[cfg(test)]
pub(crate) use moments::tests as streams;
pub use regression::Regression;
pub use top_k::TopK;
