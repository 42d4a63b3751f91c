//! The passes over a network's layers: forward, backward, and the penalties on its weights.
//!
//! # The tape
//!
//! For `n` samples taken together the tape holds, layer after layer from the inputs up, an `[n][width]` matrix of
//! outputs. On the way down each layer's outputs are overwritten by their deltas, once its weights have been visited:
//! there is no second buffer. Where an activation's derivative needs the layer's sums, they are computed again, into the
//! same place, from the outputs below, which are still there.

use crate::activation::{Kind, Slope};
use crate::dropout::Key;
use crate::kernels::{self, Below, Slopes};
use crate::layer::Layer;
use crate::loss::Input;
use crate::topology::Topology;

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

/// [`split_last`] of what may be changed: nothing of a frozen layer.
fn split_last_mut(values: &mut [f32], len: usize, weights: usize) -> Option<(&mut [f32], &mut [f32], &mut [f32])> {
    let (rest, own) = values.split_at_mut_checked(values.len().checked_sub(len)?)?;
    let (weights, biases) = own.split_at_mut_checked(weights)?;
    Some((rest, weights, biases))
}

/// The tape's last two blocks, and what stands before them.
fn split_blocks(tape: &mut [f32], inputs: usize, outputs: usize) -> Option<(&mut [f32], &mut [f32], &mut [f32])> {
    let (rest, blocks) = tape.split_at_mut_checked(tape.len().checked_sub(inputs + outputs)?)?;
    let (inputs, outputs) = blocks.split_at_mut_checked(inputs)?;
    Some((rest, inputs, outputs))
}

/// The width of what stands before the layer behind `below`.
fn width(topology: &Topology, below: &[Layer]) -> usize {
    below.last().map_or(topology.inputs(), Layer::units)
}

/// Forward for `n` samples whose features stand at the beginning of the tape; returns the last layer's `[n][units]`.
/// With [`Input::Logits`] the last activation is left out; with a `key` dropout takes part.
#[inline(never)]
pub(crate) fn forward<'t>(
    topology: &Topology,
    params: &[f32],
    tape: &'t mut [f32],
    n: usize,
    last: Input,
    key: Option<Key>,
) -> &'t mut [f32] {
    let mut fan_in = topology.inputs();
    let mut params = params;
    let mut tape = tape;
    let mut layers = topology.layers().iter().peekable();
    while let Some(layer) = layers.next() {
        let units = layer.units();
        let (Some((weights, biases)), Some((inputs, outputs))) =
            (take_first(layer, fan_in, &mut params), tape.split_at_mut_checked(n * fan_in))
        else {
            return &mut [];
        };
        let Some(sums) = outputs.get_mut(..n * units) else { return &mut [] };
        kernels::forward(weights, biases, inputs, sums, fan_in);
        if layers.peek().is_some() || last == Input::Outputs {
            layer.activation().apply(sums, units);
        }
        if let (Some(dropout), Some(key)) = (&layer.dropout, key) {
            dropout.apply(key, sums, units, 0);
        }
        tape = outputs;
        fan_in = units;
    }
    tape.get_mut(..n * fan_in).unwrap_or_default()
}

/// What the outputs of `layer` are to the deltas that come down to them, before [`differentiate`].
fn slopes_below(layer: &Layer, key: Option<Key>) -> Slopes {
    let dropped = layer.dropout.is_some() && key.is_some();
    if layer.activation().kind() == Kind::Relu && !dropped { Slopes::OfGate } else { Slopes::Any }
}

/// Replaces the outputs of `layer` from unit `first` on by the derivatives of what made them, dropout included. `pair` are the
/// weights and biases of these units, `inputs` what the layer was given; `values` are rows of `units`.
fn differentiate(
    layer: &Layer,
    (weights, biases): Pair,
    inputs: &[f32],
    fan_in: usize,
    key: Option<Key>,
    first: usize,
    values: &mut [f32],
) {
    let dropout = layer.dropout.as_ref().zip(key);
    if layer.activation().slope() == Slope::OfSum {
        kernels::forward(weights, biases, inputs, values, fan_in);
    } else if let Some((dropout, _)) = dropout {
        dropout.undo_factor(values);
    }
    layer.activation().differentiate(values);
    if let Some((dropout, key)) = dropout {
        dropout.apply(key, values, biases.len(), first);
    }
}

