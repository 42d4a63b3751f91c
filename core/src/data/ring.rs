//! The latest samples, in fixed memory.

use super::Dataset;
use super::rows::copy;
use super::scaling::check_finite;
use crate::error::{Buffer, Error};

/// Rows that a replay buffer can have.
pub(super) const MOST_ROWS: usize = 1 << 31;

/// The latest samples pushed, oldest first: a plain ring buffer over lent memory.
///
/// While it is not full, a push adds a sample behind the others, which counts from the next epoch on. A push into a full one
/// drops the oldest sample, and every other has the index before its own: within an epoch the new sample may count at once,
/// and of the others some are passed over or count twice, one for each push. Where each is to count once, push into a full
/// ring between epochs, after [`Event::Epoch`](crate::Event::Epoch).
///
/// A checkpoint of it is [`Self::features`], [`Self::targets`] and [`Self::state`]; [`Self::restore`] takes them back.
///
/// ```
/// use microfit::data::{Dataset, Ring};
///
/// let (mut features, mut targets) = ([[0.0]; 2], [[0.0]; 2]);
/// let mut ring = Ring::new(&mut features, &mut targets)?;
/// for x in [1.0, 2.0, 3.0] {
///     ring.push([x], [-x])?;
/// }
/// let (mut x, mut y) = ([0.0], [0.0]);
/// ring.read(0, &mut x, &mut y)?;
/// assert_eq!((ring.len(), x, y), (2, [2.0], [-2.0]));
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ring<'a, const F: usize, const T: usize> {
    features: &'a mut [[f32; F]],
    targets: &'a mut [[f32; T]],
    state: RingState,
}

/// What of a [`Ring`] is not in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RingState {
    /// The row of the oldest sample.
    pub oldest: u32,
    /// Samples there are.
    pub len: u32,
}

impl<'a, const F: usize, const T: usize> Ring<'a, F, T> {
    /// An empty buffer for as many samples as there are rows.
    ///
    /// # Errors
    /// [`Error::BufferLength`] without rows, or with another number of targets than of features;
    /// [`Error::DatasetTooLarge`] for more than 2^31 rows.
    pub fn new(features: &'a mut [[f32; F]], targets: &'a mut [[f32; T]]) -> Result<Self, Error> {
        Self::restore(features, targets, RingState::default())
    }

    /// The buffer that had these rows and this state.
    ///
    /// # Errors
    /// As [`Self::new`], and [`Error::ReplayState`] for a state that rows of this number cannot have.
    pub fn restore(features: &'a mut [[f32; F]], targets: &'a mut [[f32; T]], state: RingState) -> Result<Self, Error> {
        let (expected, found) = (features.len().max(1), targets.len());
        if expected != found {
            return Err(Error::BufferLength { buffer: Buffer::Replay, expected, found });
        }
        if features.is_empty() {
            return Err(Error::BufferLength { buffer: Buffer::Replay, expected: 1, found: 0 });
        }
        if found > MOST_ROWS {
            return Err(Error::DatasetTooLarge { expected: MOST_ROWS, found });
        }
        // Until all rows are taken the oldest sample stands in the first.
        let full = state.len as usize == found;
        if state.oldest as usize >= found || state.len as usize > found || (state.oldest > 0 && !full) {
            return Err(Error::ReplayState);
        }
        Ok(Self { features, targets, state })
    }

    /// Adds a sample, in the place of the oldest where the buffer is full.
    ///
    /// # Errors
    /// [`Error::SampleNotFinite`] or [`Error::TargetInvalid`] for a number that is not finite, with the index the sample
    /// would have; it is not added then. Training on it would fail until it is dropped.
    pub fn push(&mut self, features: [f32; F], target: [f32; T]) -> Result<(), Error> {
        let capacity = self.features.len();
        let full = self.state.len as usize >= capacity;
        let index = if full { capacity.saturating_sub(1) } else { self.state.len as usize };
        check_finite(index, &features, features.iter().copied())?;
        if let Some((output, &found)) = target.iter().enumerate().find(|(_, target)| !target.is_finite()) {
            return Err(Error::TargetInvalid { index, output, found });
        }
        let row = if full { self.state.oldest as usize } else { self.row(self.state.len as usize) };
        if let (Some(to_features), Some(to_target)) = (self.features.get_mut(row), self.targets.get_mut(row)) {
            (*to_features, *to_target) = (features, target);
        }
        if full {
            self.state.oldest = self.row(1) as u32;
        } else {
            self.state.len = self.state.len.saturating_add(1);
        }
        Ok(())
    }

    /// Forgets all samples; between epochs, for a run in the midst of one misses them.
    pub const fn clear(&mut self) {
        self.state = RingState { oldest: 0, len: 0 };
    }

    /// The row of the sample `index` after the oldest; `index` is at most the number of rows.
    fn row(&self, index: usize) -> usize {
        let row = self.state.oldest as usize + index;
        row.checked_sub(self.features.len()).unwrap_or(row)
    }

