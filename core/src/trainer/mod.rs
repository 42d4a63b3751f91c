//! Training as a series of bounded steps, driven by the caller.

mod batch;
mod validation;

#[cfg(feature = "storage")]
use crate::checkpoint::{Identity, Snapshot, Target};
use crate::data::{Dataset, Order};
use crate::error::{Error, Requirement, require};
use crate::fit::Fit;
use crate::group::roll_back;
use crate::kernels;
use crate::lanes::Lanes;
use crate::loss::{Input, Loss};
use crate::network::{Network, check_data};
use crate::optimizer::Optimizer;
use crate::progress::{Event, Phase, Progress};
use crate::schedule::Schedule;

/// A training run under way. Made by [`Fit::start`]; the caller calls [`Self::step`] until [`Event::Done`], and between
/// two calls does what it likes: feeds a watchdog, blinks, saves, sleeps, stops.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Trainer<'a, 'b, L, O, S, R> {
    fit: Fit<'a, L, O, S, R>,
    input: Input,
    progress: Progress,
    params: &'b mut [f32],
    state: &'b mut [f32],
    lanes: Lanes<'b>,
}

impl<'a, 'b, L: Loss, O: Optimizer, S: Schedule, R: Order> Trainer<'a, 'b, L, O, S, R> {
    pub(crate) const fn new(
        fit: Fit<'a, L, O, S, R>,
        input: Input,
        progress: Progress,
        params: &'b mut [f32],
        state: &'b mut [f32],
        lanes: Lanes<'b>,
    ) -> Self {
        Self { fit, input, progress, params, state, lanes }
    }

    /// The most samples one call of [`Self::step`] takes forward or backward, which the workspace has room for: the bound on
    /// a call's work. A batch's first samples also scale the optimizer's state; every other call does one pass over the
    /// parameters or less.
    pub const fn samples_per_step(&self) -> usize {
        self.lanes.count
    }

    /// Does the next bounded piece of work and says what it was. The data are passed at every call, so that between two a replay buffer
    /// may take in new samples. While it is not full, those count from the next epoch on; in a full one some may count at once in the
    /// place of others: see [`Ring`](crate::data::Ring) and [`ClassBalanced`](crate::data::ClassBalanced), and push between epochs where
    /// each is to count once. A validation set counts with the samples it has when their turn comes.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`], [`Error::DatasetTooLarge`], [`Error::FeatureCount`], [`Error::TargetCount`], whatever the dataset returns,
    /// [`Error::SampleNotFinite`], [`Error::TargetInvalid`] or [`Error::WeightInvalid`] for a sample that is no number,
    /// [`Error::RateNotFinite`] for a rate that is none, [`Error::Diverged`], [`Error::GradientNotFinite`], [`Error::LossNotFinite`]
    /// and [`Error::ParametersNotFinite`] for one that was too high.
    /// A call that fails has changed neither parameters nor progress, and calling again tries the same samples again; after
    /// a divergence [`Self::roll_back`] leads on.
    /// A training set must not lose samples within an epoch: those missing are [`Error::SampleIndex`].
    pub fn step(&mut self, train: &impl Dataset, validation: &impl Dataset) -> Result<Event, Error> {
        match self.progress.phase {
            Phase::Done if self.progress.epoch >= self.fit.epochs => Ok(Event::Done),
            // A run that was over is made longer by settings with more epochs.
            Phase::EpochBegin | Phase::Done => {
                check_data(&self.fit.topology, &self.fit.loss, train)?;
                if !validation.is_empty() {
                    check_data(&self.fit.topology, &self.fit.loss, validation)?;
                }
                self.train_samples(train, true)
            }
            Phase::Samples => self.train_samples(train, false),
            Phase::Update => self.update(!validation.is_empty()),
            // Seen here, so that an image whose validation set is `Nothing` has no code to validate with.
            Phase::Validation if validation.is_empty() => Ok(self.skip_validation()),
            Phase::Validation => {
                // It may be another set than when the epoch began.
                if self.progress.position == 0 {
                    check_data(&self.fit.topology, &self.fit.loss, validation)?;
                }
                self.validate(validation)
            }
            Phase::EpochEnd => self.end_epoch(),
        }
    }

    /// Takes all steps that are left, in one call.
    ///
    /// # Errors
    /// As [`Self::step`]. The steps before the one that failed are done: a further call goes on with that one.
    pub fn run(&mut self, train: &impl Dataset, validation: &impl Dataset) -> Result<(), Error> {
        while self.step(train, validation)? != Event::Done {}
        Ok(())
    }

