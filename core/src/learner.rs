//! Training batch by batch, driven by the caller's own loop.

use crate::data::Dataset;
use crate::dropout::Key;
use crate::error::{Error, Requirement, require};
use crate::group::{begin, judge, roll_back};
use crate::kernels;
use crate::lanes::{Lanes, lend};
use crate::loss::Loss;
use crate::network::{Network, check_data, check_samples, read_samples};
use crate::optimizer::{Gather, Optimizer, Update, Variables};
use crate::pass::{Samples, backward, backward_online, forward, not_finite, penalty};
use crate::topology::Topology;

/// Trains a network by one batch a call, at the rate the caller says: Keras' `train_on_batch`, or the body of the loop over batches
/// that is written in PyTorch. There are no epochs, no schedule and no validation: the caller has a loop for them, or needs none, as
/// where samples come from a sensor and are learnt from as they come.
///
/// The weights are, bit by bit, those of a [`Fit`](crate::Fit) that sees the same batches at the same rates, where there is no dropout: it
/// draws by the update here, by the epoch there. A `Fit` takes bounded steps, counts, validates, and can be saved and resumed; this
/// takes less code.
///
/// ```
/// use microfit::{Init, Learner, Topology, activation::{Sigmoid, Tanh}, checked, data::Rows, dense};
/// use microfit::{loss::BinaryCrossEntropy, optimizer::Sgd, schedule::{Schedule, TimeBased}};
///
/// const NET: Topology = Topology::new(2, &[dense(4, &Tanh), dense(1, &Sigmoid)]);
/// const SGD: Sgd = checked!(Sgd::keras(0.9));
/// const RATE: TimeBased = checked!(TimeBased::new(0.5, 0.001));
///
/// let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
/// Init::GlorotUniform.fill(&NET, 1, &mut params)?;
/// let mut learner = Learner::new(&NET, &BinaryCrossEntropy, &SGD, &mut params, &mut workspace)?;
/// let xor = Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
/// let mut loss = f32::INFINITY;
/// while loss > 0.01 {
///     loss = learner.train_on_batch(&xor, RATE.rate(learner.steps()))?;
/// }
/// assert!(learner.predict(&[1., 0.])?[0] > 0.95);
/// # Ok::<(), microfit::Error>(())
/// ```
///
/// # How to have little code
///
/// It borrows its settings. Where they are constants, as here, the compiler knows them and leaves out of the image what this network and
/// this optimizer have no use for: some 1.1 KB for 64-32-10 beside settings in variables. `train_on_batch` is inlined, so it is best called
/// from one place. The library's schedules compute in f64, which is software on these cores, to their libraries' bits:
/// [`Piecewise`](crate::schedule::Piecewise) takes half a kilobyte, a cosine ten, more than all of the training. A rate computed in f32
/// is as good here.
///
/// # After a divergence
///
/// A rate that is too high may show only in a later call, whose samples the weights it has led to are tried on. So the way back is to weights
/// that were kept while all was well:
///
/// ```
/// # use microfit::{Error, Learner, Topology, activation::Linear, checked, data::Rows, dense, loss::MeanSquaredError, optimizer::Sgd};
/// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
/// # const SGD: Sgd = checked!(Sgd::keras(0.5));
/// # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
/// # let mut kept = params;
/// # let mut learner = Learner::new(&NET, &MeanSquaredError, &SGD, &mut params, &mut workspace)?;
/// # let batch = Rows { features: &[[1.0]; 9], targets: &[[2.0]; 9] };
/// let mut rate = 1e30;
/// for round in 0..400 {
///     match learner.train_on_batch(&batch, rate) {
///         Ok(loss) if round % 50 == 0 && loss < 3.0 => learner.copy_params_to(&mut kept)?,
///         Ok(_) => {}
///         Err(error) if error.is_divergence() => {
///             rate *= 0.1;
///             learner.roll_back(Some(&kept))?;
///         }
///         Err(error) => return Err(error),
///     }
/// }
/// assert!(learner.params().iter().sum::<f32>() > 1.9);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Learner<'a, 'b, L, O> {
    topology: &'a Topology<'a>,
    loss: &'a L,
    optimizer: &'a O,
    params: &'b mut [f32],
    state: &'b mut [f32],
    lanes: Lanes<'b>,
    clock: Clock,
    momentum: Option<f32>,
}

