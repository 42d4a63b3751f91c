//! What a CSV's first row is: names of the columns, or data.

use super::labels::{Target, alone, once};

/// What the first row's features look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// Names, of which some may be empty: pandas' index has none.
    Header,
    /// Names and numbers, the first of them in this column: a header with a year, or data with a typo.
    Mixed {
        number: usize,
    },
    /// 0, 1, 2 and so on: the header that pandas writes of columns without names, or data. The target tells.
    Counted {
        columns: usize,
    },
    Data,
}

impl First {
    pub(super) fn of(cells: &[&str]) -> Self {
        let is_number = |cell: &&str| cell.parse::<f32>().is_ok();
        let named = cells.iter().any(|cell| !cell.is_empty() && !is_number(cell));
        match cells.iter().position(is_number) {
            Some(column) if named => Self::Mixed { number: column + 1 },
            None if named => Self::Header,
            Some(_) if cells.iter().enumerate().all(|(column, cell)| *cell == column.to_string()) => {
                Self::Counted { columns: cells.len() }
            }
            _ => Self::Data,
        }
    }

    /// Whether it is a header, by the cells of the last column, its own the first.
    pub(super) fn is_header(self, target: &Target, cells: &[&str]) -> bool {
        match self {
            Self::Header => true,
            Self::Counted { .. } => alone(target, cells),
            Self::Mixed { .. } | Self::Data => false,
        }
    }

    /// Where it is no header: what is to be said, or what is expected as the target of what may yet be one.
    pub(super) fn as_data(
        self,
        target: &Target,
        cells: &[&str],
        has_classes: bool,
    ) -> Result<Option<&'static str>, &'static str> {
        if target.is_named() {
            return Ok(None);
        }
        if *target != Target::Number && alone(target, cells) {
            return Err("a number as in all other rows, or --classes with it (no header, as that has no numbers)");
        }
        match self {
            // One feature is counted too easily.
            Self::Counted { columns: 2.. } if has_classes && once(cells) => Err(
                "a class that other rows have, or --classes with it (row 1 has the numbers of its columns, as a header may)",
            ),
            Self::Counted { columns: columns @ 2.. }
                if cells.first().is_some_and(|cell| *cell == columns.to_string()) =>
            {
                Ok(Some("row 1 has the numbers of its columns and is taken for data: a header has to go"))
            }
            _ => Ok(None),
        }
    }

    /// What a feature has to be that is none.
    pub(super) fn expected(self, in_first_row: bool) -> String {
        match self {
            Self::Mixed { number } if in_first_row => {
                format!("a finite number (no header, as column {number} is a number)")
            }
            _ => "a finite number".into(),
        }
    }
}

/// What is to be said of a header with these names of features.
pub(super) fn notes(first: First, names: &[&str]) -> Vec<String> {
    let what = if matches!(first, First::Counted { .. }) { "the numbers of its columns" } else { "no numbers" };
    let mut notes = vec![format!("row 1 has {what} and is taken for a header")];
    let mut unnamed = (1..).zip(names).filter(|(_, name)| name.is_empty()).map(|(column, _)| column);
    if let Some(column) = unnamed.next() {
        notes.push(match unnamed.count() {
            0 => format!("column {column} has no name and is taken for a feature"),
            more => format!("column {column} and {more} more have no names and are taken for features"),
        });
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_without_names_are_told() {
        let notes = |names: &[&str]| notes(First::of(names), names).join("; ");
        assert_eq!(notes(&["x", "y"]), "row 1 has no numbers and is taken for a header");
        assert_eq!(notes(&["0", "1"]), "row 1 has the numbers of its columns and is taken for a header");
        assert!(notes(&["", "x"]).ends_with("; column 1 has no name and is taken for a feature"));
        assert!(notes(&["x", "", "", ""]).ends_with("; column 2 and 2 more have no names and are taken for features"));
    }

    #[test]
    fn numbers_of_columns_begin_at_0_and_leave_none_out() {
        assert_eq!(First::of(&["0", "1", "2"]), First::Counted { columns: 3 });
        for data in [&["1", "2"][..], &["0", "2"], &["0", "1.0"], &["0", ""], &["", ""], &[]] {
            assert_eq!(First::of(data), First::Data, "{data:?}");
        }
    }
}
