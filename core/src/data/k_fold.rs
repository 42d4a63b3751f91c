//! Cross-validation without an array of indices.

use super::{Dataset, Order};
use crate::error::{Error, Requirement, require};

/// One side of a split of [`k_fold`]: the samples of a fold, or all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fold<D, O> {
    data: D,
    order: O,
    /// The fold's positions in the order.
    start: u32,
    held_out: u32,
    /// Samples of the whole dataset.
    of: u32,
    validation: bool,
}

/// Split number `fold` of `k`: the samples to train on, and those of the fold, to validate on.
///
/// The dataset, in `order` (that of its epoch 0), is cut into `k` consecutive folds; the first `len % k` have one sample
/// more (scikit-learn's `KFold`; with [`Shuffle`](crate::data::Shuffle) its `shuffle=True`, with another generator).
///
/// ```
/// use microfit::data::{Dataset, Rows, Shuffle, k_fold};
///
/// let data = Rows { features: &[[0.0]; 351], targets: &[[0.0]; 351] };
/// for fold in 0..10 {
///     let (train, validation) = k_fold(&data, Shuffle::new(1), 10, fold)?;
///     assert_eq!(validation.len(), if fold == 0 { 36 } else { 35 });
///     assert_eq!(train.len() + validation.len(), 351);
/// }
/// # Ok::<(), microfit::Error>(())
/// ```
///
/// # Errors
/// [`Error::Parameter`] unless `k` is at least 2 and `fold` below `k`; [`Error::DatasetTooSmall`] with fewer samples than
/// folds, [`Error::DatasetTooLarge`] with more than `u32::MAX`.
#[allow(clippy::type_complexity)] // a pair of the same, which an alias would only hide
pub fn k_fold<D: Dataset + Copy, O: Order + Copy>(
    data: D,
    order: O,
    k: u32,
    fold: u32,
) -> Result<(Fold<D, O>, Fold<D, O>), Error> {
    check_fold(k, fold)?;
    let too_large = |_| Error::DatasetTooLarge { expected: u32::MAX as usize, found: data.len() };
    let of = u32::try_from(data.len()).map_err(too_large)?;
    if of < k {
        return Err(Error::DatasetTooSmall { expected: k as usize, found: data.len() });
    }
    let (share, rest) = (of.checked_div(k).unwrap_or(0), of.checked_rem(k).unwrap_or(0));
    let start = fold.saturating_mul(share).saturating_add(fold.min(rest));
    let held_out = share + u32::from(fold < rest);
    let side = |validation| Fold { data, order, start, held_out, of, validation };
    Ok((side(false), side(true)))
}

pub(super) fn check_fold(k: u32, fold: u32) -> Result<(), Error> {
    require("k", Requirement::AtLeastTwo, f64::from(k))?;
    if fold < k {
        return Ok(());
    }
    Err(Error::Parameter { name: "fold", must_be: Requirement::BelowFolds, found: fold as f32 })
}

impl<D: Dataset, O: Order> Fold<D, O> {
    /// The sample's index in the whole dataset.
    fn index(&self, index: usize) -> Option<usize> {
        if index >= self.len() {
            return None;
        }
        let index = index as u32;
        let position = if self.validation {
            self.start.saturating_add(index)
        } else if index < self.start {
            index
        } else {
            index.saturating_add(self.held_out)
        };
        Some(self.order.index(0, position, self.of) as usize)
    }
}

impl<D: Dataset, O: Order> Dataset for Fold<D, O> {
    fn len(&self) -> usize {
        (if self.validation { self.held_out } else { self.of.saturating_sub(self.held_out) }) as usize
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        self.data.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let from = self.index(index).ok_or(Error::SampleIndex { index, len: self.len() })?;
        self.data.read(from, features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        self.data.in_memory(self.index(index)?)
    }

    fn weight(&self, index: usize) -> f32 {
        self.index(index).map_or(1.0, |from| self.data.weight(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{FromFn, Sequential, Shuffle};

    fn mark(data: &impl Dataset, times: &mut [u32; 60]) {
        for index in 0..data.len() {
            let (mut x, mut y) = ([0.0], [0.0]);
            data.read(index, &mut x, &mut y).unwrap();
            times[x[0] as usize] += 1;
        }
    }

    #[test]
    fn every_sample_is_held_out_once() {
        for len in 2..60 {
            let data = FromFn { len, generate: |i| ([i as f32], [0.0]) };
            for k in 2..=len as u32 {
                let mut held_out = [0; 60];
                for fold in 0..k {
                    let (train, validation) = k_fold(data, Shuffle::new(k), k, fold).unwrap();
                    let expected = len / k as usize + usize::from((fold as usize) < len % k as usize);
                    assert_eq!(validation.len(), expected);
                    mark(&validation, &mut held_out);
                    let mut all = [0; 60];
                    mark(&validation, &mut all);
                    mark(&train, &mut all);
                    assert!(all[..len].iter().all(|&n| n == 1));
                }
                assert!(held_out[..len].iter().all(|&n| n == 1));
            }
        }
    }

    #[test]
    fn is_scikit_learns_without_shuffling() {
        let data = FromFn { len: 7, generate: |i| ([i as f32], [0.0]) };
        let (train, validation) = k_fold(data, Sequential, 3, 1).unwrap();
        let (mut x, mut y) = ([0.0], [0.0]);
        validation.read(0, &mut x, &mut y).unwrap();
        assert_eq!((validation.len(), x), (2, [3.0]));
        train.read(3, &mut x, &mut y).unwrap();
        assert_eq!(x, [5.0]);
        assert_eq!(train.read(5, &mut x, &mut y), Err(Error::SampleIndex { index: 5, len: 5 }));
    }

    #[test]
    fn refuses_folds_that_are_not_there() {
        let data = FromFn { len: 3, generate: |_| ([0.0], [0.0]) };
        assert!(matches!(k_fold(data, Sequential, 1, 0), Err(Error::Parameter { name: "k", .. })));
        assert!(matches!(k_fold(data, Sequential, 3, 3), Err(Error::Parameter { name: "fold", .. })));
        assert_eq!(k_fold(data, Sequential, 4, 0).err(), Some(Error::DatasetTooSmall { expected: 4, found: 3 }));
    }
}