/// Updates done.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Clock {
    steps: u32,
    /// How many they were when the optimizer's state was last cleared.
    cleared: u32,
}

impl<'a, 'b, L: Loss, O: Optimizer> Learner<'a, 'b, L, O> {
    /// Begins with the given parameters, and with the optimizer's state cleared.
    ///
    /// `params` has to have [`Topology::param_len`] floats. As many samples are taken together as `workspace` has room for:
    /// [`Topology::workspace_len`]`::<O>()` is the usual length, [`Topology::workspace_len_for`] tells others.
    ///
    /// # Errors
    /// [`Error::BufferLength`]; [`Error::LossActivation`] and [`Error::LossTargets`] for a loss that does not fit the outputs;
    /// [`Error::AllLayersFrozen`], [`Error::RowActivationHidden`] and [`Error::PenaltyWithoutGradient`] for a topology that cannot be
    /// trained so.
    // In line, like what takes a batch: then the compiler knows what the references lead to.
    #[inline(always)]
    pub fn new(
        topology: &'a Topology<'a>,
        loss: &'a L,
        optimizer: &'a O,
        params: &'b mut [f32],
        workspace: &'b mut [f32],
    ) -> Result<Self, Error> {
        let (_, state, lanes) = lend::<L, O>(topology, loss, params, workspace)?;
        kernels::fill(state, 0.0);
        let clock = Clock { steps: 0, cleared: 0 };
        Ok(Self { topology, loss, optimizer, params, state, lanes, clock, momentum: None })
    }

    /// One update from all samples of `batch`, whose gradient is the mean of theirs. Returns the batch's loss before it: the weighted
    /// losses' sum divided by the number of samples, and the penalties. The rate is that of this update alone: a schedule's, asked with
    /// [`Self::steps`] or with what the caller counts. Dropout draws by the step and by the sample's place in the batch.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`], [`Error::DatasetTooLarge`], [`Error::FeatureCount`], [`Error::TargetCount`], [`Error::Parameter`] for more than
    /// one sample with an optimizer that has no state to gather them in; [`Error::RateNotFinite`]; whatever the dataset returns,
    /// [`Error::SampleNotFinite`], [`Error::TargetInvalid`] or [`Error::WeightInvalid`] for a sample that is no number. An index is one in
    /// the batch. Whether all samples are what they should be is asked before the first is learnt from, and nothing has changed if one is not.
    /// For that they are read twice, unless the workspace has room for all of them at once; without an FPU, and with the feature `small`,
    /// always. So the batch has to give the same sample for the same index, which a [`Stream`](crate::data::Stream) does not.
    ///
    /// [`Error::Diverged`], [`Error::GradientNotFinite`], [`Error::LossNotFinite`] and [`Error::ParametersNotFinite`] for a rate that was too
    /// high, in this call or an earlier one, or for a sample that is far too large. They have cleared the optimizer's state, as
    /// [`Self::roll_back`] does, and so has a sample that could not be read again. The parameters, and [`Self::steps`], are those of the last
    /// update, but for [`Error::ParametersNotFinite`]: then this update has ruined them.
    #[inline(always)]
    pub fn train_on_batch(&mut self, batch: &impl Dataset, rate: f32) -> Result<f32, Error> {
        let Self { params, state, lanes, clock, .. } = self;
        let rates = (rate, self.momentum);
        train_on_batch(self.topology, self.loss, self.optimizer, batch, rates, params, state, lanes, clock)
    }

