//! A batch: its samples a few at a time, then its update.

use super::Trainer;
use crate::data::{Dataset, Order};
use crate::dropout::Key;
use crate::error::Error;
use crate::fit::Clock;
use crate::group::{begin, judge};
use crate::kernels;
use crate::lanes::Lanes;
use crate::loss::Loss;
use crate::metrics::Metrics;
use crate::network::read_samples;
use crate::optimizer::{Accumulation, Gather, Optimizer, Update, Variables};
use crate::pass::{Samples, backward, backward_online, forward, not_finite, penalty};
use crate::progress::{Event, Phase};
use crate::schedule::Schedule;

/// Samples of a batch that are taken together. Small, as it lies on the stack under everything.
struct Group {
    /// Of the update the batch leads to.
    rate: f32,
    momentum: Option<f32>,
    into: Accumulation,
    /// Samples of the batch.
    batch: u32,
    /// Samples of the epoch.
    len: u32,
    samples: Samples,
}

impl<L: Loss, O: Optimizer, S: Schedule, R: Order> Trainer<'_, '_, L, O, S, R> {
    /// The update the batch at hand leads to, in an epoch of `len` samples.
    fn next_update(&self, len: u32) -> Update {
        let progress = &self.progress;
        let clock = match self.fit.clock {
            Clock::Update => progress.step,
            Clock::Epoch => progress.epoch,
        };
        let begin = progress.position.saturating_sub(progress.in_batch);
        // A batch has one rate, and a schedule is called once for it: f64 is dear without an FPU for it.
        let (rate, momentum) = if progress.in_batch > 0 {
            (progress.rate, progress.momentum)
        } else {
            let rate = progress.forced_rate.unwrap_or_else(|| self.fit.schedule.rate(clock));
            (rate * progress.rate_factor, self.fit.schedule.momentum(clock))
        };
        let samples = self.fit.batch.min(len.saturating_sub(begin)).max(1);
        Update { step: progress.step, age: progress.step.saturating_sub(progress.cleared), rate, momentum, samples }
    }

    /// The samples to take next, of the epoch's `len`.
    #[inline(never)]
    fn next_group(&self, len: u32) -> Group {
        let update = self.next_update(len);
        let n = update.samples.saturating_sub(self.progress.in_batch).min(self.lanes.count as u32) as usize;
        let into = self.fit.optimizer.accumulation(&update);
        let key = Some(Key::of(self.progress.epoch, self.progress.position));
        let Update { rate, momentum, samples: batch, .. } = update;
        Group { rate, momentum, into, batch, len, samples: Samples { n, key, checked: true } }
    }

    /// The batch's next samples forward and backward, `begins` saying that they are an epoch's first. What it calls is not
    /// inlined, so that what one keeps on the stack does not lie under the other.
    #[inline(never)]
    pub(super) fn train_samples(&mut self, data: &impl Dataset, begins: bool) -> Result<Event, Error> {
        let group = self.next_group(if begins { data.len() as u32 } else { self.progress.len });
        if !group.rate.is_finite() {
            return Err(Error::RateNotFinite { step: self.progress.step });
        }
        self.read(&group, data)?;
        if forward(&self.fit.topology, self.params, self.lanes.tape, &group.samples).is_none() {
            let (epoch, position) = (self.progress.epoch, self.progress.position);
            let index = |sample| self.fit.order.index(epoch, position + sample, group.len);
            not_finite(self.lanes.tape, group.samples.n, self.fit.topology.inputs(), index)?;
        }
        self.judge(&group, begins)?;
        // From here on nothing can fail.
        if O::GATHER == Gather::InParameters {
            backward_online(&self.fit.topology, self.params, self.lanes.tape, &group.samples);
        } else {
            let keep = self.begin_batch(&group.into);
            let (gradient, _) = self.state.split_at_mut_checked(self.params.len()).unwrap_or_default();
            backward(&self.fit.topology, self.params, gradient, self.lanes.tape, &group.samples, keep);
        }
        self.advance(&group);
        Ok(Event::Samples { done: self.progress.position, of: group.len })
    }

