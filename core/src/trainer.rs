//! Training as a series of bounded steps, driven by the caller.

use crate::data::{Dataset, Order};
use crate::error::Error;
use crate::fit::{Clock, Fit};
use crate::kernels;
use crate::loss::{Input, Loss};
use crate::matrix::{rows, rows_mut};
use crate::metrics::Metrics;
use crate::network::{Network, backward, backward_online, check_data, forward, last_activation, read_samples};
use crate::optimizer::{Accumulation, Optimizer, Update};
use crate::progress::{Epoch, Event, Phase, Progress};
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
    targets: &'b mut [f32],
    tape: &'b mut [f32],
}

impl<'a, 'b, L: Loss, O: Optimizer, S: Schedule, R: Order> Trainer<'a, 'b, L, O, S, R> {
    /// The most samples one call of [`Self::step`] takes forward or backward: the bound on a call's work. A batch's
    /// first samples also scale the optimizer's state; every other call does one pass over the parameters or less.
    pub const SAMPLES_PER_STEP: usize = O::LANES;

    pub(crate) fn new(
        fit: Fit<'a, L, O, S, R>,
        input: Input,
        progress: Progress,
        params: &'b mut [f32],
        state: &'b mut [f32],
        targets: &'b mut [f32],
        tape: &'b mut [f32],
    ) -> Self {
        const { assert!(O::LANES > 0, "an optimizer takes at least one sample at a time") };
        Self { fit, input, progress, params, state, targets, tape }
    }

    pub(crate) fn clear_state(&mut self) {
        self.state.fill(0.0);
    }

    /// Does the next bounded piece of work and says what it was. The data are passed at every call, so that between
    /// two a replay buffer may take in new samples; those count from the next epoch on.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`], [`Error::FeatureCount`], [`Error::TargetCount`], whatever the dataset returns,
    /// [`Error::SampleNotFinite`] or [`Error::TargetInvalid`] for a sample that is no number, [`Error::Diverged`] and
    /// [`Error::ParametersNotFinite`] for a rate that was too high.
    /// A call that fails has changed neither parameters nor progress, and calling again tries the same samples again.
    /// A set must not lose samples within an epoch: those missing are [`Error::SampleIndex`].
    pub fn step(&mut self, train: &impl Dataset, validation: &impl Dataset) -> Result<Event, Error> {
        match self.progress.phase {
            Phase::EpochBegin => {
                check_data(&self.fit.topology, train)?;
                if !validation.is_empty() {
                    check_data(&self.fit.topology, validation)?;
                }
                let begun = Progress {
                    phase: Phase::Samples,
                    len: train.len() as u32,
                    position: 0,
                    train: Metrics::default(),
                    validation: Metrics::default(),
                    ..self.progress
                };
                self.train_samples(begun, train)
            }
            Phase::Samples => self.train_samples(self.progress, train),
            Phase::Update => Ok(self.update(validation)),
            Phase::Validation => self.validate(validation),
            Phase::EpochEnd => self.end_epoch(),
            Phase::Done => Ok(Event::Done),
        }
    }

    /// Takes all steps that are left, in one call.
    ///
    /// # Errors
    /// As [`Self::step`].
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

    /// Where the run stands; see [`Fit::resume`].
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// The parameters as they are: those of the last update.
    pub const fn params(&self) -> &[f32] {
        self.params
    }

