//! Integer samples in flash.

use super::Dataset;
use super::rows::copy;
use crate::error::{Buffer, Error, Requirement, require};

mod sealed {
    pub trait Widen {
        fn widen(self) -> i32;
    }
}

/// What a quantized feature is stored as: `i8`, `u8` or `i16`.
pub trait Integer: sealed::Widen + Copy {}

macro_rules! integer {
    ($($type:ty),+) => {$(
        impl sealed::Widen for $type {
            fn widen(self) -> i32 {
                i32::from(self)
            }
        }
        impl Integer for $type {}
    )+};
}

integer!(i8, u8, i16);

/// `F` features a sample, stored as integers `q` that mean `(q - zero_point) * scale`, and one target: the label, a class
/// index.
///
/// A quarter (or half) of the flash of f32; nothing is copied to RAM but the sample at hand. Where one array is longer
/// than the other, the samples both have count.
///
/// Source of the mapping: B. Jacob et al., "Quantization and training of neural networks for efficient
/// integer-arithmetic-only inference" (2018).
///
/// ```
/// use microfit::{checked, data::{Dataset, Quantized}};
///
/// static IMAGES: [[u8; 4]; 2] = [[0, 255, 128, 51], [255, 0, 255, 0]];
/// const DATA: Quantized<u8, 4> = checked!(Quantized::new(&IMAGES, &[7, 3], 1.0 / 256.0, 0));
/// let (mut features, mut target) = ([0.0; 4], [0.0]);
/// DATA.read(0, &mut features, &mut target)?;
/// assert_eq!((features, target), ([0.0, 0.99609375, 0.5, 0.19921875], [7.0]));
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quantized<'a, Q, const F: usize> {
    features: &'a [[Q; F]],
    labels: &'a [u8],
    scale: f32,
    zero_point: Q,
}

impl<'a, Q: Integer, const F: usize> Quantized<'a, Q, F> {
    /// Samples of `features` and `labels`; `scale` is what one step of the integer is worth, `zero_point` the integer
    /// that means 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `scale` is finite and above 0.
    pub const fn new(features: &'a [[Q; F]], labels: &'a [u8], scale: f32, zero_point: Q) -> Result<Self, Error> {
        match require("scale", Requirement::Positive, scale as f64) {
            Ok(()) => Ok(Self { features, labels, scale, zero_point }),
            Err(error) => Err(error),
        }
    }
}

impl<Q: Integer, const F: usize> Dataset for Quantized<'_, Q, F> {
    fn len(&self) -> usize {
        self.features.len().min(self.labels.len())
    }

    fn features(&self) -> usize {
        F
    }

    fn targets(&self) -> usize {
        1
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let (Some(row), Some(&label)) = (self.features.get(index), self.labels.get(index)) else {
            return Err(Error::SampleIndex { index, len: self.len() });
        };
        let zero_point = self.zero_point.widen();
        // The difference of two 16-bit numbers is exact in i32 and in f32; the product is rounded once.
        let row = row.map(|q| q.widen().wrapping_sub(zero_point) as f32 * self.scale);
        copy(&row, features, Buffer::Input)?;
        copy(&[f32::from(label)], target, Buffer::Target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_integers_mean() {
        let (mut x, mut y) = ([0.0; 2], [0.0]);
        let signed = Quantized::new(&[[-128_i8, 127]], &[5, 6], 0.5, 3).unwrap();
        signed.read(0, &mut x, &mut y).unwrap();
        assert_eq!((x, y, signed.len()), ([-65.5, 62.0], [5.0], 1));
        let wide = Quantized::new(&[[i16::MIN, i16::MAX]], &[255], 1.0, i16::MAX).unwrap();
        wide.read(0, &mut x, &mut y).unwrap();
        assert_eq!((x, y), ([-65535.0, 0.0], [255.0]));
        assert_eq!(wide.read(1, &mut x, &mut y), Err(Error::SampleIndex { index: 1, len: 1 }));
        assert!(matches!(
            Quantized::new(&[[0_u8]], &[0], 0.0, 0),
            Err(Error::Parameter { name: "scale", must_be: Requirement::Positive, .. })
        ));
    }
}
