//! What to train, how, and for how long.

use crate::data::Order;
use crate::error::{Error, Requirement, require};
use crate::kernels;
use crate::lanes::lend;
use crate::loss::Loss;
use crate::optimizer::{Gather, Optimizer};
use crate::progress::Progress;
use crate::schedule::Schedule;
use crate::topology::Topology;
use crate::trainer::Trainer;

/// What a schedule's step counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Clock {
    /// Updates done, over all epochs: what Keras' `LearningRateSchedule` and legacy `decay` count.
    Update,
    /// Epochs done: what Keras' `LearningRateScheduler` counts, and PyTorch's `step()` as its documentation calls it.
    Epoch,
}

/// Everything that defines a training run, except the data and the buffers: plain settings, usually a `const`.
///
/// ```
/// use microfit::{Clock, Fit, Init, Topology, activation::{Sigmoid, Tanh}, data::{Nothing, Rows, Shuffle}};
/// use microfit::{dense, loss::BinaryCrossEntropy, optimizer::Sgd, schedule::Constant, Network};
///
/// const NET: Topology = Topology::new(2, &[dense(4, &Tanh), dense(1, &Sigmoid)]);
///
/// let xor = Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
/// let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
/// Init::GlorotUniform.fill(&NET, 1, &mut params)?;
/// let fit = Fit {
///     topology: NET, loss: BinaryCrossEntropy, optimizer: Sgd::keras(0.9)?, schedule: Constant::new(0.5)?,
///     clock: Clock::Update, order: Shuffle::new(1), batch: 4, epochs: 200,
/// };
/// fit.start(&mut params, &mut workspace)?.run(&xor, &Nothing)?;
/// assert!(Network::new(NET, &params)?.predict(&[1., 0.], &mut workspace)?[0] > 0.9);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fit<'a, L, O, S, R> {
    /// Layer widths and activations.
    pub topology: Topology<'a>,
    /// What is made small.
    pub loss: L,
    /// How a gradient becomes a change of the parameters.
    pub optimizer: O,
    /// The learning rate as a function of time.
    pub schedule: S,
    /// What the schedule's step counts.
    pub clock: Clock,
    /// The order in which an epoch visits the training samples.
    pub order: R,
    /// Samples an update; an epoch's last batch may be smaller. At least 1.
    pub batch: u32,
    /// Passes over the training samples. At least 1.
    pub epochs: u32,
}

impl<'a, L: Loss, O: Optimizer, S: Schedule, R: Order> Fit<'a, L, O, S, R> {
    /// Begins a run from the given parameters, with the optimizer's state cleared.
    ///
    /// `params` has to have [`Topology::param_len`] floats. As many samples are taken together as `workspace` has room for:
    /// [`Topology::workspace_len`]`::<O>()` is the usual length, [`Topology::workspace_len_for`] tells others.
    ///
    /// # Errors
    /// [`Error::BufferLength`]; [`Error::Parameter`] for a batch or a number of epochs of 0, or a batch other than 1
    /// with an optimizer that has no state to gather it in; [`Error::LossActivation`] and [`Error::LossTargets`] for a loss that does not
    /// fit the outputs; [`Error::AllLayersFrozen`], [`Error::RowActivationHidden`] and [`Error::PenaltyWithoutGradient`] for a topology
    /// that cannot be trained so.
    pub fn start<'b>(
        self,
        params: &'b mut [f32],
        workspace: &'b mut [f32],
    ) -> Result<Trainer<'a, 'b, L, O, S, R>, Error> {
        self.begin(Progress::default(), params, workspace, true)
    }

    /// Goes on with a run that was stopped between two calls of [`Trainer::step`]: with the same settings, the same
    /// data, and the parameters and the workspace it left, every bit is what it would have been. With more epochs a run that was over
    /// is made longer. What outlives a reset is kept by the feature `storage`, which loads a run into a trainer that was started.
    ///
    /// # Errors
    /// As [`Self::start`], and [`Error::ProgressMismatch`] for progress that a run of these settings cannot have made.
    pub fn resume<'b>(
        self,
        progress: Progress,
        params: &'b mut [f32],
        workspace: &'b mut [f32],
    ) -> Result<Trainer<'a, 'b, L, O, S, R>, Error> {
        self.begin(progress, params, workspace, false)
    }

    /// Both of the above, made of one function so that the trainer is not moved from one result into another.
    #[inline(always)]
    fn begin<'b>(
        self,
        progress: Progress,
        params: &'b mut [f32],
        workspace: &'b mut [f32],
        clear: bool,
    ) -> Result<Trainer<'a, 'b, L, O, S, R>, Error> {
        let batch_rule = if O::GATHER == Gather::InParameters { Requirement::One } else { Requirement::AtLeastOne };
        require("batch", batch_rule, f64::from(self.batch))?;
        require("epochs", Requirement::AtLeastOne, f64::from(self.epochs))?;
        if !progress.fits(self.batch, self.epochs) {
            return Err(Error::ProgressMismatch);
        }
        let (input, state, lanes) = lend::<L, O>(&self.topology, &self.loss, params, workspace)?;
        if clear {
            kernels::fill(state, 0.0);
        } else {
            // Of the state only what gradients are gathered in; the rest is as it was, to the bit.
            kernels::canonical(state.get_mut(..params.len()).unwrap_or_default());
        }
        Ok(Trainer::new(self, input, progress, params, state, lanes))
    }
}
