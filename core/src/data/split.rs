//! Splitting a dataset into training and validation samples.

use super::Dataset;
use crate::error::{Buffer, Error, Requirement, require};
use crate::rng::Rng;

/// Samples that an index of 16 bits can name.
pub(super) const MOST_INDICES: usize = 1 << 16;

/// A run of consecutive samples of another dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Window<D> {
    data: D,
    start: usize,
    len: usize,
}

/// Chosen samples of another dataset, in the order of the indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Subset<'a, D> {
    data: D,
    indices: &'a [u16],
}

/// The samples of `data` in their order, `size` at a time, and those that are left: batches for a [`Learner`](crate::Learner). A size of 0 is
/// one of 1.
///
/// ```
/// use microfit::data::{Dataset, Rows, batches};
///
/// let data = Rows { features: &[[0.0]; 100], targets: &[[0.0]; 100] };
/// let sizes = batches(&data, 32).map(|batch| batch.len());
/// assert!(sizes.eq([32, 32, 32, 4]));
/// ```
pub fn batches<D: Dataset + Copy>(data: D, size: usize) -> impl Iterator<Item = Window<D>> {
    let (mut start, len, size) = (0, data.len(), size.max(1));
    core::iter::from_fn(move || {
        let window = Window { data, start, len: size.min(len - start) };
        start += window.len;
        (window.len > 0).then_some(window)
    })
}

/// The first samples to train on, the last share `validation` of them to validate on: Keras' `validation_split`,
/// which trains on `floor(len * (1 - validation))` samples.
///
/// ```
/// use microfit::data::{Dataset, Rows, holdout};
///
/// let data = Rows { features: &[[0.0]; 351], targets: &[[0.0]; 351] };
/// let (train, validation) = holdout(&data, 0.33)?;
/// assert_eq!((train.len(), validation.len()), (235, 116));
/// # Ok::<(), microfit::Error>(())
/// ```
///
/// # Errors
/// [`Error::Parameter`] unless `0 <= validation < 1`; [`Error::DatasetTooSmall`] if nothing is left to train on.
pub fn holdout<D: Dataset + Copy>(data: D, validation: f64) -> Result<(Window<D>, Window<D>), Error> {
    let len = data.len();
    let train = train_len(len, validation)?;
    Ok((Window { data, start: 0, len: train }, Window { data, start: train, len: len - train }))
}

/// A split in which every class has the same share of training samples: into the indices to train on and those to
/// validate on, both in `indices`, which needs an element a sample. Within a class the seed decides.
///
/// `class_of` gives a sample's class; it is called once a class, and once more, for each sample: classes cost time, and 20,000
/// of one sample each take 400 million calls.
///
/// ```
/// use microfit::data::{Dataset, Rows, Subset, stratified};
///
/// let data = Rows { features: &[[0.0]; 30], targets: &[[0.0]; 30] };
/// let mut indices = [0; 30];
/// let (train, validation) = stratified(30, |i| (i % 3) as u16, 0.5, 1, &mut indices)?;
/// let train = Subset::new(&data, train);
/// assert_eq!((train.len(), validation.len()), (15, 15));
/// # Ok::<(), microfit::Error>(())
/// ```
///
/// # Errors
/// [`Error::Parameter`] unless `0 <= validation < 1`; [`Error::DatasetTooSmall`] if nothing is left to train on;
/// [`Error::DatasetTooLarge`] for more than 65,536 samples; [`Error::BufferLength`] if `indices` is shorter than `len`.
pub fn stratified(
    len: usize,
    class_of: impl Fn(usize) -> u16,
    validation: f64,
    seed: u32,
    indices: &mut [u16],
) -> Result<(&[u16], &[u16]), Error> {
    let train = train_len(len, validation)?;
    if len > MOST_INDICES {
        return Err(Error::DatasetTooLarge { expected: MOST_INDICES, found: len });
    }
    let found = indices.len();
    let Some((indices, _)) = indices.split_at_mut_checked(len) else {
        return Err(Error::BufferLength { buffer: Buffer::Indices, expected: len, found });
    };
    let mut rng = Rng::new(seed);
    // Filled from both ends: training samples in front, validation samples behind, a class at a time.
    let (mut front, mut back) = (0, len);
    let (mut counted, mut taken) = (0, 0);
    let mut class = (0..len).map(&class_of).min();
    while let Some(this) = class {
        let Some(free) = indices.get_mut(front..back) else { break };
        let members;
        (members, class) = gather(free, len, &class_of, this);
        shuffle(free.get_mut(..members).unwrap_or_default(), &mut rng);
        // Rounding the running total keeps the sum over the classes exact.
        counted += members;
        // In u64: three times 65,536 squared does not fit a board's usize.
        let doubled = 2 * counted as u64 * train as u64 + len as u64;
        let target = doubled.checked_div(2 * len as u64).unwrap_or(0) as usize;
        let keep = target.saturating_sub(taken).min(members);
        taken += keep;
        front += keep;
        for k in (keep..members).rev() {
            back -= 1;
            swap(free, k, back + keep - front);
        }
    }
    Ok(indices.split_at_checked(front).unwrap_or_default())
}

