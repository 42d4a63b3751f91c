//! Mean and standard deviation of a stream of samples.

use super::scaling::{Scaling, check, check_finite};
use crate::error::{Buffer, Error};
use crate::kernels;
use crate::math;

/// The mean and the sum of squared deviations of each feature, sample by sample, by Welford's updates: `d = x - mean`,
/// `mean += d / n`, `squares += d * (x - mean)`, which do not cancel where a sum of squares would.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4
/// (1962).
///
/// ```
/// use microfit::data::Standardization;
///
/// let (mut mean, mut squares) = ([0.0; 2], [0.0; 2]);
/// let mut seen = Standardization::new(&mut mean, &mut squares)?;
/// for sample in [[1.0, 7.0], [3.0, 7.0]] {
///     seen.observe(&sample)?;
/// }
/// let scaling = seen.finish();
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
}

impl<'a> Standardization<'a> {
    /// Over two floats a feature; what is in them does not matter.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if they differ in length.
    pub fn new(mean: &'a mut [f32], squares: &'a mut [f32]) -> Result<Self, Error> {
        check(Buffer::Scaling, mean.len(), squares.len())?;
        kernels::fill(mean, 0.0);
        kernels::fill(squares, 0.0);
        Ok(Self { count: 0, mean, squares })
    }

    /// Takes one sample into account. After `u32::MAX` samples each counts as the last of them.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of features; [`Error::SampleNotFinite`] for one that is not finite, or
    /// so large that its square is not.
    pub fn observe(&mut self, features: &[f32]) -> Result<(), Error> {
        check(Buffer::Input, self.mean.len(), features.len())?;
        let count = self.count.saturating_add(1);
        let update = move |x: f32, mean: f32, squares: f32| {
            let deviation = x - mean;
            let mean = mean + deviation / count as f32;
            (mean, squares + deviation * (x - mean))
        };
        let sums = features.iter().zip(self.mean.iter().zip(self.squares.iter()));
        check_finite(self.count, features, sums.map(|(&x, (&mean, &squares))| update(x, mean, squares).1))?;
        for (&x, (mean, squares)) in features.iter().zip(self.mean.iter_mut().zip(self.squares.iter_mut())) {
            (*mean, *squares) = update(x, *mean, *squares);
        }
        self.count = count;
        Ok(())
    }

    /// Samples observed.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The scaling to mean 0 and standard deviation 1 (of the population: divided by `n`, as scikit-learn's
    /// `StandardScaler` does), in the memory lent. A feature that never varied is only shifted: its deviation counts as 1.
    pub fn finish(self) -> Scaling<'a> {
        let count = self.count.max(1) as f32;
        for squares in self.squares.iter_mut() {
            let factor = 1.0 / math::sqrt(*squares / count);
            *squares = if factor.is_finite() && factor != 0.0 { factor } else { 1.0 };
        }
        // Finite and not 0 by construction.
        Scaling::of(self.mean, self.squares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Far from 0, where `mean(x^2) - mean(x)^2` has no digit left.
    #[test]
    fn keeps_its_digits_far_from_zero() {
        let (mut mean, mut squares) = ([9.0; 2], [9.0; 2]);
        let mut seen = Standardization::new(&mut mean, &mut squares).unwrap();
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
        let scaling = seen.finish();
        assert!((f64::from(scaling.factor()[0]) * deviation - 1.0).abs() < 0.01, "{:?}", scaling.factor());
        assert!((f64::from(scaling.shift()[0]) - 10_000.0 - sum / n).abs() < 0.02, "{:?}", scaling.shift());
        assert_eq!((scaling.shift()[1], scaling.factor()[1]), (0.1, 1.0));
    }

    /// scikit-learn: `StandardScaler().fit([[1], [2], [4], [9]])` has mean 4 and scale `sqrt(9.5)`.
    #[test]
    fn is_that_of_scikit_learn() {
        let (mut mean, mut squares) = ([0.0], [0.0]);
        let mut seen = Standardization::new(&mut mean, &mut squares).unwrap();
        for x in [1.0, 2.0, 4.0, 9.0] {
            seen.observe(&[x]).unwrap();
        }
        let scaling = seen.finish();
        assert!((scaling.shift()[0] - 4.0).abs() < 1e-6);
        assert!((scaling.factor()[0] - 0.324_442_84).abs() < 1e-7);
    }

    #[test]
    fn refuses_and_changes_nothing() {
        let (mut mean, mut squares) = ([0.0], [0.0]);
        let mut seen = Standardization::new(&mut mean, &mut squares).unwrap();
        seen.observe(&[1.0]).unwrap();
        for bad in [f32::NAN, f32::NEG_INFINITY, 1e30] {
            assert!(matches!(seen.observe(&[bad]), Err(Error::SampleNotFinite { index: 1, feature: 0, .. })));
        }
        assert!(matches!(seen.observe(&[0.0; 2]), Err(Error::BufferLength { buffer: Buffer::Input, .. })));
        assert_eq!((seen.count(), seen.mean[0], seen.squares[0]), (1, 1.0, 0.0));
        assert!(matches!(Standardization::new(&mut [0.0], &mut []), Err(Error::BufferLength { .. })));
    }
}
