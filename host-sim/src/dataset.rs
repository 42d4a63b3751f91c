//! Datasets from CSV files.

mod header;
mod labels;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use microfit::data::Dataset;

use header::First;
pub use labels::Target;
pub(crate) use labels::key;
use labels::{alternatives, classes, missing};

/// Rows of a CSV: features, and the target in the last column.
#[derive(Debug, Clone, PartialEq)]
pub struct Csv {
    features: usize,
    header: bool,
    notes: Vec<String>,
    classes: Vec<String>,
    rows: Vec<(Vec<f32>, f32)>,
}

/// A cell that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: row {row}, column {column}: expected {expected}, found {found}", path.display())]
pub struct CsvError {
    /// The file.
    pub path: PathBuf,
    /// Counted from 1, a header included.
    pub row: usize,
    /// Counted from 1.
    pub column: usize,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Csv {
    /// Reads a file. A first row that has names of features and no number among them is a header and skipped; not every feature
    /// needs a name. So is one that numbers them from 0 on, if its target is a word and all others are numbers.
    ///
    /// # Errors
    /// [`CsvError`] at the first cell that is not what it should be.
    pub fn read(path: &Path, target: &Target) -> Result<Self, CsvError> {
        let fail = |row: usize, column: usize, expected: &str, found: String| CsvError {
            path: path.into(),
            row,
            column,
            expected: expected.into(),
            found,
        };
        let text = fs::read(path).map_err(|error| fail(1, 1, "a readable file", error.to_string()))?;
        let line_of = |record: &csv::StringRecord| line_of(&text, record);
        let mut records = Vec::new();
        // Trimmed later: a line break at a cell's end is one too.
        for record in csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&*text).records() {
            let mut record = record.map_err(|error| {
                let row = records.last().map_or(0, line_of) + 1;
                fail(row, 1, "a row of UTF-8 text", error.to_string())
            })?;
            // The rows behind a quote that was forgotten would be text of a cell.
            if let Some(column) = record.iter().position(|cell| cell.contains(['\r', '\n'])) {
                let expected = "the end of the cell, or its closing quote, within the line";
                return Err(fail(line_of(&record), column + 1, expected, "a line break".into()));
            }
            record.trim();
            records.push(record);
        }
        let width = records.first().map_or(0, csv::StringRecord::len);
        let names: Vec<&str> = records.iter().take(1).flatten().take(width.saturating_sub(1)).collect();
        let first = First::of(&names);
        let labels: Vec<&str> = records.iter().filter_map(|record| record.get(width.saturating_sub(1))).collect();
        let header = first.is_header(target, &labels);
        let skip = usize::from(header);
        let mut notes = if header { header::notes(first, &names) } else { Vec::new() };
        if records.len() == skip {
            return Err(fail(skip + 1, 1, "at least one row of features and a target", "the end of the file".into()));
        }
        if width < 2 {
            return Err(fail(
                1,
                width + 1,
                "at least one feature and a target, with a comma between them",
                "the end of the row".into(),
            ));
        }
        let mut features = Vec::with_capacity(records.len());
        for record in records.iter().skip(skip) {
            if record.len() < width {
                return Err(fail(
                    line_of(record),
                    record.len() + 1,
                    &format!("{width} columns"),
                    "the end of the row".into(),
                ));
            }
            if let Some(extra) = record.get(width) {
                return Err(fail(
                    line_of(record),
                    width + 1,
                    &format!("the end of the row, after {width} columns"),
                    quoted(extra),
                ));
            }
            let mut cells = Vec::with_capacity(width - 1);
            for (column, cell) in (1..width).zip(record) {
                cells.push(number(cell).ok_or_else(|| {
                    let expected = first.expected(features.is_empty());
                    fail(line_of(record), column, &expected, quoted(cell))
                })?);
            }
            features.push(cells);
        }
        let targets = || records.iter().skip(skip).filter_map(|record| Some((record, record.get(width - 1)?)));
        if let Some((record, _)) = targets().find(|(_, cell)| cell.is_empty()) {
            return Err(fail(line_of(record), width, "a target", quoted("")));
        }
        let cells: Vec<&str> = targets().map(|(_, cell)| cell).collect();
        if let Some((record, cell)) = missing(target, &cells).and_then(|at| targets().nth(at)) {
            let expected = if *target == Target::Number { "" } else { ", or --classes with it" };
            return Err(fail(line_of(record), width, &format!("a finite number{expected}"), quoted(cell)));
        }
        let classes = classes(target, &cells)
            .ok_or_else(|| fail(skip + 1, width, "two classes in the last column", "one".into()))?;
        if !header {
            let said = first.as_data(target, &cells, !classes.is_empty()).map_err(|expected| {
                let (row, found) = targets().next().map_or((1, ""), |(record, cell)| (line_of(record), cell));
                fail(row, width, expected, quoted(found))
            })?;
            notes.extend(said.map(str::to_owned));
        }
        let indices: HashMap<_, _> = classes.iter().enumerate().map(|(index, class)| (key(class), index)).collect();
        let mut rows = Vec::with_capacity(features.len());
        for ((record, cell), features) in targets().zip(features) {
            let refuse = |expected: &str| fail(line_of(record), width, expected, quoted(cell));
            let target = if classes.is_empty() {
                number(cell).ok_or_else(|| refuse("a finite number"))?
            } else {
                indices.get(&key(cell)).ok_or_else(|| refuse(&alternatives(&classes))).map(|&index| index as f32)?
            };
            rows.push((features, target));
        }
        Ok(Self { features: width - 1, header, notes, classes, rows })
    }

