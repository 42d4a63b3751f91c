//! The order in which an epoch visits its samples.

use crate::rng::{GOLDEN, mix};

/// A permutation of `0..len` for every epoch, computed position by position, so that it needs no array and an
/// interrupted epoch resumes from its position.
pub trait Order {
    /// Which sample stands at `position` in `epoch`. For each epoch a bijection of `0..len`.
    fn index(&self, epoch: u32, position: u32, len: u32) -> u32;
}

impl<R: Order + ?Sized> Order for &R {
    fn index(&self, epoch: u32, position: u32, len: u32) -> u32 {
        (**self).index(epoch, position, len)
    }
}

/// The dataset's own order, every epoch (Keras' `shuffle=False`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sequential;

impl Order for Sequential {
    fn index(&self, _epoch: u32, position: u32, _len: u32) -> u32 {
        position
    }
}

/// Another order every epoch, fixed by a seed.
///
/// A Feistel network over the smallest `2^k >= len` is a bijection whatever its round function; values past the end
/// are sent through again until one falls inside ("cycle walking", Black and Rogaway 2002): fewer than two passes on
/// average where `2^k < 2 len`, that is from 3 samples on. There is no small bound on a single call: with 32,769
/// samples, 20 passes of about 70 instructions have been seen.
///
/// # Why it is a permutation
///
/// 1. A round replaces one half by itself XOR a number computed from the other half and the key, and leaves the other
///    half. Doing the same again undoes it, because that number comes out the same: a round is its own inverse, so a
///    bijection of `0..2^k`, whatever the round function does with its arguments. Each half has a fixed width here, and
///    the number is masked to it, so unequal halves (odd `k`) change nothing in this. Rounds one after the other are a
///    bijection again: call it `f`.
/// 2. `f` divides `0..2^k` into cycles. Walking on from `x < len` along its cycle comes back to `x` at the latest, which
///    is below `len`, so the walk ends. The value it ends at is the next one of that cycle that is below `len`.
///    "The next one of the cycle that is below `len`" is inverted by "the one before", so it is a bijection of `0..len`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shuffle {
    seed: u32,
}

impl Shuffle {
    /// The orders fixed by `seed`.
    pub const fn new(seed: u32) -> Self {
        Self { seed }
    }
}

/// Enough that orders are even: with one or two bits a half, each round moves little.
const fn rounds(bits: u32) -> u32 {
    if bits <= 5 { 24 } else { 8 }
}

impl Order for Shuffle {
    // For a length that is known LLVM would write out the rounds.
    #[inline(never)]
    fn index(&self, epoch: u32, position: u32, len: u32) -> u32 {
        if position >= len {
            // Not in the domain; walking from there need not end.
            return position;
        }
        let bits = (u32::BITS - (len - 1).leading_zeros()).max(2);
        let low_bits = bits / 2;
        let low_mask = (1 << low_bits) - 1;
        let high_mask = (1 << (bits - low_bits)) - 1;
        let key = mix(self.seed ^ mix(epoch.wrapping_add(GOLDEN)));
        let mut value = position;
        loop {
            let (mut low, mut high) = (value & low_mask, value >> low_bits);
            for round in 0..rounds(bits) {
                let key = key.wrapping_add(GOLDEN.wrapping_mul(round + 1));
                if round % 2 == 0 {
                    low ^= mix(high ^ key) & low_mask;
                } else {
                    high ^= mix(low ^ key) & high_mask;
                }
            }
            value = (high << low_bits) | low;
            if value < len {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::BTreeMap;

    fn check_permutation(len: u32, seed: u32, epoch: u32) {
        let mut seen = [false; 4097];
        for position in 0..len {
            let index = Shuffle::new(seed).index(epoch, position, len);
            assert!(index < len && !seen[index as usize], "len {len} seed {seed} epoch {epoch}");
            seen[index as usize] = true;
        }
    }

    #[test]
    fn is_a_permutation_of_every_length() {
        for len in 1..=4097 {
            for (seed, epoch) in [(0, 0), (7, 49), (u32::MAX, u32::MAX)] {
                check_permutation(len, seed, epoch);
            }
        }
    }

    #[test]
    fn is_a_permutation_for_every_seed() {
        for seed in 0..2000_u32 {
            for len in [1, 2, 3, 5, 17, 33, 100] {
                check_permutation(len, seed.wrapping_mul(GOLDEN), seed % 7);
            }
        }
    }

    /// All 120 orders of five samples are equally frequent.
    #[test]
    fn few_samples_come_in_every_order() {
        const EPOCHS: u32 = 120_000;
        let mut orders = BTreeMap::new();
        for epoch in 0..EPOCHS {
            let order = [0, 1, 2, 3, 4].map(|position| Shuffle::new(5).index(epoch, position, 5));
            *orders.entry(order).or_insert(0_i32) += 1;
        }
        // Expected 1000 each, with a standard deviation of 32.
        assert_eq!(orders.len(), 120);
        assert!(orders.values().all(|count| (count - 1000).abs() < 160), "{orders:?}");
    }

    /// Each sample is as often at each position, and behind each other sample, as chance has it.
    #[test]
    fn is_even() {
        const LEN: u32 = 12;
        const EPOCHS: u32 = 12_000;
        let (mut at, mut after) = ([[0_i32; 12]; 12], [[0_i32; 12]; 12]);
        for epoch in 0..EPOCHS {
            let mut last = None;
            for position in 0..LEN {
                let index = Shuffle::new(3).index(epoch, position, LEN) as usize;
                at[position as usize][index] += 1;
                if let Some(last) = last {
                    after[last as usize][index] += 1;
                }
                last = Some(index as u32);
            }
        }
        // Expected 1000 each, with a standard deviation of about 30: 6 of them for 264 counts.
        for (i, (at, after)) in at.iter().zip(&after).enumerate() {
            assert!(at.iter().all(|n| (n - 1000).abs() < 180), "{at:?}");
            assert!(after.iter().enumerate().all(|(j, n)| i == j || (n - 1000).abs() < 180), "{after:?}");
        }
    }

    #[test]
    fn differs_by_epoch_and_by_seed() {
        let order = |seed, epoch| core::array::from_fn::<u32, 64, _>(|p| Shuffle::new(seed).index(epoch, p as u32, 64));
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
        assert_eq!(order(1, 5), order(1, 5));
    }
}
