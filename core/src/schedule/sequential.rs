//! A list of schedules, one after the other.

use super::piecewise::increasing;
use super::{LAST_TRIED, Schedule};
use crate::error::{Error, Requirement};

/// Part `i` from boundary `i - 1` on, **each on a clock of its own** that reads 0 at its boundary.
///
/// [`Then`](super::Then) for a list: the parts are of one type, which may be `&dyn Schedule`.
///
/// ```
/// use microfit::schedule::{Schedule, Sequential, constant, cosine, warmup};
///
/// let (up, hold, down) = (warmup(0.1, 10)?, constant(0.1)?, cosine(0.1, 0.0, 20)?);
/// let parts: [&dyn Schedule; 3] = [&up, &hold, &down];
/// let schedule = Sequential::new(&parts, &[10, 80])?;
/// assert_eq!([5, 79, 90, 100].map(|t| schedule.rate(t)), [0.05, 0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sequential<'a, S> {
    parts: &'a [S],
    boundaries: &'a [u32],
}

impl<'a, S> Sequential<'a, S> {
    /// Switches at each boundary.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the boundaries increase and there is one part more than boundaries.
    pub const fn new(parts: &'a [S], boundaries: &'a [u32]) -> Result<Self, Error> {
        if parts.len() != boundaries.len() + 1 {
            let must_be = Requirement::OneMoreThanBoundaries;
            return Err(Error::Parameter { name: "parts", must_be, found: parts.len() as f32 });
        }
        propagate!(increasing(boundaries));
        Ok(Self { parts, boundaries })
    }

    fn at(&self, step: u32) -> Option<(&'a S, u32)> {
        let index = self.boundaries.iter().take_while(|&&boundary| boundary <= step).count();
        let begin = index.checked_sub(1).and_then(|last| self.boundaries.get(last)).copied().unwrap_or(0);
        self.parts.get(index).map(|part| (part, step.saturating_sub(begin)))
    }
}

impl<S: Schedule> Schedule for Sequential<'_, S> {
    fn value(&self, step: u32) -> f64 {
        self.at(step).map_or(0.0, |(part, local)| part.value(local))
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        self.at(step).and_then(|(part, local)| part.momentum(local))
    }

    fn last_tried(&self) -> u32 {
        self.parts.iter().map(S::last_tried).min().unwrap_or(LAST_TRIED)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cosine, cosine};
    use super::*;

    #[test]
    fn each_on_its_own_clock() {
        let parts = [cosine(0.1, 0.0, 10).unwrap(), cosine(0.2, 0.0, 10).unwrap()];
        let schedule = Sequential::new(&parts, &[7]).unwrap();
        assert_eq!([0, 5, 7, 12, 17].map(|t| schedule.rate(t)), [0.1, 0.05, 0.2, 0.1, 0.0]);
    }

    #[test]
    fn refuses_bad_lists() {
        assert!(Sequential::<Cosine>::new(&[], &[]).is_err());
        let part = cosine(0.1, 0.0, 10).unwrap();
        assert!(Sequential::new(&[part], &[3]).is_err());
        assert!(Sequential::new(&[part, part, part], &[3, 3]).is_err());
    }
}