/// The last layer's fan-in, and after [`forward`] its inputs `[n][fan_in]` and outputs `[n][units]`.
pub(crate) fn last_blocks<'t>(topology: &Topology, tape: &'t mut [f32], n: usize) -> (usize, &'t [f32], &'t mut [f32]) {
    let below = topology.layers().split_last().map_or(&[][..], |(_, below)| below);
    let fan_in = width(topology, below);
    let tape = tape.get_mut(..topology.tape_len(n)).unwrap_or_default();
    let (_, inputs, outputs) = split_blocks(tape, n * fan_in, n * topology.outputs()).unwrap_or_default();
    (fan_in, inputs, outputs)
}

/// Replaces one sample's outputs of the last layer by its deltas, `gradient` being the loss's derivative by what [`Input`] says.
#[inline]
pub(crate) fn begin_backward(
    topology: &Topology,
    params: &[f32],
    inputs: &[f32],
    outputs: &mut [f32],
    gradient: &[f32],
    input: Input,
) {
    if input == Input::Logits {
        kernels::copy(gradient, outputs);
    } else {
        chain_last(topology, params, inputs, outputs, gradient);
    }
}

/// The loss's derivative by the last layer's outputs is taken to its sums.
#[inline(never)]
fn chain_last(topology: &Topology, params: &[f32], inputs: &[f32], outputs: &mut [f32], gradient: &[f32]) {
    let Some(layer) = topology.layers().last() else { return };
    let (units, fan_in) = (layer.units(), inputs.len());
    if layer.activation().slope() == Slope::OfSum {
        let Some((_, (weights, biases))) = split_last(layer, fan_in, params) else { return };
        kernels::forward(weights, biases, inputs, outputs, fan_in);
    }
    layer.activation().backpropagate(outputs, gradient, units);
}

/// Backward for `n` samples: the last layer's block of the tape holds its deltas; adds every trained layer's gradient to
/// `gradient`, which has the parameters' layout, and leaves each layer's deltas in its block.
#[inline(never)]
pub(crate) fn backward(
    topology: &Topology,
    params: &[f32],
    gradient: &mut [f32],
    tape: &mut [f32],
    n: usize,
    key: Option<Key>,
) {
    let (mut params, mut gradient) = (params, gradient);
    let Some(mut tape) = tape.get_mut(..topology.tape_len(n)) else { return };
    let mut layers = topology.layers();
    while let Some((layer, below)) = layers.split_last() {
        let (units, fan_in) = (layer.units(), width(topology, below));
        let Some((rest_params, (weights, _))) = split_last(layer, fan_in, params) else { return };
        let Some((rest, inputs, deltas)) = split_blocks(tape, n * fan_in, n * units) else { return };
        if !layer.is_frozen() {
            let Some((rest_gradient, weight_gradient, bias_gradient)) =
                split_last_mut(gradient, layer.len(fan_in), units * fan_in)
            else {
                return;
            };
            kernels::gradient(weight_gradient, bias_gradient, inputs, deltas, fan_in);
            gradient = rest_gradient;
        }
        if gradient.is_empty() {
            // No trained layer below.
            return;
        }
        if let Some((layer, deeper)) = below.split_last() {
            let fan_in_below = width(topology, deeper);
            let Some((_, pair)) = split_last(layer, fan_in_below, rest_params) else { return };
            let Some(block) = rest.len().checked_sub(n * fan_in_below).and_then(|start| rest.get(start..)) else {
                return;
            };
            let slopes = slopes_below(layer, key);
            if slopes == Slopes::Any {
                differentiate(layer, pair, block, fan_in_below, key, 0, inputs);
            }
            kernels::backward(weights, deltas, inputs, fan_in, units, slopes);
        }
        let kept = rest.len() + inputs.len();
        let Some(rest) = tape.get_mut(..kept) else { return };
        tape = rest;
        params = rest_params;
        layers = below;
    }
}

