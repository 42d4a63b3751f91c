//! From tokens to a schedule.

use super::arguments::{Arguments, Made, Node, Refused, Value};
use super::table::TABLE;
use super::tokens::{Kind, Token, tokens};
use super::{Driven, Entry, Spec, SpecError};
use microfit::schedule::{Offset, Product, Scale, constant};

/// Parentheses within parentheses, more than anybody writes and less than a stack holds.
const MAX_DEPTH: usize = 64;

/// Sums, products and methods, each of which is a schedule around another: likewise.
const MAX_LINKS: usize = 1000;

pub(super) fn parse(spec: &str) -> Result<Spec, SpecError> {
    let mut parser = Parser::new(spec)?;
    let column = parser.column();
    let term = parser.sum()?;
    if *parser.peek() != Kind::End {
        return Err(parser.unexpected("`.`, `*`, `+`, `-` or the end"));
    }
    match term {
        Term::Driven(driven) => Ok(Spec::Driven(driven)),
        term => Ok(Spec::Schedule(Box::new(parser.node(&term, column)?.schedule))),
    }
}

enum Term {
    Number(f64),
    Schedule(Node),
    Driven(Box<dyn Driven>),
}

struct Parser<'a> {
    spec: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    links: usize,
}

impl<'a> Parser<'a> {
    fn new(spec: &'a str) -> Result<Self, SpecError> {
        Ok(Self { spec, tokens: tokens(spec)?, next: 0, depth: 0, links: 0 })
    }

