//! Dropout by a hash: the same mask forward and backward, without a bit of memory for it.

use crate::error::{Error, Requirement, require};
use crate::kernels::Place;
use crate::rng::{GOLDEN, mix};

/// A layer's dropout; see [`Layer::dropout`](crate::Layer::dropout).
///
/// It carries the function that draws the mask, so that a network without dropout does not link it.
#[derive(Clone, Copy)]
pub(crate) struct Dropout {
    rate: f32,
    seed: u32,
    mask: fn(&Self, Key, usize, &mut [f32], usize),
}

/// Which samples a mask is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) epoch: u32,
    /// Of the first sample, in the epoch's order.
    pub(crate) position: u32,
    /// Of the network, from 0: two that are given one seed drop different units.
    pub(crate) layer: u32,
}

impl Key {
    pub(crate) const fn of(epoch: u32, position: u32) -> Self {
        Self { epoch, position, layer: 0 }
    }
}

impl Dropout {
    pub(crate) const fn new(rate: f32, seed: u32) -> Self {
        Self { rate, seed, mask }
    }

    pub(crate) const fn check(&self) -> Result<(), Error> {
        require("dropout", Requirement::Fraction, self.rate as f64)
    }

    /// Multiplies each of `n` samples' values by 0 or by `1 / (1 - rate)`: a block of values, from unit `first` on.
    pub(crate) fn apply(&self, key: Key, n: usize, values: &mut [f32], first: usize) {
        (self.mask)(self, key, n, values, first);
    }

    /// What is left is multiplied by it.
    const fn factor(&self) -> f32 {
        1.0 / (1.0 - self.rate)
    }

    /// Takes the factor back out of what was not dropped, so that a derivative can be computed from the output. By division, so that an
    /// output of 1, which may have no slope, is 1 again.
    pub(crate) fn undo_factor(&self, values: &mut [f32]) {
        let factor = self.factor();
        for value in values {
            *value /= factor;
        }
    }
}

fn mask(dropout: &Dropout, key: Key, n: usize, values: &mut [f32], first: usize) {
    // As many of 2^32 as the rate says; exact, and never 2^32, the rate being below 1.
    let drop_below = (f64::from(dropout.rate) * 4_294_967_296.0) as u32;
    let factor = dropout.factor();
    let seed = dropout.seed.wrapping_add(GOLDEN.wrapping_mul(key.layer));
    let epoch = mix(seed ^ mix(key.epoch.wrapping_add(GOLDEN)));
    let width = values.len().checked_div(n).unwrap_or_default();
    for (position, sample) in (key.position..).zip(0..n) {
        let hash = mix(epoch.wrapping_add(GOLDEN.wrapping_mul(position)));
        let mut unit = first as u32;
        Place::of(sample, n, width).for_each(values, |value| {
            unit = unit.wrapping_add(1);
            let dropped = mix(hash.wrapping_add(GOLDEN.wrapping_mul(unit))) < drop_below;
            *value = if dropped { 0.0 } else { *value * factor };
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_share_and_keeps_the_mean() {
        let dropout = Dropout::new(0.3, 1);
        let (mut dropped, mut sum) = (0_i32, 0.0);
        for position in 0..1000 {
            let mut values = [1.0_f32; 32];
            dropout.apply(Key::of(2, position), 1, &mut values, 0);
            dropped += values.iter().map(|&v| i32::from(v == 0.0)).sum::<i32>();
            sum += values.iter().sum::<f32>();
        }
        // Standard deviation of the count: 82.
        assert!((dropped - 9600).abs() < 400, "{dropped}");
        assert!((sum / 32_000.0 - 1.0).abs() < 0.02, "{sum}");
    }

    #[test]
    fn a_mask_is_that_of_its_sample_however_many_are_taken_together() {
        let dropout = Dropout::new(0.5, 3);
        let mut together = [1.0; 4 * 8];
        dropout.apply(Key::of(1, 10), 4, &mut together, 0);
        for sample in 0..4 {
            let mut alone = [1.0; 8];
            dropout.apply(Key::of(1, 10 + sample as u32), 1, &mut alone, 0);
            assert!(Place::of(sample, 4, 8).values(&together).eq(alone));
            let mut tail = [1.0; 3];
            dropout.apply(Key::of(1, 10 + sample as u32), 1, &mut tail, 5);
            assert_eq!(alone[5..], tail);
        }
        let mut other = [1.0; 4 * 8];
        dropout.apply(Key::of(2, 10), 4, &mut other, 0);
        assert_ne!(together, other);
        let mut above = [1.0; 4 * 8];
        dropout.apply(Key { layer: 1, ..Key::of(1, 10) }, 4, &mut above, 0);
        assert_ne!(together, above);
        let mut none = [1.5; 8];
        Dropout::new(0.0, 3).apply(Key::of(2, 10), 1, &mut none, 0);
        assert_eq!(none, [1.5; 8]);
    }

    #[test]
    fn an_output_of_one_is_one_again() {
        for percent in 0..100 {
            let dropout = Dropout::new(percent as f32 / 100.0, 1);
            let mut values = [dropout.factor(), -dropout.factor(), 0.0];
            dropout.undo_factor(&mut values);
            assert_eq!(values, [1.0, -1.0, 0.0], "{percent}");
        }
    }

    #[test]
    fn layers_with_one_seed_drop_different_units() {
        let mask = |layer| {
            let mut values = [1.0; 1000];
            Dropout::new(0.5, 7).apply(Key { layer, ..Key::of(1, 0) }, 1, &mut values, 0);
            values
        };
        let both = mask(0).iter().zip(mask(1)).filter(|(a, b)| **a != 0.0 && *b != 0.0).count();
        // A quarter; standard deviation: 14.
        assert!((190..310).contains(&both), "{both}");
    }
}
