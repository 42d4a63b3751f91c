//! Cross-validation with every class in proportion.

use super::Dataset;
use super::k_fold::check_fold;
use super::split::{MOST_INDICES, gather, shuffle};
use crate::error::{Buffer, Error};
use crate::rng::Rng;

/// `k` folds in which every class has its share of samples, over a lent buffer of indices.
///
/// The samples are sorted by class, shuffled within a class by a seed, and dealt to the folds in turn, so that a fold has
/// of a class, and of all, within one sample what every other has: the counts of scikit-learn's `StratifiedKFold`, up to
/// which fold has the odd ones.
///
/// ```
/// use microfit::data::{Dataset, Rows, StratifiedFolds};
///
/// let data = Rows { features: &[[0.0]; 30], targets: &[[0.0]; 30] };
/// let mut indices = [0; 30];
/// let folds = StratifiedFolds::new(30, |i| u16::from(i < 10), 5, 1, &mut indices)?;
/// let (train, validation) = folds.split(&data, 0)?;
/// assert_eq!((train.len(), validation.len()), (24, 6)); // 2 of the 6 are of class 1
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StratifiedFolds<'a> {
    indices: &'a [u16],
    k: u32,
}

impl<'a> StratifiedFolds<'a> {
    /// Deals `len` samples to `k` folds. `class_of` gives a sample's class; it is called once a class, and once more, for
    /// each sample: classes cost time, and 20,000 of one sample each take 400 million calls.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `k` is at least 2; [`Error::DatasetTooSmall`] with fewer samples than folds;
    /// [`Error::DatasetTooLarge`] for more than 65,536 samples; [`Error::BufferLength`] if `indices` is shorter than `len`.
    pub fn new(
        len: usize,
        class_of: impl Fn(usize) -> u16,
        k: u32,
        seed: u32,
        indices: &'a mut [u16],
    ) -> Result<Self, Error> {
        check_fold(k, 0)?;
        if len > MOST_INDICES {
            return Err(Error::DatasetTooLarge { expected: MOST_INDICES, found: len });
        }
        if len < k as usize {
            return Err(Error::DatasetTooSmall { expected: k as usize, found: len });
        }
        let found = indices.len();
        let Some((indices, _)) = indices.split_at_mut_checked(len) else {
            return Err(Error::BufferLength { buffer: Buffer::Indices, expected: len, found });
        };
        let mut rng = Rng::new(seed);
        let mut done = 0_usize;
        let mut class = (0..len).map(&class_of).min();
        while let Some(this) = class {
            let free = indices.get_mut(done..).unwrap_or_default();
            let members;
            (members, class) = gather(free, len, &class_of, this);
            shuffle(free.get_mut(..members).unwrap_or_default(), &mut rng);
            done = done.saturating_add(members);
        }
        Ok(Self { indices, k })
    }

    /// Split number `fold`: the samples to train on, and those of the fold, to validate on.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `fold` is below `k`.
    pub fn split<D: Dataset + Copy>(
        &self,
        data: D,
        fold: u32,
    ) -> Result<(StratifiedFold<'a, D>, StratifiedFold<'a, D>), Error> {
        check_fold(self.k, fold)?;
        let side = |validation| StratifiedFold { data, folds: *self, fold: fold as usize, validation };
        Ok((side(false), side(true)))
    }
}

/// One side of a split of [`StratifiedFolds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StratifiedFold<'a, D> {
    data: D,
    folds: StratifiedFolds<'a>,
    fold: usize,
    validation: bool,
}

impl<D> StratifiedFold<'_, D> {
    /// The sample's index in the whole dataset: of each round of `k` cards the fold has one, the others the rest.
    fn index(&self, index: usize) -> Option<usize> {
        let k = self.folds.k as usize;
        let position = if self.validation {
            index.checked_mul(k)?.checked_add(self.fold)?
        } else {
            let others = k.checked_sub(1)?;
            let card = index.checked_rem(others)?;
            index.checked_div(others)?.checked_mul(k)?.checked_add(card + usize::from(card >= self.fold))?
        };
        self.folds.indices.get(position).map(|&from| usize::from(from))
    }
}

