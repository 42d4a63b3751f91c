//! Element by element.

use super::scale;
use crate::unroll::one_turn_at_a_time;

/// What a batch begins with: `state = keep * state + decay * params`, never -0.0.
#[inline(never)]
pub(crate) fn begin(state: &mut [f32], params: &[f32], keep: f32, decay: f32) {
    scale(state, keep);
    if decay != 0.0 {
        for (s, p) in state.iter_mut().zip(params) {
            *s = (*s + decay * p) + 0.0;
            one_turn_at_a_time();
        }
    }
}

/// Turns -0.0 into 0.0, and leaves every other value as it is.
pub(crate) fn canonical(values: &mut [f32]) {
    scale(values, 1.0);
}
