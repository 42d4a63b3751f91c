//! Stochastic gradient descent one sample at a time.

use super::{Accumulation, Gather, Optimizer, Update, Variables};

/// `w -= lr g` after every sample: no state at all, so a net trains in the memory of its parameters and one sample's
/// activations. For batches of 1; the weights are those of [`Sgd`](super::Sgd) with momentum 0 and batch 1 in the
/// Keras convention up to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OnlineSgd;

impl Optimizer for OnlineSgd {
    const GATHER: Gather = Gather::InParameters;
    const STATE_PER_PARAM: usize = 0;
    const LANES: usize = 1;

    fn accumulation(&self, update: &Update) -> Accumulation {
        Accumulation { keep: 1.0, decay: 0.0, scale: -update.rate }
    }

    fn apply(&self, _update: &Update, _variables: &Variables, _params: &mut [f32], _state: &mut [f32]) {}
}
