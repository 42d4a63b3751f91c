//! Schedules as text: `warmup(0.1, 5).then(cosine(0.1, 0.0, 45))`, `torch.one_cycle(max_lr=0.1, total_steps=450)`.
//!
//! The grammar, the same on the command line and in the file of a training run:
//!
//! ```text
//! sum      = product (("+" | "-") number)*
//! product  = chain ("*" chain)*                     at most one side of a sum, any side of a product, is a number
//! chain    = atom ("." method "(" arguments ")")*
//! atom     = name "(" arguments ")" | number | "(" sum ")"
//! name     = word | library "." word                 library = keras | torch | optax | transformers | timm | paper
//! argument = [word "="] (sum | word | "text" | true | false | none | "[" argument, ... "]")
//! ```
//!
//! Names, parameters and defaults are those of `microfit::schedule` and its modules: one table ([`catalogue`]) says
//! them all, and reads the arguments by them.
//!
//! ```
//! use microfit::schedule::Schedule;
//!
//! let schedule = microfit_sim::spec::parse("warmup(0.1, 5).then(cosine(0.1, 0.0, 45)) * 0.5")?;
//! assert_eq!(schedule.rate(5), 0.05);
//!
//! let error = microfit_sim::spec::parse("warmup(0.1, fast)").err().unwrap();
//! assert_eq!(error.column, 13);
//! # Ok::<(), microfit_sim::spec::SpecError>(())
//! ```
//!
//! What a spec makes lives as long as the program: a run reads one, and its lists are a few hundred bytes.

mod arguments;
mod parser;
mod table;
mod tokens;

use microfit::schedule::{Feedback, FromFn, Schedule};
use std::fmt;

/// A schedule with nothing borrowed.
pub type DynSchedule = dyn Schedule + Send + Sync;

/// A rate driven by a metric, with its state.
pub trait Driven: Send {
    /// Takes note of the metric and returns the rate from now on.
    fn observe(&mut self, metric: f64) -> f32;
    /// The rate in force.
    fn rate(&self) -> f32;
}

struct Running<F: Feedback> {
    settings: F,
    state: F::State,
}

impl<F: Feedback + Send> Driven for Running<F>
where
    F::State: Send,
{
    fn observe(&mut self, metric: f64) -> f32 {
        self.settings.observe(&mut self.state, metric);
        self.rate()
    }

    fn rate(&self) -> f32 {
        self.settings.rate(&self.state)
    }
}

/// What a spec can say.
pub enum Spec {
    /// A function of the step.
    Schedule(Box<DynSchedule>),
    /// A rate driven by a metric.
    Driven(Box<dyn Driven>),
}

impl Spec {
    /// The schedule to train by, and what drives the rate in its place where that is a metric.
    pub fn into_parts(self) -> (Box<DynSchedule>, Option<Box<dyn Driven>>) {
        match self {
            Self::Schedule(schedule) => (schedule, None),
            Self::Driven(driven) => {
                let start = f64::from(driven.rate());
                (Box::new(FromFn(move |_| start)), Some(driven))
            }
        }
    }
}

/// Reads a schedule.
///
/// # Errors
/// [`SpecError`], also for a rate that is driven by a metric, which is no function of the step.
pub fn parse(spec: &str) -> Result<Box<DynSchedule>, SpecError> {
    match parse_any(spec)? {
        Spec::Schedule(schedule) => Ok(schedule),
        Spec::Driven(_) => Err(SpecError {
            spec: spec.to_owned(),
            column: 1,
            expected: "a function of the step".to_owned(),
            found: "a rate driven by a metric".to_owned(),
        }),
    }
}

/// Reads a schedule or a rate driven by a metric.
///
/// # Errors
/// [`SpecError`]
pub fn parse_any(spec: &str) -> Result<Spec, SpecError> {
    parser::parse(spec)
}

/// One name the grammar knows.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// `torch.one_cycle`, or `.then` for a method.
    pub name: &'static str,
    /// Its parameters in order.
    pub parameters: &'static [Parameter],
    /// The formula, in one line.
    pub formula: &'static str,
    /// A spec that uses it.
    pub example: &'static str,
    build: table::Build,
}

/// One parameter of an [`Entry`].
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its default, as a spec would write it; `None` where it has to be said.
    pub default: Option<&'static str>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}", parameter.name)?;
            if let Some(default) = parameter.default {
                write!(f, "={default}")?;
            }
        }
        f.write_str(")")
    }
}

/// All names the grammar knows, methods last.
pub fn catalogue() -> &'static [Entry] {
    table::TABLE
}

/// Where a spec could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// The spec.
    pub spec: String,
    /// The character at fault, 1 for the first.
    pub column: usize,
    /// What would have been right.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spec, column, expected, found } = self;
        // A caret under a tab or a line break would point elsewhere.
        let line: String = spec.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        let before = " ".repeat(column.saturating_sub(1));
        write!(f, "column {column}: expected {expected}, found {found}\n  {line}\n  {before}^")
    }
}

impl std::error::Error for SpecError {}

#[cfg(test)]
mod tests;
