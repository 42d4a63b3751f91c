//! Groundwork: what training in fixed point would bring a chip without an FPU. Measured by `microfit bench --fixed-point`; nothing
//! trains with it yet.
//!
//! # The design it is groundwork for
//!
//! - **Numbers.** Inputs, activations, deltas and the weights that kernels read are `i16`, Q1.15 times a power of two a layer
//!   (block floating point: one exponent for a layer's weights, one for its activations, one for its deltas). Powers of two,
//!   so that a change of scale is a shift.
//! - **Sums** are `i32`. A product of two Q1.15 has 30 bits below the sign's, so a sum of `n` of them needs `log2(n)` bits of
//!   head room: a layer's weights keep their exponent that much higher (6 bits at 64 inputs: weights of 10 bits and their
//!   sign). Wider weights want sums of 64 bits: one instruction on a Cortex-M3 (`SMLAL`), about ten on a Cortex-M0.
//! - **Weights** are remembered in 32 bits, of which kernels read the upper half: an update of less than half of 2^-15 would
//!   otherwise be lost (Gupta et al. 2015, "Deep Learning with Limited Numerical Precision", who round stochastically
//!   instead; with [`Rng`](microfit::Rng) and the step that would be reproducible, too, and save the other half).
//! - **Gradient and velocity** are one `i32` a parameter, as in `Sgd`: gathered in place, scaled by the momentum as Q0.16.
//! - **Loss and softmax** stay in `f32`: they are a hundredth of the work, and the schedules' rates are floats anyway. A
//!   layer's exponent is chosen once an epoch, from the largest magnitude seen, so that it is the same wherever it is run.
//! - **Bits** stay a contract: integer sums do not depend on their order at all. They would be other bits than those of `f32`,
//!   so it would be another type of trainer, not an option of this one.
//! - **Memory**: weights 4 + velocity 4 bytes a parameter as today, and half the tape.
//!
//! What is left to show is that it learns as well: the tutorial's accuracy over a thousand seeds, against `f32`.

/// `y[s][u] += w[u] . x[s]` for two units and two samples, rows of `fan_in`, in units of 2^-30.
pub fn dots(w: [&[i16]; 2], x: [&[i16]; 2]) -> [[i32; 2]; 2] {
    let [mut a, mut b, mut c, mut d] = [0_i32; 4];
    for (((w0, w1), x0), x1) in w[0].iter().zip(w[1]).zip(x[0]).zip(x[1]) {
        let (w0, w1, x0, x1) = (i32::from(*w0), i32::from(*w1), i32::from(*x0), i32::from(*x1));
        a = a.wrapping_add(w0 * x0);
        b = b.wrapping_add(w1 * x0);
        c = c.wrapping_add(w0 * x1);
        d = d.wrapping_add(w1 * x1);
    }
    [[a, b], [c, d]]
}

/// `g += d[0] x[0] + d[1] x[1]`, in units of 2^-30.
pub fn gradient(g: &mut [i32], d: [i16; 2], x: [&[i16]; 2]) {
    let (d0, d1) = (i32::from(d[0]), i32::from(d[1]));
    for ((g, x0), x1) in g.iter_mut().zip(x[0]).zip(x[1]) {
        *g = g.wrapping_add(d0 * i32::from(*x0)).wrapping_add(d1 * i32::from(*x1));
    }
}

/// `sum over u of w[u][k] d[s][u]` for two columns `k` and two samples `s`, `w` being rows of `fan_in`.
pub fn columns(w: &[i16], d: [&[i16]; 2], fan_in: usize) -> [[i32; 2]; 2] {
    let [mut a, mut b, mut c, mut e] = [0_i32; 4];
    let mut rest = w;
    for (d0, d1) in d[0].iter().zip(d[1]) {
        let Some(&[w0, w1]) = rest.first_chunk() else { break };
        let (w0, w1, d0, d1) = (i32::from(w0), i32::from(w1), i32::from(*d0), i32::from(*d1));
        a = a.wrapping_add(w0 * d0);
        b = b.wrapping_add(w1 * d0);
        c = c.wrapping_add(w0 * d1);
        e = e.wrapping_add(w1 * d1);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
    }
    [[a, b], [c, e]]
}

/// `w += v >> shift` in 32 bits, saturated, and the upper half again for the kernels; `v *= momentum / 2^16` for the next batch.
pub fn update(weights: &mut [i32], upper: &mut [i16], velocity: &mut [i32], shift: u32, momentum: u16) {
    for ((w, upper), v) in weights.iter_mut().zip(upper).zip(velocity) {
        *w = w.saturating_add(*v >> (shift & 31));
        *upper = (w.saturating_add(1 << 15) >> 16) as i16;
        // Two halves, because a Cortex-M0 has no product of 64 bits.
        let (high, low) = (*v >> 16, *v & 0xFFFF);
        *v = high
            .wrapping_mul(i32::from(momentum))
            .wrapping_add((low.wrapping_mul(i32::from(momentum)) as u32 >> 16).cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use microfit::Rng;

    fn row<const N: usize>(rng: &mut Rng) -> [i16; N] {
        core::array::from_fn(|_| (rng.next_u32() >> 20) as i16 - 2048)
    }

    fn dot<'a>(a: impl Iterator<Item = &'a i16>, b: &[i16]) -> i32 {
        a.zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
    }

    #[test]
    fn sums_are_those_of_the_definition() {
        let mut rng = Rng::new(1);
        let (w, x) = ([row::<9>(&mut rng), row(&mut rng)], [row::<9>(&mut rng), row(&mut rng)]);
        let expected = x.map(|x| w.map(|w| dot(w.iter(), &x)));
        assert_eq!(dots([&w[0], &w[1]], [&x[0], &x[1]]), expected);

        let (matrix, d) = (row::<{ 3 * 5 }>(&mut rng), [row::<3>(&mut rng), row(&mut rng)]);
        let column = |k: usize, d: &[i16]| dot(matrix.iter().skip(k).step_by(5), d);
        let expected = [[column(0, &d[0]), column(1, &d[0])], [column(0, &d[1]), column(1, &d[1])]];
        assert_eq!(columns(&matrix, [&d[0], &d[1]], 5), expected);

        let mut g = [1; 9];
        gradient(&mut g, [-3, 5], [&x[0], &x[1]]);
        for ((g, a), b) in g.iter().zip(x[0]).zip(x[1]) {
            assert_eq!(*g, 1 - 3 * i32::from(a) + 5 * i32::from(b));
        }
    }

    #[test]
    fn an_update_saturates_and_keeps_what_is_too_small_for_the_upper_half() {
        let (mut w, mut upper, mut v) = ([i32::MAX - 1, 0, 1 << 15], [0; 3], [1 << 20, 1 << 12, -1_000_000]);
        update(&mut w, &mut upper, &mut v, 4, 1 << 15);
        assert_eq!(w, [i32::MAX, 256, (1 << 15) - 62_500]);
        assert_eq!(upper, [i16::MAX, 0, 0]);
        assert_eq!(v, [1 << 19, 1 << 11, -500_000]);
    }
}
