//! Mean and standard deviation of a stream of samples.

use super::Dataset;
use super::scaling::{Scaling, check, check_finite, each_sample};
use crate::error::{Buffer, Error};
use crate::kernels;
use crate::math;
use crate::metrics::{CompensatedSum, Moments};

/// The mean and the sum of squared deviations of each feature, sample by sample, by Welford's updates: `d = x - mean`,
/// `mean += d / n`, `squares += d * (x - mean)`, which do not cancel where a sum of squares would. What either loses to
/// rounding is kept beside it (Kahan 1965), so that millions of samples, and such as drift, have the mean and the
/// deviation that f64 would find, to f32 accuracy.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4
/// (1962).
///
/// ```
/// use microfit::data::Standardization;
///
/// let (mut mean, mut squares, mut lost) = ([0.0; 2], [0.0; 2], [[0.0; 2]; 2]);
/// let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost)?;
/// for sample in [[1.0, 7.0], [3.0, 7.0]] {
///     seen.observe(&sample)?;
/// }
/// let scaling = seen.finish()?;
/// let mut sample = [3.0, 8.0];
/// scaling.transform(&mut sample)?;
/// assert_eq!(sample, [1.0, 1.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Standardization<'a> {
    count: u32,
    mean: &'a mut [f32],
    squares: &'a mut [f32],
    lost: &'a mut [[f32; 2]],
}

impl<'a> Standardization<'a> {
    /// Over four floats a feature, two of them in `lost`; what is in them does not matter. The scaling stays in the first
    /// two buffers.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if they differ in length.
    pub fn new(mean: &'a mut [f32], squares: &'a mut [f32], lost: &'a mut [[f32; 2]]) -> Result<Self, Error> {
        check(Buffer::Scaling, mean.len(), squares.len())?;
        check(Buffer::Scaling, mean.len(), lost.len())?;
        kernels::fill(mean, 0.0);
        kernels::fill(squares, 0.0);
        kernels::fill(lost.as_flattened_mut(), 0.0);
        Ok(Self { count: 0, mean, squares, lost })
    }

    /// Takes one sample into account. After `u32::MAX` samples each counts as the last of them.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of features; [`Error::SampleNotFinite`] for one that is not finite, or
    /// so large that its square is not.
    pub fn observe(&mut self, features: &[f32]) -> Result<(), Error> {
        self.take(self.count as usize, features)
    }

