//! `microfit bench`.

mod fixed_point;
mod host;
mod parts;
mod schedules;
pub mod training;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use crate::device::{BOARDS, Board, DeviceError, Fields, Image, run};
use crate::error::Error;
use crate::output;
use crate::table::table;

/// Count instructions on an emulated board, with libm and with the feature fast-math.
///
/// Counts are exact and do not depend on this machine. They are instructions, not cycles. Only `--host` measures time.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools)] // flags of the command line, of which one is given
pub struct Bench {
    /// The board: one with the MPS2's timer, which counts.
    #[arg(long, default_value = "mps2-an386", value_parser = ["mps2-an385", "mps2-an386", "mps2-an500"])]
    pub board: String,
    /// Not the training: what a call of each schedule costs, on a Cortex-M4F and a Cortex-M0, and its flash.
    #[arg(long, conflicts_with = "board")]
    pub schedules: bool,
    /// Five networks' training, a sample: instructions on a Cortex-M0, M3, M4F and M7, modelled cycles on an M4F, flash,
    /// RAM and stack.
    #[arg(long, conflicts_with_all = ["board", "schedules"])]
    pub training: bool,
    /// Write the instructions there too, as tests/figures/training.csv has them.
    #[arg(long, requires = "training", value_name = "FILE")]
    pub figures: Option<PathBuf>,
    /// Not the training: the flash of each activation, loss, optimizer, option, data source and metric.
    #[arg(long, conflicts_with_all = ["board", "schedules", "training"])]
    pub parts: bool,
    /// Not the training: what a multiply-add in fixed point would take on a Cortex-M0 and M3.
    #[arg(long, conflicts_with_all = ["board", "schedules", "training", "parts"])]
    pub fixed_point: bool,
    /// Not on a board: how long a sample's training takes on this computer, and how many times as long in other libraries.
    #[arg(long, conflicts_with_all = ["board", "schedules", "training", "parts", "fixed_point"])]
    pub host: bool,
    #[command(flatten)]
    comparison: host::Comparison,
}

/// Every instruction takes 1.024 us of the emulated clock, so the board's timer counts them.
const COUNTING: [&str; 2] = ["-icount", "shift=10"];

/// Instructions per call or sample, by name.
type Counts = BTreeMap<String, f64>;

impl Bench {
    /// Prints the table.
    ///
    /// # Errors
    /// [`Error::Device`]; with `--host` [`Error::Rival`].
    pub fn run(&self) -> Result<(), Error> {
        if self.schedules {
            return schedules::bench();
        }
        if self.training {
            return training::bench(self.figures.as_deref());
        }
        if self.parts {
            return parts::bench();
        }
        if self.fixed_point {
            return fixed_point::bench();
        }
        if self.host {
            return self.comparison.bench();
        }
        let board = Board::named(&self.board).unwrap_or(BOARDS[0]);
        let (libm, libm_flash) = measure(board, "bench")?;
        let (micromath, micromath_flash) = measure(board, "bench,fast-math")?;
        let mut table = table(&[&format!("instructions, {}", board.core), "libm", "fast-math"]);
        for (name, label) in [
            ("sigmoid", "sigmoid, a value"),
            ("tanh", "tanh, a value"),
            ("cross_entropy", "binary cross-entropy, a value"),
            ("train_sample", "training 34-34-1, a sample"),
        ] {
            let text = |counts: &Counts| counts.get(name).map_or("-".into(), |count| format!("{count:.0}"));
            table.add_row([label.to_owned(), text(&libm), text(&micromath)]);
        }
        table.add_row(["flash of the image, bytes".to_owned(), libm_flash.to_string(), micromath_flash.to_string()]);
        output::line(table)
    }
}

fn measure(board: Board, features: &str) -> Result<(Counts, u64), DeviceError> {
    let image = Image::build(board, "bench", features)?;
    Ok((counts(board, &image)?, image.flash()?))
}

/// Runs an image and reads what it has counted.
fn counts(board: Board, image: &Image) -> Result<Counts, DeviceError> {
    let mut counts = Counts::new();
    run(board, image, &COUNTING, |line| {
        if let Some(pairs) = line.strip_prefix("bench ") {
            let fields = Fields::parse(line, pairs.split_whitespace())?;
            let (instructions, per): (f64, f64) = (fields.take("instructions")?, fields.take("per")?);
            counts.insert(fields.text("name")?.to_owned(), instructions / per);
        }
        Ok(())
    })?;
    Ok(counts)
}
