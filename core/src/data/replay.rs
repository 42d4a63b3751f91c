//! A fair memory of an unfair stream.

use super::Dataset;
use super::ring::MOST_ROWS;
use super::rows::copy;
use super::scaling::check_finite;
use crate::error::{Buffer, Error};
use crate::rng::{Rng, mix};

/// Class-balanced reservoir sampling: samples of `C` classes over lent memory, every class with as many samples as it
/// can have, and within a class every sample of the stream kept with equal chance. That takes at least `C` rows.
///
/// Until the memory is full, every sample is kept. From then on a class that is, or once was, one of the largest counts
/// as *full*. A sample of a class that is not full replaces a random sample of the largest class (of all the largest,
/// where several are). A sample of a full class, of which `m` of `n` seen are stored, replaces a random one of its own
/// class with probability `m / n` (Vitter's reservoir).
///
/// With fewer rows than classes, a class whose only sample gave way to another class' is full, and of it `m` is 0: it is never
/// stored again, as the algorithm has it. With `C` rows or more, the last sample of a class never gives way to another class'.
///
/// Source: A. Chrysakis and M.-F. Moens, "Online continual learning from imbalanced data", ICML 2020, algorithm 1.
///
/// While there is memory, a push adds a sample behind the others, which counts from the next epoch on; afterwards one that
/// is kept counts in the epoch at hand if the sample in whose place it stands has not yet.
///
/// A checkpoint of it is [`Self::features`], [`Self::labels`] and [`Self::state`]; [`Self::restore`] takes them back.
/// A push reads the labels of all rows at most three times. Its target is the class index.
///
/// ```
/// use microfit::data::{ClassBalanced, Dataset};
///
/// let (mut features, mut labels) = ([[0.0]; 10], [0; 10]);
/// let mut replay = ClassBalanced::<1, 2>::new(1, &mut features, &mut labels)?;
/// for n in 0..1000 {
///     replay.push([n as f32], u8::from(n % 100 == 0))?; // one in a hundred is of class 1
/// }
/// assert_eq!(replay.len(), 10);
/// assert_eq!(replay.stored(1), 5);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClassBalanced<'a, const F: usize, const C: usize> {
    features: &'a mut [[f32; F]],
    labels: &'a mut [u8],
    state: ReplayState<C>,
}

/// What of a [`ClassBalanced`] is not in its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReplayState<const C: usize> {
    /// Fixes every random choice, together with the number of samples seen.
    pub seed: u32,
    /// Samples there are.
    pub len: u32,
    /// Samples of each class that were pushed.
    pub seen: [u32; C],
    /// Whether each class is, or once was, one of the largest since the memory is full.
    pub full: [bool; C],
}

impl<'a, const F: usize, const C: usize> ClassBalanced<'a, F, C> {
    /// An empty buffer for as many samples as there are rows.
    ///
    /// # Errors
    /// [`Error::BufferLength`] without rows, or with another number of labels than of rows;
    /// [`Error::DatasetTooLarge`] for more than 2^31 rows.
    pub fn new(seed: u32, features: &'a mut [[f32; F]], labels: &'a mut [u8]) -> Result<Self, Error> {
        Self::restore(features, labels, ReplayState { seed, len: 0, seen: [0; C], full: [false; C] })
    }

    /// The buffer that had these rows and this state.
    ///
    /// # Errors
    /// As [`Self::new`], and [`Error::ReplayState`] for a state that these rows cannot have: more samples than rows, a
    /// label that is no class, more stored than seen of a class.
    pub fn restore(features: &'a mut [[f32; F]], labels: &'a mut [u8], state: ReplayState<C>) -> Result<Self, Error> {
        let (expected, found) = (features.len().max(1), labels.len());
        if expected != found {
            return Err(Error::BufferLength { buffer: Buffer::Replay, expected, found });
        }
        if features.is_empty() {
            return Err(Error::BufferLength { buffer: Buffer::Replay, expected: 1, found: 0 });
        }
        if found > MOST_ROWS {
            return Err(Error::DatasetTooLarge { expected: MOST_ROWS, found });
        }
        let Some(used) = labels.get(..state.len as usize) else { return Err(Error::ReplayState) };
        let known = used.iter().all(|&label| usize::from(label) < C);
        let stored = count::<C>(used);
        if !known || stored.iter().zip(&state.seen).any(|(stored, seen)| stored > seen) {
            return Err(Error::ReplayState);
        }
        Ok(Self { features, labels, state })
    }

