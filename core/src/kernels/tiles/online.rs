//! One sample at a time.

use super::super::Below;
use super::super::columns::{add_to_column, column_sum};
#[cfg(kernels = "apart")]
use super::apart::add;
use super::loads::Quad;
use super::products::{TURN, add_products};
#[cfg(not(kernels = "apart"))]
use super::scaled::add;
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// One sample, as online SGD takes it: the deltas of the layer's inputs from the weights as they were, and the update
/// `w += d x` in the same pass, so that neither a gradient nor a second copy of the inputs is kept.
///
/// On entry `inputs` holds the layer's inputs, on return their deltas.
#[inline(never)]
pub(crate) fn backward_online(
    weights: &mut [f32],
    biases: &mut [f32],
    deltas: &[f32],
    inputs: &mut [f32],
    mut below: Below<'_>,
) {
    let fan_in = inputs.len();
    if matches!(below, Below::Nothing) {
        return add_products(weights, biases, inputs, deltas);
    }
    add(biases, deltas);
    let mut column = 0;
    let (tiles, rest) = inputs.as_chunks_mut::<TURN>();
    for tile in tiles {
        let at = Columns { first: column, fan_in };
        let [s0, s1, s2, s3, s4, s5, s6, s7] = eight_sums_and_update(weights, deltas, tile, &at);
        let slopes = below.differentiate(column, tile);
        let ([low, high], _) = tile.as_chunks_mut() else { return };
        slopes.scale(low, s0, s1, s2, s3);
        slopes.scale(high, s4, s5, s6, s7);
        column += TURN;
    }
    let mut columns = weights.get_mut(column..).unwrap_or_default();
    for input in rest {
        let sum = column_sum(columns, deltas, fan_in);
        add_to_column(columns, deltas, *input, fan_in);
        below.differentiate(column, core::slice::from_mut(input)).scale_one(input, sum);
        column += 1;
        columns = columns.get_mut(1..).unwrap_or_default();
    }
}

/// Where columns are.
struct Columns {
    first: usize,
    fan_in: usize,
}

/// `sum over u of w[u][k] d[u]` for eight columns, and their update: every weight is loaded once for both.
#[inline(always)]
fn eight_sums_and_update(weights: &mut [f32], deltas: &[f32], x: &[f32; TURN], at: &Columns) -> [f32; TURN] {
    let Some(w) = weights.get(at.first..).and_then(|columns| columns.first_chunk()) else { return [0.0; TURN] };
    let ((w0, w1), (x0, x1)) = (Quad::two(*w), Quad::two(*x));
    update_eight(w0, w1, x0, x1, weights, deltas, at)
}

/// The same. The first unit's weights come in registers, see `loads`.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn update_eight(
    mut w0: Quad,
    mut w1: Quad,
    x0: Quad,
    x1: Quad,
    weights: &mut [f32],
    deltas: &[f32],
    at: &Columns,
) -> [f32; TURN] {
    let (mut s0, mut s1, mut deltas) = (Quad::all(0.0), Quad::all(0.0), deltas.iter());
    let (Some(mut delta), Some((mut row, mut rest))) = (deltas.next(), weights.split_at_mut_checked(at.fan_in)) else {
        // Never, and then not eight zeros, which were a call of `memset`.
        return Quad::one(w0, w1);
    };
    // That there are eight columns is no question of the loop, as every row is as long as the first one.
    while let Some(to) = row.get_mut(at.first..).and_then(|columns| columns.first_chunk_mut()) {
        macro_rules! add {
            ($($k:ident)*) => {
                $( s0.$k = multiply_add(s0.$k, w0.$k, *delta); )*
                $( s1.$k = multiply_add(s1.$k, w1.$k, *delta); )*
                $( w0.$k = multiply_add(w0.$k, *delta, x0.$k); )*
                $( w1.$k = multiply_add(w1.$k, *delta, x1.$k); )*
            };
        }
        add!(s0 s1 s2 s3);
        *to = Quad::one(w0, w1);
        let Some(next) = rest.split_at_mut_checked(at.fan_in) else { break };
        (row, rest) = next;
        let Some(next) = deltas.next() else { break };
        delta = next;
        let Some(w) = row.get(at.first..).and_then(|columns| columns.first_chunk()) else { break };
        (w0, w1) = Quad::two(*w);
        one_turn_at_a_time();
    }
    Quad::one(s0, s1)
}