    /// Takes sample `index` of whoever gives it into account.
    fn take(&mut self, index: usize, features: &[f32]) -> Result<(), Error> {
        check(Buffer::Input, self.mean.len(), features.len())?;
        let count = self.count.saturating_add(1);
        let update = move |x: f32, mean: f32, squares: f32, [mean_lost, squares_lost]: [f32; 2]| {
            let (mean, squares) = (CompensatedSum::of(mean, mean_lost), CompensatedSum::of(squares, squares_lost));
            let mut moments = Moments { mean, squares };
            moments.add(x, count);
            moments
        };
        let sums = self.mean.iter().zip(self.squares.iter()).zip(self.lost.iter());
        let sums = features.iter().zip(sums);
        let sums = sums.map(|(&x, ((&m, &s), &lost))| {
            // The first sample deviates by 0, but the second would by as much as it is large.
            let square = x * x;
            if square.is_finite() { update(x, m, s, lost).squares.sum() } else { square }
        });
        check_finite(index, features, sums)?;
        let sums = self.mean.iter_mut().zip(self.squares.iter_mut()).zip(self.lost.iter_mut());
        for (&x, ((mean, squares), lost)) in features.iter().zip(sums) {
            let now = update(x, *mean, *squares, *lost);
            (*mean, *squares, *lost) = (now.mean.sum(), now.squares.sum(), [now.mean.lost(), now.squares.lost()]);
        }
        self.count = count;
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

    /// Samples observed.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The scaling to mean 0 and standard deviation 1 (of the population: divided by `n`, as scikit-learn's
    /// `StandardScaler` does), in the memory lent. A feature that never varied is only shifted: its deviation counts as 1. So
    /// does one below 2.6e-23, whose square is 0 in f32; below 1.1e-19 the square has fewer digits.
    ///
    /// # Errors
    /// [`Error::DatasetEmpty`] before the first sample.
    pub fn finish(self) -> Result<Scaling<'a>, Error> {
        if self.count == 0 {
            return Err(Error::DatasetEmpty);
        }
        let count = self.count as f32;
        for squares in self.squares.iter_mut() {
            let factor = 1.0 / math::sqrt(*squares / count);
            *squares = if factor.is_finite() && factor != 0.0 { factor } else { 1.0 };
        }
        // Finite and not 0 by construction.
        Ok(Scaling::of(self.mean, self.squares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{FromFn, Rows};
    use crate::metrics::streams::{STREAMS, exact};
    use crate::rng::Rng;

    /// Far from 0, where `mean(x^2) - mean(x)^2` has no digit left.
    #[test]
    fn keeps_its_digits_far_from_zero() {
        let (mut mean, mut squares, mut lost) = ([9.0; 2], [9.0; 2], [[9.0; 2]; 2]);
        let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
        let mut rng = Rng::new(1);
        let (mut n, mut sum, mut sum_of_squares) = (0.0, 0.0, 0.0);
        for _ in 0..10_000 {
            let x = 10_000.0 + rng.unit();
            seen.observe(&[x, 0.1]).unwrap();
            let offset = f64::from(x) - 10_000.0;
            (n, sum, sum_of_squares) = (n + 1.0, sum + offset, sum_of_squares + offset * offset);
        }
        assert_eq!(seen.count(), 10_000);
        let deviation = libm::sqrt(sum_of_squares / n - (sum / n) * (sum / n));
        let scaling = seen.finish().unwrap();
        assert!((f64::from(scaling.factor()[0]) * deviation - 1.0).abs() < 1e-6, "{:?}", scaling.factor());
        assert!((f64::from(scaling.shift()[0]) - 10_000.0 - sum / n).abs() < 0.0005, "{:?}", scaling.shift());
        assert_eq!((scaling.shift()[1], scaling.factor()[1]), (0.1, 1.0));
    }

    /// scikit-learn: `StandardScaler().fit([[1], [2], [4], [9]])` has mean 4 and scale `sqrt(9.5)`.
    #[test]
    fn is_that_of_scikit_learn() {
        let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
        let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
        let data = Rows { features: &[[1.0], [2.0], [4.0], [9.0]], targets: &[[0.0]; 4] };
        seen.observe_all(&data, &mut [0.0; 2]).unwrap();
        let scaling = seen.finish().unwrap();
        assert!((scaling.shift()[0] - 4.0).abs() < 1e-6);
        assert!((scaling.factor()[0] - 0.324_442_84).abs() < 1e-7);
    }

    #[test]
    fn refuses_and_changes_nothing() {
        let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
        let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
        seen.observe(&[1.0]).unwrap();
        for bad in [f32::NAN, f32::NEG_INFINITY, 1e30] {
            assert!(matches!(seen.observe(&[bad]), Err(Error::SampleNotFinite { index: 1, feature: 0, .. })));
        }
        assert!(matches!(seen.observe(&[0.0; 2]), Err(Error::BufferLength { buffer: Buffer::Input, .. })));
        assert_eq!((seen.count(), seen.mean[0], seen.squares[0]), (1, 1.0, 0.0));
        let new = |squares: usize, lost: usize| {
            let mut buffers = ([0.0], [0.0; 2], [[0.0; 2]; 2]);
            Standardization::new(&mut buffers.0, &mut buffers.1[..squares], &mut buffers.2[..lost]).map(|_| ()).err()
        };
        assert!(matches!(new(0, 1), Some(Error::BufferLength { expected: 1, found: 0, .. })));
        assert!(matches!(new(1, 2), Some(Error::BufferLength { expected: 1, found: 2, .. })));
        assert_eq!(new(1, 1), None);
    }

    /// The index is the dataset's, whatever was seen before it, read or in memory.
    #[test]
    fn a_second_dataset_has_its_own_indices() {
        let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
        let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
        let good = Rows { features: &[[1.0]; 3], targets: &[[0.0]; 3] };
        seen.observe_all(&good, &mut [0.0; 2]).unwrap();
        let bad = Rows { features: &[[1.0], [f32::INFINITY]], targets: &[[0.0]; 2] };
        let error = Err(Error::SampleNotFinite { index: 1, feature: 0, found: f32::INFINITY });
        assert_eq!(seen.observe_all(&bad, &mut [0.0; 2]), error);
        let computed = FromFn { len: 2, generate: |index| (bad.features[index], [0.0]) };
        assert_eq!(seen.observe_all(&computed, &mut [0.0; 2]), error);
        // One by one, it is the number of samples before.
        assert_eq!(seen.count(), 5);
        assert!(matches!(seen.observe(&[f32::NAN]), Err(Error::SampleNotFinite { index: 5, .. })));
    }

    /// A first sample deviates from nothing, but every one behind it would be blamed for it.
    #[test]
    fn a_first_sample_whose_square_overflows_is_refused() {
        let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
        let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
        for bad in [1e20, -1.85e19] {
            let error = Error::SampleNotFinite { index: 0, feature: 0, found: bad };
            assert_eq!(seen.observe(&[bad]), Err(error));
        }
        // The largest there is leaves room for others.
        for good in [1.84e19, 0.5, 0.25] {
            seen.observe(&[good]).unwrap();
        }
        assert_eq!(seen.observe(&[1.85e19]), Err(Error::SampleNotFinite { index: 3, feature: 0, found: 1.85e19 }));
    }

    #[test]
    fn deviations_whose_squares_underflow_are_none() {
        for (unit, is_seen) in [(1e-19, true), (1e-23, false)] {
            let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
            let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
            for index in 0..1000 {
                seen.observe(&[if index % 2 == 0 { unit } else { -unit }]).unwrap();
            }
            let mut sample = [unit];
            seen.finish().unwrap().transform(&mut sample).unwrap();
            assert!((sample[0] - f32::from(u8::from(is_seen))).abs() < 1e-5, "{unit} {}", sample[0]);
        }
    }

    #[test]
    fn nothing_seen_is_no_scaling() {
        let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
        let seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
        assert_eq!(seen.finish(), Err(Error::DatasetEmpty));
    }

    #[test]
    fn a_long_stream_keeps_its_mean_and_deviation() {
        for (stream, of) in STREAMS {
            let (mut mean, mut squares, mut lost) = ([0.0], [0.0], [[0.0; 2]]);
            let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost).unwrap();
            let mut rng = Rng::new(1);
            for index in 0..of {
                seen.observe(&[stream(&mut rng, index, of)]).unwrap();
            }
            let (scaling, (mean, deviation)) = (seen.finish().unwrap(), exact(stream, of));
            let (shift, factor) = (f64::from(scaling.shift()[0]), f64::from(scaling.factor()[0]));
            assert!((shift - mean).abs() <= mean.abs() * 1e-7 + deviation * 1e-6, "{shift} {mean}");
            assert!((factor * deviation - 1.0).abs() < 1e-6, "{factor} {deviation}");
        }
    }
}