    /// All rows, in the order of the memory.
    pub const fn features(&self) -> &[[f32; F]] {
        self.features
    }

    /// All targets, in the order of the memory.
    pub const fn targets(&self) -> &[[f32; T]] {
        self.targets
    }

    /// What is not in the rows.
    pub const fn state(&self) -> RingState {
        self.state
    }
}

impl<const F: usize, const T: usize> Dataset for Ring<'_, F, T> {
    fn len(&self) -> usize {
        self.state.len as usize
    }

    fn features(&self) -> usize {
        F
    }

    fn targets(&self) -> usize {
        T
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let past = Error::SampleIndex { index, len: self.len() };
        if index >= self.len() {
            return Err(past);
        }
        let row = self.row(index);
        copy(self.features.get(row).ok_or(past)?, features, Buffer::Input)?;
        copy(self.targets.get(row).ok_or(past)?, target, Buffer::Target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        if index >= self.len() {
            return None;
        }
        let row = self.row(index);
        Some((self.features.get(row)?, self.targets.get(row)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_latest_and_comes_back_from_a_checkpoint() {
        for capacity in 1..6 {
            let (mut x, mut y) = ([[0.0]; 5], [[0.0]; 5]);
            let mut ring = Ring::new(&mut x[..capacity], &mut y[..capacity]).unwrap();
            for n in 0..13_usize {
                ring.push([n as f32], [-(n as f32)]).unwrap();
                let len = (n + 1).min(capacity);
                assert_eq!(ring.len(), len);
                for index in 0..len {
                    let (mut features, mut target) = ([9.0], [9.0]);
                    ring.read(index, &mut features, &mut target).unwrap();
                    let expected = (n + 1 - len + index) as f32;
                    assert_eq!((features, target), ([expected], [-expected]));
                }
                let past = ring.read(len, &mut [0.0], &mut [0.0]);
                assert_eq!(past, Err(Error::SampleIndex { index: len, len }));
            }
            let state = ring.state();
            let (mut x, mut y) = (x, y);
            let ring = Ring::restore(&mut x[..capacity], &mut y[..capacity], state).unwrap();
            let mut features = [0.0];
            ring.read(capacity - 1, &mut features, &mut [0.0]).unwrap();
            assert_eq!(features, [12.0]);
        }
    }

    #[test]
    fn takes_numbers_only_and_begins_anew() {
        let (mut x, mut y) = ([[0.0; 2]; 2], [[0.0; 2]; 2]);
        let mut ring = Ring::new(&mut x, &mut y).unwrap();
        for index in [0, 1, 1] {
            let before = ring.state();
            let found = f32::INFINITY;
            let refused = Error::SampleNotFinite { index, feature: 1, found };
            assert_eq!(ring.push([0.5, found], [0.5; 2]), Err(refused));
            assert_eq!(ring.push([0.5; 2], [0.5, found]), Err(Error::TargetInvalid { index, output: 1, found }));
            assert!(ring.push([f32::NAN; 2], [f32::NAN; 2]).is_err());
            assert_eq!(ring.state(), before);
            ring.push([index as f32; 2], [0.5; 2]).unwrap();
        }
        ring.clear();
        assert_eq!((ring.len(), ring.state(), ring.in_memory(0)), (0, RingState::default(), None));
        ring.push([7.0; 2], [0.5; 2]).unwrap();
        assert_eq!(ring.in_memory(0), Some((&[7.0; 2][..], &[0.5; 2][..])));
    }

    /// What the documentation says of a push within an epoch.
    #[test]
    fn a_push_into_a_full_ring_moves_every_sample_one_index_forward() {
        let (mut x, mut y) = ([[0.0]; 3], [[0.0]; 3]);
        let mut ring = Ring::new(&mut x, &mut y).unwrap();
        for n in 0..5 {
            let before: [_; 3] = core::array::from_fn(|index| ring.in_memory(index).map(|(x, _)| x[0]));
            ring.push([n as f32], [0.0]).unwrap();
            let at = |index| ring.in_memory(index).map(|(x, _)| x[0]);
            let expected = if n < 3 { [before[0].or(at(0)), before[1].or(at(1))] } else { [before[1], before[2]] };
            assert_eq!([at(0), at(1)], expected);
            assert_eq!(at(n.min(2)), Some(n as f32));
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert!(matches!(Ring::<1, 1>::new(&mut [], &mut []), Err(Error::BufferLength { expected: 1, found: 0, .. })));
        assert!(matches!(Ring::<1, 1>::new(&mut [[0.0]; 2], &mut [[0.0]]), Err(Error::BufferLength { .. })));
        for (oldest, len) in [(2, 2), (0, 3), (1, 1), (1, 0)] {
            let (mut x, mut y) = ([[0.0]; 2], [[0.0]; 2]);
            let found = Ring::restore(&mut x, &mut y, RingState { oldest, len });
            assert_eq!(found, Err(Error::ReplayState));
        }
    }
}
