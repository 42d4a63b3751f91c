//! When a freshly trained model replaces the deployed one.

use core::fmt;

use crate::checkpoint::{CheckpointError, Header};
use crate::early_stopping::Goal;
use crate::error::{Error, Requirement, require};

/// The rule: a candidate is deployed if it is better than the deployed model by at least `min_delta`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Promotion {
    goal: Goal,
    min_delta: f32,
}

impl Promotion {
    /// Which way a score gets better, and by how much it has to.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a `min_delta` that is negative or not finite.
    pub const fn new(goal: Goal, min_delta: f32) -> Result<Self, Error> {
        match require("min_delta", Requirement::NonNegative, min_delta as f64) {
            Ok(()) => Ok(Self { goal, min_delta }),
            Err(error) => Err(error),
        }
    }

    /// Whether a candidate with this score is to replace the deployed model with that one: by at least `min_delta`, and never at the
    /// same score. A candidate's score that is not finite is never better. Any other is better than no model, and than a
    /// deployed one whose score is NaN.
    pub fn is_better(&self, candidate: f32, deployed: Option<f32>) -> bool {
        let Some(deployed) = deployed.filter(|score| !score.is_nan()) else { return candidate.is_finite() };
        let gain = match self.goal {
            Goal::Minimize => deployed - candidate,
            Goal::Maximize => candidate - deployed,
        };
        candidate.is_finite() && gain > 0.0 && gain >= self.min_delta
    }
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub enum Outcome {
    /// It was better: it is deployed now, and the one before is the one to fall back to.
    Promoted {
        /// The score of the one before; `None` if there was no model of this topology that could be loaded and scored.
        before: Option<f32>,
        /// The candidate's score.
        candidate: f32,
        /// Of its frame.
        header: Header,
    },
    /// It was not, and flash is as it was.
    Kept {
        /// The deployed model's score; `None` if there is none of this topology that can be loaded and scored.
        deployed: Option<f32>,
        /// The candidate's score.
        candidate: f32,
    },
}

/// Why it could not be told, or not be deployed; `E` is the flash's error.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PromotionError<E> {
    /// A model could not be scored.
    Score(Error),
    /// A model could not be loaded or saved.
    Store(CheckpointError<E>),
}

impl<E: fmt::Debug> fmt::Display for PromotionError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(error) => write!(f, "promotion, score: {error}"),
            Self::Store(error) => write!(f, "promotion, {error}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for PromotionError<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_is_by_the_margin_and_a_number() {
        let loss = Promotion::new(Goal::Minimize, 0.25).unwrap();
        assert!(
            loss.is_better(0.5, Some(0.75)) && !loss.is_better(0.625, Some(0.75)) && !loss.is_better(1.0, Some(0.75))
        );
        let accuracy = Promotion::new(Goal::Maximize, 0.0).unwrap();
        assert!(accuracy.is_better(0.75, Some(0.5)) && !accuracy.is_better(0.5, Some(0.5)));
        for rule in [loss, accuracy] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert!(
                    !rule.is_better(bad, Some(0.5))
                        && !rule.is_better(bad, None)
                        && !rule.is_better(bad, Some(f32::NAN))
                );
            }
            assert!(rule.is_better(9.0, None) && rule.is_better(-9.0, Some(f32::NAN)));
        }
        assert!(loss.is_better(1e9, Some(f32::INFINITY)));
        assert!(Promotion::new(Goal::Minimize, -0.1).is_err() && Promotion::new(Goal::Minimize, f32::NAN).is_err());
    }
}
