//! A network over borrowed parameters: forward, backward, prediction and evaluation.
//!
//! # The tape
//!
//! For `n` samples taken together the tape holds, layer after layer from the inputs up, an `[n][width]` matrix of
//! outputs. On the way down each layer's outputs are overwritten by their deltas, once its weights have been visited:
//! there is no second buffer.

use crate::activation::Activation;
use crate::data::Dataset;
use crate::error::{Buffer, Error};
use crate::kernels;
use crate::loss::{Input, Loss};
use crate::matrix::rows_mut;
use crate::metrics::Metrics;
use crate::topology::{Layer, Topology, check_len};

/// A topology and its parameters, ready to predict. It only borrows them: a board that has finished training keeps
/// the parameters and drops the rest.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Network<'a> {
    topology: Topology<'a>,
    params: &'a [f32],
}

impl<'a> Network<'a> {
    /// # Errors
    /// [`Error::BufferLength`] unless `params` has [`Topology::param_len`] floats.
    pub const fn new(topology: Topology<'a>, params: &'a [f32]) -> Result<Self, Error> {
        match topology.check_params(params.len()) {
            Ok(()) => Ok(Self { topology, params }),
            Err(error) => Err(error),
        }
    }

    /// Over parameters whose length has been checked.
    pub(crate) const fn over(topology: Topology<'a>, params: &'a [f32]) -> Self {
        Self { topology, params }
    }

    /// The outputs for one sample, after the last activation. `tape` needs [`Topology::tape_len`]`(1)` floats; the
    /// outputs stand in it.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if `input` has not the topology's number of inputs or `tape` is too short.
    pub fn predict<'t>(&self, input: &[f32], tape: &'t mut [f32]) -> Result<&'t [f32], Error> {
        let (expected, found) = (self.topology.inputs(), input.len());
        if expected != found {
            return Err(Error::BufferLength { buffer: Buffer::Input, expected, found });
        }
        check_len(Buffer::Tape, self.topology.tape_len(1), tape.len())?;
        for (to, from) in tape.iter_mut().zip(input) {
            *to = *from;
        }
        Ok(forward(&self.topology, self.params, tape, 1, Input::Outputs))
    }

    /// Loss and accuracy over a whole dataset, in one call. `tape` needs [`Topology::tape_len`]`(1)` floats and one
    /// more an output, for the target. Where a call may not take that long, the trainer validates in bounded steps.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`], [`Error::FeatureCount`], [`Error::TargetCount`], [`Error::LossActivation`],
    /// [`Error::BufferLength`], whatever the dataset returns, and [`Error::SampleNotFinite`] or
    /// [`Error::TargetInvalid`] for a sample that is no number.
    pub fn evaluate<L: Loss>(&self, loss: &L, data: &impl Dataset, tape: &mut [f32]) -> Result<Metrics, Error> {
        let topology = &self.topology;
        let input = loss.input(last_activation(topology))?;
        check_data(topology, data)?;
        let found = tape.len();
        let needed = topology.tape_len(1) + topology.outputs();
        let Some((target, tape)) = tape.split_at_mut_checked(topology.outputs()) else {
            return Err(Error::BufferLength { buffer: Buffer::Tape, expected: needed, found });
        };
        check_len(Buffer::Tape, needed, found)?;
        let mut metrics = Metrics::default();
        for index in 0..data.len() {
            let (features, _) = tape.split_at_mut_checked(topology.inputs()).unwrap_or_default();
            read_sample(data, loss, index, features, target)?;
            let outputs = forward(topology, self.params, tape, 1, input);
            metrics.record(loss, loss.value(outputs, target), outputs, target);
        }
        Ok(metrics)
    }

    /// The parameters.
    pub const fn params(&self) -> &'a [f32] {
        self.params
    }
}

/// Refuses a dataset whose samples do not fit the topology.
pub(crate) fn check_data(topology: &Topology, data: &impl Dataset) -> Result<(), Error> {
    if data.is_empty() {
        return Err(Error::DatasetEmpty);
    }
    if u32::try_from(data.len()).is_err() {
        return Err(Error::DatasetTooLarge);
    }
    let (expected, found) = (topology.inputs(), data.features());
    if expected != found {
        return Err(Error::FeatureCount { expected, found });
    }
    let (expected, found) = (topology.outputs(), data.targets());
    if expected != found {
        return Err(Error::TargetCount { expected, found });
    }
    Ok(())
}

/// Reads one sample and refuses what is no number, or no target of this loss.
fn read_sample<L: Loss>(
    data: &impl Dataset,
    loss: &L,
    index: usize,
    features: &mut [f32],
    target: &mut [f32],
) -> Result<(), Error> {
    data.read(index, features, target)?;
    if let Some(feature) = features.iter().position(|x| !x.is_finite()) {
        let found = features.get(feature).copied().unwrap_or(f32::NAN);
        return Err(Error::SampleNotFinite { index, feature, found });
    }
    if let Some(output) = target.iter().position(|&y| !y.is_finite() || !loss.accepts(y)) {
        let found = target.get(output).copied().unwrap_or(f32::NAN);
        return Err(Error::TargetInvalid { index, output, found });
    }
    Ok(())
}