    /// The steps as an iterator, which ends after [`Event::Done`] or an error.
    ///
    /// ```
    /// # use microfit::{Clock, Event, Fit, Topology, activation::Linear, data::{Nothing, Rows, Sequential}};
    /// # use microfit::{dense, loss::MeanSquaredError, optimizer::OnlineSgd, schedule::Constant};
    /// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    /// # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<OnlineSgd>()]);
    /// # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: OnlineSgd, schedule: Constant::new(0.1)?,
    /// #   clock: Clock::Update, order: Sequential, batch: 1, epochs: 3 };
    /// # let data = Rows { features: &[[1.0]], targets: &[[2.0]] };
    /// let mut trainer = fit.start(&mut params, &mut workspace)?;
    /// let mut losses = 0;
    /// for event in trainer.events(&data, &Nothing) {
    ///     if let Event::Epoch(epoch) = event? {
    ///         assert!(epoch.train.loss() >= 0.0);
    ///         losses += 1;
    ///     }
    /// }
    /// assert_eq!(losses, 3);
    /// # Ok::<(), microfit::Error>(())
    /// ```
    pub fn events<'t, D: Dataset, V: Dataset>(
        &'t mut self,
        train: &'t D,
        validation: &'t V,
    ) -> impl Iterator<Item = Result<Event, Error>> + use<'t, 'a, 'b, L, O, S, R, D, V> {
        let mut over = false;
        core::iter::from_fn(move || {
            if over {
                return None;
            }
            let event = self.step(train, validation);
            over = !matches!(event, Ok(ref event) if *event != Event::Done);
            Some(event)
        })
    }

    /// Trains at `rate` from the next batch on, whatever the schedule says, until it is told another; `None` gives the
    /// schedule back. This is how a [`Feedback`](crate::schedule::Feedback), which answers to a metric, drives a run:
    ///
    /// ```
    /// # use microfit::{Clock, Event, Fit, Topology, activation::Linear, data::{Nothing, Rows, Sequential}, dense};
    /// # use microfit::{loss::MeanSquaredError, optimizer::OnlineSgd, schedule::Constant};
    /// use microfit::schedule::{Feedback, keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau}};
    ///
    /// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    /// # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<OnlineSgd>()]);
    /// # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: OnlineSgd, schedule: Constant::new(0.1)?,
    /// #   clock: Clock::Update, order: Sequential, batch: 1, epochs: 60 };
    /// # let data = Rows { features: &[[1.0], [1.0]], targets: &[[0.0], [1.0]] };
    /// let plateau = reduce_lr_on_plateau(0.1, ReduceLrOnPlateauOptions::DEFAULT)?;
    /// let mut state = plateau.start();
    /// let mut trainer = fit.start(&mut params, &mut workspace)?;
    /// loop {
    ///     match trainer.step(&data, &Nothing)? {
    ///         Event::Epoch(epoch) => {
    ///             plateau.observe(&mut state, epoch.train.loss().into());
    ///             trainer.force_rate(Some(plateau.rate(&state)));
    ///         }
    ///         Event::Done => break,
    ///         _ => {}
    ///     }
    /// }
    /// assert!(plateau.rate(&state) < 0.1);
    /// # Ok::<(), microfit::Error>(())
    /// ```
    pub const fn force_rate(&mut self, rate: Option<f32>) {
        self.progress.forced_rate = rate;
    }

    /// Multiplies every rate from the next batch on by `factor`, on top of earlier calls. Together they stay a normal number, so that
    /// a factor of `1.0 / trainer.rate_factor()` undoes them.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a factor that is not finite and above 0; then nothing has changed. A rate of 0 is one to
    /// [force](Self::force_rate).
    pub const fn scale_rate(&mut self, factor: f32) -> Result<(), Error> {
        if let Err(error) = require("factor", Requirement::Positive, factor as f64) {
            return Err(error);
        }
        self.progress.rate_factor = (self.progress.rate_factor * factor).max(f32::MIN_POSITIVE).min(f32::MAX);
        Ok(())
    }

    /// What the schedule's or the forced rate is multiplied by: all factors given to [`Self::scale_rate`]. 1 at first.
    pub const fn rate_factor(&self) -> f32 {
        self.progress.rate_factor
    }

    /// Begins the epoch at hand anew, with the optimizer's state cleared, from the parameters of the last update or from a copy that was
    /// kept. This is the way on after a divergence, as a rule with a lower rate, and for a run resumed in the middle of an epoch whose
    /// training set has fewer samples now, such as a replay buffer in RAM after a reset ([`Error::SampleIndex`]). What a lower rate does
    /// not cure is a sample's fault, that of the index in [`Error::Diverged`], so the tries are counted:
    ///
    /// ```
    /// # use microfit::{Clock, Error, Event, Fit, Topology, activation::Linear, data::{Rows, Sequential}, dense};
    /// # use microfit::{loss::MeanSquaredError, optimizer::Sgd, schedule::Constant};
    /// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    /// # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
    /// # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: Sgd::keras(0.5)?, schedule: Constant::new(1e30)?,
    /// #   clock: Clock::Update, order: Sequential, batch: 1, epochs: 3 };
    /// # let data = Rows { features: &[[1.0]; 9], targets: &[[2.0]; 9] };
    /// # let validation = &data;
    /// let mut kept = params;
    /// let mut trainer = fit.start(&mut params, &mut workspace)?;
    /// let mut tries = 40;
    /// loop {
    ///     match trainer.step(&data, validation) {
    ///         // Validated after the epoch's last update, so these weights are good.
    ///         Ok(Event::Epoch(_)) => trainer.copy_params_to(&mut kept)?,
    ///         Ok(Event::Done) => break,
    ///         Ok(_) => {}
    ///         Err(error) if error.is_divergence() && tries > 0 => {
    ///             tries -= 1;
    ///             trainer.scale_rate(0.1)?;
    ///             trainer.roll_back(Some(&kept))?;
    ///         }
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # assert!(params.iter().all(|w| w.is_finite()));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BufferLength`] for a copy of another length, [`Error::ParametersNotFinite`] for parameters that are no numbers:
    /// those of an optimizer that keeps no gradient may be, after a divergence. Then nothing has changed.
    pub fn roll_back(&mut self, kept: Option<&[f32]>) -> Result<(), Error> {
        roll_back(&self.fit.topology, self.params, self.state, kept, self.progress.step)?;
        let progress = &mut self.progress;
        if progress.phase != Phase::Done {
            progress.phase = Phase::EpochBegin;
        }
        (progress.position, progress.in_batch, progress.batch_loss) = (0, 0, 0.0);
        progress.cleared = progress.step;
        Ok(())
    }

    /// The run as a checkpoint saves it; early stopping, feedback, best weights, scaling and the caller's own bytes are filled in
    /// by the caller. `identity` is that of this run's [`Fit`]: made once, because its fingerprint tries everything out.
    #[cfg(feature = "storage")]
    pub const fn snapshot<'s>(&'s self, identity: &'s Identity<'_>) -> Snapshot<'s> {
        Snapshot {
            identity,
            progress: &self.progress,
            stopping: None,
            feedback: &[],
            params: self.params,
            state: self.state,
            best: &[],
            shift: &[],
            factor: &[],
            user: &[],
        }
    }

    /// Where a checkpoint of this run is loaded to, in place: then the next [`Self::step`] goes on from there. What [`Self::snapshot`]
    /// leaves to the caller is left to it here, too, and has to be there if it was saved. `identity` is as there.
    #[cfg(feature = "storage")]
    pub const fn target<'s>(&'s mut self, identity: &'s Identity<'_>) -> Target<'s> {
        Target {
            identity,
            progress: &mut self.progress,
            stopping: None,
            feedback: &mut [],
            params: self.params,
            state: self.state,
            best: &mut [],
            shift: &mut [],
            factor: &mut [],
            user: &mut [],
        }
    }

    /// Where the run stands; see [`Fit::resume`].
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// The parameters as they are: those of the last update.
    pub const fn params(&self) -> &[f32] {
        self.params
    }

    /// Copies the parameters, to keep the best of a run or the last good ones. `copy_from_slice` has a panic path.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for a copy of another length, which then is as it was.
    pub fn copy_params_to(&self, copy: &mut [f32]) -> Result<(), Error> {
        self.fit.topology.check_params(copy.len())?;
        kernels::copy(self.params, copy);
        Ok(())
    }

    /// The outputs for one sample, after the last activation, between two steps. They stand in the workspace, so that no other is needed.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if `input` has not the topology's number of inputs.
    pub fn predict(&mut self, input: &[f32]) -> Result<&[f32], Error> {
        Network::over(self.fit.topology, self.params).predict(input, self.lanes.tape)
    }

    /// The network as it is, to evaluate between two steps.
    pub const fn network(&self) -> Network<'_> {
        Network::over(self.fit.topology, self.params)
    }
}
