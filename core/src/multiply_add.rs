//! `sum + a * b`, rounded twice: the one operation training consists of.
//!
//! With an FPU it is what it says. Without one a compiler calls a routine for the product, which packs its result, and another
//! for the sum, which unpacks it again: about 120 instructions on a Cortex-M3. The one below keeps the product unpacked, and
//! leaves whatever is not normal (subnormals, infinities, NaN, overflow) to those two, so that the bits are theirs.

#[cfg(not(soft_float))]
#[inline(always)]
pub(crate) fn multiply_add(sum: f32, a: f32, b: f32) -> f32 {
    sum + a * b
}

#[cfg(soft_float)]
pub(crate) use soft::multiply_add;

#[cfg(any(test, soft_float))]
mod soft {
    const SIGN: u32 = 1 << 31;
    const FRACTION: u32 = (1 << 23) - 1;
    const HIDDEN: u32 = 1 << 23;

    /// A term whose factor `b` is 0.0 is left out, as `kernels` allows: after a ReLU, and in images, it often is.
    #[inline(always)]
    pub(crate) fn multiply_add(sum: f32, a: f32, b: f32) -> f32 {
        if b.to_bits() == 0 { sum } else { rounded_twice(sum, a, b) }
    }

    fn exponent(x: f32) -> u32 {
        x.to_bits() >> 23 & 0xFF
    }

    #[inline(never)]
    fn rounded_twice(sum: f32, a: f32, b: f32) -> f32 {
        let (a_bits, b_bits, c_bits) = (a.to_bits(), b.to_bits(), sum.to_bits());
        let (a_exponent, b_exponent, c_exponent) = (a_bits >> 23 & 0xFF, b_bits >> 23 & 0xFF, c_bits >> 23 & 0xFF);
        if a_exponent.wrapping_sub(1) >= 254 || b_exponent.wrapping_sub(1) >= 254 || c_exponent == 255 {
            return unusual(sum, a, b);
        }

        let wide = mantissa_product(a_bits, b_bits);
        let carry = wide >> 30;
        let wide = wide << (1 - carry);
        let product_exponent = (a_exponent + b_exponent + carry).wrapping_sub(127);
        if product_exponent.wrapping_sub(1) >= 253 {
            return unusual(sum, a, b);
        }
        // To nearest, ties to even. The hidden bit adds 1 to the exponent, and so does a carry out of the rounding.
        let product = ((product_exponent - 1) << 23) + ((wide + 0x3F + (wide >> 7 & 1)) >> 7);
        let product_sign = (a_bits ^ b_bits) & SIGN;
        if c_exponent == 0 {
            return if c_bits & FRACTION == 0 { f32::from_bits(product | product_sign) } else { unusual(sum, a, b) };
        }

        // Of sum and product, the larger and the smaller in magnitude.
        let (c, c_sign) = (c_bits & !SIGN, c_bits & SIGN);
        let (larger, smaller, sign) = if product > c { (product, c, product_sign) } else { (c, product, c_sign) };
        let distance = (larger >> 23) - (smaller >> 23);
        let mut exponent = larger >> 23;
        // Three bits more: two, and one that says whether anything was lost below.
        let larger = (larger & FRACTION | HIDDEN) << 3;
        let smaller = smaller << 8 | SIGN;
        let smaller =
            if distance <= 26 { smaller >> (distance + 5) | u32::from(smaller << (27 - distance) != 0) } else { 1 };
        let mut mantissa;
        if product_sign == c_sign {
            mantissa = larger + smaller;
            if mantissa >> 27 != 0 {
                mantissa = mantissa >> 1 | mantissa & 1;
                exponent += 1;
            }
        } else {
            mantissa = larger - smaller;
            if mantissa == 0 {
                return 0.0;
            }
            while mantissa >> 26 == 0 {
                // Seldom more than once, so that a count of zeros, which a Cortex-M0 has no instruction for, is not worth it.
                mantissa <<= 1;
                exponent = exponent.wrapping_sub(1);
            }
        }
        if exponent.wrapping_sub(1) >= 253 {
            return unusual(sum, a, b);
        }
        f32::from_bits((((exponent - 1) << 23) + ((mantissa + 3 + (mantissa >> 3 & 1)) >> 3)) | sign)
    }

