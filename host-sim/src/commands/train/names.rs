//! Options whose value is a name, some with a number in parentheses: `relu`, `huber(0.5)`.

/// Whether a name has a number in parentheses.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// It has none.
    None,
    /// It may have one, which is called so and otherwise is this.
    Or(&'static str, f32),
    /// It has one, which is called so.
    Needed(&'static str),
}

/// A name, its number, and what it stands for.
pub(super) struct Choice<T> {
    name: &'static str,
    number: Number,
    make: fn(f32) -> Result<T, microfit::Error>,
}

impl<T> Choice<T> {
    pub(super) const fn new(name: &'static str, number: Number, make: fn(f32) -> Result<T, microfit::Error>) -> Self {
        Self { name, number, make }
    }

    fn shown(&self) -> String {
        match self.number {
            Number::None => self.name.to_owned(),
            Number::Or(number, default) => format!("{}({number}={default})", self.name),
            Number::Needed(number) => format!("{}({number}=..)", self.name),
        }
    }
}

/// What `text` stands for; `_` and `-` are the same, so that Keras' spelling is understood.
pub(super) fn parse<T>(text: &str, names: &[Choice<T>]) -> Result<T, String> {
    let text = text.trim();
    let (name, number) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((name, number)) => (name.trim_end(), Some(number.trim())),
        None => (text, None),
    };
    let spelled = name.replace('_', "-");
    let Some(entry) = names.iter().find(|entry| entry.name == spelled) else {
        let known: Vec<_> = names.iter().map(Choice::shown).collect();
        return Err(format!("expected one of {}, found `{text}`", known.join(", ")));
    };
    let refuse = || format!("expected {}, found `{text}`", entry.shown());
    let value = match (entry.number, number) {
        (Number::None, None) => 0.0,
        (Number::Or(_, default), None) => default,
        // With its name or without, as a schedule's.
        (Number::Or(called, _) | Number::Needed(called), Some(number)) => {
            let value = match number.split_once('=') {
                Some((word, value)) if word.trim_end() == called => value.trim_start(),
                _ => number,
            };
            value.parse().map_err(|_| refuse())?
        }
        (Number::None, Some(_)) | (Number::Needed(_), None) => return Err(refuse()),
    };
    (entry.make)(value).map_err(|error| error.to_string())
}

/// One value for all layers, or one for each.
///
/// A type of its own, because of a list on the command line and one in the file the former has to win, where clap would
/// take both together.
#[derive(Debug, Clone, PartialEq)]
pub struct Each<T>(Vec<T>);

impl<T> Each<T> {
    /// What stands between commas.
    pub(super) fn parse(text: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Self, String> {
        text.split(',').map(|word| one(word.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// The value of hidden layer `layer` of `layers`.
    pub(crate) fn of(&self, option: &'static str, layer: usize, layers: usize) -> Result<&T, crate::error::Error> {
        match self.0.as_slice() {
            [one] => Ok(one),
            each if each.len() == layers && layer < layers => Ok(&each[layer]),
            each => Err(crate::error::Error::Option {
                option,
                expected: format!("1 value, or 1 for each of the {layers} hidden layers"),
                found: each.len().to_string(),
            }),
        }
    }
}

/// A number, finite.
pub(super) fn number(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|value: &f32| value.is_finite())
        .ok_or_else(|| format!("expected a number, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[Choice<f32>] = &[
        Choice::new("plain", Number::None, |_| Ok(9.0)),
        Choice::new("two-words", Number::Or("slope", 0.5), Ok),
        Choice::new("needs", Number::Needed("value"), Ok),
    ];

    #[test]
    fn a_name_may_have_a_number() {
        assert_eq!(parse(" plain", NAMES), Ok(9.0));
        assert_eq!(parse("two_words", NAMES), Ok(0.5));
        assert_eq!(parse("two-words( 2 )", NAMES), Ok(2.0));
        assert_eq!(parse("needs(-1)", NAMES), Ok(-1.0));
        assert_eq!(parse("two-words(slope=2)", NAMES), Ok(2.0));
        assert_eq!(parse("needs( value = -1 )", NAMES), Ok(-1.0));
    }

    #[test]
    fn what_is_not_understood_is_told_what_is() {
        let cases = [
            ("other", "expected one of plain, two-words(slope=0.5), needs(value=..), found `other`"),
            ("plain(1)", "expected plain, found `plain(1)`"),
            ("needs", "expected needs(value=..), found `needs`"),
            ("needs(slope=1)", "expected needs(value=..), found `needs(slope=1)`"),
            ("two-words(x)", "expected two-words(slope=0.5), found `two-words(x)`"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, NAMES), Err(expected.to_owned()));
        }
    }

    #[test]
    fn one_for_all_or_one_each() {
        let each = Each::parse("1, 2", number).unwrap();
        assert_eq!((each.of("--dropout", 0, 2).unwrap(), each.of("--dropout", 1, 2).unwrap()), (&1.0, &2.0));
        assert_eq!(Each::parse("3", number).unwrap().of("--dropout", 4, 5).unwrap(), &3.0);
        let error = each.of("--dropout", 0, 3).unwrap_err().to_string();
        assert_eq!(error, "--dropout: expected 1 value, or 1 for each of the 3 hidden layers, found 2");
        assert_eq!(Each::parse("1,x", number), Err("expected a number, found `x`".to_owned()));
    }
}
