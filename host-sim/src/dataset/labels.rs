//! What a CSV's last column is.

use std::collections::BTreeSet;

use super::number;

/// What a CSV's last column is. Classes that are numbers are the same if their values are: `1` and `1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One of two classes: the first counts as 0, the second as 1. `None` takes the first two that differ, in
    /// alphabetical order.
    Class(Option<[String; 2]>),
    /// One of any number of classes, each of which counts as its index. `None` takes all there are, in numerical order
    /// if all are numbers, else in alphabetical order.
    Classes(Option<Vec<String>>),
    /// A number.
    Number,
    /// What it looks like: numbers if there are more than two and one of them is not whole, else classes.
    Any,
}

impl Target {
    /// Whether it names classes.
    pub(super) const fn is_named(&self) -> bool {
        matches!(self, Self::Class(Some(_)) | Self::Classes(Some(_)))
    }

    fn names(&self, cell: &str) -> bool {
        let named: &[String] = match self {
            Self::Class(Some(classes)) => classes,
            Self::Classes(Some(classes)) => classes,
            _ => &[],
        };
        named.iter().any(|class| key(class) == key(cell))
    }
}

/// The classes in the order of their indices, none for numbers; `None` if there is only one.
pub(super) fn classes(target: &Target, cells: &[&str]) -> Option<Vec<String>> {
    match target {
        Target::Class(Some(classes)) => return Some(classes.to_vec()),
        Target::Classes(Some(classes)) => return Some(classes.clone()),
        Target::Class(None) => return first_two(cells),
        Target::Number => return Some(Vec::new()),
        Target::Classes(None) | Target::Any => {}
    }
    let mut classes: Vec<&str> = cells.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut keys = BTreeSet::new();
    // Of several spellings of a number the alphabetically first.
    classes.retain(|class| keys.insert(key(class)));
    let numbers: Vec<Option<f32>> = classes.iter().map(|class| number(class)).collect();
    match (target, classes.len()) {
        (_, ..2) => return None,
        (Target::Any, 2) => {}
        (Target::Any, _) if numbers.iter().flatten().any(|number| number.fract() != 0.0) => return Some(Vec::new()),
        _ if numbers.iter().all(Option::is_some) => {
            let value = |class: &&str| value(class).unwrap_or(f64::NAN);
            classes.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        _ => {}
    }
    Some(classes.into_iter().map(str::to_owned).collect())
}

/// The first two cells that differ, in alphabetical order.
fn first_two(cells: &[&str]) -> Option<Vec<String>> {
    let first = *cells.first()?;
    let second = *cells.iter().find(|cell| key(cell) != key(first))?;
    Some(vec![first.min(second).to_owned(), first.max(second).to_owned()])
}

/// What a cell reads as, NaN and infinities included. Not as an f32, in which numbers of more than seven digits, such as identifiers,
/// would be the same.
fn value(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// What cells of one class have in common: a number's value, else the text.
pub(crate) fn key(cell: &str) -> Result<u64, &str> {
    // 0 and -0 are one number.
    value(cell).filter(|value| value.is_finite()).map(|value| (value + 0.0).to_bits()).ok_or(cell)
}

/// What programs write where there is no value, beside NaN and nothing at all; in lower case.
const MISSING: [&str; 11] = ["?", "-", ".", "na", "n/a", "#n/a", "#na", "<na>", "null", "none", "missing"];

fn is_missing(cell: &str) -> bool {
    MISSING.contains(&&*cell.to_lowercase())
}

/// Whether all cells are numbers, or stand for one that is missing.
fn are_numbers(cells: &[&str]) -> bool {
    cells.iter().any(|cell| value(cell).is_some()) && cells.iter().all(|cell| value(cell).is_some() || is_missing(cell))
}

/// The first cell that stands for no number, such as NaN, among cells that all are numbers; unless classes are named, and it may be one.
pub(super) fn missing(target: &Target, cells: &[&str]) -> Option<usize> {
    if target.is_named() || !are_numbers(cells) {
        return None;
    }
    cells.iter().position(|cell| value(cell).is_none_or(|value| !value.is_finite()))
}

/// Whether the first cell is a word, and none that is named, before numbers only: the name of their column.
pub(super) fn alone(target: &Target, cells: &[&str]) -> bool {
    cells.split_first().is_some_and(|(first, rest)| {
        let is_word = !first.is_empty() && value(first).is_none() && !is_missing(first);
        is_word && !target.names(first) && are_numbers(rest)
    })
}

/// Whether the first cell's class has no other, while some of the other cells are of one class.
pub(super) fn once(cells: &[&str]) -> bool {
    cells.split_first().is_some_and(|(first, rest)| {
        let classes: BTreeSet<_> = rest.iter().map(|cell| key(cell)).collect();
        !classes.contains(&key(first)) && classes.len() < rest.len()
    })
}

/// The classes in words.
pub(super) fn alternatives(classes: &[String]) -> String {
    let quoted: Vec<String> = classes.iter().map(|class| format!("`{class}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) => format!("class {} or {last}", rest.join(", ")),
        None => "a class".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(target: &Target, cells: &[&str]) -> Option<String> {
        classes(target, cells).map(|classes| classes.join(" "))
    }

    #[test]
    fn classes_are_sorted_as_numbers_or_as_words() {
        let any = |cells: &[&str]| found(&Target::Any, cells);
        assert_eq!(any(&["10", "9", "2", "9"]).unwrap(), "2 9 10");
        assert_eq!(any(&["10", "9", "b", "9"]).unwrap(), "10 9 b");
        assert_eq!(any(&["setosa", "virginica", "other"]).unwrap(), "other setosa virginica");
        // Two are what they always were.
        assert_eq!(any(&["9", "10", "9"]).unwrap(), "10 9");
        assert_eq!(any(&["0.5", "1.5", "0.5"]).unwrap(), "0.5 1.5");
        assert_eq!(any(&["a", "a"]), None);
        assert_eq!(found(&Target::Classes(None), &["9", "10", "1.5"]).unwrap(), "1.5 9 10");
        assert_eq!(found(&Target::Class(None), &["g", "b", "h"]).unwrap(), "b g");
    }

    #[test]
    fn classes_that_are_numbers_are_the_same_by_value() {
        let any = |cells: &[&str]| found(&Target::Any, cells);
        assert_eq!(any(&["0", "1", "0.0", "1.0", "-0", "1e0"]).unwrap(), "-0 1");
        assert_eq!(any(&["2.0", "10", "2", "9"]).unwrap(), "2 9 10");
        assert_eq!(any(&["1", "1.0"]), None);
        assert_eq!(found(&Target::Class(None), &["1", "1.0", "0"]).unwrap(), "0 1");
        assert!(key("1.0") == key("1") && key("b") == key("b") && key("b") != key("B") && key("nan") != key("NaN"));
        let of_any = |cells: &[&str]| missing(&Target::Any, cells);
        assert_eq!((of_any(&["0", "NaN", "1"]), of_any(&["nan", "one"]), of_any(&["0", "1"])), (Some(1), None, None));
        for word in ["NA", "N/A", "?", "null", "None", "<NA>", "-"] {
            assert_eq!((of_any(&["0", word, "1"]), of_any(&["a", word, "1"])), (Some(1), None), "{word}");
        }
        assert_eq!(of_any(&["0", "1e300"]), None);
        let named = Target::Class(Some(["0".into(), "nan".into()]));
        assert_eq!(missing(&named, &["0", "nan"]), None);
        // Equal as f32.
        assert_eq!(any(&["16777216", "16777217"]).unwrap(), "16777216 16777217");
    }

    #[test]
    fn numbers_are_known_by_one_that_is_not_whole() {
        let any = |cells: &[&str]| classes(&Target::Any, cells).unwrap();
        assert!(any(&["1", "2", "2.5"]).is_empty());
        assert!(any(&["1", "x", "2.5"]).is_empty(), "the wrong cell is then named");
        assert_eq!(any(&["1", "2.0", "-3"]).len(), 3);
    }

    #[test]
    fn alternatives_are_a_sentence() {
        assert_eq!(alternatives(&["b".into(), "g".into()]), "class `b` or `g`");
        assert_eq!(alternatives(&["a".into(), "b".into(), "c".into()]), "class `a`, `b` or `c`");
    }
}
