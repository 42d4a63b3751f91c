//! The only loops over matrices: slices in, slices out.
//!
//! # The order of sums, which is the contract
//!
//! Every product is rounded, then added; nothing is fused. With `n` samples taken together,
//!
//! - [`forward`]: `y[s][u] = b[u]`, then `+= w[u][i] * x[s][i]` for `i` ascending;
//! - [`gradient`]: `g[u][i] += d[s][u] * x[s][i]` for `s` ascending, and `g_b[u] += d[s][u]`;
//! - [`backward`]: `x[s][i] *= sum`, where the sum starts at 0 and `+= w[u][i] * d[s][u]` for `u` ascending.
//!
//! How many samples, units or inputs are taken together changes what is loaded when, never this order, so the bits do
//! not depend on it. A term with a factor of 0 may be left out, the other factor being finite: adding 0 to a sum that is not
//! -0.0 changes no bit, and no sum here starts at -0.0 (parameters and what gradients are gathered in never hold it, see [`canonical`]; a frozen layer's biases may, and
//! then a sum of nothing but zeros has the one sign or the other).
//!
//! Weights and their gradients are row-major, `[units][fan_in]`; blocks of inputs `[n][fan_in]`, outputs and deltas `[n][units]`, in the
//! order that [`Place`] knows. Slices of other lengths do less work; they do not fail.
//!
//! The matrix kernels are written four times, in `tiles` for a Cortex-M with an FPU, in `tiles::apart` for nothing but a Cortex-M4, in
//! `plain` for one without an FPU or with little flash, and in `vectors` for a computer; `build.rs` chooses. Those that go element by element
//! are written in `tiles`, some for a Cortex-M4 again, and in `streams` for the other two.
//! All agree to the bit with the naive ones in the tests below.

/// What `a.zip(b).zip(c)` yields, as a pattern: `((a, b), c)`.
#[cfg(any(not(kernels = "plain"), test))]
macro_rules! nested {
    ($a:pat) => { $a };
    ($a:tt $b:tt $($rest:tt)*) => { nested!(($a, $b) $($rest)*) };
}

#[cfg(any(not(kernels = "vectors"), test))]
mod columns;
mod elements;
#[cfg(all(any(not(kernels = "plain"), test), not(feature = "fast-math")))]
mod expf;
mod place;
#[cfg(any(kernels = "plain", test))]
mod plain;
mod slopes;
#[cfg(any(kernels = "plain", kernels = "vectors", test))]
mod streams;
#[cfg(any(kernels = "tiles", kernels = "apart", test))]
mod tiles;
#[cfg(any(kernels = "vectors", test))]
mod vectors;

#[cfg(any(kernels = "plain", feature = "fast-math"))]
pub(crate) use elements::exponentials;
pub(crate) use elements::{begin, canonical};
pub(crate) use place::{BY_VALUE, LANES, Place, split_spare};
#[cfg(kernels = "plain")]
pub(crate) use plain::{backward, backward_online, forward, gradient};
pub(crate) use slopes::{Below, Slopes, scale_by};
#[cfg(any(kernels = "plain", kernels = "vectors"))]
pub(crate) use streams::{add, add_scaled, all_finite, copy, fill, rectify, scale, spread};
#[cfg(kernels = "apart")]
pub(crate) use tiles::apart::{add, add_scaled, backward, forward, gradient, scale, spread};
#[cfg(all(any(kernels = "tiles", kernels = "apart"), not(feature = "fast-math")))]
pub(crate) use tiles::exponentials;
#[cfg(kernels = "tiles")]
pub(crate) use tiles::{
    add, add_scaled, all_finite, backward, backward_online, copy, fill, forward, gradient, rectify, scale, spread,
};
#[cfg(kernels = "apart")]
pub(crate) use tiles::{all_finite, backward_online, copy, fill, rectify};
#[cfg(all(kernels = "vectors", not(feature = "fast-math")))]
pub(crate) use vectors::exponentials;
#[cfg(kernels = "vectors")]
pub(crate) use vectors::{backward, backward_online, forward, gradient};

