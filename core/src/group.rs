//! What is done with samples of a batch that are taken together, whoever takes them: a [`Trainer`](crate::Trainer) step by step, or a
//! [`Learner`](crate::Learner) in one call.

use crate::error::Error;
use crate::kernels::{self, Place, split_spare};
use crate::lanes::Lanes;
use crate::loss::{Input, Loss};
use crate::matrix::rows;
use crate::network::activate;
use crate::optimizer::Accumulation;
use crate::pass::{Samples, add_penalties, chain_last, last_block};
use crate::topology::Topology;
use crate::unroll::one_turn_at_a_time;

/// The loss of each sample after [`forward`](crate::pass::forward), handed to `see` with its place among them and its accuracy; and the
/// last layer's deltas in place of its outputs, times `scale`. What `see` refuses ends it.
#[inline(always)]
pub(crate) fn judge<L: Loss>(
    topology: &Topology,
    loss: &L,
    params: &[f32],
    lanes: &mut Lanes,
    samples: &Samples,
    scale: f32,
    mut see: impl FnMut(u32, f32, Option<f32>) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(last) = topology.layers().last() else { return Ok(()) };
    let units = last.units();
    // Asked again, although it was when the run began: of most losses the compiler knows that it is never the outputs.
    let of_outputs = matches!(loss.input(last.activation()), Ok(Input::Outputs));
    let Lanes { tape, targets, gradient, .. } = lanes;
    let (tape, spare) = split_spare(tape, samples.n, units);
    let (below, block) = last_block(topology, tape, samples.n, samples.n * units);
    let targets = rows(targets, loss.targets(units) + 1);
    for (sample, target) in (0..samples.n).zip(targets) {
        let Some((weight, target)) = target.split_last() else { break };
        let place = Place::of(sample, samples.n, units);
        let outputs = place.row(block, spare);
        if of_outputs {
            activate(topology, outputs);
        }
        let (weight, accuracy) = (weight * loss.weight(target), loss.accuracy(outputs, target));
        for (to, from) in gradient.iter_mut().zip(target) {
            *to = *from;
            one_turn_at_a_time();
        }
        let value = weight * loss.differentiate(outputs, gradient, weight * scale);
        see(sample as u32, value, accuracy)?;
        if of_outputs {
            chain_last(topology, params, below, (sample, samples.n), outputs, gradient);
            if !place.is_row() {
                place.put(spare, block);
            }
        } else {
            place.put(gradient, block);
        }
    }
    Ok(())
}

/// What a batch's first samples find where their gradient is gathered, but for a factor that it is still to be multiplied by, or 1.
#[inline(always)]
pub(crate) fn begin(topology: &Topology, params: &[f32], gradient: &mut [f32], into: &Accumulation) -> f32 {
    let only_kept = into.decay == 0.0 && !topology.has_penalty();
    // Neither clears what is there, nor is it 1 and takes the signs of zeros away.
    if kernels::SCALES && only_kept && into.keep != 0.0 && into.keep != 1.0 {
        return into.keep;
    }
    kernels::begin(gradient, params, into.keep, into.decay);
    add_penalties(topology, params, gradient, into.scale);
    1.0
}

/// Clears the optimizer's state, and takes the parameters from `kept` if there is one; `step` is what an error names. If it fails, nothing
/// has changed.
pub(crate) fn roll_back(
    topology: &Topology,
    params: &mut [f32],
    state: &mut [f32],
    kept: Option<&[f32]>,
    step: u32,
) -> Result<(), Error> {
    let kept_or_own = kept.unwrap_or(params);
    topology.check_params(kept_or_own.len())?;
    if !kernels::all_finite(kept_or_own) {
        return Err(Error::ParametersNotFinite { step });
    }
    if let Some(kept) = kept {
        for (param, kept) in params.iter_mut().zip(kept) {
            // No sum may begin at -0.0; see `kernels`.
            *param = kept + 0.0;
        }
    }
    kernels::fill(state, 0.0);
    Ok(())
}