    /// Offers a sample of class `label`; returns the row it was stored in, `None` if it was passed over.
    ///
    /// # Errors
    /// [`Error::ClassInvalid`] if `label` is not below `C`, [`Error::SampleNotFinite`] for a feature that is not finite, with
    /// the number of samples pushed before as the index; the sample is not counted then.
    pub fn push(&mut self, features: [f32; F], label: u8) -> Result<Option<usize>, Error> {
        let class = usize::from(label);
        let ReplayState { seed, len, mut seen, mut full } = self.state;
        let pushed = seen.iter().fold(0_u32, |sum, &n| sum.wrapping_add(n));
        let Some(seen_of_class) = seen.get_mut(class) else {
            return Err(Error::ClassInvalid { index: pushed as usize, classes: C, found: label.into() });
        };
        check_finite(pushed as usize, &features, features.iter().copied())?;
        *seen_of_class = seen_of_class.saturating_add(1);
        let n = *seen_of_class;
        let row = if (len as usize) < self.labels.len() {
            self.state.len = len.saturating_add(1);
            Some(len as usize)
        } else {
            // A generator a push, so that the state is numbers that can be saved.
            let mut rng = Rng::new(mix(seed ^ mix(pushed)));
            let stored = count::<C>(self.labels);
            let largest = stored.iter().copied().max().unwrap_or(0);
            for (full, &stored) in full.iter_mut().zip(&stored) {
                *full |= stored == largest;
            }
            let m = stored.get(class).copied().unwrap_or(0);
            if full.get(class) == Some(&true) {
                if rng.below(n) < m { self.choose(rng.below(m), |other| other == class) } else { None }
            } else {
                let is_largest = |other: usize| stored.get(other) == Some(&largest);
                let candidates = self.labels.iter().filter(|&&label| is_largest(label.into())).count();
                self.choose(rng.below(candidates as u32), is_largest)
            }
        };
        (self.state.seen, self.state.full) = (seen, full);
        if let Some((to_features, to_label)) =
            row.and_then(|row| self.features.get_mut(row).zip(self.labels.get_mut(row)))
        {
            (*to_features, *to_label) = (features, label);
        }
        Ok(row)
    }

    /// Forgets all samples, those seen too: as [`Self::new`] with the same seed. Between epochs, for a run in the
    /// midst of one misses them.
    pub const fn clear(&mut self) {
        self.state = ReplayState { seed: self.state.seed, len: 0, seen: [0; C], full: [false; C] };
    }

    /// The row of the sample number `k` of those whose class `is` one of them.
    fn choose(&self, k: u32, is: impl Fn(usize) -> bool) -> Option<usize> {
        let rows = self.labels.iter().enumerate().filter(|&(_, &label)| is(label.into()));
        rows.map(|(row, _)| row).nth(k as usize)
    }

    /// Samples of a class there are.
    #[allow(clippy::naive_bytecount)] // not worth a crate
    pub fn stored(&self, class: u8) -> usize {
        self.used().iter().filter(|&&label| label == class).count()
    }

    fn used(&self) -> &[u8] {
        self.labels.get(..self.state.len as usize).unwrap_or_default()
    }

    /// All rows, in the order of the memory.
    pub const fn features(&self) -> &[[f32; F]] {
        self.features
    }

    /// All labels, in the order of the memory.
    pub const fn labels(&self) -> &[u8] {
        self.labels
    }

    /// What is not in the rows.
    pub const fn state(&self) -> ReplayState<C> {
        self.state
    }
}