    /// The product of two floats' mantissas: its upper 30 or 31 bits, the last of which is 1 if any bit below them is.
    #[cfg(target_has_atomic = "32")]
    #[inline(always)]
    fn mantissa_product(a: u32, b: u32) -> u32 {
        let product = u64::from(a << 7 & !SIGN | 1 << 30) * u64::from(b << 8 | SIGN);
        (product >> 32) as u32 | u32::from(product as u32 != 0)
    }

    /// The same where a product has 32 bits: what has no atomic operations, a Cortex-M0, has no long product either.
    #[cfg(not(target_has_atomic = "32"))]
    #[inline(always)]
    fn mantissa_product(a: u32, b: u32) -> u32 {
        product_of_halves(a, b)
    }

    #[cfg(any(test, not(target_has_atomic = "32")))]
    #[inline(always)]
    fn product_of_halves(a: u32, b: u32) -> u32 {
        let (a, b) = (a & FRACTION | HIDDEN, b & FRACTION | HIDDEN);
        let (a_high, a_low, b_high, b_low) = (a >> 12, a & 0xFFF, b >> 12, b & 0xFFF);
        let low = a_low * b_low;
        let middle = a_high * b_low + a_low * b_high + (low >> 12);
        // The product is high * 2^24 + middle * 2^12 + the last 12 bits of low.
        (((a_high * b_high) << 7) + (middle >> 5)) | u32::from(middle << 27 | low << 20 != 0)
    }

    /// Factors of 0, which are usual, and all that is not normal.
    #[cold]
    #[inline(never)]
    fn unusual(sum: f32, a: f32, b: f32) -> f32 {
        // In integers: without an FPU a comparison is a call, and a comparison of all bits but the sign's becomes one.
        let zero = |x: f32| exponent(x) == 0 && x.to_bits() & FRACTION == 0;
        if (zero(b) && exponent(a) != 255 || zero(a) && exponent(b) != 255) && sum.to_bits() != SIGN {
            return sum;
        }
        sum + a * b
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::rng::Rng;

        fn check(sum: u32, a: u32, b: u32) {
            let (sum, a, b) = (f32::from_bits(sum), f32::from_bits(a), f32::from_bits(b));
            let (found, expected) = (rounded_twice(sum, a, b), sum + a * b);
            let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
            assert!(same, "{sum:e} + {a:e} * {b:e}: {found:e}, expected {expected:e}");
        }

        #[test]
        fn has_the_bits_of_a_product_and_a_sum() {
            let mut rng = Rng::new(6);
            // Any bits, magnitudes as training has them, and sums that nearly cancel their product.
            for _ in 0..2_000_000 {
                let (sum, a, b) = (rng.next_u32(), rng.next_u32(), rng.next_u32());
                check(sum, a, b);
                let near_one = |bits: u32| bits & 0x87FF_FFFF | 0x3800_0000;
                check(near_one(sum), near_one(a), near_one(b));
                let product = f32::from_bits(near_one(a)) * f32::from_bits(near_one(b));
                check((-product).to_bits().wrapping_add(sum % 5).wrapping_sub(2), near_one(a), near_one(b));
                // Few bits, for ties.
                let few = |bits: u32| near_one(bits) & 0xFFFF_F800;
                check(few(sum), few(a), few(b));
            }
        }

        #[test]
        fn leaves_out_what_is_zero() {
            assert_eq!(multiply_add(1.5, f32::MAX, 0.0), 1.5);
            assert_eq!(multiply_add(1.5, 2.0, 0.5), 2.5);
        }

        #[test]
        fn has_them_at_every_edge() {
            let edges = [
                0,
                1,
                0x7F_FFFF,
                0x80_0000,
                0x80_0001,
                0xFF_FFFF,
                0x100_0000,
                0x3F7F_FFFF,
                0x3F80_0000,
                0x3F80_0001,
                0x3FFF_FFFF,
                0x4B80_0000,
                0x7F00_0000,
                0x7F7F_FFFF,
                0x7F80_0000,
                0x7FC0_0000,
            ];
            let signed = edges.into_iter().flat_map(|bits: u32| [bits, bits | SIGN]);
            for sum in signed.clone() {
                for a in signed.clone() {
                    for b in signed.clone() {
                        check(sum, a, b);
                    }
                }
            }
        }

        #[test]
        fn multiplies_mantissas_in_halves_too() {
            let mut rng = Rng::new(7);
            for _ in 0..100_000 {
                let (a, b) = (rng.next_u32(), rng.next_u32());
                assert_eq!(product_of_halves(a, b), mantissa_product(a, b));
            }
        }
    }
}