    /// Takes this momentum, or first moment's decay, from the next batch on in place of the optimizer's, until it is told another:
    /// [`Schedule::momentum`](crate::schedule::Schedule::momentum) of a schedule that drives it. `None` gives the optimizer's back.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `0 <= momentum < 1`, as of optimizers; then it is as it was.
    pub const fn force_momentum(&mut self, momentum: Option<f32>) -> Result<(), Error> {
        if let Some(momentum) = momentum
            && let Err(error) = require("momentum", Requirement::Fraction, momentum as f64)
        {
            return Err(error);
        }
        self.momentum = momentum;
        Ok(())
    }

    /// Makes a new learner count from `steps` on, where its parameters were restored after a reset: for schedules, and for dropout, to go on
    /// where they were. The optimizer's state begins anew.
    #[must_use]
    pub const fn starting_at(self, steps: u32) -> Self {
        Self { clock: Clock { steps, cleared: steps }, ..self }
    }

    /// Updates done: calls of [`Self::train_on_batch`] that have not failed.
    pub const fn steps(&self) -> u32 {
        self.clock.steps
    }

    /// The parameters as they are: those of the last update.
    pub const fn params(&self) -> &[f32] {
        self.params
    }

    /// Copies the parameters, to have the last good ones.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for a copy of another length, which then is as it was.
    pub fn copy_params_to(&self, copy: &mut [f32]) -> Result<(), Error> {
        self.topology.check_params(copy.len())?;
        kernels::copy(self.params, copy);
        Ok(())
    }

    /// Clears the optimizer's state, and takes the parameters from a copy that was kept, or leaves them as they are. [`Self::steps`] goes on.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for a copy of another length, [`Error::ParametersNotFinite`] for parameters that are no numbers. Then nothing
    /// has changed.
    pub fn roll_back(&mut self, kept: Option<&[f32]>) -> Result<(), Error> {
        roll_back(self.topology, self.params, self.state, kept, self.clock.steps)?;
        self.clock.cleared = self.clock.steps;
        Ok(())
    }

    /// The outputs for one sample, after the last activation. They stand in the workspace, so that no other is needed.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if `input` has not the topology's number of inputs.
    pub fn predict(&mut self, input: &[f32]) -> Result<&[f32], Error> {
        Network::over(*self.topology, self.params).predict(input, self.lanes.tape)
    }

    /// The network as it is, to evaluate between two batches.
    pub const fn network(&self) -> Network<'_> {
        Network::over(*self.topology, self.params)
    }
}

/// Not of `self`, of whose fields the compiler would know nothing.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "they are a learner's fields")]
fn train_on_batch<L: Loss, O: Optimizer>(
    topology: &Topology,
    loss: &L,
    optimizer: &O,
    batch: &impl Dataset,
    (rate, momentum): (f32, Option<f32>),
    params: &mut [f32],
    state: &mut [f32],
    lanes: &mut Lanes,
    clock: &mut Clock,
) -> Result<f32, Error> {
    check_data(topology, loss, batch)?;
    let Clock { steps: step, cleared } = *clock;
    let samples = batch.len() as u32;
    if O::GATHER == Gather::InParameters {
        require("batch", Requirement::One, f64::from(samples))?;
    }
    if !rate.is_finite() {
        return Err(Error::RateNotFinite { step });
    }
    // All samples are looked at before the first is learnt from, so that a bad one leaves no trace. Where there is room for all at once
    // they are anyway, but the kernels with the least code do without that case.
    let looks_twice = cfg!(kernels = "plain") || samples as usize > lanes.count;
    if looks_twice {
        check_samples(batch, loss, topology, lanes.tape, lanes.targets, samples)?;
    }
    let update = Update { step, age: step.saturating_sub(cleared), rate, momentum, samples };
    let outcome = learn(topology, loss, optimizer, batch, &update, !looks_twice, params, state, lanes);
    match outcome {
        Ok(_) => clock.steps = step.saturating_add(1),
        // A divergence wherever it is, so that it does not depend on how many samples are taken together what it costs.
        Err(error) => {
            if looks_twice || error.is_divergence() {
                kernels::fill(state, 0.0);
                clock.cleared = step;
            }
        }
    }
    outcome
}