    /// Reads the samples into the beginning of the tape.
    #[inline(never)]
    fn read(&mut self, group: &Group, data: &impl Dataset) -> Result<(), Error> {
        let Group { len, samples, .. } = group;
        let (epoch, position) = (self.progress.epoch, self.progress.position);
        let indices = (position..).map(|position| self.fit.order.index(epoch, position, *len));
        let Lanes { tape, targets, .. } = &mut self.lanes;
        read_samples(data, &self.fit.loss, &self.fit.topology, indices, tape, targets, samples.n)
    }

    /// The losses, and the last layer's deltas in place of its outputs. `self.progress` takes them in only if nothing has failed.
    #[inline(never)]
    fn judge(&mut self, group: &Group, begins: bool) -> Result<(), Error> {
        let Group { into, batch, len, samples, .. } = group;
        let mut metrics = if begins { Metrics::default() } else { self.progress.train };
        let mut batch_loss = self.progress.batch_loss;
        let scale_of_one = into.scale / *batch as f32;
        let (fit, progress) = (&self.fit, &self.progress);
        judge(
            &fit.topology,
            &fit.loss,
            self.params,
            &mut self.lanes,
            samples,
            scale_of_one,
            |sample, value, accuracy| {
                batch_loss += value;
                // A loss that is no number makes the sum none, and so do losses that are too large together.
                if !batch_loss.is_finite() {
                    let index = fit.order.index(progress.epoch, progress.position + sample, *len) as usize;
                    return Err(Error::Diverged { step: progress.step, index });
                }
                metrics.record(value, accuracy);
                Ok(())
            },
        )?;

        let progress = &mut self.progress;
        if begins {
            (progress.phase, progress.len, progress.validation) = (Phase::Samples, *len, Metrics::default());
        }
        (progress.train, progress.batch_loss) = (metrics, batch_loss);
        Ok(())
    }

    /// See [`begin`]; 1 if the batch has begun.
    #[inline(never)]
    fn begin_batch(&mut self, into: &Accumulation) -> f32 {
        if self.progress.in_batch > 0 {
            return 1.0;
        }
        let (gradient, _) = self.state.split_at_mut_checked(self.params.len()).unwrap_or_default();
        begin(&self.fit.topology, self.params, gradient, into)
    }

    /// The samples have been learnt from.
    #[inline(never)]
    fn advance(&mut self, group: &Group) {
        let Group { rate, momentum, batch, samples, .. } = group;
        let progress = &mut self.progress;
        (progress.rate, progress.momentum) = (*rate, *momentum);
        progress.position += samples.n as u32;
        progress.in_batch += samples.n as u32;
        if progress.in_batch >= *batch {
            progress.phase = Phase::Update;
        }
    }

    #[inline(never)]
    pub(super) fn update(&mut self, validates: bool) -> Result<Event, Error> {
        let update = self.next_update(self.progress.len);
        if O::GATHER != Gather::InParameters {
            let (gathered, _) = self.state.split_at_checked(self.params.len()).unwrap_or_default();
            if !kernels::all_finite(gathered) {
                return Err(Error::GradientNotFinite { step: update.step });
            }
        }
        let penalty = penalty(&self.fit.topology, self.params);
        if !self.progress.train.is_finite_with(penalty, update.samples) {
            return Err(Error::LossNotFinite { step: update.step });
        }
        let variables = Variables::of(self.fit.topology);
        self.fit.optimizer.apply(&update, &variables, self.params, self.state);
        let progress = &mut self.progress;
        progress.train.penalise(penalty, update.samples);
        let loss = progress.batch_loss / update.samples as f32 + penalty;
        progress.step = progress.step.saturating_add(1);
        progress.in_batch = 0;
        progress.batch_loss = 0.0;
        progress.phase = if progress.position < progress.len {
            Phase::Samples
        } else {
            progress.position = 0;
            if validates { Phase::Validation } else { Phase::EpochEnd }
        };
        Ok(Event::Update { step: progress.step, rate: update.rate, loss })
    }
}
