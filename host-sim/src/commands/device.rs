//! `microfit device`.

use std::convert::Infallible;

use clap::{Args, ValueEnum};
use microfit::data::{Digits, Ionosphere};
use microfit::optimizer::{OnlineSgd, Sgd};
use microfit::{digits, tutorial};
use microfit_firmware::{App, Failure, Outcome, Record, Report, SEED};

use crate::device::desk::{NoDelay, NoLed};
use crate::device::{BOARDS, Board, DeviceError, DeviceRun, Image, Log, Memory, compare_schedules, difference, run};
use crate::error::Error;
use crate::output;
use crate::table::table;

mod cuts;

/// Train on an emulated board and compare it with the desk, bit for bit.
///
/// Builds the firmware, runs it in QEMU, shows its log as it comes, runs the same application here, and compares every
/// epoch and the weights. Needs a toolchain for the board's target and QEMU: firmware/prepare.sh installs both.
#[derive(Debug, Clone, Args)]
pub struct Device {
    /// The board.
    #[arg(long, default_value = BOARDS[0].name, value_parser = BOARDS.map(|board| board.name))]
    pub board: String,
    /// All boards, one after the other.
    #[arg(long, conflicts_with = "board")]
    pub all: bool,
    /// What the board trains.
    #[arg(long, value_enum, default_value_t = Application::Tutorial, conflicts_with = "schedules")]
    pub experiment: Application,
    /// Not a training: compute one schedule of each kind there and here, and compare all rates and momenta.
    #[arg(long)]
    pub schedules: bool,
    #[command(flatten)]
    cuts: cuts::Cuts,
    /// Do not show the board's log.
    #[arg(long)]
    pub quiet: bool,
}

/// What a comparison found, when it found no difference.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The board.
    pub board: Board,
    /// Bytes of flash the image takes.
    pub flash: u64,
    /// RAM the application took.
    pub memory: Memory,
    /// The experiments, equal on both sides.
    pub runs: Vec<DeviceRun>,
}

impl Device {
    /// Compares the boards named and prints what they took.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn run(&self) -> Result<(), Error> {
        let application = self.experiment;
        let named = |board: &Board| self.all || board.name == self.board;
        let boards: Vec<Board> = BOARDS.into_iter().filter(named).filter(|board| application.fits(*board)).collect();
        if boards.is_empty() {
            return Err(DeviceError::TooSmall { board: self.board.clone(), application: "digits" }.into());
        }
        if self.schedules {
            return self.schedules(&boards);
        }
        if let Some(kills) = self.cuts.kills {
            return self.cuts.run(&boards, kills, self.quiet);
        }
        let mut table =
            table(&["board", "core", "experiment", "weights' hash", "flash", "static RAM", "peak stack", "same bits"]);
        for board in boards {
            output::line(format_args!("{} ({}): building, then running in QEMU", board.name, board.core))?;
            let found = compare(board, application, |line| self.show(board, line))?;
            for run in &found.runs {
                table.add_row([
                    board.name.to_owned(),
                    board.core.to_owned(),
                    run.name.clone(),
                    format!("{:#018x}", run.hash),
                    found.flash.to_string(),
                    found.memory.statics.to_string(),
                    found.memory.stack.to_string(),
                    format!("yes, {} epochs", run.records.len()),
                ]);
            }
        }
        output::line(format_args!("\n{table}\n\nBytes. {}", application.sizes()))
    }

    fn schedules(&self, boards: &[Board]) -> Result<(), Error> {
        let mut table = table(&["board", "core", "schedules", "points", "same bits"]);
        for &board in boards {
            output::line(format_args!("{} ({}): building, then running in QEMU", board.name, board.core))?;
            let found = compare_schedules(board, |line| self.show(board, line))?;
            table.add_row([
                board.name.to_owned(),
                board.core.to_owned(),
                found.len().to_string(),
                found.iter().map(|found| found.fingerprint.points).sum::<usize>().to_string(),
                "yes".to_owned(),
            ]);
        }
        output::line(format_args!("\n{table}"))
    }

    fn show(&self, board: Board, line: &str) {
        if !self.quiet {
            // The board is run to its end even if nobody reads on.
            let _ = output::line(format_args!("{} | {line}", board.name));
        }
    }
}