/// [`backward`] for one sample with the update in the same pass: `w += delta x`, the deltas being scaled already.
pub(crate) fn backward_online(topology: &Topology, params: &mut [f32], tape: &mut [f32], key: Option<Key>) {
    let mut params = params;
    let Some(mut tape) = tape.get_mut(..topology.tape_len(1)) else { return };
    let mut layers = topology.layers();
    while let Some((layer, below)) = layers.split_last() {
        let (units, fan_in) = (layer.units(), width(topology, below));
        let trained = if layer.is_frozen() { 0 } else { layer.len(fan_in) };
        let weights_len = trained.min(units * fan_in);
        let Some((rest_params, weights, biases)) = split_last_mut(params, trained, weights_len) else { return };
        let Some((rest, inputs, deltas)) = split_blocks(tape, fan_in, units) else { return };
        // Below the lowest trained layer nothing is needed.
        let deeper = if rest_params.is_empty() { None } else { below.split_last() };
        if let Some((below, deeper)) = deeper {
            let fan_in_below = width(topology, deeper);
            let Some((_, (weights_below, biases_below))) = split_last(below, fan_in_below, rest_params) else { return };
            let Some(block) = rest.len().checked_sub(fan_in_below).and_then(|start| rest.get(start..)) else { return };
            let gate = slopes_below(below, key) == Slopes::OfGate;
            let mut slopes = |first: usize, values: &mut [f32]| {
                let weights = weights_below.get(first * fan_in_below..).unwrap_or_default();
                let biases = biases_below.get(first..).and_then(|biases| biases.get(..values.len()));
                differentiate(below, (weights, biases.unwrap_or_default()), block, fan_in_below, key, first, values);
            };
            if let Some(frozen) = layer.frozen {
                slopes(0, inputs);
                kernels::backward(frozen, deltas, inputs, fan_in, units, Slopes::Any);
            } else {
                let below = if gate { Below::Gate } else { Below::Any(&mut slopes) };
                kernels::backward_online(weights, biases, deltas, inputs, below);
            }
        } else {
            kernels::backward_online(weights, biases, deltas, inputs, Below::Nothing);
            return;
        }
        let kept = rest.len() + inputs.len();
        let Some(rest) = tape.get_mut(..kept) else { return };
        tape = rest;
        params = rest_params;
        layers = below;
    }
}

/// What the penalties on the weights add to the loss.
pub(crate) fn penalty(topology: &Topology, params: &[f32]) -> f32 {
    let (mut sum, mut fan_in, mut params) = (0.0, topology.inputs(), params);
    for layer in topology.layers() {
        let Some((weights, _)) = take_first(layer, fan_in, &mut params) else { return sum };
        if let Some(penalty) = &layer.penalty {
            sum += penalty.value(weights);
        }
        fan_in = layer.units();
    }
    sum
}

/// Adds `scale` times the penalties' gradient.
pub(crate) fn add_penalties(topology: &Topology, params: &[f32], gradient: &mut [f32], scale: f32) {
    let (mut fan_in, mut params, mut gradient) = (topology.inputs(), params, gradient);
    for layer in topology.layers() {
        let Some((weights, _)) = take_first(layer, fan_in, &mut params) else { return };
        if !layer.is_frozen() {
            let Some((own, rest)) = gradient.split_at_mut_checked(layer.len(fan_in)) else { return };
            gradient = rest;
            if let Some(penalty) = &layer.penalty {
                penalty.add_gradient(weights, own, scale);
            }
        }
        fan_in = layer.units();
    }
}
