//! Means over an epoch, in fixed memory.

/// Running mean of losses and accuracies.
///
/// The sums are compensated (Kahan 1965), so that an epoch of 60,000 samples loses no more digits than one of 60:
/// four f32 additions a sample, where an f64 sum would cost a chip without a double-precision FPU about a hundred
/// instructions.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metrics {
    samples: u32,
    loss: CompensatedSum,
    accuracy: CompensatedSum,
    scored: Scored,
}

/// Whether there is right and wrong. A whole word: without padding at their end, metrics are copied and cleared in line, not
/// by `memcpy` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u32)]
enum Scored {
    No,
    Yes,
}

impl Default for Metrics {
    /// Of no sample.
    fn default() -> Self {
        // Unknown to the compiler, which would call `memset`, as there are many zeros in a row.
        let zero = core::hint::black_box(0.0);
        let none = CompensatedSum { sum: zero, lost: zero };
        Self { samples: 0, loss: none, accuracy: none, scored: Scored::No }
    }
}

impl Metrics {
    /// Whether the sum of the losses is a number.
    pub(crate) const fn is_finite(&self) -> bool {
        self.loss.sum.is_finite()
    }

    /// Whether it will be one with a penalty on so many samples.
    pub(crate) fn is_finite_with(&self, penalty: f32, samples: u32) -> bool {
        (self.loss.sum + penalty * samples as f32).is_finite()
    }

    /// Counts one sample with its loss and, where there is right and wrong, its share of what is right.
    pub(crate) fn record(&mut self, loss: f32, accuracy: Option<f32>) {
        self.samples = self.samples.saturating_add(1);
        self.loss.add(loss);
        if let Some(accuracy) = accuracy {
            self.accuracy.add(accuracy);
            self.scored = Scored::Yes;
        }
    }

    /// Adds a penalty to the loss of so many samples.
    pub(crate) fn penalise(&mut self, penalty: f32, samples: u32) {
        self.loss.add(penalty * samples as f32);
    }

    /// Samples counted.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// Mean loss, with the penalties on the weights; 0 before the first sample.
    pub fn loss(&self) -> f32 {
        self.loss.sum / self.samples.max(1) as f32
    }

    /// Share of outputs that were right, from 0 to 1; `None` if the loss has no right and wrong, or before the first
    /// sample.
    pub fn accuracy(&self) -> Option<f32> {
        (self.scored == Scored::Yes).then(|| self.accuracy.sum / self.samples.max(1) as f32)
    }
}

#[cfg(feature = "storage")]
impl Metrics {
    pub(crate) const fn is_scored(&self) -> bool {
        matches!(self.scored, Scored::Yes)
    }

    pub(crate) const fn set_scored(&mut self, scored: bool) {
        self.scored = if scored { Scored::Yes } else { Scored::No };
    }

    /// One of its five words, as a checkpoint has them.
    pub(crate) const fn word(&self, index: usize) -> u32 {
        match index {
            0 => self.samples,
            1 => self.loss.sum.to_bits(),
            2 => self.loss.lost.to_bits(),
            3 => self.accuracy.sum.to_bits(),
            _ => self.accuracy.lost.to_bits(),
        }
    }

    pub(crate) const fn set_word(&mut self, index: usize, word: u32) {
        match index {
            0 => self.samples = word,
            1 => self.loss.sum = f32::from_bits(word),
            2 => self.loss.lost = f32::from_bits(word),
            3 => self.accuracy.sum = f32::from_bits(word),
            _ => self.accuracy.lost = f32::from_bits(word),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct CompensatedSum {
    sum: f32,
    lost: f32,
}

impl CompensatedSum {
    pub(crate) const fn sum(self) -> f32 {
        self.sum
    }

    /// From a sum and what it lost to rounding.
    pub(crate) const fn of(sum: f32, lost: f32) -> Self {
        Self { sum, lost }
    }

    /// What the sum is too large by.
    pub(crate) const fn lost(self) -> f32 {
        self.lost
    }

    /// How far `x` is above the sum.
    pub(crate) const fn up_to(self, x: f32) -> f32 {
        (x - self.sum) + self.lost
    }

    pub(crate) fn add(&mut self, value: f32) {
        let value = value - self.lost;
        let sum = self.sum + value;
        self.lost = (sum - self.sum) - value;
        self.sum = sum;
    }

    /// The same of values whose sum may overflow: what is infinite stays so, and does not become NaN.
    pub(crate) fn add_any(&mut self, value: f32) {
        self.add(value);
        if !self.sum.is_finite() {
            self.lost = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_digits_over_a_long_epoch() {
        let mut metrics = Metrics::default();
        for _ in 0..1_000_000 {
            metrics.record(0.1, None);
        }
        assert_eq!(metrics.loss(), 0.1);
        assert_eq!((metrics.accuracy(), metrics.samples()), (None, 1_000_000));
    }

    #[test]
    fn an_overflow_stays_one() {
        for values in [[f32::MAX, f32::MAX, 1.0], [f32::INFINITY, 1.0, 1.0], [1.0, f32::MAX, f32::MAX]] {
            let mut sum = CompensatedSum::default();
            for value in values {
                sum.add_any(value);
            }
            assert_eq!(sum.sum(), f32::INFINITY, "{values:?}");
        }
        let mut sum = CompensatedSum::default();
        for value in [1.0, f32::NAN, 1.0] {
            sum.add_any(value);
        }
        assert!(sum.sum().is_nan());
    }

    #[test]
    fn counts_what_is_right() {
        let mut metrics = Metrics::default();
        assert_eq!(metrics.accuracy(), None);
        for right in [1.0, 1.0, 0.0, 1.0] {
            metrics.record(0.5, Some(right));
        }
        metrics.penalise(0.25, 4);
        assert_eq!((metrics.accuracy(), metrics.loss()), (Some(0.75), 0.75));
    }
}
