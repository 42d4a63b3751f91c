//! The gradient, of all fours of samples at once: a weight is loaded and stored once a call.

use core::cell::Cell;

use super::super::super::TILE;
use super::super::products::add_products;
use super::dense::add_to_threes;
use super::sparse::{SIXTEEN, add_to_blocks, add_to_rest};
use crate::matrix::rows;
use crate::unroll::one_turn_at_a_time;

/// The samples, and what they are learnt from.
pub(super) struct Fours<'a> {
    pub(super) inputs: &'a [f32],
    /// In cells: LLVM loads them again then where a step is to have its own, see above.
    pub(super) deltas: &'a [[Cell<f32>; TILE]],
    pub(super) fan_in: usize,
    pub(super) units: usize,
    /// What the gradient is multiplied by first, unless it is 1.
    pub(super) keep: f32,
}

impl Fours<'_> {
    /// Four samples' inputs and deltas, and the next four's.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[f32], &[[Cell<f32>; TILE]])> {
        // Chunks of nothing are a panic.
        let inputs = self.inputs.chunks_exact((TILE * self.fan_in).max(1));
        inputs.zip(self.deltas.chunks_exact(self.units.max(1)))
    }
}

/// `g = keep g`, and never -0.0, unless `keep` is 1; then `g += d x` for every sample.
#[inline(never)]
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &mut [f32],
    fan_in: usize,
    keep: f32,
) {
    let units = bias_gradient.len();
    let samples = deltas.len().checked_div(units).unwrap_or_default();
    let in_fours = samples - samples % TILE;
    let (Some((x, x_rest)), Some((d, d_rest))) =
        (inputs.split_at_checked(in_fours * fan_in), deltas.split_at_mut_checked(in_fours * units))
    else {
        return;
    };
    // Of no samples too, if what is there is scaled.
    if !x.is_empty() || keep != 1.0 {
        let deltas = Cell::from_mut(d).as_slice_of_cells().as_chunks().0;
        let fours = Fours { inputs: x, deltas, fan_in, units, keep };
        add_to_weights(Cell::from_mut(weight_gradient).as_slice_of_cells(), &fours);
        add_to_biases(Cell::from_mut(bias_gradient).as_slice_of_cells(), &fours);
    }
    for (x, d) in rows(x_rest, fan_in).zip(rows(d_rest, units)) {
        add_products(weight_gradient, bias_gradient, x, d);
    }
}

/// Units whose deltas are dense three at a time, others one by one.
#[inline(always)]
fn add_to_weights(weights: &[Cell<f32>], fours: &Fours<'_>) {
    let units = add_to_threes(weights, fours);
    let Some((in_threes, others)) = weights.split_at_checked(units * fours.fan_in) else { return };
    add_to_blocks(others, fours, units);
    add_to_rest(in_threes, fours, 0, fours.fan_in % TILE);
    add_to_rest(others, fours, units, fours.fan_in % SIXTEEN);
}

/// `g += d` for the biases: four units at a time, so that no sum waits for the one before it.
#[inline(never)]
fn add_to_biases(biases: &[Cell<f32>], fours: &Fours<'_>) {
    let (in_fours, rest) = biases.as_chunks();
    let mut unit = 0;
    for biases in in_fours {
        add_to_four(biases, fours, unit);
        unit += TILE;
    }
    for bias in rest.as_chunks().0 {
        add_to_one(bias, fours, unit);
        unit += 1;
    }
}

macro_rules! biases {
    ($name:ident, $n:literal, $($d:ident $sum:ident),*) => {
        #[inline(always)]
        fn $name(biases: &[Cell<f32>; $n], fours: &Fours<'_>, unit: usize) {
            let [$($d),*] = biases;
            $( let mut $sum = $d.get(); )*
            if fours.keep != 1.0 {
                $( $sum = fours.keep * $sum + 0.0; )*
            }
            for (_, deltas) in fours.iter() {
                let Some([$($d),*]) = deltas.get(unit..).and_then(|deltas| deltas.first_chunk()) else { return };
                $( $sum += $d[0].get(); )*
                $( $sum += $d[1].get(); )*
                $( $sum += $d[2].get(); )*
                $( $sum += $d[3].get(); )*
                one_turn_at_a_time();
            }
            $( $d.set($sum); )*
        }
    };
}

biases!(add_to_four, 4, d0 s0, d1 s1, d2 s2, d3 s3);
biases!(add_to_one, 1, d0 s0);
