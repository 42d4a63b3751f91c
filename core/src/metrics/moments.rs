//! How a stream of numbers spreads.

use super::mean::CompensatedSum;

/// The mean and the sum of squared deviations of a stream, by Welford's updates: `d = x - mean`, `mean += d / n`,
/// `squares += d * (x - mean)`, which do not cancel where a sum of squares would. Both are compensated, so that neither
/// stands still when what is added falls below its last digit, as it does in a long stream.
///
/// Source: B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4
/// (1962).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Moments {
    pub(crate) mean: CompensatedSum,
    pub(crate) squares: CompensatedSum,
}

impl Moments {
    /// Takes in `x`, the number `count` of the stream, counted from 1. What overflows is infinite in `squares`.
    // Called where a sample is checked and where it is taken in, 0.2 to 0.5 KB less flash than in line.
    #[inline(never)]
    pub(crate) fn add(&mut self, x: f32, count: u32) {
        let deviation = self.mean.up_to(x);
        self.mean.add_any(deviation / count as f32);
        self.squares.add_any(deviation * self.mean.up_to(x));
    }
}

/// Streams that stop an f32 mean, or an f32 sum of squares, and what their mean and deviation are in f64.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Counts of a 12-bit converter that drift by 100.
    pub(crate) fn drifting(rng: &mut Rng, index: u32, of: u32) -> f32 {
        (2018 + rng.below(61) + (100 * u64::from(index) / u64::from(of)) as u32) as f32
    }

    /// Pressures in pascal, once a second for a week, that rise by 650.
    pub(crate) fn rising(_: &mut Rng, index: u32, of: u32) -> f32 {
        (101_000.0 + 650.0 * f64::from(index) / f64::from(of)) as f32
    }

    pub(crate) fn alternating(_: &mut Rng, index: u32, _: u32) -> f32 {
        if index.is_multiple_of(2) { 1.0 } else { -1.0 }
    }

    pub(crate) type Stream = fn(&mut Rng, u32, u32) -> f32;

    pub(crate) const STREAMS: [(Stream, u32); 3] =
        [(drifting, 1_000_000), (rising, 604_800), (alternating, 20_000_000)];

    /// In f64, from a first number on, where nothing cancels.
    pub(crate) fn exact(stream: Stream, of: u32) -> (f64, f64) {
        let (mut rng, mut sum, mut squares) = (Rng::new(1), 0.0, 0.0);
        let first = f64::from(stream(&mut Rng::new(1), 0, of));
        for index in 0..of {
            let offset = f64::from(stream(&mut rng, index, of)) - first;
            (sum, squares) = (sum + offset, squares + offset * offset);
        }
        let mean = sum / f64::from(of);
        (first + mean, libm::sqrt(squares / f64::from(of) - mean * mean))
    }

    #[test]
    fn a_long_stream_keeps_its_mean_and_deviation() {
        for (stream, of) in STREAMS {
            let (mut rng, mut moments) = (Rng::new(1), Moments::default());
            for index in 0..of {
                moments.add(stream(&mut rng, index, of), index + 1);
            }
            let (mean, deviation) = exact(stream, of);
            let found = libm::sqrt(f64::from(moments.squares.sum()) / f64::from(of));
            let off = (f64::from(moments.mean.sum()) - mean).abs();
            assert!(off <= mean.abs() * 1e-7 + deviation * 1e-6, "{} {mean}", moments.mean.sum());
            assert!((found / deviation - 1.0).abs() < 1e-6, "{found} {deviation}");
        }
    }
}
