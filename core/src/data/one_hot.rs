//! Class indices as rows of zeros and a one.

use super::{Dataset, class_index};
use crate::error::{Buffer, Error};

/// Another dataset whose single target, a class index, becomes `C` targets: 1 at the class, 0 elsewhere.
///
/// ```
/// use microfit::data::{Dataset, OneHot, Rows};
///
/// let data = OneHot::<_, 3>::new(Rows { features: &[[0.5]], targets: &[[2.0]] })?;
/// let (mut features, mut target) = ([0.0], [9.0; 3]);
/// data.read(0, &mut features, &mut target)?;
/// assert_eq!(target, [0.0, 0.0, 1.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OneHot<D, const C: usize> {
    data: D,
}

impl<D: Dataset, const C: usize> OneHot<D, C> {
    /// The samples of `data`, whose target is one class index below `C`.
    ///
    /// # Errors
    /// [`Error::TargetCount`] unless `data` has one target. What is no class index below `C` is
    /// [`Error::ClassInvalid`] when it is read.
    pub fn new(data: D) -> Result<Self, Error> {
        let found = data.targets();
        if found == 1 { Ok(Self { data }) } else { Err(Error::TargetCount { expected: 1, found }) }
    }
}

impl<D: Dataset, const C: usize> Dataset for OneHot<D, C> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn features(&self) -> usize {
        self.data.features()
    }

    fn targets(&self) -> usize {
        C
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        if target.len() != C {
            return Err(Error::BufferLength { buffer: Buffer::Target, expected: C, found: target.len() });
        }
        let mut label = [0.0];
        self.data.read(index, features, &mut label)?;
        let [found] = label;
        let Some(class) = class_index(found, C) else {
            return Err(Error::ClassInvalid { index, classes: C, found });
        };
        for (position, value) in target.iter_mut().enumerate() {
            *value = f32::from(u8::from(position == class));
        }
        Ok(())
    }

    fn weight(&self, index: usize) -> f32 {
        self.data.weight(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Rows, Weighted};

    #[test]
    fn refuses_what_is_no_class() {
        let rows = Rows { features: &[[0.0]; 4], targets: &[[1.0], [2.0], [0.5], [f32::NAN]] };
        let data = OneHot::<_, 2>::new(rows).unwrap();
        let (mut x, mut y) = ([0.0], [9.0; 2]);
        data.read(0, &mut x, &mut y).unwrap();
        assert_eq!((y, data.targets(), data.len()), ([0.0, 1.0], 2, 4));
        for index in 1..4 {
            assert!(matches!(data.read(index, &mut x, &mut y), Err(Error::ClassInvalid { classes: 2, .. })));
        }
        let short = Error::BufferLength { buffer: Buffer::Target, expected: 2, found: 1 };
        assert_eq!(data.read(0, &mut x, &mut [0.0]), Err(short));
        let two = Rows { features: &[[0.0]], targets: &[[0.0; 2]] };
        assert_eq!(OneHot::<_, 2>::new(two).err(), Some(Error::TargetCount { expected: 1, found: 2 }));
    }

    #[test]
    fn keeps_weights() {
        let rows = Rows { features: &[[0.0]], targets: &[[1.0]] };
        let weighted = Weighted::new(rows, &[0.25]).unwrap();
        assert_eq!(OneHot::<_, 2>::new(weighted).unwrap().weight(0), 0.25);
    }
}
