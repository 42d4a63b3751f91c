//! Optimizers: how a gradient becomes a change of the parameters.

mod online;
mod sgd;

pub use online::OnlineSgd;
pub use sgd::{Convention, Sgd};

/// What an optimizer is told of the update it makes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Update {
    /// Updates done before this one.
    pub step: u32,
    /// The learning rate of this update.
    pub rate: f32,
    /// The momentum of this update where the schedule drives it; `None` leaves the optimizer's own.
    pub momentum: Option<f32>,
    /// Samples in this batch, at least 1.
    pub samples: u32,
}

/// How a batch's gradient enters the optimizer's first state array.
///
/// Before the batch the array is multiplied by `keep`; then `scale` times each sample's gradient is added to it, so no
/// gradient buffer is needed beside the state.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accumulation {
    /// Factor on what the array holds; 0 clears it.
    pub keep: f32,
    /// Factor on each sample's gradient, including the `1 / samples` of the batch's mean.
    pub scale: f32,
}

/// An optimizer: its settings. Its state is an array the caller lends.
pub trait Optimizer {
    /// Floats of state a parameter. 0 means the gradient goes straight into the parameters, which is only the gradient
    /// at one point if batches are of one sample: [`Fit::start`](crate::Fit::start) refuses others.
    const STATE_PER_PARAM: usize;

    /// Samples whose activations are kept at a time. More of them reuse each weight loaded more often; the bits are
    /// the same.
    const LANES: usize;

    /// How this batch's gradient enters the state (or the parameters, where there is no state).
    fn accumulation(&self, update: &Update) -> Accumulation;

    /// Changes the parameters once the batch's gradient is in the state.
    fn apply(&self, update: &Update, params: &mut [f32], state: &mut [f32]);
}
