//! The passes over a network's layers: forward, backward, and the penalties on its weights.
//!
//! # The tape
//!
//! For `n` samples taken together the tape holds, layer after layer from the inputs up, a block of `n * width`
//! outputs, in the order that [`Place`] knows. On the way down each layer's outputs are overwritten by their deltas, once its weights have been visited:
//! there is no second buffer. Where an activation's derivative needs the layer's sums, they are computed again, into the
//! same place, from the outputs below, which are still there.

use crate::activation::{Kind, Slope, backpropagate};
use crate::dropout::Key;
use crate::error::Error;
use crate::kernels::{self, BY_VALUE, Below, Place, Slopes};
use crate::layer::Layer;
use crate::matrix::rows;
use crate::multiply_add::multiply_add;
use crate::topology::Topology;
use crate::unroll::one_turn_at_a_time;

/// The samples taken together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Samples {
    /// How many.
    pub(crate) n: usize,
    /// With it dropout takes part.
    pub(crate) key: Option<Key>,
    /// Features that are no numbers are refused, by [`forward`].
    pub(crate) checked: bool,
}

impl Samples {
    /// Some, without dropout.
    pub(crate) const fn of(n: usize) -> Self {
        Self { n, key: None, checked: true }
    }
}

/// The first feature that is no number, in the first `n` samples of the tape; `index` says which of its dataset's samples one is.
#[cold]
#[inline(never)]
pub(crate) fn not_finite(tape: &[f32], n: usize, inputs: usize, index: impl Fn(u32) -> u32) -> Result<(), Error> {
    // All are rows then, one behind the other: less code than to ask where each has its place.
    if !BY_VALUE {
        for (at, &found) in tape.iter().take(n * inputs).enumerate() {
            if !found.is_finite() {
                let sample = at.checked_div(inputs).unwrap_or_default();
                return Err(Error::SampleNotFinite {
                    index: index(sample as u32) as usize,
                    feature: at - sample * inputs,
                    found,
                });
            }
            one_turn_at_a_time();
        }
        return Ok(());
    }
    for sample in 0..n {
        for (feature, found) in Place::of(sample, n, inputs).values(tape).enumerate() {
            if !found.is_finite() {
                return Err(Error::SampleNotFinite { index: index(sample as u32) as usize, feature, found });
            }
            one_turn_at_a_time();
        }
    }
    Ok(())
}

/// Whether one of the samples may have a feature that is no number. It makes every sum of the first layer none either: to ask for one
/// a sample is as good as to ask for all features, and takes no time beside.
fn are_suspicious(sums: &[f32], n: usize, units: usize) -> bool {
    (0..n).any(|sample| !Place::of(sample, n, units).first(sums).is_some_and(f32::is_finite))
}

/// Weights and biases.
type Pair<'p> = (&'p [f32], &'p [f32]);

/// The first layer's weights and biases, its own if it is frozen, else the first of `params`, which it then takes off.
fn take_first<'p>(layer: &Layer<'p>, fan_in: usize, params: &mut &'p [f32]) -> Option<Pair<'p>> {
    let own = if let Some(own) = layer.frozen {
        own
    } else {
        let (own, rest) = params.split_at_checked(layer.len(fan_in))?;
        *params = rest;
        own
    };
    own.split_at_checked(layer.units() * fan_in)
}

/// The last layer's weights and biases, and the parameters before them.
fn split_last<'p>(layer: &Layer<'p>, fan_in: usize, params: &'p [f32]) -> Option<(&'p [f32], Pair<'p>)> {
    let (rest, own) = match layer.frozen {
        Some(own) => (params, own),
        None => params.split_at_checked(params.len().checked_sub(layer.len(fan_in))?)?,
    };
    Some((rest, own.split_at_checked(layer.units() * fan_in)?))
}

/// The tape's last two blocks, and what stands before them.
fn split_blocks(tape: &mut [f32], inputs: usize, outputs: usize) -> Option<(&mut [f32], &mut [f32], &mut [f32])> {
    let (rest, outputs) = tape.split_at_mut_checked(tape.len().checked_sub(outputs)?)?;
    let (rest, inputs) = rest.split_at_mut_checked(rest.len().checked_sub(inputs)?)?;
    Some((rest, inputs, outputs))
}

/// The width of what stands before the layer behind `below`.
fn width(topology: &Topology, below: &[Layer]) -> usize {
    below.last().map_or(topology.inputs(), Layer::units)
}