/// What a board trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Application {
    /// The two experiments microfit began from: 34-34-1 on UCI Ionosphere.
    Tutorial,
    /// 64-32-10 on handwritten digits: needs 22 KB of RAM, which the micro:bit has not.
    Digits,
}

impl Application {
    fn fits(self, board: Board) -> bool {
        self == Self::Tutorial || board.package == "mps2"
    }

    /// The firmware's binary.
    fn binary(self, board: Board) -> &'static str {
        match self {
            Self::Tutorial => board.package,
            Self::Digits => "digits",
        }
    }

    fn sizes(self) -> String {
        let (data, momentum, online) = match self {
            Self::Tutorial => {
                (Ionosphere::BYTES, tutorial::NET.train_bytes::<Sgd>(), tutorial::NET.train_bytes::<OnlineSgd>())
            }
            Self::Digits => (Digits::BYTES, digits::NET.train_bytes::<Sgd>(), digits::NET.train_bytes::<OnlineSgd>()),
        };
        format!("Of the flash, {data} are the data. Training takes {momentum} of RAM with momentum, {online} online.")
    }
}

/// Builds and runs a board, runs the same application here, and compares them to the bit.
///
/// # Errors
/// [`DeviceError::Differs`] at the first difference, and whatever keeps the board from running.
pub fn compare(board: Board, application: Application, mut show: impl FnMut(&str)) -> Result<Comparison, DeviceError> {
    let image = Image::build(board, application.binary(board), board.package)?;
    let mut log = Log::default();
    run(board, &image, &[], |line| {
        show(line);
        log.line(line)
    })?;
    let differs = |what: String| DeviceError::Differs { board: board.name, what };
    let desk = on_the_desk(application).map_err(|error| differs(format!("the desk failed: {error}")))?;
    if let Some(what) = difference(&log.runs, &desk) {
        return Err(differs(what));
    }
    let memory =
        log.memory.ok_or_else(|| DeviceError::Log { expected: "memory", found: "the end of the log".into() })?;
    Ok(Comparison { board, flash: image.flash()?, memory, runs: log.runs })
}

/// The firmware's application, under std.
///
/// # Errors
/// [`Failure`], as on a board.
pub fn on_the_desk(application: Application) -> Result<Vec<DeviceRun>, Failure<Infallible>> {
    let mut app = App::new(NoLed, NoDelay, Listener::default());
    match application {
        Application::Tutorial => {
            let mut params = [0.0; tutorial::NET.param_len()];
            let mut workspace = [0.0; tutorial::NET.workspace_len::<Sgd>()];
            app.tutorial(SEED, &mut params, &mut workspace)?;
        }
        Application::Digits => {
            let mut params = [0.0; digits::NET.param_len()];
            let mut workspace = [0.0; digits::NET.workspace_len::<Sgd>()];
            app.digits(SEED, &mut params, &mut workspace)?;
        }
    }
    Ok(app.release().2.runs)
}

/// Gathers what a board would log.
#[derive(Debug, Default)]
struct Listener {
    runs: Vec<DeviceRun>,
}

impl Report for Listener {
    fn begin(&mut self, experiment: &'static str) {
        self.runs.push(DeviceRun { name: experiment.to_owned(), records: Vec::new(), hash: 0 });
    }

    fn epoch(&mut self, _experiment: &'static str, record: &Record) {
        if let Some(run) = self.runs.last_mut() {
            run.records.push(*record);
        }
    }

    fn end(&mut self, _experiment: &'static str, outcome: &Outcome) {
        if let Some(run) = self.runs.last_mut() {
            run.hash = outcome.hash;
        }
    }
}