/// Reads the `n` samples at `indices` into the beginning of the tape, and hands out their targets.
pub(crate) fn read_samples<'t, L: Loss>(
    data: &impl Dataset,
    loss: &L,
    topology: &Topology,
    indices: impl Iterator<Item = u32>,
    tape: &mut [f32],
    targets: &'t mut [f32],
    n: usize,
) -> Result<&'t mut [f32], Error> {
    let targets = targets.get_mut(..n * topology.outputs()).unwrap_or_default();
    let features = tape.get_mut(..n * topology.inputs()).unwrap_or_default();
    let samples = rows_mut(features, topology.inputs()).zip(rows_mut(targets, topology.outputs()));
    // The samples first: the order is not to be asked for one past the last.
    for ((features, target), index) in samples.zip(indices) {
        read_sample(data, loss, index as usize, features, target)?;
    }
    Ok(targets)
}

pub(crate) fn last_activation<'a>(topology: &Topology<'a>) -> &'a dyn Activation {
    // A topology has at least one layer.
    topology.layers().last().map_or(&crate::activation::Linear, Layer::activation)
}

/// Forward for `n` samples whose features stand at the beginning of the tape; returns the last layer's `[n][units]`.
/// With [`Input::Logits`] the last activation is left out.
pub(crate) fn forward<'t>(
    topology: &Topology,
    params: &[f32],
    tape: &'t mut [f32],
    n: usize,
    last: Input,
) -> &'t mut [f32] {
    let mut fan_in = topology.inputs();
    let mut params = params;
    let mut tape = tape;
    let mut layers = topology.layers().iter().peekable();
    while let Some(layer) = layers.next() {
        let units = layer.units();
        let (Some((weights, rest)), Some((inputs, outputs))) =
            (params.split_at_checked(units * fan_in), tape.split_at_mut_checked(n * fan_in))
        else {
            return &mut [];
        };
        let (Some((biases, rest)), Some(sums)) = (rest.split_at_checked(units), outputs.get_mut(..n * units)) else {
            return &mut [];
        };
        kernels::forward(weights, biases, inputs, sums, fan_in);
        if layers.peek().is_some() || last == Input::Outputs {
            layer.activation().apply(sums);
        }
        params = rest;
        tape = outputs;
        fan_in = units;
    }
    tape.get_mut(..n * fan_in).unwrap_or_default()
}

/// Backward for `n` samples: the last layer's block of the tape holds its deltas; adds every layer's gradient to
/// `gradient`, which has the parameters' layout, and leaves each layer's deltas in its block.
pub(crate) fn backward(topology: &Topology, params: &[f32], gradient: &mut [f32], tape: &mut [f32], n: usize) {
    let (mut params, mut gradient) = (params, gradient);
    let Some(mut tape) = tape.get_mut(..topology.tape_len(n)) else { return };
    let mut layers = topology.layers();
    while let Some((layer, below)) = layers.split_last() {
        let units = layer.units();
        let fan_in = below.last().map_or(topology.inputs(), Layer::units);
        let Some((weights, rest_params)) = split_layer(params, units, fan_in) else { return };
        let Some(start) = gradient.len().checked_sub(units * (fan_in + 1)) else { return };
        let Some((rest_gradient, layer_gradient)) = gradient.split_at_mut_checked(start) else { return };
        let Some((weight_gradient, bias_gradient)) = layer_gradient.split_at_mut_checked(units * fan_in) else {
            return;
        };
        let Some((rest_tape, inputs, deltas)) = split_blocks(tape, n * fan_in, n * units) else { return };
        kernels::gradient(weight_gradient, bias_gradient, inputs, deltas, fan_in);
        if let Some(below) = below.last() {
            below.activation().differentiate(inputs);
            kernels::backward(weights, deltas, inputs, fan_in, units);
        }
        let kept = rest_tape + inputs.len();
        let Some(rest) = tape.get_mut(..kept) else { return };
        tape = rest;
        params = rest_params;
        gradient = rest_gradient;
        layers = below;
    }
}

/// [`backward`] for one sample with the update in the same pass: `w += delta x`, the deltas being scaled already.
pub(crate) fn backward_online(topology: &Topology, params: &mut [f32], tape: &mut [f32]) {
    let mut params = params;
    let Some(mut tape) = tape.get_mut(..topology.tape_len(1)) else { return };
    let mut layers = topology.layers();
    while let Some((layer, below)) = layers.split_last() {
        let units = layer.units();
        let fan_in = below.last().map_or(topology.inputs(), Layer::units);
        let Some(start) = params.len().checked_sub(units * (fan_in + 1)) else { return };
        let Some((rest_params, layer_params)) = params.split_at_mut_checked(start) else { return };
        let Some((weights, biases)) = layer_params.split_at_mut_checked(units * fan_in) else { return };
        let Some((rest_tape, inputs, deltas)) = split_blocks(tape, fan_in, units) else { return };
        kernels::backward_online(weights, biases, deltas, inputs, below.last().map(Layer::activation));
        let kept = rest_tape + inputs.len();
        let Some(rest) = tape.get_mut(..kept) else { return };
        tape = rest;
        params = rest_params;
        layers = below;
    }
}

/// The last layer's weights, and the parameters before it.
fn split_layer(params: &[f32], units: usize, fan_in: usize) -> Option<(&[f32], &[f32])> {
    let (rest, layer) = params.split_at_checked(params.len().checked_sub(units * (fan_in + 1))?)?;
    let (weights, _biases) = layer.split_at_checked(units * fan_in)?;
    Some((weights, rest))
}

/// The tape's last two blocks, and the length of what stands before them.
fn split_blocks(tape: &mut [f32], inputs: usize, outputs: usize) -> Option<(usize, &mut [f32], &mut [f32])> {
    let rest = tape.len().checked_sub(inputs + outputs)?;
    let (inputs, outputs) = tape.get_mut(rest..)?.split_at_mut_checked(inputs)?;
    Some((rest, inputs, outputs))
}
