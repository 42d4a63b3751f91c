//! What is no four samples.

use super::super::Slopes;
use super::super::columns::column_sum;
use crate::matrix::{rows, rows_mut};
use crate::unroll::one_turn_at_a_time;

/// Backward, row by row.
#[inline(never)]
pub(super) fn backward_rest(weights: &[f32], d: &[f32], x: &mut [f32], fan_in: usize, units: usize, slopes: Slopes) {
    for (x, d) in rows_mut(x, fan_in).zip(rows(d, units)) {
        let mut columns = weights;
        for x in x {
            slopes.scale_one(x, column_sum(columns, d, fan_in));
            columns = columns.get(1..).unwrap_or_default();
            one_turn_at_a_time();
        }
    }
}
