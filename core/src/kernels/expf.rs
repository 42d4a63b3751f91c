//! What `expf` is made of.
//!
//! The steps are those of libm's `expf` (FreeBSD's `e_expf.c`), so the bits are: `x = k ln 2 + r` with `|r| <= ln 2 / 2`, up to its rule
//! for small `k`; then `exp(r) = 1 + r c / (2 - c) + r` with `c = r - r^2 (P1 + P2 r^2)`, times `2^k`.

const LN2_HIGH: f32 = f32::from_bits(0x3F31_7200);
const LN2_LOW: f32 = f32::from_bits(0x35BF_BE8E);
const P1: f32 = f32::from_bits(0x3E2A_AA8F);
const P2: f32 = f32::from_bits(0xBB35_5215);

/// Magnitudes, as bits: up to here the result is `1 + x`, and a normal number.
const TINY: u32 = 0x3900_0000;
const NORMAL: u32 = 0x42AE_AC4F;

/// A number whose result is normal, if it is not above 0.
#[cfg(any(kernels = "vectors", test))]
#[inline(always)]
pub(super) fn is_normal(x: f32) -> bool {
    magnitude(x) <= NORMAL
}

/// A number below 0 whose result is normal, and that is not tiny: in one comparison.
#[cfg(any(kernels = "tiles", kernels = "apart", test))]
#[inline(always)]
pub(super) fn has_k(x: f32) -> bool {
    x.to_bits().wrapping_sub((1 << 31) + TINY + 1) <= NORMAL - (TINY + 1)
}

#[inline(always)]
pub(super) fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7FFF_FFFF
}

/// So small that the result is `1 + x`.
#[inline(always)]
pub(super) fn is_tiny(x: f32) -> bool {
    magnitude(x) <= TINY
}

/// `exp(x - k ln 2)`, `k` being a whole number.
#[inline(always)]
pub(super) fn reduced(x: f32, k: f32) -> f32 {
    let (high, low) = (x - k * LN2_HIGH, k * LN2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * (P1 + square * P2);
    1.0 + (r * c / (2.0 - c) - low + high)
}

#[cfg(test)]
#[cfg(not(feature = "fast-math"))]
mod tests {
    extern crate std;
    use super::super::{tiles, vectors};
    use super::{NORMAL, TINY};
    use crate::math;

    /// From here on `k` is not 0, and not -1.
    const HALF_LN2: u32 = 0x3EB1_7218;
    const THREE_HALVES_LN2: u32 = 0x3F85_1592;

    fn check(values: impl Iterator<Item = f32>) {
        let values: std::vec::Vec<f32> = values.collect();
        let total: f32 = values.iter().fold(0.0, |sum, x| sum + math::exp(*x));
        for exponentials in [tiles::exponentials, vectors::exponentials] {
            let mut found = values.clone();
            assert_eq!(exponentials(&mut found, 0.0).to_bits() & 0x7FFF_FFFF, total.to_bits() & 0x7FFF_FFFF);
            for (&x, found) in values.iter().zip(found) {
                let expected = math::exp(x);
                assert!(
                    found.to_bits() == expected.to_bits() || found.is_nan() && x.is_nan(),
                    "{x:e}: {found:e}, {expected:e}"
                );
            }
        }
    }

    /// Every so many of the negative floats, and all about the places where the rule changes.
    #[test]
    fn are_libms_to_the_bit() {
        let negative = |magnitude: u32| f32::from_bits(magnitude | 1 << 31);
        check((0..=0x7F80_0000).step_by(997).map(negative));
        for edge in [TINY, HALF_LN2, THREE_HALVES_LN2, NORMAL, 0x42CF_F1B5, 0x7F80_0000, 40] {
            check((edge - 40..edge + 40).map(negative));
        }
        // Where the quotient is about an integer and a half, and about an integer.
        for k in 0..=252 {
            let edge = (k as f32 * 0.5 * core::f32::consts::LN_2).to_bits();
            check((edge.saturating_sub(40)..edge + 40).map(negative));
        }
        check([0.0, -0.0, f32::NAN, -f32::NAN, f32::NEG_INFINITY].into_iter());
    }

    /// All of them: `cargo test --release -p microfit exponentials -- --ignored`.
    #[test]
    #[ignore = "takes a minute"]
    fn are_libms_everywhere() {
        for magnitude in (0..=0x7F80_0000_u32).step_by(1 << 16) {
            check((magnitude..(magnitude + (1 << 16))).map(|magnitude| f32::from_bits(magnitude | 1 << 31)));
        }
    }
}
