//! Whether the right class is among the likeliest.

use super::target::{check_outputs, class_of};
use crate::error::{Error, Requirement, require};

/// Share of samples whose class is among the `k` largest outputs: fewer than `k` outputs are above that of the class, so
/// a tie counts as right (Keras' `TopKCategoricalAccuracy`, TensorFlow's `in_top_k`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopK {
    k: u32,
    samples: u32,
    right: u32,
}

impl TopK {
    /// Of the `k` largest outputs; 1 is accuracy, with ties right.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `k` is 0.
    pub const fn new(k: u32) -> Result<Self, Error> {
        match require("k", Requirement::AtLeastOne, k as f64) {
            Ok(()) => Ok(Self { k, samples: 0, right: 0 }),
            Err(error) => Err(error),
        }
    }

    /// Counts one sample: an output a class (logits or probabilities), and a class index or a one-hot row.
    ///
    /// # Errors
    /// [`Error::BufferLength`] without outputs or for a target of another length, [`Error::OutputNotFinite`],
    /// [`Error::ClassInvalid`], [`Error::TargetInvalid`] for a row that is not one-hot; the sample is not counted then.
    pub fn record(&mut self, outputs: &[f32], target: &[f32]) -> Result<(), Error> {
        check_outputs(self.samples, outputs, outputs.len().max(1))?;
        let class = class_of(self.samples, target, outputs.len())?;
        let own = outputs.get(class).copied().unwrap_or(f32::NEG_INFINITY);
        let above = outputs.iter().filter(|&&output| output > own).count();
        self.samples = self.samples.saturating_add(1);
        self.right = self.right.saturating_add(u32::from(above < self.k as usize));
        Ok(())
    }

    /// Samples counted.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// The share, from 0 to 1; `None` before the first sample.
    pub fn accuracy(&self) -> Option<f32> {
        (self.samples > 0).then(|| self.right as f32 / self.samples as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_ties_as_right_and_refusals_not_at_all() {
        let mut top = TopK::new(2).unwrap();
        assert_eq!(top.accuracy(), None);
        let outputs = [0.1, 0.4, 0.2, 0.2];
        for (class, right) in [(0.0, 0), (1.0, 1), (2.0, 2), (3.0, 3)] {
            top.record(&outputs, &[class]).unwrap();
            assert_eq!(top.right, right);
        }
        top.record(&outputs, &[0.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!(top.accuracy(), Some(0.8));
        let before = top;
        assert!(top.record(&outputs, &[4.0]).is_err() && top.record(&[], &[0.0]).is_err());
        assert_eq!(top, before);
        assert!(matches!(TopK::new(0), Err(Error::Parameter { name: "k", .. })));
    }
}
