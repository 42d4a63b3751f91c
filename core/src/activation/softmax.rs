//! Softmax.

use super::{Activation, Kind, Slope};
use crate::kernels;
use crate::matrix::{rows, rows_mut};
use crate::unroll::one_turn_at_a_time;

/// `f(z)[u] = exp(z[u]) / sum over v of exp(z[v])`: probabilities that add up to 1, in the last layer.
///
/// Computed from `z - max(z)`, so that nothing overflows. With a cross-entropy the two are one: the loss is taken from the
/// sums, and its derivative by them is `f(z) - y`. Other losses go through the whole Jacobian: the delta of unit `u` is
/// `f[u] (g[u] - sum over v of g[v] f[v])`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Softmax;

impl Activation for Softmax {
    fn kind(&self) -> Kind {
        Kind::Softmax
    }

    fn apply(&self, sums: &mut [f32], units: usize) {
        for row in rows_mut(sums, units) {
            let (total, _) = exponentials(row);
            for value in row {
                *value /= total;
                one_turn_at_a_time();
            }
        }
    }

    fn slope(&self) -> Slope {
        Slope::OfRow
    }

    /// The diagonal of the Jacobian, `f (1 - f)`: not what a layer is trained by, see [`Self::jacobian`].
    fn differentiate(&self, outputs: &mut [f32]) {
        for output in outputs {
            *output *= 1.0 - *output;
            one_turn_at_a_time();
        }
    }
}

impl Softmax {
    /// Replaces a softmax' outputs by the deltas of its sums, where `gradient` is the loss's derivative by the outputs: the product with
    /// the Jacobian. Both are `[samples][units]`. For an activation of one's own that is a softmax of something.
    pub fn jacobian(outputs: &mut [f32], gradient: &[f32], units: usize) {
        for (outputs, gradient) in rows_mut(outputs, units).zip(rows(gradient, units)) {
            let mut mean = 0.0;
            for (f, g) in outputs.iter().zip(gradient) {
                mean += f * g;
                one_turn_at_a_time();
            }
            for (f, g) in outputs.iter_mut().zip(gradient) {
                *f *= g - mean;
                one_turn_at_a_time();
            }
        }
    }
}

/// The largest of a sample's sums that are numbers. One that is NaN shows in its exponential.
pub(crate) fn largest(sums: &[f32]) -> f32 {
    let (mut largest, mut rest) = (f32::NEG_INFINITY, sums);
    // Not by an iterator, of which LLVM makes three additions a turn.
    while let Some((&sum, behind)) = rest.split_first() {
        if sum > largest {
            largest = sum;
        }
        rest = behind;
        one_turn_at_a_time();
    }
    largest
}

/// Replaces each sum by `exp(z - max(z))`; returns their total, and `max(z)`.
#[inline(never)]
fn exponentials(sums: &mut [f32]) -> (f32, f32) {
    let largest = largest(sums);
    (kernels::exponentials(sums, largest), largest)
}

/// The same of sums that stay.
pub(crate) fn exponentials_of(sums: &[f32], to: &mut [f32]) -> (f32, f32) {
    if cfg!(kernels = "plain") {
        // The least code.
        kernels::copy(sums, to);
        return exponentials(to);
    }
    let largest = copy_and_find_largest(sums, to);
    (kernels::exponentials(to, largest), largest)
}

/// Like [`largest`], and copies the sums: one walk takes half the time of two.
fn copy_and_find_largest(sums: &[f32], to: &mut [f32]) -> f32 {
    let (mut largest, len) = (f32::NEG_INFINITY, sums.len().min(to.len()));
    let (mut pairs, odd) = sums.get(..len).unwrap_or_default().as_chunks();
    let (mut to, to_odd) = to.get_mut(..len).unwrap_or_default().as_chunks_mut();
    let mut see = |sum: f32| {
        if sum > largest {
            largest = sum;
        }
    };
    while let (Some((&[a, b], behind)), Some((copy, to_behind))) = (pairs.split_first(), to.split_first_mut()) {
        see(a);
        see(b);
        *copy = [a, b];
        (pairs, to) = (behind, to_behind);
        one_turn_at_a_time();
    }
    if let ([sum], [copy]) = (odd, to_odd) {
        see(*sum);
        *copy = *sum;
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_to_one_a_sample_and_never_overflows() {
        let mut values = [1.0, 2.0, 3.0, 1e30, -1e30, 0.0, 88.8, 88.8, 88.8];
        Softmax.apply(&mut values, 3);
        for row in values.chunks(3) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
        }
        assert_eq!(values[3..6], [1.0, 0.0, 0.0]);
        let mut diverged = [1.0, f32::NAN, 2.0];
        Softmax.apply(&mut diverged, 3);
        assert!(diverged.iter().all(|v| v.is_nan()));
    }

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn goes_backward_through_the_whole_jacobian() {
        let (z, g, h) = ([0.5, -1.0, 2.0], [1.0, -2.0, 0.25], 1.0 / 64.0);
        let weighed = |z: [f32; 3]| {
            let mut f = z;
            Softmax.apply(&mut f, 3);
            f.iter().zip(g).map(|(f, g)| f * g).sum::<f32>()
        };
        let mut deltas = z;
        Softmax.apply(&mut deltas, 3);
        Softmax::jacobian(&mut deltas, &g, 3);
        for i in 0..3 {
            let (mut up, mut down) = (z, z);
            up[i] += h;
            down[i] -= h;
            let difference = (weighed(up) - weighed(down)) / (2.0 * h);
            assert!((deltas[i] - difference).abs() < 1e-4, "{i}: {} {difference}", deltas[i]);
        }
    }
}
