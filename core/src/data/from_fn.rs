//! Samples that are computed.

use super::Dataset;
use super::rows::copy;
use crate::error::{Buffer, Error};

/// `len` samples, of which sample `i` is `generate(i)`: its `F` features and `T` targets.
///
/// The function has to give the same sample for the same index, if a run is to be repeated or resumed.
///
/// ```
/// use microfit::data::{Dataset, FromFn};
///
/// let line = FromFn { len: 100, generate: |i| ([i as f32 / 100.0], [0.5 + i as f32 / 50.0]) };
/// let (mut features, mut target) = ([0.0], [0.0]);
/// line.read(50, &mut features, &mut target)?;
/// assert_eq!((features, target), ([0.5], [1.5]));
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FromFn<G> {
    /// Number of samples.
    pub len: usize,
    /// The sample of an index.
    pub generate: G,
}

impl<const F: usize, const T: usize, G: Fn(usize) -> ([f32; F], [f32; T])> Dataset for FromFn<G> {
    fn len(&self) -> usize {
        self.len
    }

    fn features(&self) -> usize {
        F
    }

    fn targets(&self) -> usize {
        T
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        if index >= self.len {
            return Err(Error::SampleIndex { index, len: self.len });
        }
        let (from_features, from_target) = (self.generate)(index);
        copy(&from_features, features, Buffer::Input)?;
        copy(&from_target, target, Buffer::Target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_it_says() {
        let data = FromFn { len: 3, generate: |i| ([i as f32, 1.0], [2.0]) };
        let (mut x, mut y) = ([0.0; 2], [0.0]);
        data.read(2, &mut x, &mut y).unwrap();
        assert_eq!((x, y, data.features(), data.targets()), ([2.0, 1.0], [2.0], 2, 1));
        assert_eq!(data.read(3, &mut x, &mut y), Err(Error::SampleIndex { index: 3, len: 3 }));
        let short = Error::BufferLength { buffer: Buffer::Input, expected: 2, found: 1 };
        assert_eq!(data.read(0, &mut x[..1], &mut y), Err(short));
    }
}
