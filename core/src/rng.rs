//! The generator behind every random choice, so that a seed fixes a run on every target.

/// xoshiro128++: 128 bits of state, 32-bit operations only, so it is cheap on a Cortex-M0.
///
/// Source: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021).
/// Not for cryptography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rng {
    state: [u32; 4],
}

impl Rng {
    /// A generator whose stream is fixed by `seed`.
    pub const fn new(seed: u32) -> Self {
        // Successive values of a mixed counter are distinct, so the state is never all zeros.
        Self {
            state: [
                mix(seed),
                mix(seed.wrapping_add(GOLDEN)),
                mix(seed.wrapping_add(GOLDEN.wrapping_mul(2))),
                mix(seed.wrapping_add(GOLDEN.wrapping_mul(3))),
            ],
        }
    }

    /// The next 32 uniformly distributed bits.
    pub const fn next_u32(&mut self) -> u32 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(7).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 9), d.rotate_left(11)];
        result
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-24, so every value is an exact f32.
    pub const fn unit(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in `0..bound` (0 if `bound` is 0), by the high half of a product (Lemire 2019, without rejection: the
    /// bias is below `bound / 2^32`).
    pub const fn below(&mut self, bound: u32) -> u32 {
        ((self.next_u32() as u64 * bound as u64) >> 32) as u32
    }
}

/// 2^32 divided by the golden ratio: an odd constant whose multiples spread evenly.
pub(crate) const GOLDEN: u32 = 0x9E37_79B9;

/// A bijection of u32 in which every input bit reaches every output bit: the finaliser of MurmurHash3 (A. Appleby,
/// public domain).
pub(crate) const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85EB_CA6B);
    x ^= x >> 13;
    x = x.wrapping_mul(0xC2B2_AE35);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_generator() {
        // The reference implementation's first outputs from the state 1, 2, 3, 4.
        let mut rng = Rng { state: [1, 2, 3, 4] };
        assert_eq!(
            [rng.next_u32(), rng.next_u32(), rng.next_u32(), rng.next_u32()],
            [641, 1573767, 3222811527, 3517856514]
        );
    }

    #[test]
    fn fills_its_range_evenly() {
        let mut rng = Rng::new(7);
        let mut counts = [0_u32; 10];
        let mut sum = 0.0;
        for _ in 0..100_000 {
            counts[rng.below(10) as usize] += 1;
            let unit = rng.unit();
            assert!((0.0..1.0).contains(&unit));
            sum += f64::from(unit);
        }
        assert!(counts.iter().all(|&n| (9_600..10_400).contains(&n)), "{counts:?}");
        assert!((sum / 100_000.0 - 0.5).abs() < 0.005);
        assert_ne!(Rng::new(1), Rng::new(2));
    }
}