fn train_len(len: usize, validation: f64) -> Result<usize, Error> {
    require("validation", Requirement::Fraction, validation)?;
    // Not negative, so the cast rounds down.
    let train_of = |len: usize| (len as f64 * (1.0 - validation)) as usize;
    match train_of(len) {
        0 => {
            let below = (1.0 / (1.0 - validation)) as usize;
            let expected = if train_of(below) > 0 { below } else { below.saturating_add(1) };
            Err(Error::DatasetTooSmall { expected, found: len })
        }
        train => Ok(train),
    }
}

/// Puts the samples of a class in front of `free`; returns how many they are, and the next class there is.
pub(super) fn gather(free: &mut [u16], len: usize, class_of: impl Fn(usize) -> u16, this: u16) -> (usize, Option<u16>) {
    let (mut members, mut next) = (0_usize, None);
    // In one pass: a call may read the sample.
    for (index, class) in (0..len).map(|index| (index, class_of(index))) {
        if class > this {
            next = Some(next.map_or(class, |next: u16| next.min(class)));
        } else if class == this
            && let Some(slot) = free.get_mut(members)
        {
            *slot = index as u16;
            members = members.saturating_add(1);
        }
    }
    (members, next)
}

/// Fisher and Yates' shuffle.
pub(super) fn shuffle(values: &mut [u16], rng: &mut Rng) {
    for last in (1..values.len()).rev() {
        swap(values, rng.below(last as u32 + 1) as usize, last);
    }
}

/// `slice::swap` that ignores positions past the end in the place of panicking.
fn swap(values: &mut [u16], a: usize, b: usize) {
    if let (Some(&x), Some(&y)) = (values.get(a), values.get(b)) {
        if let Some(a) = values.get_mut(a) {
            *a = y;
        }
        if let Some(b) = values.get_mut(b) {
            *b = x;
        }
    }
}

