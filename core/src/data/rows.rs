//! Samples in arrays.

use super::Dataset;
use crate::error::{Buffer, Error};
use crate::kernels;

/// `F` features and `T` targets a sample, in two arrays of rows, in RAM or in flash.
///
/// ```
/// use microfit::data::{Dataset, Rows};
///
/// let xor = Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
/// assert_eq!((xor.len(), xor.features(), xor.targets()), (4, 2, 1));
/// ```
///
/// Where one array is longer than the other, the samples both have count.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rows<'a, const F: usize, const T: usize> {
    /// What the network sees.
    pub features: &'a [[f32; F]],
    /// What it is to answer.
    pub targets: &'a [[f32; T]],
}

impl<const F: usize, const T: usize> Dataset for Rows<'_, F, T> {
    fn len(&self) -> usize {
        self.features.len().min(self.targets.len())
    }

    fn features(&self) -> usize {
        F
    }

    fn targets(&self) -> usize {
        T
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let (Some(from_features), Some(from_target)) = (self.features.get(index), self.targets.get(index)) else {
            return Err(Error::SampleIndex { index, len: self.len() });
        };
        copy(from_features, features, Buffer::Input)?;
        copy(from_target, target, Buffer::Target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        Some((self.features.get(index)?, self.targets.get(index)?))
    }
}

/// Fewer are copied in line.
const SHORT: usize = 8;

/// `copy_from_slice` with an error in the place of its panic.
pub(super) fn copy<const N: usize>(from: &[f32; N], to: &mut [f32], buffer: Buffer) -> Result<(), Error> {
    let found = to.len();
    let to: &mut [f32; N] = to.try_into().map_err(|_| Error::BufferLength { buffer, expected: N, found })?;
    if N < SHORT {
        *to = *from;
    } else {
        kernels::copy(from, to);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_and_refuses_the_rest() {
        let data = Rows { features: &[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], targets: &[[7.0], [8.0]] };
        let (mut features, mut target) = ([0.0; 2], [0.0]);
        data.read(1, &mut features, &mut target).unwrap();
        assert_eq!((features, target), ([3.0, 4.0], [8.0]));
        assert_eq!(data.read(2, &mut features, &mut target), Err(Error::SampleIndex { index: 2, len: 2 }));
        let short = Error::BufferLength { buffer: Buffer::Input, expected: 2, found: 1 };
        assert_eq!(data.read(0, &mut features[..1], &mut target), Err(short));
        let long = Error::BufferLength { buffer: Buffer::Target, expected: 1, found: 2 };
        assert_eq!(data.read(0, &mut features, &mut [0.0; 2]), Err(long));
    }
}
