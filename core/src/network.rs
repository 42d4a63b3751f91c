//! A network over borrowed parameters: prediction and evaluation.

use crate::activation::Slope;
use crate::data::Dataset;
use crate::error::{Buffer, Error};
use crate::kernels::{self, BY_VALUE, Place};
use crate::layer::Layer;
use crate::loss::{Input, Loss};
use crate::matrix::rows_mut;
use crate::metrics::Metrics;
use crate::optimizer::Gather;
use crate::pass::{Samples, forward, not_finite, penalty};
use crate::topology::{Topology, check_len};
use crate::unroll::one_turn_at_a_time;

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
        kernels::copy(input, tape.get_mut(..expected).unwrap_or_default());
        let unchecked = Samples { checked: false, ..Samples::of(1) };
        let outputs = forward(&self.topology, self.params, tape, &unchecked).unwrap_or_default();
        activate(&self.topology, outputs);
        Ok(outputs)
    }

    /// Loss, penalties included, and accuracy over a whole dataset, in one call. `tape` needs [`Topology::tape_len`]`(1)` floats
    /// and one more an output, for the targets. Where a call may not take that long, the trainer validates in bounded steps. Losses that
    /// are too large, alone or together, are no error here: the mean is NaN or infinite then.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`], [`Error::DatasetTooLarge`], [`Error::FeatureCount`], [`Error::TargetCount`], [`Error::LossActivation`],
    /// [`Error::BufferLength`], whatever the dataset returns, and [`Error::SampleNotFinite`], [`Error::TargetInvalid`] or
    /// [`Error::WeightInvalid`] for a sample that is no number.
    pub fn evaluate<L: Loss>(&self, loss: &L, data: &impl Dataset, tape: &mut [f32]) -> Result<Metrics, Error> {
        let topology = &self.topology;
        let input = loss_input(topology, loss)?;
        check_data(topology, loss, data)?;
        let (target, tape) = split_target(topology, loss.targets(topology.outputs()), topology.outputs(), tape)?;
        let mut metrics = Metrics::default();
        for index in 0..data.len() {
            let (features, _) = tape.split_at_mut_checked(topology.inputs()).unwrap_or_default();
            let weight = read_sample(data, loss, topology.outputs(), index, features, target)?;
            let Some(outputs) = forward(topology, self.params, tape, &Samples::of(1)) else {
                not_finite(tape, 1, topology.inputs(), |_| index as u32)?;
                continue;
            };
            if input == Input::Outputs {
                activate(topology, outputs);
            }
            metrics.record(weight * loss.value(outputs, target), loss.accuracy(outputs, target));
        }
        metrics.penalise(penalty(topology, self.params), metrics.samples());
        Ok(metrics)
    }

    /// Hands the outputs, after the last activation, and the targets of every sample to `judge`, such as a
    /// [confusion matrix](crate::metrics). `tape` needs [`Topology::tape_len`]`(1)` floats and one more a target.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`], [`Error::DatasetTooLarge`], [`Error::FeatureCount`], [`Error::BufferLength`],
    /// [`Error::SampleNotFinite`], and whatever the dataset or `judge` returns.
    pub fn judge(
        &self,
        data: &impl Dataset,
        tape: &mut [f32],
        mut judge: impl FnMut(&[f32], &[f32]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let topology = &self.topology;
        check_features(topology, data)?;
        let (target, tape) = split_target(topology, data.targets(), data.targets(), tape)?;
        for index in 0..data.len() {
            let (features, _) = tape.split_at_mut_checked(topology.inputs()).unwrap_or_default();
            data.read(index, features, target)?;
            let Some(outputs) = forward(topology, self.params, tape, &Samples::of(1)) else {
                not_finite(tape, 1, topology.inputs(), |_| index as u32)?;
                continue;
            };
            activate(topology, outputs);
            judge(outputs, target)?;
        }
        Ok(())
    }

    /// The parameters.
    pub const fn params(&self) -> &'a [f32] {
        self.params
    }
}

/// The last activation, of a sample's sums.
pub(crate) fn activate(topology: &Topology, sums: &mut [f32]) {
    if let Some(last) = topology.layers().last() {
        last.activation().apply(sums, last.units());
    }
}

/// Splits `reserved` floats for the targets, of which the first `targets` are used, from the tape of one sample.
fn split_target<'t>(
    topology: &Topology,
    targets: usize,
    reserved: usize,
    tape: &'t mut [f32],
) -> Result<(&'t mut [f32], &'t mut [f32]), Error> {
    let (expected, found) = (topology.tape_len(1) + reserved, tape.len());
    check_len(Buffer::Tape, expected, found)?;
    let too_short = Error::BufferLength { buffer: Buffer::Tape, expected, found };
    let (target, tape) = tape.split_at_mut_checked(reserved).ok_or(too_short)?;
    Ok((target.get_mut(..targets).ok_or(too_short)?, tape))
}

/// Refuses a topology that cannot be trained by an optimizer that gathers its gradient so.
pub(crate) fn check_layers(topology: &Topology, gather: Gather) -> Result<(), Error> {
    if topology.layers().iter().all(Layer::is_frozen) {
        return Err(Error::AllLayersFrozen);
    }
    let hidden = topology.layers().split_last().map_or(&[][..], |(_, hidden)| hidden);
    if let Some(layer) = hidden.iter().position(|layer| layer.activation().slope() == Slope::OfRow) {
        return Err(Error::RowActivationHidden { layer });
    }
    if gather == Gather::InParameters && topology.has_penalty() {
        return Err(Error::PenaltyWithoutGradient);
    }
    Ok(())
}

