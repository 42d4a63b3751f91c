//! The gradient where no delta is 0: three units and four inputs at a time, as their sums and products fill the registers.

use core::cell::Cell;

use super::super::super::TILE;
use super::super::loads::Quad;
use super::gradient::Fours;
use super::{add_four, by_four};
use crate::unroll::one_turn_at_a_time;

/// Units of a tile.
const THREE: usize = 3;

/// `g += d x` for as many units as are whole threes, and for all their inputs but a rest of less than four; returns how many units
/// that are. None if a delta of the first four samples is 0: then many others are. No bit depends on it.
#[inline(never)]
pub(super) fn add_to_threes(weights: &[Cell<f32>], fours: &Fours<'_>) -> usize {
    let has_all = |deltas: &[Cell<f32>; TILE]| {
        one_turn_at_a_time();
        deltas.iter().all(|delta| delta.get().to_bits() != 0)
    };
    if !fours.deltas.iter().take(fours.units).all(has_all) {
        return 0;
    }
    let mut unit = 0;
    for three in weights.chunks_exact((THREE * fours.fan_in).max(1)) {
        add_to_three(three, fours, unit);
        unit += THREE;
    }
    unit
}

/// The three units from `unit` on.
#[inline(always)]
fn add_to_three(weights: &[Cell<f32>], fours: &Fours<'_>, unit: usize) {
    let Some((u, rest)) = weights.split_at_checked(fours.fan_in) else { return };
    let Some((v, w)) = rest.split_at_checked(fours.fan_in) else { return };
    let tiles = u.as_chunks().0.iter().zip(v.as_chunks().0).zip(w.as_chunks().0);
    for (tile, nested!(u v w)) in tiles.enumerate() {
        let at = TILE * TILE * tile;
        let (mut a, mut b, mut c) = (get(u), get(v), get(w));
        if fours.keep != 1.0 {
            let (pa, pb, pc) = (by_four(fours.keep, a), by_four(fours.keep, b), by_four(fours.keep, c));
            (a, b, c) = (add_four(pa, Quad::all(0.0)), add_four(pb, Quad::all(0.0)), add_four(pc, Quad::all(0.0)));
        }
        for (x, d) in fours.iter() {
            let x = x.get(at..).and_then(|x| x.first_chunk::<{ TILE * TILE }>());
            let d = d.get(unit..).and_then(|d| d.first_chunk::<THREE>());
            let (Some(x), Some([du, dv, dw])) = (x, d) else { return };
            macro_rules! sample {
                ($lane:literal) => {
                    let quad = Quad::of([x[$lane], x[TILE + $lane], x[2 * TILE + $lane], x[3 * TILE + $lane]]);
                    let (du, dv, dw) = (du[$lane].get(), dv[$lane].get(), dw[$lane].get());
                    one_turn_at_a_time();
                    step!(quad; du pu a, dv pv b, dw pw c);
                };
            }
            sample!(0);
            sample!(1);
            sample!(2);
            sample!(3);
            one_turn_at_a_time();
        }
        set(u, a);
        set(v, b);
        set(w, c);
    }
}

#[inline(always)]
fn get([a, b, c, d]: &[Cell<f32>; TILE]) -> Quad {
    Quad::of([a.get(), b.get(), c.get(), d.get()])
}

#[inline(always)]
fn set([a, b, c, d]: &[Cell<f32>; TILE], values: Quad) {
    a.set(values.s0);
    b.set(values.s1);
    c.set(values.s2);
    d.set(values.s3);
}
