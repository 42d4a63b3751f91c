//! Training batch by batch, driven by the caller's own loop.

use crate::data::Dataset;
use crate::dropout::Key;
use crate::error::{Error, Requirement, require};
use crate::group::{begin, judge};
use crate::kernels;
use crate::lanes::{Lanes, lend};
use crate::loss::Loss;
use crate::network::{Network, check_data, read_samples};
use crate::optimizer::{Gather, Optimizer, Update, Variables};
use crate::pass::{Samples, backward, backward_online, forward, not_finite, penalty};
use crate::topology::Topology;

/// Trains a network by one batch a call, at the rate the caller says: Keras' `train_on_batch`, or the body of the loop that is written
/// over batches in PyTorch. There are no epochs, no schedule and no validation; the caller has a loop for them, or needs none of them, as where
/// samples come from a sensor and are learnt from as they come.
///
/// The weights are, bit by bit, those of a [`Fit`](crate::Fit) that sees the same batches at the same rates. A `Fit` takes bounded steps, counts,
/// validates, and can be saved and resumed; this takes less code. It borrows its settings, so that where they are constants the compiler
/// knows them, and leaves out of the image what this network and this optimizer have no use for.
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
/// assert!(learner.network().predict(&[1., 0.], &mut [0.0; NET.tape_len(1)])?[0] > 0.95);
/// # Ok::<(), microfit::Error>(())
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
    /// [`Error::SampleNotFinite`], [`Error::TargetInvalid`] or [`Error::WeightInvalid`] for a sample that is no number; and
    /// [`Error::Diverged`], [`Error::GradientNotFinite`] or [`Error::LossNotFinite`] for a rate that was too high. An index is one in the batch.
    ///
    /// A call that fails has changed neither parameters nor [`Self::steps`]. Where some samples had been gathered already it has cleared the
    /// optimizer's state, as [`Trainer::roll_back`](crate::Trainer::roll_back) does.
    #[inline(always)]
    pub fn train_on_batch(&mut self, batch: &impl Dataset, rate: f32) -> Result<f32, Error> {
        let Self { params, state, lanes, clock, .. } = self;
        let rates = (rate, self.momentum);
        train_on_batch(self.topology, self.loss, self.optimizer, batch, rates, params, state, lanes, clock)
    }

    /// Takes this momentum, or first moment's decay, from the next batch on in place of the optimizer's, until it is told another:
    /// [`Schedule::momentum`](crate::schedule::Schedule::momentum) of a schedule that drives it. `None` gives the optimizer's back.
    pub const fn force_momentum(&mut self, momentum: Option<f32>) {
        self.momentum = momentum;
    }

    /// Updates done: calls of [`Self::train_on_batch`] that have not failed.
    pub const fn steps(&self) -> u32 {
        self.clock.steps
    }

    /// The parameters as they are: those of the last update.
    pub const fn params(&self) -> &[f32] {
        self.params
    }

    /// The network as it is, to predict with or to evaluate between two batches.
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
    let update = Update { step, age: step.saturating_sub(cleared), rate, momentum, samples };
    let (mut done, mut sum) = (0, 0.0);
    let mut outcome = Ok(());
    while outcome.is_ok() && done < samples {
        outcome = gather(topology, loss, optimizer, batch, &update, params, state, lanes, &mut done, &mut sum);
    }
    let (gathered, _) = state.split_at_checked(params.len()).unwrap_or_default();
    let loss = sum / samples as f32 + penalty(topology, params);
    if outcome.is_ok() {
        if O::GATHER != Gather::InParameters && !kernels::all_finite(gathered) {
            outcome = Err(Error::GradientNotFinite { step });
        } else if !loss.is_finite() {
            outcome = Err(Error::LossNotFinite { step });
        }
    }
    if let Err(error) = outcome {
        if done > 0 {
            kernels::fill(state, 0.0);
            clock.cleared = step;
        }
        return Err(error);
    }
    optimizer.apply(&update, &Variables::of(*topology), params, state);
    clock.steps = step.saturating_add(1);
    Ok(loss)
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
    params: &mut [f32],
    state: &mut [f32],
    lanes: &mut Lanes,
    done: &mut u32,
    sum: &mut f32,
) -> Result<(), Error> {
    let first = *done;
    let n = update.samples.saturating_sub(first).min(lanes.count as u32) as usize;
    let samples = Samples { n, key: Some(Key::of(update.step, first)), checked: true };
    read_samples(batch, loss, topology, first.., lanes.tape, lanes.targets, n)?;
    if forward(topology, params, lanes.tape, &samples).is_none() {
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
