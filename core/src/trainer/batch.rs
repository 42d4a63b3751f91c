//! A batch: its samples a few at a time, then its update.

use super::{Lanes, Trainer};
use crate::data::{Dataset, Order};
use crate::dropout::Key;
use crate::error::Error;
use crate::fit::Clock;
use crate::kernels::{self, Place, split_spare};
use crate::loss::{Input, Loss};
use crate::matrix::rows;
use crate::metrics::Metrics;
use crate::network::{activate, read_samples};
use crate::optimizer::{Accumulation, Gather, Optimizer, Update, Variables};
use crate::pass::{
    Samples, add_penalties, backward, backward_online, chain_last, forward, last_block, not_finite, penalty,
};
use crate::progress::{Event, Phase};
use crate::schedule::Schedule;
use crate::unroll::one_turn_at_a_time;

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
        let (topology, loss) = (&self.fit.topology, &self.fit.loss);
        let Some(last) = topology.layers().last() else { return Ok(()) };
        let units = last.units();
        // Asked again, not `self.input`: of most losses the compiler knows that it is never the outputs.
        let of_outputs = matches!(loss.input(last.activation()), Ok(Input::Outputs));
        let Lanes { tape, targets, gradient, .. } = &mut self.lanes;
        let (tape, spare) = split_spare(tape, samples.n, units);
        let (below, block) = last_block(topology, tape, samples.n, samples.n * units);
        let mut metrics = if begins { Metrics::default() } else { self.progress.train };
        let mut batch_loss = self.progress.batch_loss;
        let scale_of_one = into.scale / *batch as f32;
        let targets = rows(targets, loss.targets(units) + 1);
        for (sample, target) in (0..samples.n).zip(targets) {
            let Some((weight, target)) = target.split_last() else { break };
            let place = Place::of(sample, samples.n, units);
            let outputs = place.row(block, spare);
            if of_outputs {
                activate(topology, outputs);
            }
            let (weight, accuracy) = (weight * loss.weight(target), loss.accuracy(outputs, target));
            for (to, from) in gradient.iter_mut().zip(target) {
                *to = *from;
                one_turn_at_a_time();
            }
            let value = weight * loss.differentiate(outputs, gradient, weight * scale_of_one);
            batch_loss += value;
            // A loss that is no number makes the sum none, and so do losses that are too large together.
            if !batch_loss.is_finite() {
                let position = self.progress.position + sample as u32;
                let index = self.fit.order.index(self.progress.epoch, position, *len) as usize;
                return Err(Error::Diverged { step: self.progress.step, index });
            }
            metrics.record(value, accuracy);
            if of_outputs {
                chain_last(topology, self.params, below, (sample, samples.n), outputs, gradient);
                if !place.is_row() {
                    place.put(spare, block);
                }
            } else {
                place.put(gradient, block);
            }
        }

        let progress = &mut self.progress;
        if begins {
            (progress.phase, progress.len, progress.validation) = (Phase::Samples, *len, Metrics::default());
        }
        (progress.train, progress.batch_loss) = (metrics, batch_loss);
        Ok(())
    }

    /// What a batch's first samples find in the state, but for a factor that it is still to be multiplied by, or 1.
    #[inline(never)]
    fn begin_batch(&mut self, into: &Accumulation) -> f32 {
        if self.progress.in_batch > 0 {
            return 1.0;
        }
        let topology = &self.fit.topology;
        let only_kept = into.decay == 0.0 && !topology.is_penalised();
        // Neither clears what is there, nor is it 1 and takes the signs of zeros away.
        if kernels::SCALES && only_kept && into.keep != 0.0 && into.keep != 1.0 {
            return into.keep;
        }
        let (gradient, _) = self.state.split_at_mut_checked(self.params.len()).unwrap_or_default();
        kernels::begin(gradient, self.params, into.keep, into.decay);
        add_penalties(topology, self.params, gradient, into.scale);
        1.0
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
