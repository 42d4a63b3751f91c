//! The file of a training run: TOML whose keys are the options of `microfit train`.
//!
//! ```toml
//! schedule = "warmup(0.1, 45).then(cosine(0.1, 0, 405))"
//! epochs = 50
//! hidden = [16, 8]
//! online = false
//! ```
//!
//! The file is turned into the options it stands for, in front of those on the command line, so that both are read and
//! checked by the same code and the command line wins.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, Command, value_parser};
use toml::Value;

use crate::commands::train::Train;
use crate::error::Error;

const OPTION: &str = "--config";

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What was expected, what was found, and where.
    pub reason: String,
}

/// The command line with the options in the file behind `train --config FILE`.
///
/// # Errors
/// [`Error::Config`] for a file that cannot be read, or a value no option can have.
pub fn expand(arguments: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let (at, path) = match arguments.iter().position(|argument| argument.to_string_lossy().starts_with(OPTION)) {
        None => return Ok(arguments),
        Some(at) => match attached(&arguments[at]) {
            Some(path) => (at..=at, path),
            // Without a value the command line says what is missing.
            None => match arguments.get(at + 1) {
                Some(path) if arguments[at] == OPTION => (at..=at + 1, PathBuf::from(path)),
                _ => return Ok(arguments),
            },
        },
    };
    let mut others = arguments.clone();
    others.drain(at);
    let Some(train) = others.iter().position(|argument| argument == "train") else { return Ok(arguments) };
    if others.iter().any(|argument| argument.to_string_lossy().starts_with(OPTION)) {
        return Err(ConfigError { path, reason: "expected one --config, found another".into() }.into());
    }
    let rest = others.split_off(train + 1);
    // It stays, as a file that no result may take the place of.
    let mut config = OsString::from("--config=");
    config.push(&path);
    others.push(config);
    let wins: BTreeSet<&str> = rest.iter().filter_map(|argument| long(argument)).collect();
    others.extend(read(&path, &wins)?.into_iter().map(OsString::from).chain(rest.iter().cloned()));
    Ok(others)
}

/// The path in `--config=PATH`, cut off by the parser of the command line: it may be no Unicode.
fn attached(argument: &OsStr) -> Option<PathBuf> {
    let config = Arg::new("config").long("config").require_equals(true).value_parser(value_parser!(PathBuf));
    let command = Command::new("config").no_binary_name(true).arg(config);
    command.try_get_matches_from([argument]).ok()?.remove_one("config")
}

/// The option that an argument names.
fn long(argument: &OsStr) -> Option<&str> {
    let option = argument.to_str()?.strip_prefix("--")?;
    Some(option.split_once('=').map_or(option, |(name, _)| name))
}

/// The options in a file but for those that cannot be used with one that wins.
fn read(path: &Path, wins: &BTreeSet<&str>) -> Result<Vec<String>, ConfigError> {
    let fail = |reason: String| ConfigError { path: path.into(), reason };
    let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(one_line(&error, &text)))?;
    let train = Train::augment_args(Command::new("train"));
    let known = keys(&train);
    let mut options = Vec::new();
    for (key, value) in &table {
        let Some(is_flag) = known.get(key) else {
            let known: Vec<_> = known.into_keys().collect();
            return Err(fail(format!("expected keys of {}, found `{key}`", known.join(", "))));
        };
        let expected = if *is_flag { "true or false" } else { "text, a number or a list" };
        let wrong = || fail(format!("{key}: expected {expected}, found {}", kind(value)));
        let option = match value {
            Value::Boolean(true) if *is_flag => Some(format!("--{key}")),
            Value::Boolean(false) if *is_flag => None,
            _ if *is_flag => return Err(wrong()),
            Value::Array(values) => {
                let words: Result<Vec<String>, String> = values.iter().map(element).collect();
                let words = words.map_err(|wrong| fail(format!("{key}: expected {wrong}")))?;
                Some(format!("--{key}={}", words.join(",")))
            }
            value => {
                let word = word(value).ok_or_else(wrong)?;
                Some(format!("--{key}={word}"))
            }
        };
        options.extend(option.filter(|_| !is_beaten(&train, key, wins)));
    }
    Ok(options)
}

/// What a file may say: the options but for this one, and whether they are flags.
fn keys(train: &Command) -> BTreeMap<String, bool> {
    let option = |argument: &Arg| {
        let long = argument.get_long().filter(|long| *long != "config")?;
        Some((long.to_owned(), matches!(argument.get_action(), ArgAction::SetTrue)))
    };
    train.get_arguments().filter_map(option).collect()
}