/// Whether [`gradient_of_kept`] scales what the gradient is added to, which saves a walk over it.
pub(crate) const SCALES: bool = cfg!(kernels = "apart");

/// [`gradient`], added to `keep` times what is there; `keep` is 1 where it does not [scale](SCALES).
#[inline(always)]
pub(crate) fn gradient_of_kept(w: &mut [f32], b: &mut [f32], x: &[f32], d: &mut [f32], fan_in: usize, keep: f32) {
    #[cfg(kernels = "apart")]
    gradient(w, b, x, d, fan_in, keep);
    #[cfg(not(kernels = "apart"))]
    {
        let _ = keep;
        gradient(w, b, x, d, fan_in);
    }
}

/// Samples of a tile, and rows of a small one.
#[cfg(any(not(kernels = "plain"), test))]
const TILE: usize = LANES;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::activation::{Activation, Relu};
    use crate::rng::Rng;
    use std::vec::Vec;

    /// Values of which a third are exactly 0, as after a ReLU or in an image, and a ninth subnormal.
    fn sparse(len: usize, rng: &mut Rng) -> Vec<f32> {
        let value = |rng: &mut Rng| match rng.below(9) {
            0..3 => 0.0,
            3 => f32::from_bits(rng.below(99)) * if rng.below(2) == 0 { 1.0 } else { -1.0 } + 0.0,
            _ => 2.0 * rng.unit() - 1.0,
        };
        (0..len).map(|_| value(rng)).collect()
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    /// Where turns and tiles begin and end, and 400 others.
    fn shapes() -> impl Iterator<Item = (usize, usize, usize)> {
        let edges = [1, 2, 3, 4, 5, 7, 8, 16, 34, 67].into_iter().flat_map(|fan_in| {
            [1, 2, 3, 4, 5, 9, 34].into_iter().flat_map(move |units| [1, 2, 3, 4, 5, 8, 11].map(|n| (fan_in, units, n)))
        });
        let mut rng = Rng::new(7);
        let mut up_to = move |most: u32| 1 + rng.below(most) as usize;
        edges.chain((0..400).map(move |_| (up_to(80), up_to(40), up_to(13))))
    }

    /// A block as some kernels want it: whole fours of samples value by value.
    fn in_quads(rows: &[f32], width: usize) -> Vec<f32> {
        let (fours, rest) = rows.split_at(rows.len() - rows.len() % (TILE * width));
        let value_by_value =
            |four: &[f32]| -> Vec<f32> { (0..TILE * width).map(|at| four[at % TILE * width + at / TILE]).collect() };
        fours.chunks(TILE * width).flat_map(value_by_value).chain(rest.iter().copied()).collect()
    }

    /// As a module's kernels have a block.
    fn block(rows: &[f32], width: usize, in_fours: bool) -> Vec<f32> {
        if in_fours { in_quads(rows, width) } else { rows.to_vec() }
    }

    fn naive_backward(w: &[f32], d: &[f32], slopes: &[f32], fan_in: usize, units: usize) -> Vec<f32> {
        let mut deltas = Vec::new();
        for (s, slopes) in slopes.chunks(fan_in).enumerate() {
            for (i, slope) in slopes.iter().enumerate() {
                let sum = (0..units).fold(0.0, |sum, u| sum + w[u * fan_in + i] * d[s * units + u]);
                deltas.push(if *slope == 0.0 { 0.0 } else { slope * sum });
            }
        }
        deltas
    }

    /// The kernels of `apart`, and those that it leaves to `tiles`.
    mod apart {
        use super::super::tiles;

        pub(super) use tiles::apart::{
            add, add_scaled, backward, forward, gradient as gradient_of_kept, scale, spread,
        };
        pub(super) use tiles::{all_finite, backward_online, copy, fill, rectify};

        pub(super) fn gradient(w: &mut [f32], b: &mut [f32], x: &[f32], d: &[f32], fan_in: usize) {
            gradient_of_kept(w, b, x, &mut d.to_vec(), fan_in, 1.0);
        }
    }

    /// Every matrix kernel of a module against its naive twin.
    macro_rules! agree {
        ($($module:ident)::+ as $name:ident, in_fours: $in_fours:literal, $prepare:block) => {
            mod $name {
                use super::super::$($module)::+::{backward, backward_online, forward, gradient};
                use super::*;

                #[test]
                fn forward_agrees_to_the_bit() {
                    $prepare
                    let mut rng = Rng::new(1);
                    for (fan_in, units, n) in shapes() {
                        let (w, b, x) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng), sparse(n * fan_in, &mut rng));
                        let mut naive = Vec::new();
                        for s in 0..n {
                            for u in 0..units {
                                naive.push((0..fan_in).fold(b[u], |sum, i| sum + w[u * fan_in + i] * x[s * fan_in + i]));
                            }
                        }
                        let mut y = std::vec![f32::NAN; n * units];
                        forward(&w, &b, &block(&x, fan_in, $in_fours), &mut y, fan_in);
                        assert_eq!(bits(&y), bits(&block(&naive, units, $in_fours)), "{fan_in} {units} {n}");
                    }
                }

                #[test]
                fn gradient_agrees_to_the_bit() {
                    $prepare
                    let mut rng = Rng::new(2);
                    for (fan_in, units, n) in shapes() {
                        let (x, d) = (sparse(n * fan_in, &mut rng), sparse(n * units, &mut rng));
                        let (mut w, mut b) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng));
                        let (mut naive_w, mut naive_b) = (w.clone(), b.clone());
                        for s in 0..n {
                            for u in 0..units {
                                naive_b[u] += d[s * units + u];
                                for i in 0..fan_in {
                                    naive_w[u * fan_in + i] += d[s * units + u] * x[s * fan_in + i];
                                }
                            }
                        }
                        let (x, d) = (block(&x, fan_in, $in_fours), block(&d, units, $in_fours));
                        gradient(&mut w, &mut b, &x, &d, fan_in);
                        assert_eq!((bits(&w), bits(&b)), (bits(&naive_w), bits(&naive_b)), "{fan_in} {units} {n}");
                    }
                }

                #[test]
                fn backward_agrees_to_the_bit() {
                    $prepare
                    let mut rng = Rng::new(3);
                    for (fan_in, units, n) in shapes() {
                        let (w, d) = (sparse(units * fan_in, &mut rng), sparse(n * units, &mut rng));
                        let x = sparse(n * fan_in, &mut rng);
                        let naive = naive_backward(&w, &d, &x, fan_in, units);
                        let mut x = block(&x, fan_in, $in_fours);
                        backward(&w, &block(&d, units, $in_fours), &mut x, fan_in, units, Slopes::Any);
                        assert_eq!(bits(&x), bits(&block(&naive, fan_in, $in_fours)), "{fan_in} {units} {n}");
                    }
                }

                #[test]
                fn online_is_gradient_and_backward_in_one_pass() {
                    $prepare
                    let mut rng = Rng::new(4);
                    for (fan_in, units, _) in shapes() {
                        let (w, b) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng));
                        let (x, d) = (sparse(fan_in, &mut rng), sparse(units, &mut rng));
                        let (mut expected_w, mut expected_b, mut slopes) = (w.clone(), b.clone(), x.clone());
                        gradient(&mut expected_w, &mut expected_b, &x, &d, fan_in);
                        Relu.differentiate(&mut slopes);
                        let expected_x = naive_backward(&w, &d, &slopes, fan_in, units);
                        for first in [true, false] {
                            let (mut w, mut b, mut x) = (w.clone(), b.clone(), x.clone());
                            let expected_x = if first { &x.clone() } else { &expected_x };
                            let mut differentiate = |_, values: &mut [f32]| Relu.differentiate(values);
                            let below = if first { Below::Nothing } else { Below::Any(&mut differentiate) };
                            backward_online(&mut w, &mut b, &d, &mut x, below);
                            assert_eq!((bits(&w), bits(&b)), (bits(&expected_w), bits(&expected_b)), "{fan_in} {units}");
                            assert_eq!(bits(&x), bits(expected_x), "{fan_in} {units}");
                        }
                    }
                }

                #[test]
                fn a_gate_is_its_derivatives() {
                    $prepare
                    let mut rng = Rng::new(5);
                    for (fan_in, units, n) in shapes() {
                        let (w, d) = (sparse(units * fan_in, &mut rng), sparse(n * units, &mut rng));
                        let mut outputs = sparse(n * fan_in, &mut rng);
                        Relu.apply(&mut outputs, fan_in);
                        let mut slopes = outputs.clone();
                        Relu.differentiate(&mut slopes);
                        let expected = naive_backward(&w, &d, &slopes, fan_in, units);
                        let mut gated = block(&outputs, fan_in, $in_fours);
                        backward(&w, &block(&d, units, $in_fours), &mut gated, fan_in, units, Slopes::OfGate);
                        assert_eq!(bits(&gated), bits(&block(&expected, fan_in, $in_fours)), "{fan_in} {units} {n}");
                        if n == 1 {
                            let (mut w, mut b, mut x) = (w.clone(), std::vec![0.0; units], outputs.clone());
                            backward_online(&mut w, &mut b, &d, &mut x, Below::Gate);
                            assert_eq!(bits(&x), bits(&expected), "{fan_in} {units}");
                        }
                    }
                }
            }
        };
    }
    agree!(plain as plain, in_fours: false, {});
    agree!(tiles as tiles, in_fours: true, {});
    agree!(tests::apart as apart_in_fours, in_fours: true, {});
    agree!(vectors as vectors, in_fours: false, {});
    agree!(vectors as vectors_of_eight, in_fours: false, { super::super::vectors::forced::avx2() });
    agree!(vectors as arrays, in_fours: false, { super::super::vectors::forced::no_instructions() });

    /// Every kernel over elements of a module against its naive twin.
    macro_rules! elements_agree {
        ($($module:ident)::+ as $name:ident) => {
            mod $name {
                use super::super::$($module)::+::{add, add_scaled, all_finite, copy, fill, rectify, scale, spread};
                use super::*;

                #[test]
                fn elements_agree_to_the_bit() {
                    let mut rng = Rng::new(6);
                    for len in 0..40 {
                        let (from, to) = (sparse(len, &mut rng), sparse(len, &mut rng));
                        let changed = |change: &dyn Fn(&mut [f32])| {
                            let mut changed = to.clone();
                            change(&mut changed);
                            bits(&changed)
                        };
                        let expected = |of: &dyn Fn(f32, f32) -> f32| {
                            to.iter().zip(&from).map(|(to, from)| of(*to, *from).to_bits()).collect::<Vec<_>>()
                        };
                        assert_eq!(changed(&|to| copy(&from, to)), expected(&|_, from| from), "{len}");
                        // One of four samples; the others' values stay.
                        for lane in 0..LANES {
                            let mut some = sparse(LANES * len, &mut rng);
                            let mut naive = some.clone();
                            for (k, value) in from.iter().enumerate() {
                                naive[LANES * k + lane] = *value;
                            }
                            spread(&from, some.as_chunks_mut().0, lane);
                            assert_eq!(bits(&some), bits(&naive), "{len} {lane}");
                        }
                        assert_eq!(changed(&|to| fill(to, 0.3)), expected(&|_, _| 0.3), "{len}");
                        assert_eq!(changed(&|to| scale(to, -0.7)), expected(&|to, _| -0.7 * to + 0.0), "{len}");
                        assert_eq!(changed(&|to| add(to, &from)), expected(&|to, from| to + from), "{len}");
                        let scaled = |to: f32, from: f32| to + 0.7 * from;
                        assert_eq!(changed(&|to| add_scaled(to, &from, 0.7)), expected(&scaled), "{len}");
                    }
                }

                #[test]
                fn rectified_is_what_is_not_below_zero() {
                    let mut rng = Rng::new(8);
                    let edges = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MIN, -f32::from_bits(1)];
                    for len in 0..40 {
                        let mut values = sparse(len, &mut rng);
                        for (value, edge) in values.iter_mut().step_by(3).zip(edges.into_iter().cycle().skip(len)) {
                            *value = edge;
                        }
                        let expected: Vec<f32> = values.iter().map(|v| if *v <= 0.0 { 0.0 } else { *v }).collect();
                        rectify(&mut values);
                        assert_eq!(bits(&values), bits(&expected), "{len}");
                    }
                }

                #[test]
                fn sees_what_is_not_finite() {
                    let finite = [f32::MAX, -0.0, f32::MIN, 1.0];
                    for len in 0..40 {
                        let values: Vec<f32> = finite.into_iter().cycle().take(len).collect();
                        assert!(all_finite(&values), "{len}");
                        for at in 0..len {
                            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                                let mut values = values.clone();
                                values[at] = bad;
                                assert!(!all_finite(&values), "{bad} at {at} of {len}");
                            }
                        }
                    }
                }

                #[test]
                fn scaling_never_leaves_a_negative_zero_or_what_is_not_finite() {
                    for len in 0..40 {
                        let mut values: Vec<f32> =
                            [-f32::from_bits(1), -0.0].into_iter().cycle().take(len).collect();
                        scale(&mut values, 0.25);
                        assert_eq!(bits(&values), std::vec![0; len]);
                        let mut values: Vec<f32> = [f32::NAN, f32::INFINITY, 3.0].into_iter().cycle().take(len).collect();
                        scale(&mut values, 0.0);
                        assert_eq!(bits(&values), std::vec![0; len]);
                    }
                }
            }
        };
    }
    elements_agree!(streams as streams);
    elements_agree!(tiles as eights);
    elements_agree!(tests::apart as eights_apart);

    /// With deltas of which none is 0 as well, for which there are other loops.
    #[test]
    fn what_the_gradient_is_added_to_is_scaled_first() {
        let mut rng = Rng::new(9);
        for (fan_in, units, n) in shapes() {
            for (dense, keep) in [(false, 0.85), (true, 0.85), (true, 1.0), (true, -0.5)] {
                let (x, mut d) = (sparse(n * fan_in, &mut rng), sparse(n * units, &mut rng));
                for d in d.iter_mut().filter(|_| dense) {
                    *d += if *d < 0.0 { -0.5 } else { 0.5 };
                }
                let (mut w, mut b) = (sparse(units * fan_in, &mut rng), sparse(units, &mut rng));
                let (mut expected_w, mut expected_b) = (w.clone(), b.clone());
                for value in expected_w.iter_mut().chain(&mut expected_b) {
                    *value = keep * *value + 0.0;
                }
                super::plain::gradient(&mut expected_w, &mut expected_b, &x, &d, fan_in);
                let (x, mut d) = (block(&x, fan_in, true), block(&d, units, true));
                apart::gradient_of_kept(&mut w, &mut b, &x, &mut d, fan_in, keep);
                assert_eq!((bits(&w), bits(&b)), (bits(&expected_w), bits(&expected_b)), "{fan_in} {units} {n} {keep}");
            }
        }
    }

    #[test]
    fn a_batch_begins_without_what_went_before_it() {
        let mut state = [f32::NAN, f32::INFINITY, 1.0];
        begin(&mut state, &[1.0, -2.0, -0.0], 0.0, 0.5);
        assert_eq!(bits(&state), bits(&[0.5, -1.0, 0.0]));
        begin(&mut state, &[1.0, 1.0, 1.0], 0.5, 0.0);
        assert_eq!(state, [0.25, -0.5, 0.0]);
    }
}
