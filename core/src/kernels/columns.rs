//! Down a column of weights.

use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// `sum over u of w[u][0] d[u]`.
pub(super) fn column_sum(columns: &[f32], deltas: &[f32], fan_in: usize) -> f32 {
    let mut sum = 0.0;
    let mut rest = columns;
    for d in deltas {
        let Some(w) = rest.first() else { break };
        sum = multiply_add(sum, *w, *d);
        let Some(below) = rest.get(fan_in..) else { break };
        rest = below;
        one_turn_at_a_time();
    }
    sum
}

/// `w[u][0] += d[u] x`.
pub(super) fn add_to_column(columns: &mut [f32], deltas: &[f32], x: f32, fan_in: usize) {
    let mut rest = columns;
    for d in deltas {
        let Some(w) = rest.first_mut() else { break };
        *w = multiply_add(*w, *d, x);
        rest = rest.get_mut(fan_in..).unwrap_or_default();
        one_turn_at_a_time();
    }
}
