//! Features brought to one range.

use super::Dataset;
use crate::error::{Buffer, Error, Requirement, require};
use crate::kernels;

/// A shift and a factor for each feature: `x' = (x - shift) * factor`. It belongs to the model, and is saved with it: a
/// net predicts only from features scaled as those it was trained on.
///
/// Made by [`Standardization`](crate::data::Standardization) or [`MinMax`] from the training samples, or from saved
/// numbers by [`Self::new`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scaling<'a> {
    shift: &'a [f32],
    factor: &'a [f32],
}

impl<'a> Scaling<'a> {
    /// From a shift and a factor a feature.
    ///
    /// # Errors
    /// [`Error::BufferLength`] unless there are as many factors as shifts, [`Error::Parameter`] for a number that is not
    /// finite or a factor of 0.
    pub fn new(shift: &'a [f32], factor: &'a [f32]) -> Result<Self, Error> {
        check(Buffer::Scaling, shift.len(), factor.len())?;
        for (&shift, &factor) in shift.iter().zip(factor) {
            require("shift", Requirement::Finite, f64::from(shift))?;
            require("factor", Requirement::NonZero, f64::from(factor))?;
        }
        Ok(Self { shift, factor })
    }

    /// From numbers that are known to be in range.
    pub(super) const fn of(shift: &'a [f32], factor: &'a [f32]) -> Self {
        Self { shift, factor }
    }

    /// What is subtracted from each feature.
    pub const fn shift(&self) -> &'a [f32] {
        self.shift
    }

    /// What the difference is multiplied by.
    pub const fn factor(&self) -> &'a [f32] {
        self.factor
    }

    /// Scales one sample's features in place.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of features.
    pub fn transform(&self, features: &mut [f32]) -> Result<(), Error> {
        check(Buffer::Input, self.shift.len(), features.len())?;
        for (x, (shift, factor)) in features.iter_mut().zip(self.shift.iter().zip(self.factor)) {
            *x = (*x - shift) * factor;
        }
        Ok(())
    }

    /// Brings one sample's scaled features back in place, or outputs whose targets were scaled: `x = x' / factor + shift`,
    /// which is what [`Self::transform`] was given, but for rounding.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of features.
    pub fn invert(&self, features: &mut [f32]) -> Result<(), Error> {
        check(Buffer::Input, self.shift.len(), features.len())?;
        for (x, (shift, factor)) in features.iter_mut().zip(self.shift.iter().zip(self.factor)) {
            *x = *x / factor + shift;
        }
        Ok(())
    }
}

pub(super) const fn check(buffer: Buffer, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::BufferLength { buffer, expected, found }) }
}

/// Refuses the first feature that is not finite, or whose sum would not be.
pub(super) fn check_finite(index: usize, features: &[f32], sums: impl Iterator<Item = f32>) -> Result<(), Error> {
    for (feature, (&found, sum)) in features.iter().zip(sums).enumerate() {
        if !(found.is_finite() && sum.is_finite()) {
            return Err(Error::SampleNotFinite { index, feature, found });
        }
    }
    Ok(())
}

/// Gives `observe` the index and the features of every sample of `data`, read into `sample` where they do not stand in memory.
pub(super) fn each_sample(
    data: &impl Dataset,
    sample: &mut [f32],
    mut observe: impl FnMut(usize, &[f32]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (expected, found) = (data.features().saturating_add(data.targets()), sample.len());
    let Some(sample) = sample.get_mut(..expected) else {
        return Err(Error::BufferLength { buffer: Buffer::Input, expected, found });
    };
    let (features, target) = sample.split_at_mut_checked(data.features()).unwrap_or_default();
    for index in 0..data.len() {
        if let Some((features, _)) = data.in_memory(index) {
            observe(index, features)?;
        } else {
            data.read(index, features, target)?;
            observe(index, features)?;
        }
    }
    Ok(())
}

/// The smallest and the largest value of each feature, sample by sample.
///
/// ```
/// use microfit::data::MinMax;
///
/// let (mut low, mut high) = ([0.0; 2], [0.0; 2]);
/// let mut range = MinMax::new(&mut low, &mut high)?;
/// range.observe(&[-1.0, 5.0])?;
/// range.observe(&[3.0, 5.0])?;
/// let scaling = range.finish(0.0, 1.0)?;
/// let mut sample = [1.0, 5.0];
/// scaling.transform(&mut sample)?;
/// assert_eq!(sample, [0.5, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MinMax<'a> {
    count: u32,
    low: &'a mut [f32],
    high: &'a mut [f32],
}

