//! A call's arguments, by the names of its parameters.

use super::{Driven, DynSchedule};
use microfit::Error;
use microfit::schedule::{Finite, Schedule};

/// A schedule as the parser holds it: copyable, so that every combinator takes it.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) schedule: &'static DynSchedule,
    /// Where it ends, if it does.
    pub(super) steps: Option<u32>,
}

/// What a call makes.
pub(super) enum Made {
    Schedule(Node),
    Driven(Box<dyn Driven>),
}

/// Why it makes nothing.
pub(super) enum Refused {
    /// An argument of another kind than this.
    Kind { parameter: &'static str, expected: String },
    /// What the constructor says.
    Value(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Value(error)
    }
}

pub(super) type Result<T> = std::result::Result<T, Refused>;

#[derive(Clone)]
pub(super) enum Value {
    Number(f64),
    Flag(bool),
    Word(String),
    Nothing,
    List(Vec<Value>),
    Schedule(Node),
}

impl Value {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Number(number) => format!("`{number}`"),
            Self::Flag(flag) => format!("`{flag}`"),
            Self::Word(word) => format!("`{word}`"),
            Self::Nothing => "`none`".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Schedule(_) => "a schedule".to_owned(),
        }
    }
}

/// What constructors call a parameter that the table, or its default, has under another name.
const ALIASES: [(&str, &str); 2] = [("over", "steps"), ("stable_timescale", "warmup_t")];

/// One value a parameter, in the parameters' order.
pub(super) struct Arguments(pub(super) Vec<(&'static str, Value)>);

impl Arguments {
    fn value(&self, parameter: &'static str) -> &Value {
        // The table's tests call every entry, so a name that is not there does not get past them.
        let found = self.0.iter().find(|(name, _)| *name == parameter);
        found.map_or_else(|| panic!("the table has no parameter {parameter}"), |(_, value)| value)
    }

    /// The parameter a constructor refuses under this name: of that name or another one for it, if possible with the value found,
    /// as a constructor may give one of its parameters to another one under the name of a third.
    pub(super) fn called(&self, name: &'static str, found: f32) -> &'static str {
        let aliases = ALIASES.iter().filter(|(known, _)| *known == name).map(|(_, alias)| *alias);
        let names: Vec<&'static str> = std::iter::once(name).chain(aliases).collect();
        let first = |is: &dyn Fn(&Value) -> bool| {
            names.iter().copied().find(|name| self.0.iter().any(|(own, value)| own == name && is(value)))
        };
        first(&|value| number(value).is_some_and(|value| value as f32 == found))
            .or_else(|| first(&|value| !matches!(value, Value::Nothing)))
            .unwrap_or(name)
    }

    fn take<T>(&self, parameter: &'static str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T> {
        read(self.value(parameter)).ok_or_else(|| Refused::Kind { parameter, expected: expected.to_owned() })
    }

    pub(super) fn number(&self, parameter: &'static str) -> Result<f64> {
        self.take(parameter, "a number", number)
    }

    pub(super) fn steps(&self, parameter: &'static str) -> Result<u32> {
        self.take(parameter, "a whole number of at least 0", steps)
    }

    pub(super) fn maybe(&self, parameter: &'static str) -> Result<Option<f64>> {
        if let Value::Nothing = self.value(parameter) {
            return Ok(None);
        }
        self.take(parameter, "a number or none", number).map(Some)
    }

    pub(super) fn maybe_steps(&self, parameter: &'static str) -> Result<Option<u32>> {
        if let Value::Nothing = self.value(parameter) {
            return Ok(None);
        }
        self.take(parameter, "a whole number or none", steps).map(Some)
    }

    pub(super) fn flag(&self, parameter: &'static str) -> Result<bool> {
        self.take(parameter, "true or false", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    /// One of the words, and what it stands for.
    pub(super) fn word<T: Copy>(&self, parameter: &'static str, words: &[(&str, T)]) -> Result<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.take(parameter, &format!("one of {}", names.join(", ")), |value| match value {
            Value::Word(found) => words.iter().find(|(word, _)| word == found).map(|&(_, meaning)| meaning),
            _ => None,
        })
    }

    pub(super) fn schedule(&self, parameter: &'static str) -> Result<Node> {
        self.take(parameter, "a schedule", node)
    }

    pub(super) fn step_list(&self, parameter: &'static str) -> Result<&'static [u32]> {
        self.take(parameter, "a list of whole numbers", |value| list(value, steps))
    }

    pub(super) fn number_list(&self, parameter: &'static str) -> Result<&'static [f64]> {
        self.take(parameter, "a list of numbers", |value| list(value, number))
    }

    /// `[[50, 0.5], [120, 0.1]]`
    pub(super) fn pairs(&self, parameter: &'static str) -> Result<&'static [(u32, f64)]> {
        let pair = |value: &Value| match value {
            Value::List(pair) => match pair.as_slice() {
                [step, scale] => Some((steps(step)?, number(scale)?)),
                _ => None,
            },
            _ => None,
        };
        self.take(parameter, "a list of pairs [step, number]", |value| list(value, pair))
    }

    /// `[[1, 2, 3], ...]`, each of `N` numbers.
    pub(super) fn rows<const N: usize>(&self, parameter: &'static str) -> Result<&'static [[f64; N]]> {
        let row = |value: &Value| match value {
            Value::List(row) => row.iter().map(number).collect::<Option<Vec<_>>>()?.try_into().ok(),
            _ => None,
        };
        self.take(parameter, &format!("a list of lists of {N} numbers"), |value| list(value, row))
    }

    pub(super) fn schedules(&self, parameter: &'static str) -> Result<&'static [&'static DynSchedule]> {
        self.take(parameter, "a list of schedules", |value| list(value, |item| node(item).map(|node| node.schedule)))
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

fn steps(value: &Value) -> Option<u32> {
    number(value).filter(|n| n.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(n)).map(|n| n as u32)
}

fn node(value: &Value) -> Option<Node> {
    match value {
        Value::Schedule(node) => Some(*node),
        Value::Number(number) => microfit::schedule::constant(*number).ok().map(Node::endless),
        _ => None,
    }
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<&'static [T]> {
    match value {
        Value::List(items) => Some(Box::leak(items.iter().map(read).collect::<Option<Vec<_>>>()?.into_boxed_slice())),
        _ => None,
    }
}

impl Node {
    pub(super) fn endless<S: Schedule + Send + Sync + 'static>(schedule: S) -> Self {
        Self { schedule: Box::leak(Box::new(schedule)), steps: None }
    }

    pub(super) fn finite<S: Finite + Send + Sync + 'static>(schedule: S) -> Self {
        Self { steps: Some(schedule.steps()), ..Self::endless(schedule) }
    }
}
