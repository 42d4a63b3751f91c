//! Samples that come by once.

use core::cell::RefCell;

use super::Dataset;
use super::rows::copy;
use crate::error::{Buffer, Error};

/// The next `len` samples of an iterator or a sensor as an epoch's samples, for the order
/// [`Sequential`](crate::data::Sequential).
///
/// A stream has no random access: **each read takes the next sample**, whatever the index, and a second epoch gets the
/// samples after those of the first. Hence what is repeated sees later samples: a step of the trainer that failed and is
/// called again does not get back what it had read before the failure, and a run that is resumed does not see what the
/// first had seen. Where that matters, put the stream into a [`Ring`](crate::data::Ring) and train from there.
///
/// It is no batch of a [`Learner`](crate::Learner), which as a rule reads a batch's samples twice: it would look at some and learn from
/// the next ones. Read samples into [`Rows`](crate::data::Rows), or a ring, and let it learn from those.
///
/// ```
/// use microfit::data::{Dataset, Stream};
///
/// let sensor = Stream::new(2, [1.0, 2.0, 3.0].into_iter().map(|x| ([x], [2.0 * x])));
/// let (mut features, mut target) = ([0.0], [0.0]);
/// sensor.read(0, &mut features, &mut target)?;
/// sensor.read(1, &mut features, &mut target)?;
/// assert_eq!(target, [4.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Stream<I> {
    source: RefCell<I>,
    len: usize,
}

impl<I> Stream<I> {
    /// Epochs of `len` samples from `source`, an iterator of `([f32; F], [f32; T])`.
    pub const fn new(len: usize, source: I) -> Self {
        Self { source: RefCell::new(source), len }
    }

    /// The iterator, with the samples that have not been read.
    pub fn into_inner(self) -> I {
        self.source.into_inner()
    }
}

/// A stream that has ended, or that is read from within its own iterator, is [`Error::SampleRead`].
impl<const F: usize, const T: usize, I: Iterator<Item = ([f32; F], [f32; T])>> Dataset for Stream<I> {
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
        // Lengths first: a refused call takes no sample.
        for (buffer, expected, found) in [(Buffer::Input, F, features.len()), (Buffer::Target, T, target.len())] {
            if expected != found {
                return Err(Error::BufferLength { buffer, expected, found });
            }
        }
        let failed = Error::SampleRead { index };
        let next = self.source.try_borrow_mut().map_err(|_| failed)?.next();
        let (from_features, from_target) = next.ok_or(failed)?;
        copy(&from_features, features, Buffer::Input)?;
        copy(&from_target, target, Buffer::Target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_sample_once_and_then_fails() {
        let data = Stream::new(9, (0..3_u8).map(|i| ([f32::from(i)], [1.0])));
        let (mut x, mut y) = ([0.0], [0.0]);
        let short = Error::BufferLength { buffer: Buffer::Target, expected: 1, found: 0 };
        assert_eq!(data.read(0, &mut x, &mut []), Err(short));
        for i in 0..3_u8 {
            data.read(usize::from(i), &mut x, &mut y).unwrap();
            assert_eq!(x, [f32::from(i)]);
        }
        assert_eq!(data.read(3, &mut x, &mut y), Err(Error::SampleRead { index: 3 }));
        assert_eq!(data.read(9, &mut x, &mut y), Err(Error::SampleIndex { index: 9, len: 9 }));
        assert_eq!(data.into_inner().next(), None);
    }
}
