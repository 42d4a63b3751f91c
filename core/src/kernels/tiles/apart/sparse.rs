//! The gradient where deltas are 0, as a ReLU's are: blocks of a unit's weights, and of its samples those that have a delta.

use core::cell::Cell;

use super::super::super::TILE;
use super::gradient::Fours;
use crate::unroll::one_turn_at_a_time;

/// Inputs of a block: their sums, half their products and a delta fit the registers.
pub(super) const SIXTEEN: usize = 16;

/// `g += d x` for the units from `unit` on, and for all their inputs but a rest of less than a block.
#[inline(never)]
pub(super) fn add_to_blocks(weights: &[Cell<f32>], fours: &Fours<'_>, unit: usize) {
    for (unit, row) in (unit..fours.units).zip(weights.chunks_exact(fours.fan_in.max(1))) {
        let mut at = 0;
        for block in row.as_chunks().0 {
            sixteen(block, fours, unit, at);
            at += TILE * SIXTEEN;
        }
    }
}

/// The same for a rest of so many inputs.
#[inline(never)]
pub(super) fn add_to_rest(weights: &[Cell<f32>], fours: &Fours<'_>, unit: usize, inputs: usize) {
    let Some(first) = fours.fan_in.checked_sub(inputs) else { return };
    if inputs == 0 {
        return;
    }
    for (unit, row) in (unit..fours.units).zip(weights.chunks_exact(fours.fan_in.max(1))) {
        let mut at = TILE * first;
        let (in_fours, rest) = row.get(first..).unwrap_or_default().as_chunks();
        for block in in_fours {
            four(block, fours, unit, at);
            at += TILE * TILE;
        }
        for weight in rest.as_chunks().0 {
            one(weight, fours, unit, at);
            at += TILE;
        }
    }
}

/// A sample's products: a step.
macro_rules! add_products {
    ($lane:literal $inputs:ident $d:ident;) => {};
    ($lane:literal $inputs:ident $d:ident; $($k:literal $x:ident $sum:ident),*) => {
        one_turn_at_a_time();
        let delta = $d[$lane].get();
        $( let $x = $inputs[TILE * $k + $lane]; )*
        one_turn_at_a_time();
        $( let $x = delta * $x; )*
        $( $sum += $x; )*
    };
}

macro_rules! block {
    ($name:ident, $n:expr, [$($k:literal $x:ident $sum:ident),*], [$($l:literal $y:ident $total:ident),*]) => {
        /// Inputs whose block begins at `at`, in two steps a sample.
        #[inline(always)]
        fn $name(weights: &[Cell<f32>; $n], fours: &Fours<'_>, unit: usize, at: usize) {
            $( let mut $sum = weights[$k].get(); )*
            $( let mut $total = weights[$l].get(); )*
            if fours.keep != 1.0 {
                $( $sum *= fours.keep; )*
                $( $total *= fours.keep; )*
                $( $sum += 0.0; )*
                $( $total += 0.0; )*
            }
            for (inputs, deltas) in fours.iter() {
                let inputs = inputs.get(at..).and_then(|inputs| inputs.first_chunk::<{ TILE * $n }>());
                let (Some(inputs), Some(d)) = (inputs, deltas.get(unit)) else { return };
                let [b0, b1, b2, b3] = [d[0].get().to_bits(), d[1].get().to_bits(), d[2].get().to_bits(), d[3].get().to_bits()];
                if b0 != 0 {
                    add_products!(0 inputs d; $($k $x $sum),*);
                    add_products!(0 inputs d; $($l $y $total),*);
                }
                if b1 != 0 {
                    add_products!(1 inputs d; $($k $x $sum),*);
                    add_products!(1 inputs d; $($l $y $total),*);
                }
                if b2 != 0 {
                    add_products!(2 inputs d; $($k $x $sum),*);
                    add_products!(2 inputs d; $($l $y $total),*);
                }
                if b3 != 0 {
                    add_products!(3 inputs d; $($k $x $sum),*);
                    add_products!(3 inputs d; $($l $y $total),*);
                }
                one_turn_at_a_time();
            }
            $( weights[$k].set($sum); )*
            $( weights[$l].set($total); )*
        }
    };
}

block!(
    sixteen, SIXTEEN,
    [0 x0 s0, 1 x1 s1, 2 x2 s2, 3 x3 s3, 4 x4 s4, 5 x5 s5, 6 x6 s6, 7 x7 s7],
    [8 x8 s8, 9 x9 s9, 10 x10 s10, 11 x11 s11, 12 x12 s12, 13 x13 s13, 14 x14 s14, 15 x15 s15]
);
block!(four, TILE, [0 x0 s0, 1 x1 s1, 2 x2 s2, 3 x3 s3], []);
block!(one, 1, [0 x0 s0], []);