/// Refuses a dataset whose samples do not fit the topology and the loss.
pub(crate) fn check_data<L: Loss>(topology: &Topology, loss: &L, data: &impl Dataset) -> Result<(), Error> {
    check_features(topology, data)?;
    let (expected, found) = (loss.targets(topology.outputs()), data.targets());
    if expected != found {
        return Err(Error::TargetCount { expected, found });
    }
    Ok(())
}

fn check_features(topology: &Topology, data: &impl Dataset) -> Result<(), Error> {
    if data.is_empty() {
        return Err(Error::DatasetEmpty);
    }
    if u32::try_from(data.len()).is_err() {
        return Err(Error::DatasetTooLarge { expected: u32::MAX as usize, found: data.len() });
    }
    let (expected, found) = (topology.inputs(), data.features());
    if expected != found {
        return Err(Error::FeatureCount { expected, found });
    }
    Ok(())
}

/// Reads one sample, refuses what is no target of this loss, and returns its weight. Whether its features are numbers asks [`forward`].
fn read_sample<L: Loss>(
    data: &impl Dataset,
    loss: &L,
    outputs: usize,
    index: usize,
    features: &mut [f32],
    target: &mut [f32],
) -> Result<f32, Error> {
    data.read(index, features, target)?;
    check_target(data, loss, outputs, index, target)
}

/// Refuses what is no target of this loss, and returns the sample's weight.
fn check_target<L: Loss>(
    data: &impl Dataset,
    loss: &L,
    outputs: usize,
    index: usize,
    target: &[f32],
) -> Result<f32, Error> {
    for (output, &found) in target.iter().enumerate() {
        if !found.is_finite() || !loss.accepts(found, outputs) {
            return Err(Error::TargetInvalid { index, output, found });
        }
        one_turn_at_a_time();
    }
    let weight = data.weight(index);
    if weight.is_finite() && weight >= 0.0 { Ok(weight) } else { Err(Error::WeightInvalid { index, found: weight }) }
}

/// Reads the `n` samples at `indices` into the beginning of the tape, and their targets and weights into the rows of `targets`.
/// What is not to be a row goes to its place from where it is in memory, or is read behind the features and goes there from there.
#[inline(never)]
pub(crate) fn read_samples<L: Loss>(
    data: &impl Dataset,
    loss: &L,
    topology: &Topology,
    indices: impl Iterator<Item = u32>,
    tape: &mut [f32],
    targets: &mut [f32],
    n: usize,
) -> Result<(), Error> {
    let (inputs, outputs) = (topology.inputs(), topology.outputs());
    let (features, behind) = tape.split_at_mut_checked(n * inputs).unwrap_or_default();
    let targets = rows_mut(targets, loss.targets(outputs) + 1);
    // All are rows then, and the least code is not to ask where each has its place.
    if !BY_VALUE {
        // The samples first: the order is not to be asked for one past the last.
        for ((features, row), index) in rows_mut(features, inputs).zip(targets).zip(indices) {
            let (Some((weight, target)), index) = (row.split_last_mut(), index as usize) else { break };
            data.read(index, features, target)?;
            *weight = check_target(data, loss, outputs, index, target)?;
        }
        return Ok(());
    }
    for ((sample, row), index) in (0..n).zip(targets).zip(indices) {
        let Some((weight, target)) = row.split_last_mut() else { break };
        let (place, index) = (Place::of(sample, n, inputs), index as usize);
        // Where every sample is a row it is read to where it belongs, and nothing is copied twice.
        if let Some((x, y)) = data.in_memory(index)
            && (x.len(), y.len()) == (inputs, target.len())
        {
            place.put(x, features);
            for (to, from) in target.iter_mut().zip(y) {
                *to = *from;
                one_turn_at_a_time();
            }
        } else if place.is_row() {
            data.read(index, place.row_mut(&mut *features), target)?;
        } else {
            let row = behind.get_mut(..inputs).unwrap_or_default();
            data.read(index, row, target)?;
            place.put(row, features);
        }
        *weight = check_target(data, loss, outputs, index, target)?;
    }
    Ok(())
}

/// Refuses the first of `n` samples that is none, or has a feature that is no number. Each is read into the beginning of the tape.
#[inline(always)]
pub(crate) fn check_samples<L: Loss>(
    data: &impl Dataset,
    loss: &L,
    topology: &Topology,
    tape: &mut [f32],
    targets: &mut [f32],
    n: u32,
) -> Result<(), Error> {
    for index in 0..n {
        read_samples(data, loss, topology, index.., tape, targets, 1)?;
        let features = tape.get(..topology.inputs()).unwrap_or_default();
        // To look at each is the least code, to look at all first the fewest instructions.
        if cfg!(kernels = "plain") || !kernels::all_finite(features) {
            not_finite(tape, 1, topology.inputs(), |_| index)?;
        }
    }
    Ok(())
}

/// What the loss is taken from.
pub(crate) fn loss_input<L: Loss>(topology: &Topology, loss: &L) -> Result<Input, Error> {
    loss.input(topology.layers().last().ok_or(Error::TopologyEmpty)?.activation())
}