impl<'a> MinMax<'a> {
    /// Over two floats a feature; what is in them does not matter.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if they differ in length.
    pub fn new(low: &'a mut [f32], high: &'a mut [f32]) -> Result<Self, Error> {
        check(Buffer::Scaling, low.len(), high.len())?;
        kernels::fill(low, 0.0);
        kernels::fill(high, 0.0);
        Ok(Self { count: 0, low, high })
    }

    /// Takes one sample into account.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of features; [`Error::SampleNotFinite`] for one that is not finite, or
    /// whose range is not.
    pub fn observe(&mut self, features: &[f32]) -> Result<(), Error> {
        self.take(self.count as usize, features)
    }

    /// Takes sample `index` of whoever gives it into account.
    fn take(&mut self, index: usize, features: &[f32]) -> Result<(), Error> {
        check(Buffer::Input, self.low.len(), features.len())?;
        let first = self.count == 0;
        let wider = move |x: f32, low: f32, high: f32| if first { (x, x) } else { (low.min(x), high.max(x)) };
        let limits = features.iter().zip(self.low.iter().zip(self.high.iter()));
        let ranges = limits.map(|(&x, (&low, &high))| {
            let (low, high) = wider(x, low, high);
            high - low
        });
        check_finite(index, features, ranges)?;
        for (&x, (low, high)) in features.iter().zip(self.low.iter_mut().zip(self.high.iter_mut())) {
            (*low, *high) = wider(x, *low, *high);
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Takes all samples of `data` into account, for instance of the training side of a split. `sample` has a float for each
    /// feature and target, or more.
    ///
    /// # Errors
    /// As [`Self::observe`], and whatever the dataset returns; the samples before that one have been taken into account.
    pub fn observe_all(&mut self, data: &impl Dataset, sample: &mut [f32]) -> Result<(), Error> {
        each_sample(data, sample, |index, features| self.take(index, features))
    }

    /// The scaling that sends what was observed to `[lower, upper]`, in the memory lent: scikit-learn's `MinMaxScaler`.
    /// A feature that never varied goes to `lower`: its range counts as 1, as does one below 3e-39 of `upper - lower`, whose
    /// factor is infinite in f32.
    ///
    /// The shift is an f32, so that what was observed may end outside of `[lower, upper]`: by as much as
    /// `2^-24 * (upper - lower) * |low| / (high - low)`, of the smallest and the largest value, and some roundings of the limits more.
    /// Values of 10,000 times their range are off by 0.0006 of `upper - lower`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lower` is finite and `upper` a finite number above it; [`Error::DatasetEmpty`] before
    /// the first sample.
    pub fn finish(self, lower: f32, upper: f32) -> Result<Scaling<'a>, Error> {
        require("lower", Requirement::Finite, f64::from(lower))?;
        require("upper", Requirement::Finite, f64::from(upper))?;
        let width = upper - lower;
        require("upper - lower", Requirement::Positive, f64::from(width))?;
        if self.count == 0 {
            return Err(Error::DatasetEmpty);
        }
        for (low, high) in self.low.iter_mut().zip(self.high.iter_mut()) {
            let factor = width / (*high - *low);
            *high = if factor.is_finite() && factor != 0.0 { factor } else { width };
            *low = (*low - lower / *high).clamp(f32::MIN, f32::MAX);
        }
        Ok(Scaling { shift: self.low, factor: self.high })
    }

    /// Samples observed.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

/// Another dataset with its features scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scaled<'a, D> {
    data: D,
    scaling: Scaling<'a>,
}

impl<'a, D: Dataset> Scaled<'a, D> {
    /// The samples of `data`, scaled when they are read.
    ///
    /// # Errors
    /// [`Error::FeatureCount`] if the scaling is of another number of features.
    pub fn new(data: D, scaling: Scaling<'a>) -> Result<Self, Error> {
        let (expected, found) = (scaling.shift.len(), data.features());
        if expected == found { Ok(Self { data, scaling }) } else { Err(Error::FeatureCount { expected, found }) }
    }
}

impl<D: Dataset> Dataset for Scaled<'_, D> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        self.data.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        self.data.read(index, features, target)?;
        self.scaling.transform(features)
    }

    fn weight(&self, index: usize) -> f32 {
        self.data.weight(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{FromFn, Rows, Weighted};
    use crate::rng::Rng;

    /// scikit-learn: `MinMaxScaler((-1, 1)).fit([[1, 7], [5, 7], [2, 7]]).transform([[5, 7], [2, 8]])`.
    #[test]
    fn is_that_of_scikit_learn() {
        let (mut low, mut high) = ([9.0; 2], [9.0; 2]);
        let mut range = MinMax::new(&mut low, &mut high).unwrap();
        for row in [[1.0, 7.0], [5.0, 7.0], [2.0, 7.0]] {
            range.observe(&row).unwrap();
        }
        assert_eq!(range.count(), 3);
        let scaling = range.finish(-1.0, 1.0).unwrap();
        let rows = Rows { features: &[[5.0, 7.0], [2.0, 8.0]], targets: &[[0.0]; 2] };
        let scaled = Scaled::new(rows, scaling).unwrap();
        let (mut x, mut y) = ([0.0; 2], [0.0]);
        scaled.read(0, &mut x, &mut y).unwrap();
        assert_eq!(x, [1.0, -1.0]);
        scaled.read(1, &mut x, &mut y).unwrap();
        assert_eq!(x, [-0.5, 1.0]);
        assert!(Scaling::new(scaling.shift(), scaling.factor()) == Ok(scaling));
    }

    #[test]
    fn is_inverted() {
        let scaling = Scaling::new(&[20.0, -1.0], &[0.25, 8.0]).unwrap();
        let mut sample = [23.5, -0.75];
        scaling.transform(&mut sample).unwrap();
        assert_eq!(sample, [0.875, 2.0]);
        scaling.invert(&mut sample).unwrap();
        assert_eq!(sample, [23.5, -0.75]);
        let short = Error::BufferLength { buffer: Buffer::Input, expected: 2, found: 1 };
        assert_eq!(scaling.invert(&mut [0.0]), Err(short));
    }

    /// Read or in memory.
    #[test]
    fn all_samples_are_those_one_by_one() {
        let rows = Rows { features: &[[1.0, 7.0], [5.0, -2.0], [2.0, 3.0]], targets: &[[0.0]; 3] };
        let computed = FromFn { len: 3, generate: |index| (rows.features[index], [0.0]) };
        let (mut low, mut high) = ([0.0; 2], [0.0; 2]);
        let mut range = MinMax::new(&mut low, &mut high).unwrap();
        for row in rows.features {
            range.observe(row).unwrap();
        }
        let (mut other_low, mut other_high) = ([0.0; 2], [0.0; 2]);
        let mut other = MinMax::new(&mut other_low, &mut other_high).unwrap();
        other.observe_all(&rows, &mut [0.0; 3]).unwrap();
        assert_eq!(other, range);
        let mut other = MinMax::new(&mut other_low, &mut other_high).unwrap();
        other.observe_all(&computed, &mut [0.0; 3]).unwrap();
        assert_eq!(other, range);
        let short = Error::BufferLength { buffer: Buffer::Input, expected: 3, found: 2 };
        assert_eq!(other.observe_all(&rows, &mut [0.0; 2]), Err(short));
        assert_eq!(other.count(), 3);
        other.observe_all(&computed, &mut [0.0; 5]).unwrap();
        assert_eq!(other.count(), 6);
    }

    /// The index is the dataset's, whatever was seen before it, read or in memory.
    #[test]
    fn a_second_dataset_has_its_own_indices() {
        let (mut low, mut high) = ([0.0], [0.0]);
        let mut range = MinMax::new(&mut low, &mut high).unwrap();
        let good = Rows { features: &[[1.0]; 3], targets: &[[0.0]; 3] };
        range.observe_all(&good, &mut [0.0; 2]).unwrap();
        let bad = Rows { features: &[[1.0], [f32::INFINITY]], targets: &[[0.0]; 2] };
        let error = Err(Error::SampleNotFinite { index: 1, feature: 0, found: f32::INFINITY });
        assert_eq!(range.observe_all(&bad, &mut [0.0; 2]), error);
        let computed = FromFn { len: 2, generate: |index| (bad.features[index], [0.0]) };
        assert_eq!(range.observe_all(&computed, &mut [0.0; 2]), error);
        // One by one, it is the number of samples before.
        assert_eq!(range.count(), 5);
        assert!(matches!(range.observe(&[f32::NAN]), Err(Error::SampleNotFinite { index: 5, .. })));
    }

    #[test]
    fn nothing_seen_is_no_scaling() {
        let (mut low, mut high) = ([0.0], [0.0]);
        assert_eq!(MinMax::new(&mut low, &mut high).unwrap().finish(0.0, 1.0), Err(Error::DatasetEmpty));
    }

    /// A width over a range past f32 is 0, which is no factor.
    #[test]
    fn a_range_too_wide_for_its_width_has_a_factor_all_the_same() {
        let (mut low, mut high) = ([0.0], [0.0]);
        let mut range = MinMax::new(&mut low, &mut high).unwrap();
        range.observe(&[-1e38]).unwrap();
        range.observe(&[1e38]).unwrap();
        let scaling = range.finish(0.0, 1e-30).unwrap();
        assert!(Scaling::new(scaling.shift(), scaling.factor()).is_ok(), "{scaling:?}");
    }

    #[test]
    fn a_range_without_a_factor_counts_as_one() {
        for (top, to) in [(3e-39, 1.0), (2.9e-39, 0.0)] {
            let (mut low, mut high) = ([0.0], [0.0]);
            let mut range = MinMax::new(&mut low, &mut high).unwrap();
            range.observe(&[0.0]).unwrap();
            range.observe(&[top]).unwrap();
            let mut sample = [top];
            range.finish(0.0, 1.0).unwrap().transform(&mut sample).unwrap();
            assert!((sample[0] - to).abs() < 1e-6, "{top} {}", sample[0]);
        }
    }

    /// As far as `finish` says, and not much less.
    #[test]
    fn values_far_from_zero_miss_their_limits_by_no_more_than_documented() {
        let (mut rng, mut worst) = (Rng::new(1), 0.0_f64);
        for _ in 0..100_000 {
            let middle = 2.0 * rng.unit() - 1.0;
            let range = libm::exp2f(-20.0 * rng.unit());
            let (lower, upper) = if rng.below(2) == 0 { (-1.0, 1.0) } else { (0.0, 1.0) };
            let (mut low, mut high) = ([0.0], [0.0]);
            let mut seen = MinMax::new(&mut low, &mut high).unwrap();
            let values: [f32; 3] = core::array::from_fn(|_| middle + range * rng.unit());
            for x in values {
                seen.observe(&[x]).unwrap();
            }
            let (first, last) = (f64::from(seen.low[0]), f64::from(seen.high[0]));
            if first == last {
                continue;
            }
            let scaling = seen.finish(lower, upper).unwrap();
            let (lower, upper) = (f64::from(lower), f64::from(upper));
            for x in values {
                let mut found = [x];
                scaling.transform(&mut found).unwrap();
                let exact = lower + (f64::from(x) - first) / (last - first) * (upper - lower);
                let bound = (first.abs() / (last - first) + 8.0) * (upper - lower) / f64::from(1 << 24);
                worst = worst.max((f64::from(found[0]) - exact).abs() / bound);
            }
        }
        assert!((0.9..=1.0).contains(&worst), "{worst}");
    }

    #[test]
    fn a_sample_keeps_its_weight() {
        let rows = Rows { features: &[[1.0]; 3], targets: &[[0.0]; 3] };
        let weighted = Weighted::new(rows, &[0.5, 2.0, 3.0]).unwrap();
        let scaled = Scaled::new(weighted, Scaling::new(&[0.0], &[1.0]).unwrap()).unwrap();
        assert_eq!([0, 1, 2].map(|index| scaled.weight(index)), [0.5, 2.0, 3.0]);
    }

    #[test]
    fn refuses_and_changes_nothing() {
        let (mut low, mut high) = ([0.0; 1], [0.0; 1]);
        let mut range = MinMax::new(&mut low, &mut high).unwrap();
        range.observe(&[-3e38]).unwrap();
        for bad in [f32::NAN, f32::INFINITY, 3e38] {
            assert!(matches!(range.observe(&[bad]), Err(Error::SampleNotFinite { index: 1, feature: 0, .. })));
        }
        assert!(matches!(range.observe(&[]), Err(Error::BufferLength { buffer: Buffer::Input, .. })));
        assert_eq!((range.count(), range.low[0], range.high[0]), (1, -3e38, -3e38));
        assert!(matches!(range.finish(1.0, 1.0), Err(Error::Parameter { .. })));
        assert!(matches!(Scaling::new(&[0.0], &[0.0]), Err(Error::Parameter { name: "factor", .. })));
        assert!(matches!(Scaling::new(&[f32::NAN], &[1.0]), Err(Error::Parameter { name: "shift", .. })));
        assert!(matches!(Scaling::new(&[0.0], &[]), Err(Error::BufferLength { .. })));
        let rows = Rows { features: &[[0.0; 2]], targets: &[[0.0]] };
        let one = Scaling::new(&[0.0], &[1.0]).unwrap();
        assert_eq!(Scaled::new(rows, one).err(), Some(Error::FeatureCount { expected: 1, found: 2 }));
    }
}
