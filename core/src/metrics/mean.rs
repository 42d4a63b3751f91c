//! Means over an epoch, in fixed memory.

use crate::loss::Loss;

/// Running mean of losses and accuracies.
///
/// The sums are compensated (Kahan 1965), so that an epoch of 60,000 samples loses no more digits than one of 60:
/// four f32 additions a sample, where an f64 sum would cost a chip without a double-precision FPU about a hundred
/// instructions.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metrics {
    samples: u32,
    loss: CompensatedSum,
    accuracy: CompensatedSum,
    scored: bool,
}

impl Metrics {
    /// Counts one sample: `inputs` and `target` are what [`Loss::value`] takes.
    pub(crate) fn record<L: Loss>(&mut self, loss: &L, value: f32, inputs: &[f32], target: &[f32]) {
        self.samples = self.samples.saturating_add(1);
        self.loss.add(value);
        if let Some(accuracy) = loss.accuracy(inputs, target) {
            self.accuracy.add(accuracy);
            self.scored = true;
        }
    }

    /// Samples counted.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// Mean loss; 0 before the first sample.
    pub fn loss(&self) -> f32 {
        self.loss.sum / self.samples.max(1) as f32
    }

    /// Share of outputs that were right, from 0 to 1; `None` if the loss has no right and wrong, or before the first
    /// sample.
    pub fn accuracy(&self) -> Option<f32> {
        self.scored.then(|| self.accuracy.sum / self.samples.max(1) as f32)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct CompensatedSum {
    sum: f32,
    lost: f32,
}

impl CompensatedSum {
    pub(super) const fn sum(self) -> f32 {
        self.sum
    }

    pub(super) fn add(&mut self, value: f32) {
        let value = value - self.lost;
        let sum = self.sum + value;
        self.lost = (sum - self.sum) - value;
        self.sum = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{BinaryCrossEntropy, MeanSquaredError};

    #[test]
    fn keeps_its_digits_over_a_long_epoch() {
        let mut metrics = Metrics::default();
        for _ in 0..1_000_000 {
            metrics.record(&MeanSquaredError, 0.1, &[], &[]);
        }
        assert_eq!(metrics.loss(), 0.1);
        assert_eq!((metrics.accuracy(), metrics.samples()), (None, 1_000_000));
    }

    #[test]
    fn counts_what_is_right() {
        let mut metrics = Metrics::default();
        assert_eq!(metrics.accuracy(), None);
        for logit in [1.0, 2.0, -3.0, 0.5] {
            metrics.record(&BinaryCrossEntropy, 0.0, &[logit], &[1.0]);
        }
        assert_eq!(metrics.accuracy(), Some(0.75));
    }
}
