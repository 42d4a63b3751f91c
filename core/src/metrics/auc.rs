//! How well a score ranks.

use super::target::{check_outputs, class_of};
use crate::error::{Buffer, Error};

/// A score, and whether its sample is of class 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scored {
    /// The network's output; of two, the second less the first, or half of it where that overflows.
    pub score: f32,
    /// Whether the sample is of class 1.
    pub positive: bool,
    /// The sign of a score that is half of the difference, else 0: such a score is beyond all others.
    beyond: i8,
}

impl Scored {
    const fn rank(self) -> (i8, f32) {
        (self.beyond, self.score)
    }
}

/// The area under the receiver operating characteristic, exact: the share of pairs of a positive and a negative sample in
/// which the positive scores higher, ties by half. It is Mann and Whitney's U over the number of pairs.
///
/// Source: J. Hanley and B. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
/// curve" (1982). It keeps every score in a lent buffer, 8 bytes each, and compares all pairs: for hundreds of samples.
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RocAuc<'a> {
    scores: &'a mut [Scored],
    samples: u32,
}

impl<'a> RocAuc<'a> {
    /// For as many samples as the buffer has elements; what is in it does not matter.
    pub const fn new(scores: &'a mut [Scored]) -> Self {
        Self { scores, samples: 0 }
    }

    /// Keeps one sample: one output that is larger for class 1 (a logit or probability), or two, of which the second less
    /// the first is the score; and a class index 0 or 1, or a one-hot row.
    ///
    /// Of a softmax' two probabilities either ranks as well as the difference does; the second alone (`&outputs[1..]`)
    /// also ranks samples for which it is below 2^-25, whose differences are all -1.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for other lengths or where the buffer is full, [`Error::OutputNotFinite`],
    /// [`Error::ClassInvalid`], [`Error::TargetInvalid`] for a row that is not one-hot; the sample is not kept then.
    pub fn record(&mut self, outputs: &[f32], target: &[f32]) -> Result<(), Error> {
        check_outputs(self.samples, outputs, if outputs.len() == 2 { 2 } else { 1 })?;
        let (score, beyond) = match *outputs {
            [negative, positive] => match positive - negative {
                f32::INFINITY => (positive / 2.0 - negative / 2.0, 1),
                f32::NEG_INFINITY => (positive / 2.0 - negative / 2.0, -1),
                difference => (difference, 0),
            },
            _ => (outputs.first().copied().unwrap_or(0.0), 0),
        };
        let positive = class_of(self.samples, target, 2)? == 1;
        let found = self.scores.len();
        let Some(slot) = self.scores.get_mut(self.samples as usize) else {
            return Err(Error::BufferLength { buffer: Buffer::Scores, expected: found.saturating_add(1), found });
        };
        *slot = Scored { score, positive, beyond };
        self.samples = self.samples.saturating_add(1);
        Ok(())
    }

    /// Samples kept.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// The area, from 0 to 1; `None` unless there are samples of both classes.
    pub fn auc(&self) -> Option<f32> {
        let scores = self.scores.get(..self.samples as usize)?;
        let (mut doubled, mut pairs) = (0_u64, 0_u64);
        for positive in scores.iter().filter(|scored| scored.positive) {
            for negative in scores.iter().filter(|scored| !scored.positive) {
                let (positive, negative) = (positive.rank(), negative.rank());
                let wins = u64::from(positive > negative) + u64::from(positive >= negative);
                doubled = doubled.wrapping_add(wins);
                pairs = pairs.wrapping_add(1);
            }
        }
        (pairs > 0).then(|| (doubled as f64 / (2.0 * pairs as f64)) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_share_of_pairs_in_order() {
        let mut buffer = [Scored::default(); 6];
        let mut auc = RocAuc::new(&mut buffer);
        // scikit-learn's example: 0.75.
        for (score, class) in [(0.1, 0.0), (0.4, 0.0), (0.35, 1.0), (0.8, 1.0)] {
            assert_eq!(auc.auc().is_some(), class == 1.0 && score == 0.8);
            auc.record(&[score], &[class]).unwrap();
        }
        assert_eq!((auc.auc(), auc.samples()), (Some(0.75), 4));
        auc.record(&[0.0, 0.4], &[0.0, 1.0]).unwrap();
        // Ties by half: of the 6 pairs, (0.35 > 0.1), (0.8 > 0.1), (0.8 > 0.4), (0.4 > 0.1), half of
        // (0.4, 0.4).
        assert_eq!(auc.auc(), Some(4.5 / 6.0));
        assert!(matches!(auc.record(&[0.1], &[2.0]), Err(Error::ClassInvalid { index: 5, classes: 2, .. })));
        assert!(matches!(auc.record(&[0.1; 3], &[1.0]), Err(Error::BufferLength { buffer: Buffer::Outputs, .. })));
        auc.record(&[0.9], &[1.0]).unwrap();
        let full = Error::BufferLength { buffer: Buffer::Scores, expected: 7, found: 6 };
        assert_eq!(auc.record(&[0.9], &[1.0]), Err(full));
        assert_eq!(auc.samples(), 6);
    }

    /// Which of two is larger is known all the same.
    #[test]
    fn logits_whose_difference_overflows_rank_too() {
        let of = |rows: &[([f32; 2], f32)]| {
            let mut buffer = [Scored::default(); 4];
            let mut auc = RocAuc::new(&mut buffer);
            for (outputs, class) in rows {
                auc.record(outputs, &[*class]).unwrap();
            }
            auc.auc()
        };
        let (most, more, some) = ([-3e38, 3e38], [-2e38, 2e38], [-1e38, 2e38]);
        assert_eq!(of(&[(more, 0.0), (most, 1.0)]), Some(1.0));
        assert_eq!(of(&[(some, 0.0), (more, 1.0)]), Some(1.0));
        assert_eq!(of(&[([3e38, -3e38], 0.0), ([2e38, -2e38], 1.0)]), Some(1.0));
        assert_eq!(of(&[([2e38, -2e38], 0.0), ([2e38, -1e38], 1.0)]), Some(1.0));
        assert_eq!(of(&[([2e38, -2e38], 1.0), (more, 0.0), (some, 0.0)]), Some(0.0));
        assert_eq!(of(&[(most, 1.0), (most, 0.0)]), Some(0.5));
        assert_eq!(size_of::<Scored>(), 8);
    }

    /// Each sample is classified rightly; the logits of class 1 alone would have them in the wrong order.
    #[test]
    fn two_logits_rank_by_their_difference() {
        let mut buffer = [Scored::default(); 4];
        let mut auc = RocAuc::new(&mut buffer);
        for (outputs, class) in [([5.0, 3.0], 0.0), ([4.0, 2.0], 0.0), ([-3.0, -1.0], 1.0), ([-1.0, 0.0], 1.0)] {
            auc.record(&outputs, &[class]).unwrap();
        }
        assert_eq!(auc.auc(), Some(1.0));
    }
}
