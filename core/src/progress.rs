//! Where a run stands, and what a step of it did.

use crate::metrics::Metrics;

/// What one call of [`Trainer::step`](crate::Trainer::step) did.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// Some samples went forward and backward.
    Samples {
        /// Training samples seen in this epoch.
        done: u32,
        /// Training samples in an epoch.
        of: u32,
    },
    /// The parameters changed.
    Update {
        /// Updates done, over all epochs.
        step: u32,
        /// The learning rate used.
        rate: f32,
        /// Mean loss of the batch and the penalties on the weights, before the update.
        loss: f32,
    },
    /// Some validation samples went forward.
    Validation {
        /// Validation samples seen.
        done: u32,
        /// Validation samples there are.
        of: u32,
    },
    /// An epoch is over.
    Epoch(Epoch),
    /// The run is over; so it stays.
    Done,
}

/// The report of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Epoch {
    /// Counted from 0.
    pub epoch: u32,
    /// Updates done, over all epochs.
    pub step: u32,
    /// The learning rate of the epoch's last update.
    pub rate: f32,
    /// Running means over the epoch's batches, each before its update: what Keras prints.
    pub train: Metrics,
    /// Over the validation samples, after the epoch; `None` without any.
    pub validation: Option<Metrics>,
}

/// Where a run stands, apart from what is in the buffers: small, `Copy`, and all that
/// [`Fit::resume`](crate::Fit::resume) needs beside them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Progress {
    pub(crate) phase: Phase,
    pub(crate) epoch: u32,
    pub(crate) step: u32,
    /// Of the phase at hand.
    pub(crate) position: u32,
    /// Samples of the epoch at hand; taken when it begins, because a replay buffer grows.
    pub(crate) len: u32,
    pub(crate) in_batch: u32,
    pub(crate) batch_loss: f32,
    pub(crate) rate: f32,
    pub(crate) momentum: Option<f32>,
    pub(crate) forced_rate: Option<f32>,
    /// On every rate.
    pub(crate) rate_factor: f32,
    /// The step at which the optimizer's state was last cleared.
    pub(crate) cleared: u32,
    pub(crate) train: Metrics,
    pub(crate) validation: Metrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Phase {
    EpochBegin,
    Samples,
    Update,
    Validation,
    EpochEnd,
    Done,
}

impl Default for Progress {
    /// That of a run which has not begun.
    fn default() -> Self {
        // Unknown to the compiler, which would call `memset` for so many zeros in a row.
        let zero = core::hint::black_box(0);
        Self {
            phase: Phase::EpochBegin,
            epoch: zero,
            step: zero,
            position: zero,
            len: zero,
            in_batch: zero,
            batch_loss: 0.0,
            rate: 0.0,
            momentum: None,
            forced_rate: None,
            rate_factor: 1.0,
            cleared: zero,
            train: Metrics::default(),
            validation: Metrics::default(),
        }
    }
}

impl Progress {
    /// Epochs done.
    pub const fn epochs(&self) -> u32 {
        self.epoch
    }

    /// Updates done.
    pub const fn updates(&self) -> u32 {
        self.step
    }

    /// Running means of the epoch at hand, or of the last one.
    pub const fn train(&self) -> Metrics {
        self.train
    }

    /// The same of the validation samples.
    pub const fn validation(&self) -> Metrics {
        self.validation
    }

    /// Whether a run of these settings can have come here.
    pub(crate) fn fits(&self, batch: u32, epochs: u32) -> bool {
        self.standing().fits(batch, epochs)
    }

    pub(crate) const fn standing(&self) -> Standing {
        let Self { phase, epoch, step, position, len, in_batch, cleared, train, validation, .. } = self;
        Standing {
            phase: *phase,
            epoch: *epoch,
            step: *step,
            position: *position,
            len: *len,
            in_batch: *in_batch,
            cleared: *cleared,
            train: train.samples(),
            validation: validation.samples(),
        }
    }
}

/// What of a [`Progress`] tells whether a run can have come there: all but sums and rates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) phase: Phase,
    pub(crate) epoch: u32,
    pub(crate) step: u32,
    pub(crate) position: u32,
    pub(crate) len: u32,
    pub(crate) in_batch: u32,
    pub(crate) cleared: u32,
    /// Training samples in the means.
    pub(crate) train: u32,
    /// Validation samples in the means.
    pub(crate) validation: u32,
}

impl Standing {
    /// Whether a run of these settings can have come here.
    pub(crate) fn fits(&self, batch: u32, epochs: u32) -> bool {
        let begin = self.position.saturating_sub(self.in_batch);
        let (aligned, samples) = (begin.checked_rem(batch) == Some(0), batch.min(self.len.saturating_sub(begin)));
        let batches = match self.phase {
            Phase::Samples => aligned && self.in_batch < samples,
            Phase::Update => aligned && self.in_batch == samples,
            Phase::EpochBegin | Phase::Validation | Phase::EpochEnd | Phase::Done => true,
        };
        let epoch = self.epoch < epochs || (self.epoch == epochs && matches!(self.phase, Phase::Done));
        self.is_possible() && batches && epoch
    }

    /// Whether any run can have come here.
    pub(crate) const fn is_possible(&self) -> bool {
        let Self { phase, position, len, in_batch, train, validation, .. } = *self;
        let positions = match phase {
            Phase::EpochBegin | Phase::Done => position == 0 && in_batch == 0,
            Phase::Samples => 0 < position && position < len && in_batch <= position && train == position,
            Phase::Update => 0 < in_batch && in_batch <= position && position <= len && train == position,
            Phase::Validation | Phase::EpochEnd => in_batch == 0 && validation == position,
        };
        positions && self.cleared <= self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the second of two epochs, with all samples up to `position` in the means.
    fn at(phase: Phase, position: u32, in_batch: u32, len: u32) -> Standing {
        Standing { phase, epoch: 1, step: 9, position, len, in_batch, cleared: 0, train: position, validation: 0 }
    }

    /// Of all positions, those in a batch that is begun or whole, and those between two.
    #[test]
    fn fits_where_a_run_can_have_come() {
        let all = (0..12).flat_map(|position| (0..12).map(move |in_batch| (position, in_batch)));
        for (len, batch) in (1..9).flat_map(|len| (1..6).map(move |batch| (len, batch))) {
            for (position, in_batch) in all.clone() {
                let begun = 0 < position && position < len && in_batch == position % batch;
                assert_eq!(at(Phase::Samples, position, in_batch, len).fits(batch, 2), begun);
                let last = if position % batch == 0 { batch } else { position % batch };
                let whole = 0 < position && position <= len && (last == batch || position == len) && in_batch == last;
                assert_eq!(at(Phase::Update, position, in_batch, len).fits(batch, 2), whole);
            }
        }
    }

    /// Of any batch: samples are left where samples come next.
    #[test]
    fn is_possible_before_the_last_sample_only() {
        for (position, in_batch) in [(0, 0), (3, 0), (3, 1), (4, 0)] {
            assert!(!at(Phase::Samples, position, in_batch, 3).is_possible(), "{position} {in_batch}");
        }
        assert!(at(Phase::Samples, 2, 0, 3).is_possible() && at(Phase::Update, 3, 1, 3).is_possible());
    }
}
