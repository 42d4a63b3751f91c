//! What follows an epoch's last update: validation, and the report.

use super::Trainer;
use crate::data::{Dataset, Order};
use crate::error::Error;
use crate::kernels::{self, Place, split_spare};
use crate::lanes::Lanes;
use crate::loss::{Input, Loss};
use crate::matrix::rows;
use crate::metrics::Metrics;
use crate::network::{activate, read_samples};
use crate::optimizer::Optimizer;
use crate::pass::{Samples, forward, not_finite, penalty};
use crate::progress::{Epoch, Event, Phase};
use crate::schedule::Schedule;

impl<L: Loss, O: Optimizer, S: Schedule, R: Order> Trainer<'_, '_, L, O, S, R> {
    /// The next validation samples forward.
    #[inline(never)]
    pub(super) fn validate(&mut self, data: &impl Dataset) -> Result<Event, Error> {
        let (topology, loss) = (&self.fit.topology, &self.fit.loss);
        let (position, len) = (self.progress.position, data.len() as u32);
        let n = len.saturating_sub(position).min(self.lanes.count as u32) as usize;
        let outputs_len = topology.outputs();

        let Lanes { tape, targets, .. } = &mut self.lanes;
        read_samples(data, loss, topology, position.., tape, targets, n)?;
        let (tape, spare) = split_spare(tape, n, outputs_len);
        let Some(block) = forward(topology, self.params, tape, &Samples::of(n)) else {
            not_finite(tape, n, topology.inputs(), |sample| position + sample)?;
            return Ok(Event::Validation { done: position, of: len });
        };
        let mut metrics = self.progress.validation;
        for (sample, row) in (0..n).zip(rows(targets, loss.targets(outputs_len) + 1)) {
            let Some((weight, target)) = row.split_last() else { break };
            let outputs = Place::of(sample, n, outputs_len).row(block, spare);
            if self.input == Input::Outputs {
                activate(topology, outputs);
            }
            let value = weight * loss.value(outputs, target);
            metrics.record(value, loss.accuracy(outputs, target));
            if !metrics.is_finite() {
                return Err(Error::Diverged { step: self.progress.step, index: position as usize + sample });
            }
        }
        let done = position + n as u32;
        if done >= len {
            let penalty = penalty(topology, self.params);
            if !metrics.is_finite_with(penalty, metrics.samples()) {
                return Err(Error::LossNotFinite { step: self.progress.step });
            }
            metrics.penalise(penalty, metrics.samples());
            self.progress.phase = Phase::EpochEnd;
        }
        let progress = &mut self.progress;
        progress.position = done;
        progress.validation = metrics;
        // The set may have lost samples since it was begun.
        Ok(Event::Validation { done: progress.position, of: len.max(progress.position) })
    }

    /// What is left to do where a set has lost all its samples since the epoch began: then there is nothing to report of it.
    pub(super) fn skip_validation(&mut self) -> Event {
        let progress = &mut self.progress;
        (progress.phase, progress.position, progress.validation) = (Phase::EpochEnd, 0, Metrics::default());
        Event::Validation { done: 0, of: 0 }
    }

    #[inline(never)]
    pub(super) fn end_epoch(&mut self) -> Result<Event, Error> {
        // The epoch's last update is seen by no training loss.
        if !kernels::all_finite(self.params) {
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
