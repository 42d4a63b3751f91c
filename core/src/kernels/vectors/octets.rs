//! Vectors of eight sums, as one sample's forward pass wants them: with a transposition.
//!
//! [`Arrays`] leave the vectors to LLVM, which takes a column of eight rows for eight loads of a float each. With the
//! instructions of AVX2 by name the same takes eight loads of a row and three shuffles a row.

/// What a processor does with eight floats at once.
pub(super) trait Octets: Copy {
    type Octet: Copy;

    fn of(self, values: [f32; 8]) -> Self::Octet;
    fn splat(self, value: f32) -> Self::Octet;
    fn values(self, octet: Self::Octet) -> [f32; 8];
    /// `sum + a * b`, rounded twice.
    fn multiply_add(self, sum: Self::Octet, a: Self::Octet, b: Self::Octet) -> Self::Octet;
    /// Of eight rows the eight columns.
    fn columns(self, rows: [&[f32; 8]; 8]) -> [Self::Octet; 8];
}

/// Arrays, for any processor.
#[derive(Clone, Copy)]
pub(super) struct Arrays;

impl Octets for Arrays {
    type Octet = [f32; 8];

    #[inline(always)]
    fn of(self, values: [f32; 8]) -> [f32; 8] {
        values
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    fn values(self, octet: [f32; 8]) -> [f32; 8] {
        octet
    }

    #[inline(always)]
    fn multiply_add(self, sum: [f32; 8], a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        let ([s, t, u, v, w, x, y, z], [a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) = (sum, a, b);
        [s + a * i, t + b * j, u + c * k, v + d * l, w + e * m, x + f * n, y + g * o, z + h * p]
    }

    #[inline(always)]
    fn columns(self, rows: [&[f32; 8]; 8]) -> [[f32; 8]; 8] {
        [0, 1, 2, 3, 4, 5, 6, 7].map(|i| rows.map(|row| row[i]))
    }
}

#[cfg(target_arch = "x86_64")]
impl Octets for pulp::x86::V3 {
    type Octet = core::arch::x86_64::__m256;

    #[inline(always)]
    fn of(self, values: [f32; 8]) -> Self::Octet {
        pulp::cast(values)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Octet {
        self.avx._mm256_set1_ps(value)
    }

    #[inline(always)]
    fn values(self, octet: Self::Octet) -> [f32; 8] {
        pulp::cast(octet)
    }

    #[inline(always)]
    fn multiply_add(self, sum: Self::Octet, a: Self::Octet, b: Self::Octet) -> Self::Octet {
        self.avx._mm256_add_ps(sum, self.avx._mm256_mul_ps(a, b))
    }

    /// Halves of four rows side by side, then twice two of them into one another, so that no shuffle crosses a half.
    #[inline(always)]
    fn columns(self, rows: [&[f32; 8]; 8]) -> [Self::Octet; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        let (a, b, c, d) = (self.of(*a), self.of(*b), self.of(*c), self.of(*d));
        let (e, f, g, h) = (self.of(*e), self.of(*f), self.of(*g), self.of(*h));
        let avx = self.avx;
        // Closures would be functions of their own, without AVX.
        macro_rules! halves {
            ($which:literal) => {{
                let (a, b) = (avx._mm256_permute2f128_ps::<$which>(a, e), avx._mm256_permute2f128_ps::<$which>(b, f));
                let (c, d) = (avx._mm256_permute2f128_ps::<$which>(c, g), avx._mm256_permute2f128_ps::<$which>(d, h));
                let (ab, cd) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpacklo_ps(c, d));
                let (ab_high, cd_high) = (avx._mm256_unpackhi_ps(a, b), avx._mm256_unpackhi_ps(c, d));
                (
                    avx._mm256_shuffle_ps::<0b01_00_01_00>(ab, cd),
                    avx._mm256_shuffle_ps::<0b11_10_11_10>(ab, cd),
                    avx._mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high),
                    avx._mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high),
                )
            }};
        }
        let (c0, c1, c2, c3) = halves!(0x20);
        let (c4, c5, c6, c7) = halves!(0x31);
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(octets: impl Octets) {
        let rows = [0, 1, 2, 3, 4, 5, 6, 7].map(|row| [0, 1, 2, 3, 4, 5, 6, 7].map(|i| (10 * row + i) as f32));
        for (i, column) in octets.columns(rows.each_ref()).into_iter().enumerate() {
            assert_eq!(octets.values(column), rows.map(|row| row[i]));
        }
    }

    #[test]
    fn columns_are_those_of_the_rows() {
        check(Arrays);
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            v3.vectorize(|| check(v3));
        }
    }
}
