//! UCI Ionosphere, in flash.
//!
//! `ionosphere.csv` beside this file is the one source. It is parsed by the compiler, into a table of f32 that the
//! linker puts into flash: nothing is parsed at start-up, nothing is copied to RAM, and there is no generated file to
//! keep up to date. A cell the parser does not understand does not build.

use super::Dataset;
use super::csv::number;
use super::rows::copy;
use crate::error::{Buffer, Error};

const CSV: &[u8] = include_bytes!("ionosphere.csv");

const ROWS: usize = 351;
const FEATURES: usize = 34;

static TABLE: Table = parse(CSV);

struct Table {
    features: [[f32; FEATURES]; ROWS],
    good: [bool; ROWS],
}

/// 351 radar returns from the ionosphere, 34 features from -1 to 1, and whether the return is good (1, class `g`) or
/// bad (0, class `b`): 225 good, 126 bad. Takes 48 KB of flash, no RAM.
///
/// Source: V. Sigillito, S. Wing, L. Hutton and K. Baker (1989), Ionosphere, UCI Machine Learning Repository,
/// doi 10.24432/C5W01B, CC BY 4.0. Feature 2 (from 1) is 0 in every row.
///
/// The rows come in the order of UCI's file, which is not random: of the last 116, 107 are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ionosphere;

impl Ionosphere {
    /// Bytes of flash the table takes.
    pub const BYTES: usize = size_of::<Table>();

    /// A row's class: 1 for good, 0 for bad and past the end.
    pub fn class(index: usize) -> u16 {
        u16::from(TABLE.good.get(index) == Some(&true))
    }
}

impl Dataset for Ionosphere {
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
        let (Some(row), Some(&good)) = (TABLE.features.get(index), TABLE.good.get(index)) else {
            return Err(Error::SampleIndex { index, len: ROWS });
        };
        copy(row, features, Buffer::Input)?;
        copy(&[f32::from(u8::from(good))], target, Buffer::Target)
    }
}

#[allow(clippy::large_stack_arrays)] // run by the compiler only
const fn parse(csv: &[u8]) -> Table {
    let mut table = Table { features: [[0.0; FEATURES]; ROWS], good: [false; ROWS] };
    let mut at = 0;
    let mut row = 0;
    while row < ROWS {
        let mut feature = 0;
        while feature < FEATURES {
            let (value, next) = number(csv, at);
            table.features[row][feature] = value;
            at = next;
            feature += 1;
        }
        assert!(csv[at + 1] == b'\n', "ionosphere.csv: expected a class of one letter at the end of the row");
        table.good[row] = match csv[at] {
            b'g' => true,
            b'b' => false,
            _ => panic!("ionosphere.csv: expected class g or b"),
        };
        at += 2;
        row += 1;
    }
    assert!(at == csv.len(), "ionosphere.csv: expected 351 rows");
    table
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    #[test]
    fn holds_the_nearest_f32_of_every_cell() {
        let text = String::from_utf8(CSV.into()).unwrap();
        let mut rows = 0;
        for (index, line) in text.lines().enumerate() {
            let (mut features, mut target) = ([9.0; FEATURES], [9.0]);
            Ionosphere.read(index, &mut features, &mut target).unwrap();
            let mut cells = line.split(',');
            for (value, cell) in features.iter().zip(&mut cells) {
                assert_eq!(value.to_bits(), cell.parse::<f32>().unwrap().to_bits(), "row {index}");
            }
            assert_eq!(cells.next(), Some(if target == [1.0] { "g" } else { "b" }));
            assert_eq!(u16::from(target == [1.0]), Ionosphere::class(index));
            rows += 1;
        }
        assert_eq!(rows, Ionosphere.len());
        assert_eq!((0..ROWS).filter(|&i| Ionosphere::class(i) == 1).count(), 225);
    }

    #[test]
    fn ends_after_its_last_row() {
        let past = Ionosphere.read(ROWS, &mut [0.0; FEATURES], &mut [0.0]);
        assert_eq!(past, Err(Error::SampleIndex { index: ROWS, len: ROWS }));
    }
}
