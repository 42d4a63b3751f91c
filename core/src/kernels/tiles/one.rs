//! Forward, one sample.

use super::super::TILE;
use super::loads::Quad;
use crate::matrix::rows;
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Units of a tile.
const THREE: usize = 3;

/// One sample.
#[inline(never)]
pub(super) fn forward_one(weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let layer = Layer { weights, biases, x };
    if let (Some((rows, _)), Some(x4)) = (layer.three(0), x.first_chunk())
        && let [Some(u4), Some(v4), Some(w4)] = rows.map(|row| row.first_chunk())
    {
        let [Some(u), Some(v), Some(w), Some(x)] = [rows[0], rows[1], rows[2], x].map(|row| row.get(TILE..)) else {
            return;
        };
        return dots_by_three(Quad::of(*x4), Quad::of(*u4), Quad::of(*v4), Quad::of(*w4), &[u, v, w, x], &layer, y);
    }
    for ((y, &b), w) in y.iter_mut().zip(biases).zip(rows(weights, fan_in)) {
        let mut sum = b;
        for (w, x) in w.iter().zip(x) {
            sum = multiply_add(sum, *w, *x);
            one_turn_at_a_time();
        }
        *y = sum;
    }
}

/// A layer and its inputs.
struct Layer<'a> {
    weights: &'a [f32],
    biases: &'a [f32],
    x: &'a [f32],
}

impl<'a> Layer<'a> {
    /// The weights and biases of three units.
    #[inline(always)]
    fn three(&self, first: usize) -> Option<([&'a [f32]; THREE], &'a [f32; THREE])> {
        let biases = self.biases.get(first..)?.first_chunk()?;
        let width = self.x.len();
        let (a, rest) = self.weights.get(first * width..)?.split_at_checked(width)?;
        let (b, rest) = rest.split_at_checked(width)?;
        Some(([a, b, rest.get(..width)?], biases))
    }
}

/// Every input loaded serves three units. The last three may be some of those before them again. The first four inputs and
/// weights of each come in registers, see `loads`.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn dots_by_three(
    mut x: Quad,
    mut u: Quad,
    mut v: Quad,
    mut w: Quad,
    rest: &[&[f32]; TILE],
    layer: &Layer<'_>,
    y: &mut [f32],
) {
    let Some(last) = y.len().checked_sub(THREE) else { return };
    let mut unit = 0;
    let [mut us, vs, ws, xs] = *rest;
    let mut left = us.len();
    // One by one: of a tuple LLVM would ask for null again every turn, at `opt-level = "s"`.
    let Some(mut vs) = vs.get(..left) else { return };
    let Some(mut ws) = ws.get(..left) else { return };
    let Some(mut xs) = xs.get(..left) else { return };
    let Some(b) = layer.biases.first_chunk() else { return };
    let [mut s, mut t, mut r] = *b;
    macro_rules! add {
        ($($k:ident)*) => {
            $(
                s = multiply_add(s, u.$k, x.$k);
                t = multiply_add(t, v.$k, x.$k);
                r = multiply_add(r, w.$k, x.$k);
            )*
        };
    }
    loop {
        add!(s0 s1 s2 s3);
        if left < TILE {
            for nested!(u v w x) in us.iter().zip(vs).zip(ws).zip(xs) {
                s = multiply_add(s, *u, *x);
                t = multiply_add(t, *v, *x);
                r = multiply_add(r, *w, *x);
                one_turn_at_a_time();
            }
            let Some(y) = y.get_mut(unit..).and_then(|y| y.first_chunk_mut()) else { return };
            *y = [s, t, r];
            if unit == last {
                return;
            }
            unit = (unit + THREE).min(last);
            let Some((rows, b)) = layer.three(unit) else { return };
            [us, vs, ws] = rows;
            xs = layer.x;
            left = xs.len();
            [s, t, r] = *b;
        }
        // All are as long as the first: said every turn, LLVM need not find it out, and counts once.
        macro_rules! take {
            ($($row:ident $first:ident),*) => {
                $(
                    let Some(row) = $row.get(..left) else { return };
                    let Some(($first, rest)) = row.split_first_chunk() else { return };
                    $row = rest;
                )*
            };
        }
        take!(us u4, vs v4, ws w4, xs x4);
        (u, v, w, x) = (Quad::of(*u4), Quad::of(*v4), Quad::of(*w4), Quad::of(*x4));
        left -= TILE;
        one_turn_at_a_time();
    }
}
