//! Handwritten digits, in flash.
//!
//! `digits.csv` beside this file is the one source; the compiler parses it into a table of bytes, as it does Ionosphere's.

use super::Dataset;
use super::csv::number;
use super::rows::copy;
use crate::error::{Buffer, Error};

const CSV: &[u8] = include_bytes!("digits.csv");

const ROWS: usize = 600;
const FEATURES: usize = 64;

static TABLE: Table = parse(CSV);

struct Table {
    pixels: [[u8; FEATURES]; ROWS],
    labels: [u8; ROWS],
}

/// 600 handwritten digits of 8 by 8 pixels: 64 features from 0 to 1 (row by row, a pixel of 0 to 16 divided by 16), and
/// one target, the digit as a class index from 0 to 9. Takes 39 KB of flash, no RAM.
///
/// Rows 0 to 599 of scikit-learn's `load_digits`. Source: E. Alpaydin and C. Kaynak (1998), Optical Recognition of
/// Handwritten Digits, UCI Machine Learning Repository, doi 10.24432/C50P49, CC BY 4.0 (its test part).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Digits;

impl Digits {
    /// Bytes of flash the table takes.
    pub const BYTES: usize = size_of::<Table>();

    /// Classes there are.
    pub const CLASSES: usize = 10;

    /// A row's digit; 0 past the end.
    pub fn class(index: usize) -> u16 {
        u16::from(TABLE.labels.get(index).copied().unwrap_or(0))
    }
}

impl Dataset for Digits {
    fn len(&self) -> usize {
        ROWS
    }

    fn features(&self) -> usize {
        FEATURES
    }

    fn targets(&self) -> usize {
        1
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        let (Some(row), Some(&label)) = (TABLE.pixels.get(index), TABLE.labels.get(index)) else {
            return Err(Error::SampleIndex { index, len: ROWS });
        };
        copy(&row.map(|pixel| f32::from(pixel) * (1.0 / 16.0)), features, Buffer::Input)?;
        copy(&[f32::from(label)], target, Buffer::Target)
    }
}

#[allow(clippy::large_stack_arrays)] // run by the compiler only
const fn parse(csv: &[u8]) -> Table {
    let mut table = Table { pixels: [[0; FEATURES]; ROWS], labels: [0; ROWS] };
    let mut at = 0;
    let mut row = 0;
    while row < ROWS {
        let mut feature = 0;
        while feature <= FEATURES {
            let (value, next) = number(csv, at);
            let byte = value as u8;
            assert!(byte as f32 == value, "digits.csv: expected a whole number");
            if feature < FEATURES {
                assert!(byte <= 16, "digits.csv: expected a pixel of 0 to 16");
                table.pixels[row][feature] = byte;
            } else {
                assert!(byte <= 9, "digits.csv: expected a class of 0 to 9");
                table.labels[row] = byte;
            }
            assert!(
                csv[next - 1] == if feature < FEATURES { b',' } else { b'\n' },
                "digits.csv: expected 65 cells a row"
            );
            at = next;
            feature += 1;
        }
        row += 1;
    }
    assert!(at == csv.len(), "digits.csv: expected 600 rows");
    table
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn holds_every_cell() {
        let text = String::from_utf8(CSV.into()).unwrap();
        let mut counts = [0; Digits::CLASSES];
        for (index, line) in text.lines().enumerate() {
            let cells: Vec<f32> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            let (mut features, mut target) = ([9.0; FEATURES], [99.0]);
            Digits.read(index, &mut features, &mut target).unwrap();
            assert!(features.iter().zip(&cells).all(|(x, pixel)| *x == pixel / 16.0), "row {index}");
            assert_eq!(target[0], cells[FEATURES]);
            counts[usize::from(Digits::class(index))] += 1;
        }
        assert_eq!(counts.iter().sum::<i32>(), 600);
        assert!(counts.iter().all(|n| (55..65).contains(n)), "{counts:?}");
        let past = Digits.read(ROWS, &mut [0.0; FEATURES], &mut [0.0]);
        assert_eq!(past, Err(Error::SampleIndex { index: ROWS, len: ROWS }));
    }
}