/// Forward for samples whose features stand at the beginning of the tape; returns the last layer's block, of sums: its activation
/// takes a sample's row, and most losses the sums.
///
/// None if there is a feature that is no number, and the samples are [checked](Samples::checked): [`not_finite`] says which.
#[inline(never)]
pub(crate) fn forward<'t>(
    topology: &Topology,
    params: &[f32],
    tape: &'t mut [f32],
    samples: &Samples,
) -> Option<&'t mut [f32]> {
    let mut fan_in = topology.inputs();
    let (mut params, mut tape, mut layers) = (params, tape, topology.layers());
    while let Some((layer, above)) = layers.split_first() {
        let units = layer.units();
        let (Some((weights, biases)), Some((inputs, outputs))) =
            (take_first(layer, fan_in, &mut params), tape.split_at_mut_checked(samples.n * fan_in))
        else {
            return Some(&mut []);
        };
        let Some(sums) = outputs.get_mut(..samples.n * units) else { return Some(&mut []) };
        kernels::forward(weights, biases, inputs, sums, fan_in);
        let first = layers.len() == topology.layers().len();
        // Too large a sum is no fault of the sample.
        if first && samples.checked && are_suspicious(sums, samples.n, units) && !kernels::all_finite(inputs) {
            return None;
        }
        if !above.is_empty() {
            layer.activation().apply(sums, units);
        }
        if topology.has_dropout()
            && let (Some(dropout), Some(key)) = (&layer.dropout, samples.key)
        {
            let below = topology.layers().len() - layers.len();
            dropout.apply(Key { layer: below as u32, ..key }, samples.n, sums, 0);
        }
        (tape, fan_in, layers) = (outputs, units, above);
    }
    Some(tape.get_mut(..samples.n * fan_in).unwrap_or_default())
}

/// What the outputs of `layer` are to the deltas that come down to them, before [`differentiate`].
fn slopes_below(layer: &Layer, samples: &Samples) -> Slopes {
    let dropped = layer.dropout.is_some() && samples.key.is_some();
    if layer.activation().kind() == Kind::Relu && !dropped { Slopes::OfGate } else { Slopes::Any }
}

/// Replaces outputs of the last of `layers`, from unit `first` on, by the derivatives of what made them, dropout included.
/// `params` and `tape` end with that layer's parameters and with what it was given; `values` are rows of its units.
#[inline(never)]
fn differentiate(
    topology: &Topology,
    layers: &[Layer],
    params: &[f32],
    tape: &[f32],
    samples: &Samples,
    first: usize,
    values: &mut [f32],
) {
    let Some((layer, below)) = layers.split_last() else { return };
    let width = layer.units().saturating_sub(first).min(values.len());
    let dropout = layer.dropout.as_ref().zip(samples.key);
    if layer.activation().slope() == Slope::OfSum {
        let fan_in = self::width(topology, below);
        let Some((_, (weights, biases))) = split_last(layer, fan_in, params) else { return };
        let (Some(start), Some(weights)) = (tape.len().checked_sub(samples.n * fan_in), weights.get(first * fan_in..))
        else {
            return;
        };
        let biases = biases.get(first..).and_then(|biases| biases.get(..width)).unwrap_or_default();
        kernels::forward(weights, biases, tape.get(start..).unwrap_or_default(), values, fan_in);
    } else if let Some((dropout, _)) = dropout {
        dropout.undo_factor(values);
    }
    layer.activation().differentiate(values);
    if let Some((dropout, key)) = dropout {
        dropout.apply(Key { layer: below.len() as u32, ..key }, samples.n, values, first);
    }
}

/// After [`forward`] for `n` samples: the last layer's outputs, `len` values, and the tape before them.
pub(crate) fn last_block<'t>(
    topology: &Topology,
    tape: &'t mut [f32],
    n: usize,
    len: usize,
) -> (&'t [f32], &'t mut [f32]) {
    let end = topology.tape_len(n);
    let (below, outputs) = tape.split_at_mut_checked(end.saturating_sub(len)).unwrap_or_default();
    (below, outputs.get_mut(..len).unwrap_or_default())
}

/// Replaces one sample's outputs of the last layer by its deltas: `gradient`, the loss's derivative by them, is taken to their
/// sums. `tape` ends with what the layer was given for all `n`.
#[inline(never)]
pub(crate) fn chain_last(
    topology: &Topology,
    params: &[f32],
    tape: &[f32],
    (sample, n): (usize, usize),
    outputs: &mut [f32],
    gradient: &[f32],
) {
    let Some((layer, below)) = topology.layers().split_last() else { return };
    if layer.activation().slope() == Slope::OfSum {
        let fan_in = width(topology, below);
        let Some((_, (weights, biases))) = split_last(layer, fan_in, params) else { return };
        let Some(inputs) = tape.len().checked_sub(n * fan_in).and_then(|start| tape.get(start..)) else { return };
        let place = Place::of(sample, n, fan_in);
        if place.is_row() {
            kernels::forward(weights, biases, place.as_row(inputs), outputs, fan_in);
        } else {
            for ((sum, &bias), weights) in outputs.iter_mut().zip(biases).zip(rows(weights, fan_in)) {
                *sum = place.values(inputs).zip(weights).fold(bias, |sum, (x, w)| multiply_add(sum, *w, x));
            }
        }
    }
    backpropagate(layer.activation(), outputs, gradient, layer.units());
}

