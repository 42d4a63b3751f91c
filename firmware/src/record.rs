//! What the application remembers of an epoch.

use microfit::Epoch;

/// One epoch, in plain numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Record {
    /// Counted from 0.
    pub epoch: u32,
    /// Updates done, over all epochs.
    pub step: u32,
    /// The learning rate of the epoch's last update.
    pub rate: f32,
    /// Mean over the epoch's batches, each before its update.
    pub loss: f32,
    /// Likewise, from 0 to 1; `None` for losses that have no right and wrong.
    pub accuracy: Option<f32>,
    /// Over the validation samples, after the epoch; `None` without any.
    pub validation_loss: Option<f32>,
    /// Likewise, with [`Self::accuracy`]'s exception.
    pub validation_accuracy: Option<f32>,
}

impl Record {
    /// What epochs are compared by: the lower, the better.
    pub(crate) fn judged(&self) -> f32 {
        self.validation_loss.unwrap_or(self.loss)
    }
}

impl From<&Epoch> for Record {
    fn from(report: &Epoch) -> Self {
        Self {
            epoch: report.epoch,
            step: report.step,
            rate: report.rate,
            loss: report.train.loss(),
            accuracy: report.train.accuracy(),
            validation_loss: report.validation.map(|metrics| metrics.loss()),
            validation_accuracy: report.validation.and_then(|metrics| metrics.accuracy()),
        }
    }
}

#[cfg(feature = "storage")]
impl Record {
    /// Bytes of a record in a checkpoint.
    pub(crate) const BYTES: usize = 28;

    /// Seven little-endian words; a metric there is none of is NaN, which no metric is.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let Self { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy } = self;
        let optional = |metric: Option<f32>| metric.unwrap_or(f32::NAN).to_bits();
        let metrics = [accuracy, validation_loss, validation_accuracy].map(optional);
        let words = [epoch, step, rate.to_bits(), loss.to_bits()].into_iter().chain(metrics);
        let mut bytes = [0; Self::BYTES];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The other way.
    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let mut words = [0; 7];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let [epoch, step, metrics @ ..] = words;
        let [rate, loss, accuracy, validation_loss, validation_accuracy] = metrics.map(f32::from_bits);
        let optional = |metric: f32| (!metric.is_nan()).then_some(metric);
        Self {
            epoch,
            step,
            rate,
            loss,
            accuracy: optional(accuracy),
            validation_loss: optional(validation_loss),
            validation_accuracy: optional(validation_accuracy),
        }
    }
}

/// The most epochs a [`History`] holds.
pub const MAX_EPOCHS: usize = 32;

/// The epochs of a run, in fixed memory.
#[derive(Debug, Default)]
pub struct History {
    records: heapless::Vec<Record, MAX_EPOCHS>,
}

impl History {
    /// Remembers an epoch. Once full, every second record is dropped to make room, so that a long run keeps an even
    /// picture of itself; the best epoch is never dropped.
    pub fn push(&mut self, record: Record) {
        if self.records.is_full() {
            let best = self.best().map(|best| best.epoch);
            let mut keep = false;
            self.records.retain(|record| {
                keep = !keep;
                keep || Some(record.epoch) == best
            });
        }
        // There is room: at least a half less one was dropped.
        let _ = self.records.push(record);
    }

    /// Forgets all epochs.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    /// The epochs, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The epoch with the lowest validation loss, or training loss where nothing is validated; the first of equals.
    pub fn best(&self) -> Option<&Record> {
        self.records.iter().min_by(|a, b| a.judged().total_cmp(&b.judged()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: u32, validation_loss: f32) -> Record {
        let validation_loss = Some(validation_loss);
        Record {
            epoch,
            step: 0,
            rate: 0.1,
            loss: 1.0,
            accuracy: Some(0.5),
            validation_loss,
            validation_accuracy: Some(0.5),
        }
    }

    #[test]
    fn a_long_run_keeps_its_best_epoch_and_its_last() {
        let mut history = History::default();
        for epoch in 0..1000 {
            let loss = if epoch == 37 { 0.1 } else { 0.5 };
            history.push(record(epoch, loss));
        }
        assert_eq!(history.best().map(|best| best.epoch), Some(37));
        assert_eq!(history.records().last().map(|last| last.epoch), Some(999));
        assert!(history.records().len() > MAX_EPOCHS / 4);
        assert!(history.records().is_sorted_by_key(|record| record.epoch));
        history.clear();
        assert_eq!(history.best(), None);
    }

    #[cfg(feature = "storage")]
    #[test]
    fn a_record_comes_back_from_a_checkpoint() {
        for validated in [record(7, 0.25), Record { accuracy: None, validation_loss: None, ..record(u32::MAX, 0.0) }] {
            assert_eq!(Record::from_bytes(validated.to_bytes()), validated);
        }
        let bytes = record(0x0102_0304, 1.0).to_bytes();
        assert_eq!((&bytes[..4], &bytes[20..24]), (&[4, 3, 2, 1][..], &1_f32.to_le_bytes()[..]));
    }
}