    fn peek_at(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.next + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    fn peek(&self) -> &Kind {
        self.peek_at(0)
    }

    fn column(&self) -> usize {
        let token = self.tokens.get(self.next).or(self.tokens.last());
        token.map_or(1, |token| token.column)
    }

    fn error(&self, column: usize, expected: impl Into<String>, found: impl Into<String>) -> SpecError {
        SpecError { spec: self.spec.to_owned(), column, expected: expected.into(), found: found.into() }
    }

    fn unexpected(&self, expected: &str) -> SpecError {
        self.error(self.column(), expected, self.peek().describe())
    }

    /// A schedule is put around another.
    fn link(&mut self) -> Result<(), SpecError> {
        self.links += 1;
        if self.links <= MAX_LINKS {
            return Ok(());
        }
        Err(self.error(self.column(), "a shorter schedule", format!("more than {MAX_LINKS} operations")))
    }

    fn accept(&mut self, sign: char) -> bool {
        let accepted = *self.peek() == Kind::Sign(sign);
        self.next += usize::from(accepted);
        accepted
    }

    fn expect(&mut self, sign: char) -> Result<(), SpecError> {
        if self.accept(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn node(&self, term: &Term, column: usize) -> Result<Node, SpecError> {
        match term {
            Term::Schedule(node) => Ok(*node),
            Term::Number(number) => match constant(*number) {
                Ok(schedule) => Ok(Node::endless(schedule)),
                Err(_) => Err(self.error(column, "a rate of at least 0", format!("`{number}`"))),
            },
            Term::Driven(_) => {
                Err(self.error(column, "a function of the step", "a rate driven by a metric".to_owned()))
            }
        }
    }

    fn sum(&mut self) -> Result<Term, SpecError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.column(), "fewer parentheses", "one within another too often"));
        }
        let column = self.column();
        let mut left = self.product()?;
        loop {
            let sign = if self.accept('+') {
                1.0
            } else if self.accept('-') {
                -1.0
            } else {
                self.depth -= 1;
                return Ok(left);
            };
            self.link()?;
            let at = self.column();
            left = match (left, self.product()?) {
                (Term::Number(a), Term::Number(b)) => Term::Number(a + sign * b),
                (schedule, Term::Number(b)) => self.offset(&schedule, column, sign * b, at)?,
                (Term::Number(a), schedule) if sign > 0.0 => self.offset(&schedule, at, a, column)?,
                _ => return Err(self.error(at, "a number", "a schedule")),
            };
        }
    }

    fn offset(&self, term: &Term, column: usize, offset: f64, at: usize) -> Result<Term, SpecError> {
        let Node { schedule, steps } = self.node(term, column)?;
        let sum =
            Offset::new(schedule, offset).map_err(|_| self.error(at, "a finite number", format!("`{offset}`")))?;
        Ok(Term::Schedule(Node { steps, ..Node::endless(sum) }))
    }

    fn product(&mut self) -> Result<Term, SpecError> {
        let column = self.column();
        let mut left = self.chain()?;
        while self.accept('*') {
            self.link()?;
            let at = self.column();
            left = match (left, self.chain()?) {
                (Term::Number(a), Term::Number(b)) => Term::Number(a * b),
                (Term::Number(factor), schedule) => self.scale(&schedule, at, factor, column)?,
                (schedule, Term::Number(factor)) => self.scale(&schedule, column, factor, at)?,
                (a, b) => {
                    let (a, b) = (self.node(&a, column)?, self.node(&b, at)?);
                    // It has ended when both have.
                    let steps = a.steps.zip(b.steps).map(|(a, b)| a.max(b));
                    Term::Schedule(Node { steps, ..Node::endless(Product::new(a.schedule, b.schedule)) })
                }
            };
        }
        Ok(left)
    }

    fn scale(&self, term: &Term, column: usize, factor: f64, at: usize) -> Result<Term, SpecError> {
        let Node { schedule, steps } = self.node(term, column)?;
        let scaled = Scale::new(schedule, factor)
            .map_err(|_| self.error(at, "a finite number of at least 0", format!("`{factor}`")))?;
        Ok(Term::Schedule(Node { steps, ..Node::endless(scaled) }))
    }

    fn chain(&mut self) -> Result<Term, SpecError> {
        let column = self.column();
        let mut term = self.atom()?;
        while *self.peek() == Kind::Sign('.') {
            self.next += 1;
            self.link()?;
            let at = self.column();
            let Kind::Word(word) = self.peek().clone() else { return Err(self.unexpected("a method")) };
            let Some(entry) = TABLE.iter().find(|entry| entry.name.strip_prefix('.') == Some(&word)) else {
                return Err(self.unexpected(&format!("a method: {}", names(|name| name.strip_prefix('.')))));
            };
            self.next += 1;
            let node = self.node(&term, column)?;
            term = self.call(entry, at, Some(node))?;
        }
        Ok(term)
    }

    fn atom(&mut self) -> Result<Term, SpecError> {
        let column = self.column();
        match self.peek().clone() {
            Kind::Number(number) => {
                self.next += 1;
                Ok(Term::Number(number))
            }
            Kind::Sign('-') => {
                self.next += 1;
                let Kind::Number(number) = *self.peek() else { return Err(self.unexpected("a number")) };
                self.next += 1;
                Ok(Term::Number(-number))
            }
            Kind::Sign('(') => {
                self.next += 1;
                let term = self.sum()?;
                self.expect(')')?;
                Ok(term)
            }
            Kind::Word(first) => {
                self.next += 1;
                let library = format!("{first}.");
                let name = if TABLE.iter().any(|entry| entry.name.starts_with(&library)) {
                    self.expect('.')?;
                    let Kind::Word(second) = self.peek().clone() else {
                        return Err(self.unexpected(&format!("a schedule of {first}")));
                    };
                    self.next += 1;
                    library.clone() + &second
                } else {
                    first
                };
                let Some(entry) = TABLE.iter().find(|entry| entry.name == name) else {
                    let known = match name.split_once('.') {
                        Some(_) => names(|name| name.strip_prefix(&library)),
                        None => names(|name| (!name.contains('.')).then_some(name)),
                    };
                    return Err(self.error(column, format!("a schedule: {known}"), format!("`{name}`")));
                };
                self.call(entry, column, None)
            }
            _ => Err(self.unexpected("a schedule or a number")),
        }
    }

    fn call(&mut self, entry: &'static Entry, column: usize, this: Option<Node>) -> Result<Term, SpecError> {
        self.expect('(')?;
        let mut given: Vec<Option<(Value, usize)>> = vec![None; entry.parameters.len()];
        let mut position = 0;
        let mut named = false;
        while *self.peek() != Kind::Sign(')') {
            let at = self.column();
            let index = if let (Kind::Word(word), Kind::Sign('=')) = (self.peek().clone(), self.peek_at(1)) {
                named = true;
                self.next += 2;
                let same = |name: &str| name.eq_ignore_ascii_case(&word);
                let Some(index) = entry.parameters.iter().position(|parameter| same(parameter.name)) else {
                    let known: Vec<_> = entry.parameters.iter().map(|parameter| parameter.name).collect();
                    return Err(self.error(at, format!("one of {}", known.join(", ")), format!("`{word}`")));
                };
                index
            } else if named {
                return Err(self.unexpected("a named argument, as those before it"));
            } else {
                position += 1;
                position - 1
            };
            let Some(slot) = given.get(index) else {
                let expected = format!("`)` after {} arguments", entry.parameters.len());
                return Err(self.error(at, expected, "another argument"));
            };
            if slot.is_some() {
                return Err(self.error(at, "each argument once", "it again"));
            }
            let at = self.column();
            let value = self.argument()?;
            if let Some(slot) = given.get_mut(index) {
                *slot = Some((value, at));
            }
            if !self.accept(',') {
                break;
            }
        }
        let end = self.column();
        self.expect(')')?;
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for (parameter, given) in entry.parameters.iter().zip(given) {
            let (value, at) = match (given, parameter.default) {
                (Some(given), _) => given,
                (None, Some(default)) => (default_value(default)?, column),
                (None, None) => {
                    return Err(self.error(end, format!("the argument `{}`", parameter.name), "none".to_owned()));
                }
            };
            columns.push(at);
            values.push((parameter.name, value));
        }
        let arguments = Arguments(values);
        let made = (entry.build)(this, &arguments).map_err(|refused| {
            let Refusal { parameter, expected, found } = refusal(refused, &arguments);
            let argument = arguments.0.iter().zip(&columns).find(|((name, _), _)| *name == parameter);
            let at = argument.map_or(column, |(_, at)| *at);
            let given = || argument.map_or_else(|| "another".to_owned(), |((_, value), _)| value.describe());
            self.error(at, expected, found.unwrap_or_else(given))
        })?;
        Ok(match made {
            Made::Schedule(node) => Term::Schedule(node),
            Made::Driven(driven) => Term::Driven(driven),
        })
    }

    fn argument(&mut self) -> Result<Value, SpecError> {
        match self.peek().clone() {
            Kind::Text(text) => {
                self.next += 1;
                Ok(Value::Word(text))
            }
            Kind::Sign('[') => {
                self.next += 1;
                let mut items = Vec::new();
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(self.unexpected("fewer brackets"));
                }
                while *self.peek() != Kind::Sign(']') {
                    items.push(self.argument()?);
                    if !self.accept(',') {
                        break;
                    }
                }
                self.depth -= 1;
                self.expect(']')?;
                Ok(Value::List(items))
            }
            Kind::Word(word) if !matches!(self.peek_at(1), Kind::Sign('(' | '.')) => {
                self.next += 1;
                Ok(match word.as_str() {
                    "true" | "True" => Value::Flag(true),
                    "false" | "False" => Value::Flag(false),
                    "none" | "None" => Value::Nothing,
                    _ => Value::Word(word),
                })
            }
            _ => {
                let column = self.column();
                match self.sum()? {
                    Term::Number(number) => Ok(Value::Number(number)),
                    term => Ok(Value::Schedule(self.node(&term, column)?)),
                }
            }
        }
    }
}

struct Refusal {
    parameter: &'static str,
    expected: String,
    found: Option<String>,
}

fn refusal(refused: Refused, arguments: &Arguments) -> Refusal {
    match refused {
        Refused::Kind { parameter, expected } => Refusal { parameter, expected, found: None },
        Refused::Value(microfit::Error::Parameter { name, must_be, found }) => {
            let parameter = arguments.called(name, found);
            Refusal { parameter, expected: format!("{parameter}: {must_be}"), found: Some(format!("`{found}`")) }
        }
        Refused::Value(error) => Refusal { parameter: "", expected: error.to_string(), found: None },
    }
}

fn default_value(default: &str) -> Result<Value, SpecError> {
    Parser::new(default)?.argument()
}

fn names<'a>(select: impl Fn(&'static str) -> Option<&'a str>) -> String {
    TABLE.iter().filter_map(|entry| select(entry.name)).collect::<Vec<_>>().join(", ")
}