impl<D: Dataset> Dataset for Window<D> {
    fn len(&self) -> usize {
        self.len
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        self.data.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        if index >= self.len {
            return Err(Error::SampleIndex { index, len: self.len });
        }
        self.data.read(self.start + index, features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        if index < self.len { self.data.in_memory(self.start + index) } else { None }
    }

    fn weight(&self, index: usize) -> f32 {
        self.data.weight(self.start.saturating_add(index))
    }
}

impl<'a, D: Dataset> Subset<'a, D> {
    /// The samples of `data` at `indices`.
    pub const fn new(data: D, indices: &'a [u16]) -> Self {
        Self { data, indices }
    }
}

impl<D: Dataset> Dataset for Subset<'_, D> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        self.data.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let Some(&from) = self.indices.get(index) else {
            return Err(Error::SampleIndex { index, len: self.len() });
        };
        self.data.read(usize::from(from), features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        self.data.in_memory(usize::from(*self.indices.get(index)?))
    }

    fn weight(&self, index: usize) -> f32 {
        self.indices.get(index).map_or(1.0, |&from| self.data.weight(usize::from(from)))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::data::{FromFn, Rows};
    use crate::rng::mix;
    use core::cell::Cell;
    use std::vec;

    #[test]
    fn stratified_keeps_every_sample_once_and_every_class_in_proportion() {
        // Ionosphere's 126 bad and 225 good rows, interleaved.
        let class = |i: usize| u16::from(i * 126 % 351 >= 126);
        assert_eq!((0..351).filter(|&i| class(i) == 1).count(), 225);
        let mut indices = [0; 351];
        let (train, validation) = stratified(351, class, 0.33, 9, &mut indices).unwrap();
        assert_eq!((train.len(), validation.len()), (235, 116));
        assert_eq!(train.iter().filter(|&&i| class(i.into()) == 1).count(), 151);
        let mut seen = [false; 351];
        for &i in train.iter().chain(validation) {
            assert!(!seen[usize::from(i)]);
            seen[usize::from(i)] = true;
        }
        let mut other = [0; 351];
        stratified(351, class, 0.33, 10, &mut other).unwrap();
        assert_ne!(indices, other);
    }

    #[test]
    fn a_class_is_asked_for_once_a_class_and_once_more() {
        for classes in [1, 2, 7, 100] {
            let calls = [const { Cell::new(0) }; 100];
            let class_of = |index: usize| {
                calls[index].set(calls[index].get() + 1);
                (index * 37 % classes) as u16
            };
            stratified(100, class_of, 0.25, 1, &mut [0; 100]).unwrap();
            assert!(calls.iter().all(|calls| calls.get() == classes + 1), "{calls:?}");
        }
    }

    /// The samples that were chosen when every class was looked for twice, and their order.
    #[test]
    fn the_samples_chosen_are_those_of_ever() {
        let mut indices = [0; 14];
        let (train, validation) = stratified(14, |i| [7, 2, 9][i * i % 3], 0.4, 3, &mut indices).unwrap();
        assert_eq!((train, validation), (&[10, 7, 13, 4, 8, 9, 3, 12][..], &[0, 6, 11, 1, 2, 5][..]));
        let mut hash = 0_u32;
        let mut indices = [0; 1000];
        for seed in 0..20 {
            let classes = 1 + seed as usize * 9;
            let (train, _) = stratified(1000, |i| (i * i % classes) as u16, 0.33, seed, &mut indices).unwrap();
            hash = mix(hash ^ train.len() as u32);
            hash = indices.iter().fold(hash, |hash, &index| mix(hash ^ u32::from(index)));
        }
        assert_eq!(hash, 3_708_216_379);
    }

    /// Each value as often at each place, its own too, which a shuffle by `below(last)` never leaves it.
    #[test]
    fn a_shuffle_is_even() {
        const SEEDS: u32 = 12_000;
        let mut at = [[0_i32; 4]; 4];
        for seed in 0..SEEDS {
            let mut values = [0, 1, 2, 3];
            shuffle(&mut values, &mut Rng::new(seed));
            for (place, &value) in values.iter().enumerate() {
                at[place][usize::from(value)] += 1;
            }
        }
        // 3000 expected, standard deviation 47: five of them.
        assert!(at.as_flattened().iter().all(|n| (n - 3000).abs() < 235), "{at:?}");
    }

    /// The products pass 2^32, so a board's usize has to be spared them.
    #[test]
    fn stratified_keeps_the_proportion_of_large_sets() {
        let mut indices = vec![0; 60_000];
        let (train, validation) = stratified(60_000, |i| (i % 2) as u16, 0.33, 1, &mut indices).unwrap();
        assert_eq!((train.len(), validation.len()), (40_199, 19_801));
        assert_eq!(train.iter().filter(|&&i| i % 2 == 0).count(), 20_100);
    }

    #[test]
    fn windows_and_subsets_read_what_they_name() {
        let data = Rows { features: &[[0.0], [1.0], [2.0], [3.0]], targets: &[[0.0]; 4] };
        let (train, validation) = holdout(&data, 0.25).unwrap();
        let (mut x, mut y) = ([9.0], [9.0]);
        validation.read(0, &mut x, &mut y).unwrap();
        assert_eq!((train.len(), validation.len(), x), (3, 1, [3.0]));
        assert_eq!(train.read(3, &mut x, &mut y), Err(Error::SampleIndex { index: 3, len: 3 }));
        let subset = Subset::new(&data, &[2, 0]);
        subset.read(0, &mut x, &mut y).unwrap();
        assert_eq!(x, [2.0]);
        assert_eq!(subset.read(2, &mut x, &mut y), Err(Error::SampleIndex { index: 2, len: 2 }));
    }

    #[test]
    fn refuses_splits_that_leave_nothing() {
        let data = Rows { features: &[[0.0]], targets: &[[0.0]] };
        // As floats, a tenth of ten is less than one.
        for (validation, expected) in [(0.5, 2), (0.25, 2), (0.9, 11), (0.67, 4), (0.99, 100)] {
            assert_eq!(holdout(&data, validation), Err(Error::DatasetTooSmall { expected, found: 1 }));
            let enough = FromFn { len: expected, generate: |_| ([0.0], [0.0]) };
            assert_eq!(holdout(enough, validation).unwrap().0.len(), 1);
            let short = FromFn { len: expected - 1, ..enough };
            let found = expected - 1;
            assert_eq!(holdout(short, validation).err(), Some(Error::DatasetTooSmall { expected, found }));
        }
        assert_eq!(stratified(0, |_| 0, 0.0, 0, &mut []), Err(Error::DatasetTooSmall { expected: 1, found: 0 }));
        assert!(matches!(holdout(&data, 1.0), Err(Error::Parameter { name: "validation", .. })));
        assert!(matches!(
            stratified(4, |_| 0, 0.5, 0, &mut [0; 3]),
            Err(Error::BufferLength { expected: 4, found: 3, .. })
        ));
        assert_eq!(
            stratified(65_537, |_| 0, 0.5, 0, &mut []),
            Err(Error::DatasetTooLarge { expected: 65_536, found: 65_537 })
        );
    }
}
