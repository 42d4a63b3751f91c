//! How far off a network is.

use super::mean::CompensatedSum;
use super::moments::Moments;
use super::target::check_outputs;
use crate::error::{Buffer, Error};
use crate::math;

/// Mean absolute error, root of the mean squared error, and the coefficient of determination, over all outputs of all
/// samples. The sums are compensated, as those of [`Metrics`](super::Metrics) are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Regression {
    samples: u32,
    values: u32,
    absolute: CompensatedSum,
    squared: CompensatedSum,
    targets: Moments,
}

impl Regression {
    /// Counts one sample: as many targets as outputs, at least one.
    ///
    /// # Errors
    /// [`Error::BufferLength`], [`Error::OutputNotFinite`], [`Error::TargetInvalid`] for a target that is not finite; the
    /// sample is not counted then.
    pub fn record(&mut self, outputs: &[f32], target: &[f32]) -> Result<(), Error> {
        check_outputs(self.samples, outputs, outputs.len().max(1))?;
        let (expected, found) = (outputs.len(), target.len());
        if expected != found {
            return Err(Error::BufferLength { buffer: Buffer::Target, expected, found });
        }
        if let Some((output, &found)) = target.iter().enumerate().find(|(_, target)| !target.is_finite()) {
            return Err(Error::TargetInvalid { index: self.samples as usize, output, found });
        }
        for (output, &target) in outputs.iter().zip(target) {
            let error = output - target;
            self.absolute.add_any(error.abs());
            self.squared.add_any(error * error);
            self.values = self.values.saturating_add(1);
            self.targets.add(target, self.values);
        }
        self.samples = self.samples.saturating_add(1);
        Ok(())
    }

    /// Samples counted.
    pub const fn samples(&self) -> u32 {
        self.samples
    }

    /// `mean(|y - t|)`; `None` before the first sample.
    pub fn mae(&self) -> Option<f32> {
        (self.values > 0).then(|| self.absolute.sum() / self.values as f32)
    }

    /// `sqrt(mean((y - t)^2))`; `None` before the first sample.
    pub fn rmse(&self) -> Option<f32> {
        (self.values > 0).then(|| math::sqrt(self.squared.sum() / self.values as f32))
    }

    /// `1 - sum((y - t)^2) / sum((t - mean(t))^2)`; `None` if the targets do not vary, or a sum overflows. With one output it
    /// is scikit-learn's `r2_score`; with more, all values count as of one output, where that takes a mean over outputs.
    pub fn r_squared(&self) -> Option<f32> {
        let (errors, deviations) = (self.squared.sum(), self.targets.squares.sum());
        (deviations > 0.0 && deviations.is_finite() && errors.is_finite()).then(|| 1.0 - errors / deviations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn's example for `mean_absolute_error`, `root_mean_squared_error` and `r2_score`.
    #[test]
    fn is_that_of_scikit_learn() {
        let mut metric = Regression::default();
        assert_eq!((metric.mae(), metric.rmse(), metric.r_squared()), (None, None, None));
        for (target, output) in [(3.0, 2.5), (-0.5, 0.0), (2.0, 2.0), (7.0, 8.0)] {
            metric.record(&[output], &[target]).unwrap();
        }
        assert_eq!((metric.mae(), metric.samples()), (Some(0.5), 4));
        assert!((metric.rmse().unwrap() - 0.612_372_4).abs() < 1e-6);
        assert!((metric.r_squared().unwrap() - 0.948_608_1).abs() < 1e-6);
        let before = metric;
        assert!(matches!(metric.record(&[1.0], &[f32::NAN]), Err(Error::TargetInvalid { index: 4, output: 0, .. })));
        assert!(matches!(metric.record(&[1.0], &[1.0; 2]), Err(Error::BufferLength { .. })));
        assert!(matches!(metric.record(&[], &[]), Err(Error::BufferLength { .. })));
        assert!(matches!(metric.record(&[f32::INFINITY], &[1.0]), Err(Error::OutputNotFinite { .. })));
        assert_eq!(metric, before);
    }

    #[test]
    fn all_values_count_as_of_one_output() {
        let mut metric = Regression::default();
        for (target, output) in [([0.5, 1.0], [0.0, 2.0]), ([-1.0, 1.0], [-1.0, 2.0]), ([7.0, -6.0], [8.0, -5.0])] {
            metric.record(&output, &target).unwrap();
        }
        // Of six targets with the mean 2.5 / 6: 88.25 - 2.5^2 / 6.
        let expected = 1.0 - 4.25 / (88.25 - 6.25 / 6.0);
        assert!((metric.r_squared().unwrap() - expected).abs() < 1e-6, "{:?}", metric.r_squared());
    }

    /// Targets that rise from 293 to 294 K, missed by half a kelvin: 1 - 0.25 / (1 / 12).
    #[test]
    fn targets_that_drift_keep_their_deviation() {
        let mut metric = Regression::default();
        for index in 0..1_000_000 {
            let target = (293.0 + f64::from(index) / 1e6) as f32;
            metric.record(&[target + 0.5], &[target]).unwrap();
        }
        assert!((metric.r_squared().unwrap() + 2.0).abs() < 1e-4, "{:?}", metric.r_squared());
    }

    #[test]
    fn an_error_whose_square_overflows_is_infinite() {
        let mut metric = Regression::default();
        for _ in 0..2 {
            metric.record(&[1e20], &[0.0]).unwrap();
        }
        assert_eq!((metric.mae(), metric.rmse()), (Some(1e20), Some(f32::INFINITY)));
    }

    #[test]
    fn sums_that_overflow_have_no_coefficient() {
        // Both, the errors alone, the targets alone.
        for (outputs, targets) in
            [([0.0, 0.0], [1e20, -1e20]), ([1e20, 1e20], [1.0, 2.0]), ([1e20, -1e20], [1e20, -1e20])]
        {
            let mut metric = Regression::default();
            for (output, target) in outputs.into_iter().zip(targets) {
                metric.record(&[output], &[target]).unwrap();
            }
            assert_eq!(metric.r_squared(), None, "{targets:?}");
        }
    }

    #[test]
    fn keeps_its_digits_over_a_long_run() {
        let mut metric = Regression::default();
        for _ in 0..1_000_000 {
            metric.record(&[0.1], &[0.0]).unwrap();
        }
        assert_eq!(metric.mae(), Some(0.1));
    }
}
