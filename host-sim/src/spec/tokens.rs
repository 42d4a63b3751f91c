//! From characters to tokens.

use super::SpecError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    Text(String),
    Number(f64),
    Sign(char),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// From 1, in characters.
    pub(super) column: usize,
}

impl Kind {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Text(text) => format!("\"{text}\""),
            Self::Number(number) => format!("`{number}`"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

pub(super) fn tokens(spec: &str) -> Result<Vec<Token>, SpecError> {
    let chars: Vec<char> = spec.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        let begin = at;
        let error = |expected: &str, found: String| SpecError {
            spec: spec.to_owned(),
            column: begin + 1,
            expected: expected.to_owned(),
            found,
        };
        let run = |from: usize, more: &dyn Fn(usize, char) -> bool| {
            (from..chars.len()).find(|&i| !more(i, chars[i])).unwrap_or(chars.len())
        };
        let text = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
        let kind = if first.is_whitespace() {
            at += 1;
            continue;
        } else if first.is_ascii_digit() || (first == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)) {
            at = run(at, &|i, c| {
                let exponent = i > begin && matches!(chars[i - 1], 'e' | 'E');
                c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '_') || (exponent && matches!(c, '+' | '-'))
            });
            let number = text(begin, at);
            Kind::Number(number.replace('_', "").parse().map_err(|_| error("a number", format!("`{number}`")))?)
        } else if first.is_alphabetic() || first == '_' {
            at = run(at, &|_, c| c.is_alphanumeric() || c == '_');
            Kind::Word(text(begin, at))
        } else if first == '"' || first == '\'' {
            let end = run(at + 1, &|_, c| c != first);
            if end == chars.len() {
                return Err(error("a closing quote", "the end".to_owned()));
            }
            at = end + 1;
            Kind::Text(text(begin + 1, end))
        } else if "()[],=.+-*".contains(first) {
            at += 1;
            Kind::Sign(first)
        } else {
            return Err(error("a schedule", format!("`{first}`")));
        };
        tokens.push(Token { kind, column: begin + 1 });
    }
    tokens.push(Token { kind: Kind::End, column: chars.len() + 1 });
    Ok(tokens)
}
