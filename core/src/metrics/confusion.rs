//! Which classes are taken for which.

use super::target::{check_outputs, class_of};
use crate::data::argmax;
use crate::error::{Error, Requirement, require};

/// How often a sample of each class was taken for each class, and what follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Confusion<const C: usize> {
    counts: [[u32; C]; C],
    samples: u32,
}

/// Precision, recall and their harmonic mean, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scores {
    /// Of what was taken for the class, the share that is of it; 0 if nothing was.
    pub precision: f32,
    /// Of what is of the class, the share that was taken for it; 0 if nothing is.
    pub recall: f32,
    /// `2 tp / (2 tp + fp + fn)`; 0 if the class occurs nowhere.
    pub f1: f32,
}

impl<const C: usize> Default for Confusion<C> {
    fn default() -> Self {
        Self { counts: [[0; C]; C], samples: 0 }
    }
}

impl<const C: usize> Confusion<C> {
    /// Counts one sample. `outputs` are `C` numbers, of which the largest names the class (the first of equals, as
    /// numpy's `argmax`), or, with two classes, one probability of class 1, above 0.5 (for a logit see
    /// [`Self::record_above`]). `target` is a class index or a one-hot row.
    ///
    /// # Errors
    /// [`Error::BufferLength`], [`Error::OutputNotFinite`], [`Error::ClassInvalid`], [`Error::TargetInvalid`] for a row that is
    /// not one-hot; the sample is not counted then.
    pub fn record(&mut self, outputs: &[f32], target: &[f32]) -> Result<(), Error> {
        self.record_above(0.5, outputs, target)
    }

    /// As [`Self::record`], but one output is of class 1 above `threshold`: 0 where it is a logit, that of a linear last
    /// layer, or a probability at which the two kinds of mistakes cost the same. With `C` outputs it is not asked.
    ///
    /// # Errors
    /// As [`Self::record`], and [`Error::Parameter`] for a threshold that is not finite.
    pub fn record_above(&mut self, threshold: f32, outputs: &[f32], target: &[f32]) -> Result<(), Error> {
        require("threshold", Requirement::Finite, f64::from(threshold))?;
        let binary = C == 2 && outputs.len() == 1;
        check_outputs(self.samples, outputs, if binary { 1 } else { C })?;
        let truth = class_of(self.samples, target, C)?;
        let predicted =
            if binary { usize::from(outputs.first().is_some_and(|&p| p > threshold)) } else { argmax(outputs) };
        if let Some(count) = self.counts.get_mut(truth).and_then(|row| row.get_mut(predicted)) {
            *count = count.saturating_add(1);
        }
        self.samples = self.samples.saturating_add(1);
        Ok(())
    }

    /// `counts()[truth][predicted]`.
    pub const fn counts(&self) -> &[[u32; C]; C] {
        &self.counts
    }

    /// Samples counted.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// Share of samples taken for what they are; `None` before the first.
    pub fn accuracy(&self) -> Option<f32> {
        (self.samples > 0).then(|| ratio(self.right(), self.samples.into()))
    }

    /// One class against all others; zeros past the last class.
    pub fn class(&self, class: usize) -> Scores {
        let [right, of_class, taken] = self.totals(class);
        Scores {
            precision: ratio(right, taken),
            recall: ratio(right, of_class),
            f1: ratio(2 * right, of_class + taken),
        }
    }

    /// The mean over the classes that occur, as truth or as prediction: scikit-learn's `average="macro"`.
    pub fn macro_average(&self) -> Scores {
        let mut sum = Scores::default();
        let mut classes = 0_u32;
        for class in 0..C {
            let [_, of_class, taken] = self.totals(class);
            if of_class > 0 || taken > 0 {
                let scores = self.class(class);
                sum.precision += scores.precision;
                sum.recall += scores.recall;
                sum.f1 += scores.f1;
                classes += 1;
            }
        }
        let classes = classes.max(1) as f32;
        Scores { precision: sum.precision / classes, recall: sum.recall / classes, f1: sum.f1 / classes }
    }

    /// Over the counts of all classes together (scikit-learn's `average="micro"`). As every sample has one class and is
    /// taken for one, all three are the accuracy; zeros before the first sample.
    pub fn micro_average(&self) -> Scores {
        let share = ratio(self.right(), self.samples.into());
        Scores { precision: share, recall: share, f1: share }
    }

    fn right(&self) -> u64 {
        total(self.counts.iter().enumerate().filter_map(|(class, row)| row.get(class)))
    }

