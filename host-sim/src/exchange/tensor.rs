//! Tensors as files have them, and their numbers in f32.

use std::fmt;

use half::{bf16, f16};

use super::error::ModelError;

/// The lengths of a tensor's sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape(pub Vec<usize>);

impl Shape {
    /// How many numbers; `None` if they cannot be counted.
    pub fn count(&self) -> Option<usize> {
        self.0.iter().try_fold(1_usize, |len, &side| len.checked_mul(side))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(f, "[{}]", sides.join(", "))
    }
}

/// How a file stores a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Dtype {
    F16,
    Bf16,
    F32,
    F64,
}

impl Dtype {
    /// Bytes of a number.
    pub const fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        })
    }
}

/// A tensor as it stands in a file.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    /// Its name.
    pub(super) name: String,
    /// Its sides.
    pub(super) shape: Shape,
    /// How its numbers are stored, or the name of a type that is not taken.
    pub(super) dtype: Result<Dtype, String>,
    /// Its numbers, the last side's next to each other, little-endian.
    pub(super) bytes: Vec<u8>,
}

/// What became of numbers that were not stored in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Conversion {
    /// Numbers widened, each to the same value.
    pub(super) widened: usize,
    /// Numbers narrowed to the nearest f32.
    pub(super) narrowed: usize,
    /// Of these, how many have another value now.
    pub(super) rounded: usize,
}

impl Conversion {
    /// In words, if there is anything to say.
    pub(super) fn note(&self) -> Option<String> {
        let Self { widened, narrowed, rounded } = *self;
        match (widened, narrowed) {
            (0, 0) => None,
            (widened, 0) => Some(format!("{widened} numbers were stored in 16 bits; in float32 they are the same")),
            (_, narrowed) => Some(format!(
                "{narrowed} numbers were stored in float64; {rounded} of them were rounded to the nearest float32"
            )),
        }
    }
}

impl Tensor {
    /// Its numbers, every one finite.
    ///
    /// # Errors
    /// [`ModelError::Dtype`], [`ModelError::Shape`] for another number of bytes than the shape has,
    /// [`ModelError::NotFinite`].
    pub(super) fn values(&self, conversion: &mut Conversion) -> Result<Vec<f32>, ModelError> {
        let dtype = match &self.dtype {
            Ok(dtype) => *dtype,
            Err(found) => return Err(ModelError::Dtype { tensor: self.name.clone(), found: found.clone() }),
        };
        let size = dtype.size();
        let len = self.shape.count().and_then(|len| len.checked_mul(size));
        if len != Some(self.bytes.len()) {
            let found = format!("{} bytes", self.bytes.len());
            return Err(ModelError::Role {
                tensor: self.name.clone(),
                expected: "as many bytes as its shape has",
                found,
            });
        }
        let mut values = Vec::with_capacity(self.bytes.len() / size);
        for number in self.bytes.chunks_exact(size) {
            values.push(match (dtype, number) {
                (Dtype::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
                (Dtype::Bf16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
                (Dtype::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
                (_, number) => {
                    let wide = number.try_into().map_or(f64::NAN, f64::from_le_bytes);
                    let value = wide as f32;
                    conversion.rounded += usize::from(f64::from(value) != wide);
                    value
                }
            });
        }
        match dtype {
            Dtype::F16 | Dtype::Bf16 => conversion.widened += values.len(),
            Dtype::F32 => {}
            Dtype::F64 => conversion.narrowed += values.len(),
        }
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(index) => {
                let found = match values[index] {
                    value if value.is_infinite() && dtype == Dtype::F64 => "a number that float32 has not".into(),
                    value => value.to_string(),
                };
                Err(ModelError::NotFinite { tensor: self.name.clone(), index, found })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, bytes: Vec<u8>) -> Tensor {
        let len = bytes.len() / if dtype == Dtype::F64 { 8 } else { 2 };
        Tensor { name: "w".into(), shape: Shape(vec![len]), dtype: Ok(dtype), bytes }
    }

    #[test]
    fn every_half_is_the_same_in_single() {
        let all: Vec<u8> = (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00).flat_map(u16::to_le_bytes).collect();
        let mut conversion = Conversion::default();
        let values = tensor(Dtype::F16, all.clone()).values(&mut conversion).unwrap();
        let back: Vec<u8> = values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
        assert!(back == all);
        assert_eq!(conversion, Conversion { widened: 63_488, ..Conversion::default() });
        // A bfloat16 is the upper half of a float32.
        let values = tensor(Dtype::Bf16, vec![0xcd, 0x3d]).values(&mut conversion).unwrap();
        assert_eq!(values[0].to_bits(), 0x3dcd_0000);
    }

    #[test]
    fn doubles_are_rounded_and_counted() {
        let bytes = [0.1_f64, 0.5, 0.0].map(f64::to_le_bytes).concat();
        let mut conversion = Conversion::default();
        assert_eq!(tensor(Dtype::F64, bytes).values(&mut conversion).unwrap(), [0.1, 0.5, 0.0]);
        assert_eq!(conversion, Conversion { widened: 0, narrowed: 3, rounded: 1 });
        let expected = "3 numbers were stored in float64; 1 of them were rounded to the nearest float32";
        assert_eq!(conversion.note().unwrap(), expected);
    }

    #[test]
    fn names_what_is_not_finite() {
        let refused = |value: f64| {
            let bytes = [0.0, value].map(f64::to_le_bytes).concat();
            tensor(Dtype::F64, bytes).values(&mut Conversion::default()).unwrap_err().to_string()
        };
        assert_eq!(refused(f64::NAN), "tensor `w`: expected finite numbers, found NaN at 1");
        assert_eq!(refused(1e300), "tensor `w`: expected finite numbers, found a number that float32 has not at 1");
        let torn = Tensor { shape: Shape(vec![9]), ..tensor(Dtype::F16, vec![0; 4]) };
        assert!(matches!(torn.values(&mut Conversion::default()), Err(ModelError::Role { .. })));
        let endless = Tensor { shape: Shape(vec![usize::MAX, 2]), ..tensor(Dtype::F16, vec![0; 4]) };
        assert!(matches!(endless.values(&mut Conversion::default()), Err(ModelError::Role { .. })));
    }
}