/// The update itself. If it fails the parameters are as they were, unless it has ruined them, but the state is what it has come to.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "they are a learner's fields")]
fn learn<L: Loss, O: Optimizer>(
    topology: &Topology,
    loss: &L,
    optimizer: &O,
    batch: &impl Dataset,
    update: &Update,
    checked: bool,
    params: &mut [f32],
    state: &mut [f32],
    lanes: &mut Lanes,
) -> Result<f32, Error> {
    let (step, samples) = (update.step, update.samples);
    let (mut done, mut sum) = (0, 0.0);
    while done < samples {
        gather(topology, loss, optimizer, batch, update, checked, params, state, lanes, &mut done, &mut sum)?;
    }
    let (gathered, _) = state.split_at_checked(params.len()).unwrap_or_default();
    if O::GATHER != Gather::InParameters && !kernels::all_finite(gathered) {
        return Err(Error::GradientNotFinite { step });
    }
    let loss = sum / samples as f32 + penalty(topology, params);
    if !loss.is_finite() {
        return Err(Error::LossNotFinite { step });
    }
    optimizer.apply(update, &Variables::of(*topology), params, state);
    if kernels::all_finite(params) { Ok(loss) } else { Err(Error::ParametersNotFinite { step }) }
}

/// The batch's next samples forward and backward. They are counted in `done` if nothing has failed, and their losses are in `sum`.
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "they are a learner's fields")]
fn gather<L: Loss, O: Optimizer>(
    topology: &Topology,
    loss: &L,
    optimizer: &O,
    batch: &impl Dataset,
    update: &Update,
    checked: bool,
    params: &mut [f32],
    state: &mut [f32],
    lanes: &mut Lanes,
    done: &mut u32,
    sum: &mut f32,
) -> Result<(), Error> {
    let first = *done;
    let n = update.samples.saturating_sub(first).min(lanes.count as u32) as usize;
    let samples = Samples { n, key: Some(Key::of(update.step, first)), checked };
    read_samples(batch, loss, topology, first.., lanes.tape, lanes.targets, n)?;
    if forward(topology, params, lanes.tape, &samples).is_none() && checked {
        not_finite(lanes.tape, n, topology.inputs(), |sample| first + sample)?;
    }
    let into = optimizer.accumulation(update);
    let scale = into.scale / update.samples as f32;
    *sum = judged(topology, loss, params, lanes, &samples, scale, *sum, (update.step, first))?;
    // From here on nothing can fail.
    if O::GATHER == Gather::InParameters {
        backward_online(topology, params, lanes.tape, &samples);
    } else {
        let (gradient, _) = state.split_at_mut_checked(params.len()).unwrap_or_default();
        let keep = if first == 0 { begin(topology, params, gradient, &into) } else { 1.0 };
        backward(topology, params, gradient, lanes.tape, &samples, keep);
    }
    *done = first + n as u32;
    Ok(())
}

/// `sum` and the samples' losses; and the last layer's deltas. Not in line, so that what it keeps on the stack lies under nothing else.
#[inline(never)]
#[expect(clippy::too_many_arguments, reason = "they are a learner's fields")]
fn judged<L: Loss>(
    topology: &Topology,
    loss: &L,
    params: &[f32],
    lanes: &mut Lanes,
    samples: &Samples,
    scale: f32,
    mut sum: f32,
    (step, first): (u32, u32),
) -> Result<f32, Error> {
    judge(topology, loss, params, lanes, samples, scale, |sample, value, _| {
        sum += value;
        if sum.is_finite() { Ok(()) } else { Err(Error::Diverged { step, index: (first + sample) as usize }) }
    })?;
    Ok(sum)
}