    /// Taken rightly for the class, of the class, taken for the class.
    fn totals(&self, class: usize) -> [u64; 3] {
        let row = self.counts.get(class);
        let right = row.and_then(|row| row.get(class));
        let column = self.counts.iter().filter_map(|row| row.get(class));
        [total(right.into_iter()), total(row.into_iter().flatten()), total(column)]
    }
}

/// Wider than the counts, which may be billions each.
fn total<'a>(counts: impl Iterator<Item = &'a u32>) -> u64 {
    counts.fold(0, |sum, &count| sum.wrapping_add(u64::from(count)))
}

fn ratio(part: u64, of: u64) -> f32 {
    if of == 0 { 0.0 } else { part as f32 / of as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Confusion<4> {
        let mut confusion = Confusion::default();
        for (truth, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 0)] {
            let mut outputs = [0.0; 4];
            outputs[predicted] = 1.0;
            confusion.record(&outputs, &[truth as f32]).unwrap();
        }
        confusion
    }

    /// scikit-learn's `precision_recall_fscore_support` of the same pairs.
    #[test]
    fn has_the_scores_of_scikit_learn() {
        let confusion = filled();
        assert_eq!(confusion.counts()[1], [0, 1, 1, 0]);
        assert_eq!(confusion.accuracy(), Some(4.0 / 7.0));
        let class = confusion.class(0);
        assert_eq!((class.precision, class.recall, class.f1), (2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0));
        assert_eq!(confusion.class(1), Scores { precision: 0.5, recall: 0.5, f1: 0.5 });
        assert_eq!((confusion.class(3), confusion.class(9)), (Scores::default(), Scores::default()));
        let average = confusion.macro_average();
        assert!((average.f1 - 5.0 / 9.0).abs() < 1e-7 && (average.precision - 5.0 / 9.0).abs() < 1e-7);
        assert_eq!(confusion.micro_average().recall, 4.0 / 7.0);
        // A class that is only predicted counts too.
        let mut confusion = Confusion::<3>::default();
        for predicted in [0, 0, 1] {
            let mut outputs = [0.0; 3];
            outputs[predicted] = 1.0;
            confusion.record(&outputs, &[0.0]).unwrap();
        }
        let average = confusion.macro_average();
        assert!((average.recall - 1.0 / 3.0).abs() < 1e-7 && average.precision == 0.5, "{average:?}");
        assert_eq!(Confusion::<2>::default().accuracy(), None);
    }

    #[test]
    fn counts_of_billions_are_added() {
        let confusion = Confusion { counts: [[0, 2_000_000_000], [0, 2_200_000_000]], samples: 4_200_000_000 };
        assert_eq!(confusion.class(1), Scores { precision: 2.2 / 4.2, recall: 1.0, f1: 0.6875 });
        let confusion = Confusion { counts: [[3_000_000_000, 3_000_000_000], [0, 0]], samples: u32::MAX };
        assert_eq!(confusion.class(0).recall, 0.5);
    }

    #[test]
    fn a_logit_has_its_own_threshold() {
        let mut confusion = Confusion::<2>::default();
        for (logit, class) in [(0.2, 1.0), (-0.2, 0.0), (0.0, 0.0)] {
            confusion.record_above(0.0, &[logit], &[class]).unwrap();
        }
        assert_eq!(confusion.counts(), &[[2, 0], [0, 1]]);
        confusion.record_above(9.0, &[0.1, 0.2], &[1.0]).unwrap();
        assert_eq!(confusion.counts(), &[[2, 0], [0, 2]]);
        let before = confusion;
        let refused = confusion.record_above(f32::NAN, &[0.1], &[1.0]);
        assert!(matches!(refused, Err(Error::Parameter { name: "threshold", .. })));
        assert_eq!(confusion, before);
    }

    #[test]
    fn takes_one_probability_for_two_classes_and_counts_no_refusal() {
        let mut confusion = Confusion::<2>::default();
        for (p, class) in [(0.5, 0.0), (0.6, 1.0), (0.4, 1.0)] {
            confusion.record(&[p], &[class]).unwrap();
        }
        assert_eq!(confusion.counts(), &[[1, 0], [1, 1]]);
        let before = confusion;
        assert!(matches!(confusion.record(&[0.5], &[2.0]), Err(Error::ClassInvalid { index: 3, .. })));
        assert!(matches!(confusion.record(&[0.5; 3], &[0.0]), Err(Error::BufferLength { .. })));
        assert!(matches!(confusion.record(&[f32::NAN], &[0.0]), Err(Error::OutputNotFinite { .. })));
        assert_eq!(confusion, before);
    }
}
