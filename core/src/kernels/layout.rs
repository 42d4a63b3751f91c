//! How a block of the tape holds several samples.

use super::spread;

/// Whether this target's kernels want whole fours of samples in [`Layout::Quads`]. Else every block is in rows.
pub(crate) const IN_QUADS: bool = cfg!(kernels = "tiles");

/// The order of a block's values, for `n` samples of `width` values each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[n][width]`, sample after sample: of the last layer's outputs and deltas, which losses and metrics see.
    Rows,
    /// Four samples at a time `[width][4]`, so that one pointer leads to what four have in the same place; then, in rows, those
    /// that are no four: of whatever layers are given. Where the kernels do not want it, the same as rows.
    Quads,
}

/// Samples of a quad.
pub(crate) const LANES: usize = 4;

/// Where one sample's values stand in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    start: usize,
    stride: usize,
    width: usize,
}

impl Layout {
    /// Of a sample among `n`.
    pub(crate) const fn place(self, sample: usize, n: usize, width: usize) -> Place {
        let quads = matches!(self, Self::Quads) && IN_QUADS && sample < n - n % LANES;
        let lane = if quads { sample % LANES } else { 0 };
        let stride = if quads { LANES } else { 1 };
        Place { start: (sample - lane) * width + lane, stride, width }
    }
}

impl Place {
    /// Whether the values stand side by side.
    pub(crate) const fn is_row(self) -> bool {
        self.stride == 1
    }

    /// The values of a row; nothing if it is none.
    pub(crate) fn row_mut(self, block: &mut [f32]) -> &mut [f32] {
        let width = if self.is_row() { self.width } else { 0 };
        block.get_mut(self.start..).and_then(|rest| rest.get_mut(..width)).unwrap_or_default()
    }

    /// The first value.
    pub(crate) fn first(self, block: &[f32]) -> Option<f32> {
        block.get(self.start).copied()
    }

    /// The values, one by one.
    pub(crate) fn values(self, block: &[f32]) -> impl Iterator<Item = f32> + use<'_> {
        let mut rest = block.get(self.start..).unwrap_or_default();
        (0..self.width).map_while(move |_| {
            let value = *rest.first()?;
            rest = rest.get(self.stride..).unwrap_or_default();
            Some(value)
        })
    }

    /// Puts the values of a row here, if this is none.
    pub(crate) fn spread(self, row: &[f32], block: &mut [f32]) {
        spread(row, block.get_mut(self.start..).unwrap_or_default());
    }

    /// Changes the values, one by one.
    pub(crate) fn for_each(self, block: &mut [f32], mut change: impl FnMut(&mut f32)) {
        let mut rest = block.get_mut(self.start..).unwrap_or_default();
        for _ in 0..self.width {
            let Some(value) = rest.first_mut() else { return };
            change(value);
            rest = rest.get_mut(self.stride..).unwrap_or_default();
        }
    }
}