/// Whether an option cannot be used with one that wins, whichever of them says so.
fn is_beaten(train: &Command, key: &str, wins: &BTreeSet<&str>) -> bool {
    let option = |long: &str| train.get_arguments().find(|argument| argument.get_long() == Some(long));
    let excludes = |one: &Arg, other: &Arg| train.get_arg_conflicts_with(one).contains(&other);
    option(key).is_some_and(|key| {
        wins.iter().filter_map(|long| option(long)).any(|wins| excludes(key, wins) || excludes(wins, key))
    })
}

/// What a value is, with its article.
fn kind(value: &Value) -> String {
    let kind = value.type_str();
    format!("{} {kind}", if kind.starts_with(['a', 'i']) { "an" } else { "a" })
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A value in a list, else what was expected and found. The command line has commas between values, so there is none in one.
fn element(value: &Value) -> Result<String, String> {
    let Some(word) = word(value) else {
        return Err(format!("a list of words or numbers, found {} in it", kind(value)));
    };
    if word.contains(',') {
        return Err(format!("values without a comma in a list, found `{word}`"));
    }
    Ok(word)
}

/// Line, column and message; the library's own text is a page.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!("row {line}, column {column}: {}", error.message().replace('\n', ", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn expanded(text: &str, before: &[&str], after: &[&str]) -> Result<Vec<String>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let all = [&["microfit", "train"], before, &[OPTION, path], after].concat();
        match expand(all.into_iter().map(OsString::from)) {
            Ok(words) => {
                let mut words: Vec<String> = words.into_iter().map(|word| word.into_string().unwrap()).collect();
                assert_eq!(words.remove(2), format!("--config={path}"));
                Ok(words)
            }
            Err(error) => Err(error.to_string().split_once(": ").unwrap().1.to_owned()),
        }
    }

    #[test]
    fn stands_in_front_of_the_command_line() {
        let words = expanded("epochs = 3\nhidden = [16, 8]\nonline = true\n", &["--split", "last"], &["--seed", "1"]);
        let expected =
            ["microfit", "train", "--epochs=3", "--hidden=16,8", "--online", "--split", "last", "--seed", "1"];
        assert_eq!(words.unwrap(), expected);
        assert_eq!(expanded("momentum = 0.5\nonline = false\n", &[], &[]).unwrap()[2..], ["--momentum=0.5"]);
    }

    #[test]
    fn what_cannot_be_used_with_the_command_line_is_left_out() {
        let left = |text: &str, after: &[&str]| expanded(text, &[], after).unwrap()[2..].join(" ");
        assert_eq!(left("clip-norm = 1.0\nepochs = 3\n", &["--clip-value", "1"]), "--epochs=3 --clip-value 1");
        assert_eq!(left("clip-value = 1.0\n", &["--global-clip-norm=1"]), "--global-clip-norm=1");
        assert_eq!(left("online = true\n", &["--optimizer", "adam"]), "--optimizer adam");
        assert_eq!(left("batch = 4\noptimizer = \"adam\"\n", &["--online"]), "--online");
        assert_eq!(left("init = \"zeros\"\n", &["--from", "x"]), "--from x");
        // What is left out is checked all the same; of two keys in the file, neither wins.
        assert!(expanded("online = 3\n", &[], &["--optimizer", "adam"]).is_err());
        assert_eq!(left("clip-norm = 1\nclip-value = 2\n", &[]), "--clip-norm=1 --clip-value=2");
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(
            expanded("[epochs]\n", &[], &[]).unwrap_err(),
            "epochs: expected text, a number or a list, found a table"
        );
        let wrong = |text: &str| expanded(text, &[], &[]).unwrap_err();
        assert_eq!(wrong("epochs = false\n"), "epochs: expected text, a number or a list, found a boolean");
        assert_eq!(wrong("hidden = [16, [8]]\n"), "hidden: expected a list of words or numbers, found an array in it");
        let comma = wrong("classes = [\"c\", \"a,b\"]\n");
        assert_eq!(comma, "classes: expected values without a comma in a list, found `a,b`");
        assert_eq!(wrong("online = 1\n"), "online: expected true or false, found an integer");
        assert_eq!(wrong("online = \"yes\"\n"), "online: expected true or false, found a string");
        assert_eq!(
            expanded("epochs = 3\n", &[OPTION, "other.toml"], &[]).unwrap_err(),
            "expected one --config, found another"
        );
        for key in ["epoch", "config", "help"] {
            let error = expanded(&format!("{key} = 3\n"), &[], &[]).unwrap_err();
            assert!(error.starts_with("expected keys of activation, batch, class-weights, "), "{error}");
            assert!(error.ends_with(&format!(", validation, weight-decay, found `{key}`")), "{error}");
        }
        let error = expanded("epochs = 3\nseed = = 4\n", &[], &[]).unwrap_err();
        assert!(error.starts_with("row 2, column 8: "), "{error}");
    }
}