/// Backward: the last layer's block of the tape holds its deltas; adds every trained layer's gradient to `gradient`, which has
/// the parameters' layout, and leaves each layer's deltas in its block.
#[inline(never)]
pub(crate) fn backward(
    topology: &Topology,
    params: &[f32],
    gradient: &mut [f32],
    tape: &mut [f32],
    samples: &Samples,
    keep: f32,
) {
    let n = samples.n;
    let (mut params, mut gradient, mut layers) = (params, gradient, topology.layers());
    let Some(mut tape) = tape.get_mut(..topology.tape_len(n)) else { return };
    while let Some((layer, below)) = layers.split_last() {
        let (units, fan_in) = (layer.units(), width(topology, below));
        let Some((rest_params, (weights, _))) = split_last(layer, fan_in, params) else { return };
        let Some((rest, inputs, deltas)) = split_blocks(tape, n * fan_in, n * units) else { return };
        // Nothing of a frozen layer, and then the kernel does nothing.
        let Some((rest_gradient, own)) = gradient.split_at_mut_checked(rest_params.len()) else { return };
        let Some((own, biases)) = own.split_at_mut_checked(own.len().saturating_sub(units)) else { return };
        kernels::gradient_of_kept(own, biases, inputs, deltas, fan_in, keep);
        // Without a trained layer below there is no need for its deltas.
        let (false, Some((layer, _))) = (rest_params.is_empty(), below.split_last()) else { return };
        let slopes = slopes_below(layer, samples);
        if slopes == Slopes::Any {
            differentiate(topology, below, rest_params, rest, samples, 0, inputs);
        }
        kernels::backward(weights, deltas, inputs, fan_in, units, slopes);
        let kept = rest.len() + inputs.len();
        let Some(rest) = tape.get_mut(..kept) else { return };
        (tape, params, gradient, layers) = (rest, rest_params, rest_gradient, below);
    }
}

/// [`backward`] for one sample with the update in the same pass: `w += delta x`, the deltas being scaled already.
#[inline(never)]
pub(crate) fn backward_online(topology: &Topology, params: &mut [f32], tape: &mut [f32], samples: &Samples) {
    let (mut params, mut layers) = (params, topology.layers());
    let Some(mut tape) = tape.get_mut(..topology.tape_len(1)) else { return };
    while let Some((layer, below)) = layers.split_last() {
        let (units, fan_in) = (layer.units(), width(topology, below));
        let trained = if layer.is_frozen() { 0 } else { layer.len(fan_in) };
        let Some((rest_params, own)) =
            params.len().checked_sub(trained).and_then(|start| params.split_at_mut_checked(start))
        else {
            return;
        };
        let Some((weights, biases)) = own.split_at_mut_checked(own.len().saturating_sub(units)) else { return };
        let Some((rest, inputs, deltas)) = split_blocks(tape, fan_in, units) else { return };
        // Below the lowest trained layer nothing is needed.
        let (false, Some((layer_below, _))) = (rest_params.is_empty(), below.split_last()) else {
            kernels::backward_online(weights, biases, deltas, inputs, Below::Nothing);
            return;
        };
        let mut slopes = |first: usize, values: &mut [f32]| {
            differentiate(topology, below, rest_params, rest, samples, first, values);
        };
        if let Some(frozen) = layer.frozen {
            let Some(weights) = frozen.get(..units * fan_in) else { return };
            slopes(0, inputs);
            kernels::backward(weights, deltas, inputs, fan_in, units, Slopes::Any);
        } else {
            let gate = slopes_below(layer_below, samples) == Slopes::OfGate;
            let below = if gate { Below::Gate } else { Below::Any(&mut slopes) };
            kernels::backward_online(weights, biases, deltas, inputs, below);
        }
        let kept = rest.len() + inputs.len();
        let Some(rest) = tape.get_mut(..kept) else { return };
        (tape, params, layers) = (rest, rest_params, below);
    }
}

/// What the penalties on the weights add to the loss.
pub(crate) fn penalty(topology: &Topology, params: &[f32]) -> f32 {
    let mut sum = 0.0;
    if !topology.has_penalty() {
        return sum;
    }
    for (index, layer) in topology.layers().iter().enumerate() {
        if let Some(penalty) = &layer.penalty {
            sum += penalty.value(topology, index, params);
        }
    }
    sum
}

/// Adds `scale` times the penalties' gradient.
pub(crate) fn add_penalties(topology: &Topology, params: &[f32], gradient: &mut [f32], scale: f32) {
    if !topology.has_penalty() {
        return;
    }
    for (index, layer) in topology.layers().iter().enumerate() {
        if let Some(penalty) = &layer.penalty {
            penalty.add_gradient(topology, index, params, gradient, scale);
        }
    }
}

/// The weights of layer `index`, and where they stand in `params`, unless the layer is frozen.
pub(crate) fn weights_of<'p>(topology: &Topology<'p>, index: usize, params: &'p [f32]) -> Option<(usize, &'p [f32])> {
    let (mut fan_in, mut rest) = (topology.inputs(), params);
    for (at, layer) in topology.layers().iter().enumerate() {
        let start = params.len().checked_sub(rest.len())?;
        let (weights, _) = take_first(layer, fan_in, &mut rest)?;
        if at == index {
            return Some((start, weights));
        }
        fan_in = layer.units();
    }
    None
}