    /// The network as it is, to predict with between two steps.
    pub const fn network(&self) -> Network<'_> {
        Network::over(self.fit.topology, self.params)
    }

    /// The update the batch at hand leads to.
    fn next_update(&self, progress: &Progress) -> Update {
        let Progress { epoch, step, position, in_batch, len, rate, momentum, forced_rate, .. } = *progress;
        let clock = match self.fit.clock {
            Clock::Update => step,
            Clock::Epoch => epoch,
        };
        let begin = position.saturating_sub(in_batch);
        // A batch has one rate, and a schedule is called once for it: f64 is dear without an FPU for it.
        let (rate, momentum) = if in_batch > 0 {
            (rate, momentum)
        } else {
            let rate = forced_rate.unwrap_or_else(|| self.fit.schedule.rate(clock));
            (rate, self.fit.schedule.momentum(clock))
        };
        Update { step, rate, momentum, samples: self.fit.batch.min(len.saturating_sub(begin)).max(1) }
    }

    /// `progress` is committed only if nothing fails.
    fn train_samples(&mut self, mut progress: Progress, data: &impl Dataset) -> Result<Event, Error> {
        let update = self.next_update(&progress);
        let topology = self.fit.topology;
        let n = update.samples.saturating_sub(progress.in_batch).min(O::LANES as u32) as usize;
        let outputs_len = topology.outputs();

        let order = |position| self.fit.order.index(progress.epoch, position, progress.len);
        let indices = (progress.position..).map(order);
        let targets = read_samples(data, &self.fit.loss, &topology, indices, self.tape, self.targets, n)?;

        let outputs = forward(&topology, self.params, self.tape, n, self.input);
        let Accumulation { keep, scale } = self.fit.optimizer.accumulation(&update);
        let samples = rows(outputs, outputs_len).zip(rows_mut(targets, outputs_len));
        for (position, (outputs, target)) in (progress.position..).zip(samples) {
            let value = self.fit.loss.value(outputs, target);
            if !value.is_finite() {
                let index = self.fit.order.index(progress.epoch, position, progress.len) as usize;
                return Err(Error::Diverged { step: progress.step, index });
            }
            progress.train.record(&self.fit.loss, value, outputs, target);
            progress.batch_loss += value;
            self.fit.loss.differentiate(outputs, target, scale);
        }

        // From here on nothing fails.
        if self.input == Input::Outputs {
            last_activation(&topology).differentiate(outputs);
            kernels::scale_by(outputs, targets);
        } else {
            for (output, delta) in outputs.iter_mut().zip(targets) {
                *output = *delta;
            }
        }
        if O::STATE_PER_PARAM == 0 {
            backward_online(&topology, self.params, self.tape);
        } else {
            let (gradient, _) = self.state.split_at_mut_checked(self.params.len()).unwrap_or_default();
            if progress.in_batch == 0 {
                kernels::scale(gradient, keep);
            }
            backward(&topology, self.params, gradient, self.tape, n);
        }

        (progress.rate, progress.momentum) = (update.rate, update.momentum);
        progress.position += n as u32;
        progress.in_batch += n as u32;
        if progress.in_batch >= update.samples {
            progress.phase = Phase::Update;
        }
        self.progress = progress;
        Ok(Event::Samples { done: progress.position, of: progress.len })
    }

    fn update(&mut self, validation: &impl Dataset) -> Event {
        let update = self.next_update(&self.progress);
        self.fit.optimizer.apply(&update, self.params, self.state);
        let progress = &mut self.progress;
        let loss = progress.batch_loss / update.samples as f32;
        progress.step = progress.step.saturating_add(1);
        progress.in_batch = 0;
        progress.batch_loss = 0.0;
        progress.phase = if progress.position < progress.len {
            Phase::Samples
        } else {
            progress.position = 0;
            if validation.is_empty() { Phase::EpochEnd } else { Phase::Validation }
        };
        Event::Update { step: progress.step, rate: update.rate, loss }
    }

    fn validate(&mut self, data: &impl Dataset) -> Result<Event, Error> {
        let topology = self.fit.topology;
        let mut progress = self.progress;
        let len = data.len() as u32;
        let n = len.saturating_sub(progress.position).min(O::LANES as u32) as usize;
        let outputs_len = topology.outputs();

        let indices = progress.position..;
        let targets = read_samples(data, &self.fit.loss, &topology, indices, self.tape, self.targets, n)?;
        let outputs = forward(&topology, self.params, self.tape, n, self.input);
        let samples = rows(outputs, outputs_len).zip(rows(targets, outputs_len));
        for (index, (outputs, target)) in (progress.position as usize..).zip(samples) {
            let value = self.fit.loss.value(outputs, target);
            if !value.is_finite() {
                return Err(Error::Diverged { step: progress.step, index });
            }
            progress.validation.record(&self.fit.loss, value, outputs, target);
        }
        progress.position += n as u32;
        if progress.position >= len {
            progress.phase = Phase::EpochEnd;
        }
        self.progress = progress;
        Ok(Event::Validation { done: progress.position, of: len })
    }

    fn end_epoch(&mut self) -> Result<Event, Error> {
        // The epoch's last update is seen by no training loss.
        if self.params.iter().any(|param| !param.is_finite()) {
            return Err(Error::ParametersNotFinite { step: self.progress.step });
        }
        let progress = &mut self.progress;
        let report = Epoch {
            epoch: progress.epoch,
            step: progress.step,
            rate: progress.rate,
            train: progress.train,
            validation: (progress.validation.samples() > 0).then_some(progress.validation),
        };
        progress.epoch += 1;
        progress.position = 0;
        progress.phase = if progress.epoch < self.fit.epochs { Phase::EpochBegin } else { Phase::Done };
        Ok(Event::Epoch(report))
    }
}
