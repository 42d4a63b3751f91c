//! A batch: its samples a few at a time, then its update.

use super::{Lanes, Trainer};
use crate::data::{Dataset, Order};
use crate::dropout::Key;
use crate::error::Error;
use crate::fit::Clock;
use crate::kernels;
use crate::loss::Loss;
use crate::matrix::{rows, rows_mut};
use crate::metrics::Metrics;
use crate::network::read_samples;
use crate::optimizer::{Accumulation, Gather, Optimizer, Update, Variables};
use crate::pass::{add_penalties, backward, backward_online, begin_backward, forward, last_blocks, penalty};
use crate::progress::{Event, Phase};
use crate::schedule::Schedule;
use crate::unroll::one_turn_at_a_time;

/// Samples of a batch that are taken together.
struct Group {
    /// What the batch leads to.
    update: Update,
    into: Accumulation,
    /// Samples of the epoch.
    len: u32,
    /// Of the first one, in the epoch's order.
    position: u32,
    /// How many.
    n: usize,
}

impl<L: Loss, O: Optimizer, S: Schedule, R: Order> Trainer<'_, '_, L, O, S, R> {
    /// The update the batch at hand leads to, `position` samples of the epoch's `len` having been seen.
    fn next_update(&self, position: u32, len: u32) -> Update {
        let progress = &self.progress;
        let clock = match self.fit.clock {
            Clock::Update => progress.step,
            Clock::Epoch => progress.epoch,
        };
        let begin = position.saturating_sub(progress.in_batch);
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

    /// The batch's next samples forward and backward, `begins` saying that they are an epoch's first. Two functions that
    /// are not inlined, so that what one keeps on the stack does not lie under the other.
    #[inline(never)]
    pub(super) fn train_samples(&mut self, data: &impl Dataset, begins: bool) -> Result<Event, Error> {
        let (position, len) = if begins { (0, data.len() as u32) } else { (self.progress.position, self.progress.len) };
        let update = self.next_update(position, len);
        let n = update.samples.saturating_sub(self.progress.in_batch).min(self.lanes.count as u32) as usize;
        let into = self.fit.optimizer.accumulation(&update);
        let group = Group { update, into, len, position, n };
        self.read(&group, data)?;
        self.judge(&group, begins)?;
        self.learn(&group);
        Ok(Event::Samples { done: self.progress.position, of: len })
    }

    /// Reads the samples and takes them forward.
    #[inline(never)]
    fn read(&mut self, group: &Group, data: &impl Dataset) -> Result<(), Error> {
        let Group { len, position, n, .. } = group;
        let (topology, epoch) = (&self.fit.topology, self.progress.epoch);
        let indices = (*position..).map(|position| self.fit.order.index(epoch, position, *len));
        let Lanes { tape, targets, .. } = &mut self.lanes;
        read_samples(data, &self.fit.loss, topology, indices, tape, targets, *n)?;
        let key = Some(Key { epoch, position: *position });
        forward(topology, self.params, tape, *n, self.input, key);
        Ok(())
    }

    /// The losses, and the last layer's deltas in place of its outputs. `self.progress` takes them in only if nothing has failed.
    #[inline(never)]
    fn judge(&mut self, group: &Group, begins: bool) -> Result<(), Error> {
        let Group { update, into, len, position, n } = group;
        let (topology, loss, epoch) = (&self.fit.topology, &self.fit.loss, self.progress.epoch);
        let outputs_len = topology.outputs();
        let Lanes { tape, targets, gradient, .. } = &mut self.lanes;
        let (fan_in, inputs, outputs) = last_blocks(topology, tape, *n);
        let mut metrics = if begins { Metrics::default() } else { self.progress.train };
        let mut batch_loss = self.progress.batch_loss;
        let scale_of_one = into.scale / update.samples as f32;
        let targets = rows(targets, loss.targets(outputs_len) + 1);
        let samples = rows(inputs, fan_in).zip(rows_mut(outputs, outputs_len)).zip(targets);
        for (position, ((inputs, outputs), row)) in (*position..).zip(samples) {
            let Some((weight, target)) = row.split_last() else { break };
            let (weight, accuracy) = (weight * loss.weight(target), loss.accuracy(outputs, target));
            for (to, from) in gradient.iter_mut().zip(target) {
                *to = *from;
                one_turn_at_a_time();
            }
            let value = weight * loss.differentiate(outputs, gradient, weight * scale_of_one);
            if !value.is_finite() {
                let index = self.fit.order.index(epoch, position, *len) as usize;
                return Err(Error::Diverged { step: update.step, index });
            }
            metrics.record(value, accuracy);
            batch_loss += value;
            begin_backward(topology, self.params, inputs, outputs, gradient, self.input);
        }

        let progress = &mut self.progress;
        if begins {
            (progress.phase, progress.len, progress.validation) = (Phase::Samples, *len, Metrics::default());
        }
        (progress.train, progress.batch_loss) = (metrics, batch_loss);
        Ok(())
    }

    /// Backward, which cannot fail.
    #[inline(never)]
    fn learn(&mut self, group: &Group) {
        let Group { update, into, position, n, .. } = group;
        let key = Some(Key { epoch: self.progress.epoch, position: *position });
        let topology = &self.fit.topology;
        let tape = &mut *self.lanes.tape;
        if O::GATHER == Gather::InParameters {
            backward_online(topology, self.params, tape, key);
        } else {
            let (gradient, _) = self.state.split_at_mut_checked(self.params.len()).unwrap_or_default();
            if self.progress.in_batch == 0 {
                kernels::begin(gradient, self.params, into.keep, into.decay);
                add_penalties(topology, self.params, gradient, into.scale);
            }
            backward(topology, self.params, gradient, tape, *n, key);
        }

        let progress = &mut self.progress;
        (progress.rate, progress.momentum) = (update.rate, update.momentum);
        progress.position = position + *n as u32;
        progress.in_batch += *n as u32;
        if progress.in_batch >= update.samples {
            progress.phase = Phase::Update;
        }
    }

    #[inline(never)]
    pub(super) fn update(&mut self, validates: bool) -> Result<Event, Error> {
        let update = self.next_update(self.progress.position, self.progress.len);
        if O::GATHER != Gather::InParameters {
            let (gathered, _) = self.state.split_at_checked(self.params.len()).unwrap_or_default();
            if !kernels::all_finite(gathered) {
                return Err(Error::GradientNotFinite { step: self.progress.step });
            }
        }
        let penalty = penalty(&self.fit.topology, self.params);
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
