//! How a block of the tape holds several samples.
//!
//! Where the kernels want it, four samples at a time stand value by value, `[width][4]`, so that one pointer leads to what four have in
//! the same place; then those that are no four, in rows. Else all are in rows, `[n][width]`.

use super::{copy, spread};
use crate::unroll::one_turn_at_a_time;

/// Whether this target's kernels want fours of samples value by value.
pub(crate) const BY_VALUE: bool = cfg!(any(kernels = "tiles", kernels = "apart"));

/// Samples that stand so.
pub(crate) const LANES: usize = 4;

/// Where one sample's values stand in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of the row, or of the four samples.
    start: usize,
    /// Which of the four, or 0.
    lane: usize,
    by_value: bool,
    width: usize,
}

impl Place {
    /// Of a sample among `n`, in a block of so many values each.
    pub(crate) const fn of(sample: usize, n: usize, width: usize) -> Self {
        let by_value = BY_VALUE && sample < n - n % LANES;
        let lane = if by_value { sample % LANES } else { 0 };
        Self { start: (sample - lane) * width, lane, by_value, width }
    }

    /// Whether the values stand side by side: where they always do, the compiler knows.
    pub(crate) const fn is_row(self) -> bool {
        !BY_VALUE || !self.by_value
    }

    /// The values, if they stand side by side.
    pub(crate) fn as_row(self, block: &[f32]) -> &[f32] {
        block.get(self.start..).and_then(|rest| rest.get(..self.width)).unwrap_or_default()
    }

    /// Likewise.
    pub(crate) fn row_mut(self, block: &mut [f32]) -> &mut [f32] {
        block.get_mut(self.start..).and_then(|rest| rest.get_mut(..self.width)).unwrap_or_default()
    }

    /// The values of all four, if they do not.
    fn fours(self, block: &mut [f32]) -> Option<&mut [[f32; LANES]]> {
        Some(block.get_mut(self.start..)?.get_mut(..LANES * self.width)?.as_chunks_mut().0)
    }

    /// The values as a row: where they are, or copied to `spare`.
    pub(crate) fn row<'r>(self, block: &'r mut [f32], spare: &'r mut [f32]) -> &'r mut [f32] {
        if self.is_row() {
            return self.row_mut(block);
        }
        if let Some(fours) = self.fours(block) {
            gather(fours, self.lane, spare);
        }
        spare
    }

    /// Puts the values of a row here.
    pub(crate) fn put(self, row: &[f32], block: &mut [f32]) {
        if self.is_row() {
            copy(row, self.row_mut(block));
        } else if let Some(fours) = self.fours(block) {
            spread(row, fours, self.lane);
        }
    }

    /// From one value to the next.
    const fn stride(self) -> usize {
        if self.is_row() { 1 } else { LANES }
    }

    /// The first value.
    pub(crate) fn first(self, block: &[f32]) -> Option<f32> {
        block.get(self.start + self.lane).copied()
    }

    /// The values, one by one.
    pub(crate) fn values(self, block: &[f32]) -> impl Iterator<Item = f32> + use<'_> {
        let mut rest = block.get(self.start + self.lane..).unwrap_or_default();
        (0..self.width).map_while(move |_| {
            let value = *rest.first()?;
            rest = rest.get(self.stride()..).unwrap_or_default();
            Some(value)
        })
    }

    /// Changes the values, one by one.
    pub(crate) fn for_each(self, block: &mut [f32], mut change: impl FnMut(&mut f32)) {
        let mut rest = block.get_mut(self.start + self.lane..).unwrap_or_default();
        for _ in 0..self.width {
            let Some(value) = rest.first_mut() else { return };
            change(value);
            rest = rest.get_mut(self.stride()..).unwrap_or_default();
        }
    }
}

fn at(four: &[f32; LANES], lane: usize) -> f32 {
    four.get(lane % LANES).copied().unwrap_or_default()
}

/// `to[k] = from[k][lane]`.
fn gather(from: &[[f32; LANES]], lane: usize, to: &mut [f32]) {
    let (pairs, odd) = from.as_chunks();
    let (to, to_odd) = to.as_chunks_mut();
    for ([a, b], [x, y]) in to.iter_mut().zip(pairs) {
        (*a, *b) = (at(x, lane), at(y, lane));
        one_turn_at_a_time();
    }
    if let ([to], [x]) = (to_odd, odd) {
        *to = at(x, lane);
    }
}

/// The tape, and the row behind it that [`Place::row`] is given, which is there where enough samples are taken together.
pub(crate) fn split_spare(tape: &mut [f32], n: usize, width: usize) -> (&mut [f32], &mut [f32]) {
    let spare = if BY_VALUE && n >= LANES { width } else { 0 };
    tape.split_at_mut_checked(tape.len().saturating_sub(spare)).unwrap_or_default()
}
