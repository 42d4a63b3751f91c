//! `microfit bench --host`.

mod machine;
mod ours;
mod rival;
mod spread;

use clap::Args;

use crate::error::Error;
use crate::output;
use crate::progress::bar;
use crate::table::table;
use ours::Training;
use rival::{Name, Rival};
use spread::Spread;

/// How `microfit bench --host` measures.
#[derive(Debug, Clone, Args)]
pub(super) struct Comparison {
    /// The libraries that `--host` compares ours with; without it all that host-sim/rivals/prepare.sh has got ready.
    #[arg(long, requires = "host", value_delimiter = ',', value_name = "NAMES")]
    rivals: Option<Vec<Name>>,
    /// How often `--host` measures everything.
    #[arg(long, requires = "host", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// The nets that every rival trains too.
const SHARED: [&str; 2] = ["W1", "W2"];

/// One net's measurements, in ns a sample.
struct Column {
    training: Training,
    ours: Vec<f64>,
    /// Of each rival, in their order: its ns, and how many times ours they were in that round.
    rivals: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Column {
    /// Measures ours, every rival, and ours again: what the machine does besides meets them all alike.
    fn round(&mut self, rivals: &mut [Rival]) -> Result<(), Error> {
        let net = self.training.net;
        let before = self.training.measure()?;
        self.ours.push(before);
        if !SHARED.contains(&net) {
            return Ok(());
        }
        let times = rivals.iter_mut().map(|rival| rival.measure(net)).collect::<Result<Vec<_>, _>>()?;
        let after = self.training.measure()?;
        self.ours.push(after);
        for ((all, ratios), ns) in self.rivals.iter_mut().zip(times) {
            all.push(ns);
            ratios.push(2.0 * ns / (before + after));
        }
        Ok(())
    }
}

impl Comparison {
    /// Prints the tables.
    ///
    /// # Errors
    /// [`Error::Rival`] if one breaks off, and [`Error::Core`].
    pub(super) fn bench(&self) -> Result<(), Error> {
        if cfg!(debug_assertions) {
            output::note("this is a debug build; measure with `cargo run --release -- bench --host`");
        }
        let names = self.rivals.clone().unwrap_or_else(|| Name::ALL.to_vec());
        let mut rivals = Vec::new();
        for name in names {
            match Rival::start(name) {
                Ok(rival) => rivals.push(rival),
                Err(reason) => output::line(format_args!("skipped: {name}, {reason}"))?,
            }
        }
        output::line(format_args!("{}, one thread, f32", machine::description()))?;
        output::line(format_args!("microfit {}", env!("CARGO_PKG_VERSION")))?;
        for rival in &rivals {
            output::line(format_args!("{} {}", rival.name, rival.version))?;
        }

        let mut columns = Vec::new();
        for training in ours::trainings()? {
            columns.push(Column { training, ours: Vec::new(), rivals: vec![Default::default(); rivals.len()] });
        }
        let progress = bar(u64::from(self.rounds), "rounds");
        for _ in 0..self.rounds {
            for column in &mut columns {
                column.round(&mut rivals)?;
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        print(&columns, &rivals)
    }
}

fn print(columns: &[Column], rivals: &[Rival]) -> Result<(), Error> {
    let header = |title| -> Vec<&str> {
        std::iter::once(title).chain(columns.iter().map(|column| column.training.net)).collect()
    };
    let mut times = table(&header("ns a sample, median (least)"));
    let mut ratios = table(&header("times ours, median (quartiles)"));
    let row = |title: String, cell: &dyn Fn(&Column) -> Option<String>| {
        let cells = columns.iter().map(|column| cell(column).unwrap_or_else(|| "-".into()));
        std::iter::once(title).chain(cells).collect::<Vec<_>>()
    };
    let time = |values: &[f64]| {
        let Spread { median, least, .. } = Spread::of(values)?;
        Some(format!("{median:.0} ({least:.0})"))
    };
    times.add_row(row("microfit".into(), &|column| time(&column.ours)));
    for (k, rival) in rivals.iter().enumerate() {
        times.add_row(row(rival.name.to_string(), &|column| time(&column.rivals.get(k)?.0)));
        ratios.add_row(row(rival.name.to_string(), &|column| {
            let Spread { lower, median, upper, .. } = Spread::of(&column.rivals.get(k)?.1)?;
            Some(format!("{median:.2} ({lower:.2} to {upper:.2})"))
        }));
    }
    // How far two measurements of the same thing are apart here, for a reader to weigh the rest by.
    ratios.add_row(row("microfit again, over its median".into(), &|column| {
        let Spread { lower, median, upper, .. } = Spread::of(&column.ours)?;
        Some(format!("1.00 ({:.2} to {:.2})", lower / median, upper / median))
    }));
    output::line(times)?;
    output::line(ratios)
}
