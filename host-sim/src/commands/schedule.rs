//! `microfit schedule`.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::spec::{self, Spec};
use crate::{chart, output, svg};

/// Print or draw the curve of any schedule or composition.
///
/// A schedule is text: `cosine(0.1, 0, 450)`, `torch.one_cycle(max_lr=0.1, total_steps=450)`,
/// `warmup(0.1, 5).then(cosine(0.1, 0, 45)) * 0.5`. --list shows all there are.
#[derive(Debug, Clone, Args)]
pub struct Schedule {
    /// The schedule.
    #[arg(required_unless_present = "list")]
    pub spec: Option<String>,
    /// How many steps, from 0.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=10_000_000))]
    pub steps: u32,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,
    /// Rates as their f32 bit patterns, in hexadecimal.
    #[arg(long)]
    pub bits: bool,
    /// For a rate driven by a metric: the metric after each step; the last one counts on.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub metric: Vec<f64>,
    /// All schedules, with their parameters, defaults and formulas.
    #[arg(long, conflicts_with = "spec")]
    pub list: bool,
}

/// How a curve is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A row a step.
    Csv,
    /// An object with arrays.
    Json,
    /// A picture in the terminal.
    Chart,
    /// A picture for a browser or a paper.
    Svg,
}

/// The rates of a schedule, and its momenta where it drives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// A rate a step.
    pub rates: Vec<f32>,
    /// A momentum a step, or none.
    pub momenta: Vec<f32>,
}

impl Curve {
    /// The first `steps` steps of a schedule. One that is driven by a metric takes a step with each value of `metric`,
    /// whose last value counts on.
    ///
    /// # Errors
    /// [`Error::Spec`]; [`Error::Option`] for a driven schedule without a metric, or a metric without one.
    pub fn of(text: &str, steps: u32, metric: &[f64]) -> Result<Self, Error> {
        match (spec::parse_any(text)?, metric.split_last()) {
            (Spec::Schedule(schedule), None) => Ok(Self {
                rates: (0..steps).map(|step| schedule.rate(step)).collect(),
                momenta: (0..steps).map_while(|step| schedule.momentum(step)).collect(),
            }),
            (Spec::Driven(mut driven), Some((&last, rest))) => {
                let metric = rest.iter().copied().chain(std::iter::repeat(last));
                let rate = |value| {
                    let now = driven.rate();
                    driven.observe(value);
                    now
                };
                Ok(Self { rates: metric.take(steps as usize).map(rate).collect(), momenta: Vec::new() })
            }
            (Spec::Schedule(_), Some(_)) => Err(Error::Option {
                option: "--metric",
                expected: "none for a function of the step".into(),
                found: format!("{} values", metric.len()),
            }),
            (Spec::Driven(_), None) => Err(Error::Option {
                option: "--metric",
                expected: "values for a rate that is driven by a metric".into(),
                found: "none".into(),
            }),
        }
    }
}

impl Schedule {
    /// Prints the list, or the curve.
    ///
    /// # Errors
    /// [`Error`].
    pub fn run(&self) -> Result<(), Error> {
        let mut out = Vec::new();
        let written = if self.list { list(&mut out) } else { self.curve(&mut out)? };
        written.map_err(|source| Error::Write { path: "memory".into(), source })?;
        output::write(&out)
    }

    fn curve(&self, out: &mut impl Write) -> Result<io::Result<()>, Error> {
        let spec = self.spec.as_deref().unwrap_or_default();
        if self.bits && matches!(self.format, Format::Chart | Format::Svg) {
            let (expected, found) = ("the format csv or json".into(), "a picture".into());
            return Err(Error::Option { option: "--bits", expected, found });
        }
        let curve = Curve::of(spec, self.steps, &self.metric)?;
        if let Some(step) = curve.rates.iter().position(|rate| !rate.is_finite()) {
            let found = format!("{} at step {step}", curve.rates[step]);
            return Err(Error::Option { option: "the schedule", expected: "rates that an f32 can hold".into(), found });
        }
        Ok(match self.format {
            Format::Csv => self.csv(out, &curve),
            Format::Json => self.json(out, spec, &curve),
            Format::Chart => writeln!(out, "{}", chart::curve(&curve.rates)),
            Format::Svg => writeln!(out, "{}", svg::curves(spec, &curve.rates, &curve.momenta)),
        })
    }

    fn number(&self, value: f32) -> String {
        if self.bits { format!("{:08x}", value.to_bits()) } else { value.to_string() }
    }

    fn csv(&self, out: &mut impl Write, curve: &Curve) -> io::Result<()> {
        let mut rows = csv::Writer::from_writer(out);
        let driven = !curve.momenta.is_empty();
        rows.write_record(if driven { &["step", "rate", "momentum"][..] } else { &["step", "rate"] })?;
        for (step, &rate) in curve.rates.iter().enumerate() {
            let momentum = curve.momenta.get(step).map(|&momentum| self.number(momentum));
            rows.write_record([step.to_string(), self.number(rate)].into_iter().chain(momentum))?;
        }
        rows.flush()
    }

    fn json(&self, out: &mut impl Write, spec: &str, curve: &Curve) -> io::Result<()> {
        let numbers = |values: &[f32]| -> serde_json::Value {
            if self.bits { values.iter().map(|&value| self.number(value)).collect() } else { values.into() }
        };
        let mut document = serde_json::json!({ "schedule": spec, "rate": numbers(&curve.rates) });
        if !curve.momenta.is_empty() {
            document["momentum"] = numbers(&curve.momenta);
        }
        serde_json::to_writer(&mut *out, &document)?;
        writeln!(out)
    }
}

fn list(out: &mut impl Write) -> io::Result<()> {
    for entry in spec::catalogue() {
        writeln!(out, "{entry}\n    {}\n    {}", entry.formula, entry.example)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driven_rate_takes_a_step_with_each_metric() {
        let spec = "keras.reduce_lr_on_plateau(0.1, factor=0.5, patience=2)";
        let curve = Curve::of(spec, 6, &[1.0, 0.5]).unwrap();
        assert_eq!(curve.rates, [0.1, 0.1, 0.1, 0.1, 0.05, 0.05]);
        assert!(matches!(Curve::of(spec, 6, &[]), Err(Error::Option { option: "--metric", .. })));
        assert!(matches!(Curve::of("constant(0.1)", 6, &[1.0]), Err(Error::Option { option: "--metric", .. })));
    }

    #[test]
    fn a_curve_has_its_momenta() {
        let curve = Curve::of("torch.one_cycle(0.1, 20)", 20, &[]).unwrap();
        assert_eq!((curve.rates.len(), curve.momenta.len()), (20, 20));
        assert_eq!(curve.momenta[0], 0.95);
    }
}