fn count<const C: usize>(labels: &[u8]) -> [u32; C] {
    let mut counts = [0_u32; C];
    for &label in labels {
        if let Some(count) = counts.get_mut(usize::from(label)) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

impl<const F: usize, const C: usize> Dataset for ClassBalanced<'_, F, C> {
    fn len(&self) -> usize {
        self.state.len as usize
    }

    fn features(&self) -> usize {
        F
    }

    fn targets(&self) -> usize {
        1
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let (Some(row), Some(&label)) = (self.features.get(index), self.used().get(index)) else {
            return Err(Error::SampleIndex { index, len: self.len() });
        };
        copy(row, features, Buffer::Input)?;
        copy(&[f32::from(label)], target, Buffer::Target)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// Classes of 90, 9 and 1 in a hundred share the memory; the rarest keeps every sample.
    #[test]
    fn balances_what_the_stream_does_not() {
        let (mut features, mut labels) = ([[0.0]; 60], [0; 60]);
        let mut replay = ClassBalanced::<1, 3>::new(3, &mut features, &mut labels).unwrap();
        let mut rng = Rng::new(5);
        for _ in 0..1000 {
            let draw = rng.below(100);
            replay.push([0.0], u8::from(draw >= 90) + u8::from(draw == 99)).unwrap();
        }
        let rare = replay.state().seen[2] as usize;
        assert!((3..20).contains(&rare), "{rare}");
        assert_eq!(replay.stored(2), rare);
        assert!(replay.stored(0).abs_diff(replay.stored(1)) <= 1, "{} {}", replay.stored(0), replay.stored(1));
        assert_eq!(replay.stored(0) + replay.stored(1) + rare, 60);
    }

    /// Within a class each sample of the stream is kept as often as every other: 10 of 100.
    #[test]
    fn keeps_each_sample_of_a_class_with_equal_chance() {
        const SEEDS: u32 = 4000;
        let mut kept = [0_i32; 100];
        for seed in 0..SEEDS {
            let (mut features, mut labels) = ([[0.0]; 10], [0; 10]);
            let mut replay = ClassBalanced::<1, 1>::new(seed, &mut features, &mut labels).unwrap();
            for n in 0..100_u8 {
                replay.push([f32::from(n)], 0).unwrap();
            }
            for [n] in replay.features() {
                kept[*n as usize] += 1;
            }
        }
        // 400 expected, standard deviation 19: five of them.
        assert!(kept.iter().all(|n| (n - 400).abs() < 95), "{kept:?}");
    }

    /// From `C` rows on a class that was stored stays; with fewer, one that has gone never returns.
    #[test]
    fn with_as_many_rows_as_classes_none_is_lost() {
        for rows in 2..=5 {
            let mut lost = 0;
            for seed in 0..50 {
                let (mut features, mut labels) = ([[0.0]; 5], [0; 5]);
                let (features, labels) = (&mut features[..rows], &mut labels[..rows]);
                let mut replay = ClassBalanced::<1, 4>::new(seed, features, labels).unwrap();
                let (mut rng, mut was_stored, mut gone) = (Rng::new(seed), [false; 4], [false; 4]);
                for _ in 0..300 {
                    replay.push([0.0], rng.below(4) as u8).unwrap();
                    for class in 0..4 {
                        let is_stored = replay.stored(class as u8) > 0;
                        assert!(!(gone[class] && is_stored), "{rows} {seed}");
                        was_stored[class] |= is_stored;
                        gone[class] |= was_stored[class] && !is_stored;
                    }
                }
                lost += gone.iter().filter(|&&gone| gone).count();
                assert!(rows < 4 || was_stored == [true; 4], "{rows} {seed}");
            }
            assert_eq!(lost == 0, rows >= 4, "{rows}");
        }
    }

    /// Once the largest, a class stays full: its samples come in by chance, where others always do.
    #[test]
    fn a_class_that_was_the_largest_stays_full() {
        let mut passed_over = 0;
        for seed in 0..100 {
            let (mut features, mut labels) = ([[0.0]; 4], [0; 4]);
            let mut replay = ClassBalanced::<1, 3>::new(seed, &mut features, &mut labels).unwrap();
            // Class 0 is the largest when it is full; then 1 and 2 take its rows, and it is among the smallest.
            for label in [0, 0, 0, 1, 1, 2, 2] {
                replay.push([0.0], label).unwrap();
            }
            assert!(replay.state().full[0] && replay.stored(0) <= 2, "{:?}", replay.state());
            if replay.stored(0) == 1 {
                let row = replay.push([1.0], 0).unwrap();
                assert!(row.is_none_or(|row| row < 4) && replay.stored(0) == 1);
                passed_over += u32::from(row.is_none());
            }
        }
        // One of four is kept.
        assert!(passed_over > 0, "{passed_over}");
    }

    /// The row that gives way is any of the largest class.
    #[test]
    fn each_sample_of_the_largest_class_gives_way_as_often() {
        const SEEDS: u32 = 2000;
        let mut gone = [0_i32; 5];
        for seed in 0..SEEDS {
            let (mut features, mut labels) = ([[0.0]; 5], [0; 5]);
            let mut replay = ClassBalanced::<1, 2>::new(seed, &mut features, &mut labels).unwrap();
            for label in [1, 0, 0, 0, 0] {
                replay.push([0.0], label).unwrap();
            }
            gone[replay.push([1.0], 1).unwrap().unwrap()] += 1;
        }
        // 500 expected of each of class 0, standard deviation 19: five of them.
        assert!(gone[0] == 0 && gone[1..].iter().all(|n| (n - 500).abs() < 97), "{gone:?}");
    }

    #[test]
    fn goes_on_from_a_checkpoint_as_if_nothing_had_happened() {
        let run = |cut: usize| {
            let (mut features, mut labels) = ([[0.0]; 7], [0; 7]);
            let mut state = ReplayState { seed: 9, len: 0, seen: [0; 3], full: [false; 3] };
            for part in [0..cut, cut..200] {
                let mut replay = ClassBalanced::restore(&mut features, &mut labels, state).unwrap();
                for n in part {
                    replay.push([n as f32], (n * n % 3) as u8).unwrap();
                }
                state = replay.state();
            }
            (features, labels, state)
        };
        assert_eq!(run(100), run(200));
        assert_eq!(run(3), run(200));
    }

    #[test]
    fn begins_anew() {
        let (mut features, mut labels) = ([[0.0]; 4], [0; 4]);
        let mut replay = ClassBalanced::<1, 2>::new(9, &mut features, &mut labels).unwrap();
        let mut run = |clear: bool| {
            if clear {
                replay.clear();
                assert_eq!((replay.len(), replay.stored(0), replay.state().seed), (0, 0, 9));
            }
            for n in 0..50 {
                replay.push([n as f32], u8::from(n % 5 == 0)).unwrap();
            }
            (replay.state(), replay.features().to_vec(), replay.labels().to_vec())
        };
        assert_eq!(run(false), run(true));
    }

    #[test]
    fn refuses_what_does_not_fit_and_changes_nothing() {
        let (mut features, mut labels) = ([[0.0]; 2], [0; 2]);
        let mut replay = ClassBalanced::<1, 2>::new(0, &mut features, &mut labels).unwrap();
        replay.push([1.0], 1).unwrap();
        let before = replay.state();
        assert_eq!(replay.push([1.0], 2), Err(Error::ClassInvalid { index: 1, classes: 2, found: 2.0 }));
        let infinite = Error::SampleNotFinite { index: 1, feature: 0, found: f32::INFINITY };
        assert_eq!(replay.push([f32::INFINITY], 1), Err(infinite));
        assert_eq!((replay.state(), replay.len()), (before, 1));
        assert_eq!(replay.read(1, &mut [0.0], &mut [0.0]), Err(Error::SampleIndex { index: 1, len: 1 }));
        let wrong = ReplayState { seen: [9, 0], ..before };
        assert_eq!(ClassBalanced::restore(&mut features, &mut labels, wrong), Err(Error::ReplayState));
        let wrong = ReplayState { len: 3, ..before };
        assert_eq!(ClassBalanced::restore(&mut features, &mut labels, wrong), Err(Error::ReplayState));
        assert!(matches!(ClassBalanced::<1, 2>::new(0, &mut features, &mut []), Err(Error::BufferLength { .. })));
    }
}