    /// Whether the first row was taken for a header.
    pub const fn has_header(&self) -> bool {
        self.header
    }

    /// What was done to read it that somebody may want to know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The classes in the order of their indices; none where the targets are numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// A row's target as a class, for a stratified split; 0 past the end. A number is of one class up to 0.5 and of
    /// another above.
    pub fn class(&self, index: usize) -> u16 {
        let target = self.rows.get(index).map_or(0.0, |(_, target)| *target);
        if self.classes.is_empty() { u16::from(target > 0.5) } else { target as u16 }
    }
}

fn number(cell: &str) -> Option<f32> {
    cell.parse().ok().filter(|value: &f32| value.is_finite())
}

fn quoted(cell: &str) -> String {
    // Escaped, so that control characters in a cell do not break the message.
    if cell.is_empty() { "nothing".into() } else { format!("`{}`", cell.escape_debug()) }
}

/// The line of the file a record begins on, counted from 1. Blank lines before it, which are no records, stand in the
/// library's position of it. A line ends in `\n`, `\r\n` or `\r`.
fn line_of(text: &[u8], record: &csv::StringRecord) -> usize {
    let from = record.position().map_or(0, |position| position.byte() as usize).min(text.len());
    let blank = text[from..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
    let before = &text[..from + blank];
    let next = before.iter().skip(1).map(Some).chain([None]);
    1 + before
        .iter()
        .zip(next)
        .filter(|&(byte, next)| *byte == b'\n' || (*byte == b'\r' && next != Some(&b'\n')))
        .count()
}

impl Dataset for Csv {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn features(&self) -> usize {
        self.features
    }

    fn targets(&self) -> usize {
        1
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), microfit::Error> {
        let Some((row, value)) = self.rows.get(index) else {
            return Err(microfit::Error::SampleIndex { index, len: self.rows.len() });
        };
        features.copy_from_slice(row);
        target.fill(*value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn read(text: &str, target: &Target) -> Result<Csv, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Csv::read(file.path(), target).map_err(|error| {
            let text = error.to_string();
            text.split_once(": ").unwrap().1.to_owned()
        })
    }

    #[test]
    fn reads_rows_with_and_without_a_header() {
        let plain = read("1,2,b\n3,4,g\n", &Target::Class(None)).unwrap();
        assert_eq!(plain.rows, [(vec![1.0, 2.0], 0.0), (vec![3.0, 4.0], 1.0)]);
        assert_eq!((plain.class(0), plain.class(1)), (0, 1));
        let named = read("x,y,class\n1,2,b\n3,4,g\n", &Target::Class(None)).unwrap();
        assert_eq!((&named.rows, named.has_header(), plain.has_header()), (&plain.rows, true, false));
        let pandas = read(",x,class\n1,2,b\n3,4,g\n", &Target::Class(None)).unwrap();
        assert_eq!((&pandas.rows, pandas.has_header()), (&plain.rows, true));
        let swapped = Target::Class(Some(["g".into(), "b".into()]));
        assert_eq!(read("1,2,b\n3,4,g\n", &swapped).unwrap().rows[0].1, 1.0);
        assert_eq!(read("1,0.5\n", &Target::Number).unwrap().rows, [(vec![1.0], 0.5)]);
    }

    /// As pandas writes columns without names.
    #[test]
    fn numbers_of_columns_are_a_header_if_the_target_is_a_word_before_numbers() {
        let rows = "1,2,0\n3,4,1\n5,6,1\n";
        let plain = read(rows, &Target::Any).unwrap();
        for target in [Target::Any, Target::Class(None), Target::Class(Some(["0".into(), "1".into()]))] {
            let counted = read(&format!("0,1,target\n{rows}"), &target).unwrap();
            assert_eq!((&counted.rows, counted.has_header()), (&plain.rows, true), "{target:?}");
        }
        assert_eq!(read(&format!("0,1,target\n{rows}"), &Target::Number).unwrap().rows.len(), 3);
        let fail = |text: &str, target| read(text, target).unwrap_err();
        let expected = "row 1, column 3: expected a number as in all other rows, or --classes with it (no header, as that has no numbers), found `target`";
        assert_eq!(fail(&format!("2020,2021,target\n{rows}"), &Target::Any), expected);
        // A class, as its name is given.
        let named = Target::Classes(Some(["target".into(), "0".into(), "1".into()].into()));
        assert_eq!(read(&format!("0,1,target\n{rows}"), &named).unwrap().rows[0], (vec![0.0, 1.0], 0.0));
    }

    /// What may be a header or data is left to the caller, where the caller can say it.
    #[test]
    fn numbers_of_columns_before_a_class_that_no_other_row_has_are_refused() {
        let rows = "1,2,0\n3,4,1\n5,6,1\n";
        let words = rows.replace(",0\n", ",b\n").replace(",1\n", ",g\n");
        for (text, label) in [(format!("0,1,2\n{rows}"), "2"), (format!("0,1,class\n{words}"), "class")] {
            for target in [Target::Any, Target::Class(None)] {
                let expected = "a class that other rows have, or --classes with it (row 1 has the numbers of its columns, as a header may)";
                let error = read(&text, &target).unwrap_err();
                assert_eq!(error, format!("row 1, column 3: expected {expected}, found `{label}`"));
            }
        }
        let named = Target::Classes(Some(["0".into(), "1".into(), "2".into()].into()));
        let data = read(&format!("0,1,2\n{rows}"), &named).unwrap();
        assert!(data.rows.len() == 4 && data.notes().is_empty());
        // Data, by all that is known: numbers, a class of others too, and classes of one row each.
        for text in ["0,1,2\n1,2,0.5\n2,3,4\n", "0,1,2\n1,2,0\n2,0,2\n0,0,0\n", "0,1,2\n1,2,3\n2,3,4\n"] {
            let data = read(text, &Target::Any).unwrap();
            assert_eq!(data.rows[0].0, [0.0, 1.0]);
            assert_eq!(
                data.notes(),
                ["row 1 has the numbers of its columns and is taken for data: a header has to go"]
            );
        }
        for text in ["0,1\n1,2\n2,2\n", "0,1,1\n1,0,1\n1,1,0\n", "1,2,3\n1,2,2\n2,3,2\n"] {
            assert!(read(text, &Target::Any).unwrap().notes().is_empty(), "{text}");
        }
    }

    #[test]
    fn lines_end_in_any_of_three_ways() {
        for end in ["\n", "\r\n", "\r"] {
            for (rows, row) in [(["1,2,b", "3,x,g", ""], 2), (["1,2,b", "", "3,x,g"], 3)] {
                let error = read(&rows.join(end), &Target::Any).unwrap_err();
                assert_eq!(error, format!("row {row}, column 2: expected a finite number, found `x`"), "{end:?}");
            }
        }
    }

    #[test]
    fn names_row_and_column_of_what_is_wrong() {
        let cases = [
            ("", "row 1, column 1: expected at least one row of features and a target, found the end of the file"),
            ("a,b\n", "row 2, column 1: expected at least one row of features and a target, found the end of the file"),
            ("1,2,b\n3,g\n", "row 2, column 3: expected 3 columns, found the end of the row"),
            ("1,b\n3,4,g\n", "row 2, column 3: expected the end of the row, after 2 columns, found `g`"),
            ("1,2,b\n3,x,g\n", "row 2, column 2: expected a finite number, found `x`"),
            ("1,2,b\n3,NaN,g\n", "row 2, column 2: expected a finite number, found `NaN`"),
            ("1,2,b\n3,4,\n", "row 2, column 3: expected a target, found nothing"),
            ("1,2,b\n\n\n3,x,g\n", "row 4, column 2: expected a finite number, found `x`"),
            ("1,2,b\n3,\"a\nb\",g\n", "row 2, column 2: expected LINE, found a line break"),
            ("1,2,b\n3,4,\"g\n5,6,b\n", "row 2, column 3: expected LINE, found a line break"),
            ("1,2,b\n3,4,\"g\n", "row 2, column 3: expected LINE, found a line break"),
            // Two that stand for each other's end.
            ("1,2,b\n3,4,\"g\n5,6,b\n7,8,\"g\n9,0,b\n", "row 2, column 3: expected LINE, found a line break"),
            (
                "x,2020,c\n1,2,b\n",
                "row 1, column 1: expected a finite number (no header, as column 2 is a number), found `x`",
            ),
            (
                "1,x,b\n1,2,g\n",
                "row 1, column 2: expected a finite number (no header, as column 1 is a number), found `x`",
            ),
            (",2,b\n1,2,g\n", "row 1, column 1: expected a finite number, found nothing"),
            (",,b\n1,2,g\n", "row 1, column 1: expected a finite number, found nothing"),
            ("inf,2,b\n1,x,g\n", "row 1, column 1: expected a finite number, found `inf`"),
            ("1,2,b\n,4,g\n", "row 2, column 1: expected a finite number, found nothing"),
            ("1,2,b\n3,4,g\n5,6,gg\n", "row 3, column 3: expected class `b` or `g`, found `gg`"),
            ("1,2,b\n3,4,b\n", "row 1, column 3: expected two classes in the last column, found one"),
            (
                "1\n",
                "row 1, column 2: expected at least one feature and a target, with a comma between them, found the end of the row",
            ),
            ("1,2,0\n3,4,1\n5,6,N/A\n", "row 3, column 3: expected a finite number, or --classes with it, found `N/A`"),
            ("1,2,0\n3,4,1\n5,6,nan\n", "row 3, column 3: expected a finite number, or --classes with it, found `nan`"),
        ];
        for (text, expected) in cases {
            let expected = expected.replace("LINE", "the end of the cell, or its closing quote, within the line");
            assert_eq!(read(text, &Target::Class(None)).unwrap_err(), expected, "{text:?}");
        }
        let missing = Csv::read(Path::new("/no/such/file.csv"), &Target::Number).unwrap_err();
        assert_eq!(missing.expected, "a readable file");
    }
}