impl<D: Dataset> Dataset for StratifiedFold<'_, D> {
    fn len(&self) -> usize {
        let (all, k) = (self.folds.indices.len(), self.folds.k as usize);
        let whole = all.checked_div(k).unwrap_or(0);
        let held_out = whole + usize::from(self.fold < all.checked_rem(k).unwrap_or(0));
        if self.validation { held_out } else { all.saturating_sub(held_out) }
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        self.data.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let from = self.index(index).ok_or(Error::SampleIndex { index, len: self.len() })?;
        self.data.read(from, features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        self.data.in_memory(self.index(index)?)
    }

    fn weight(&self, index: usize) -> f32 {
        self.index(index).map_or(1.0, |from| self.data.weight(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::FromFn;
    use crate::rng::mix;
    use core::cell::Cell;

    #[test]
    fn every_sample_is_held_out_once_and_classes_are_in_proportion() {
        let class = |i: usize| (i * i % 5) as u16; // 0, 1 and 4, in shares of 1, 2 and 2
        for len in [5, 23, 50] {
            let data = FromFn { len, generate: |i| ([i as f32], [0.0]) };
            for k in 2..=5 {
                let mut indices = [0; 50];
                let folds = StratifiedFolds::new(len, class, k, 3, &mut indices).unwrap();
                let mut held_out = [0; 50];
                for fold in 0..k {
                    let (train, validation) = folds.split(data, fold).unwrap();
                    let (mut all, mut of_class) = ([0; 50], [0_usize; 5]);
                    let (mut x, mut y) = ([0.0], [0.0]);
                    for index in 0..validation.len() {
                        validation.read(index, &mut x, &mut y).unwrap();
                        held_out[x[0] as usize] += 1;
                        all[x[0] as usize] += 1;
                        of_class[usize::from(class(x[0] as usize))] += 1;
                    }
                    for index in 0..train.len() {
                        train.read(index, &mut x, &mut y).unwrap();
                        all[x[0] as usize] += 1;
                    }
                    assert!(all[..len].iter().all(|&n| n == 1), "{len} {k} {fold}: {all:?}");
                    assert!(train.read(train.len(), &mut x, &mut y).is_err());
                    assert!(validation.read(validation.len(), &mut x, &mut y).is_err());
                    for (c, &n) in of_class.iter().enumerate() {
                        let members = (0..len).filter(|&i| usize::from(class(i)) == c).count();
                        let (low, high) = (members / k as usize, members.div_ceil(k as usize));
                        assert!((low..=high).contains(&n));
                    }
                }
                assert!(held_out[..len].iter().all(|&n| n == 1));
            }
        }
    }

    /// The folds that were dealt when every class was looked for twice, by as many calls as are documented.
    #[test]
    fn the_folds_are_those_of_ever() {
        let mut hash = 0_u32;
        let mut indices = [0; 1000];
        for seed in 0..20 {
            let (classes, calls) = (1 + seed as usize * 9, Cell::new(0));
            let class_of = |i: usize| {
                calls.set(calls.get() + 1);
                (i * 47 % classes) as u16
            };
            let folds = StratifiedFolds::new(1000, class_of, 3, seed, &mut indices).unwrap();
            hash = folds.indices.iter().fold(hash, |hash, &index| mix(hash ^ u32::from(index)));
            assert_eq!(calls.get(), 1000 * (classes + 1));
        }
        assert_eq!(hash, 2_929_132_554);
    }

    /// In a class of its own a sample comes into each fold by chance, and not by where it stands.
    #[test]
    fn a_class_is_shuffled() {
        const SEEDS: i32 = 2000;
        let mut held_out = [0_i32; 6];
        for seed in 0..SEEDS {
            let mut indices = [0; 12];
            let folds = StratifiedFolds::new(12, |i| u16::from(i >= 6), 3, seed as u32, &mut indices).unwrap();
            let data = FromFn { len: 12, generate: |i| ([i as f32], [0.0]) };
            let (_, validation) = folds.split(data, 0).unwrap();
            for index in 0..validation.len() {
                let (mut x, mut y) = ([0.0], [0.0]);
                validation.read(index, &mut x, &mut y).unwrap();
                if let Some(n) = held_out.get_mut(x[0] as usize) {
                    *n += 1;
                }
            }
        }
        // 667 expected, standard deviation 21: five of them.
        assert!(held_out.iter().all(|n| (n - SEEDS / 3).abs() < 105), "{held_out:?}");
    }

    #[test]
    fn refuses_what_cannot_be_dealt() {
        let new = |len, k, room: usize| {
            let mut indices = [0; 10];
            StratifiedFolds::new(len, |_| 0, k, 0, &mut indices[..room]).map(|_| ())
        };
        assert!(matches!(new(4, 1, 10), Err(Error::Parameter { name: "k", .. })));
        assert_eq!(new(4, 5, 10), Err(Error::DatasetTooSmall { expected: 5, found: 4 }));
        assert_eq!(new(65_537, 5, 10), Err(Error::DatasetTooLarge { expected: 65_536, found: 65_537 }));
        assert!(matches!(new(4, 2, 3), Err(Error::BufferLength { expected: 4, found: 3, .. })));
        let mut indices = [0; 4];
        let folds = StratifiedFolds::new(4, |_| 0, 2, 0, &mut indices).unwrap();
        let data = FromFn { len: 4, generate: |_| ([0.0], [0.0]) };
        assert!(matches!(folds.split(data, 2), Err(Error::Parameter { name: "fold", .. })));
    }
}
