//! `microfit device`.

use std::convert::Infallible;

use clap::Args;
use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{ErrorType, OutputPin};
use microfit::data::Ionosphere;
use microfit::optimizer::{OnlineSgd, Sgd};
use microfit::tutorial;
use microfit_firmware::{App, Failure, Outcome, Record, Report, SEED};

use crate::device::{BOARDS, Board, DeviceError, DeviceRun, Image, Log, Memory, compare_schedules, run};
use crate::error::Error;
use crate::output;
use crate::table::table;

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
    /// Not a training: compute one schedule of each kind there and here, and compare all rates and momenta.
    #[arg(long)]
    pub schedules: bool,
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
        let boards: Vec<Board> = BOARDS.into_iter().filter(|board| self.all || board.name == self.board).collect();
        if self.schedules {
            return self.schedules(&boards);
        }
        let mut table =
            table(&["board", "core", "experiment", "weights' hash", "flash", "static RAM", "peak stack", "same bits"]);
        for board in boards {
            output::line(format_args!("{} ({}): building, then running in QEMU", board.name, board.core))?;
            let found = compare(board, |line| self.show(board, line))?;
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
        let (momentum, online) = (tutorial::NET.train_bytes::<Sgd>(), tutorial::NET.train_bytes::<OnlineSgd>());
        output::line(format_args!(
            "\n{table}\n\nBytes. Of the flash, {} are the data. Training takes {momentum} of RAM with momentum, {online} online.",
            Ionosphere::BYTES
        ))
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

/// Builds and runs a board, runs the same application here, and compares them to the bit.
///
/// # Errors
/// [`DeviceError::Differs`] at the first difference, and whatever keeps the board from running.
pub fn compare(board: Board, mut show: impl FnMut(&str)) -> Result<Comparison, DeviceError> {
    let image = Image::build(board, board.package, board.package)?;
    let mut log = Log::default();
    run(board, &image, &[], |line| {
        show(line);
        log.line(line)
    })?;
    let differs = |what: String| DeviceError::Differs { board: board.name, what };
    let desk = on_the_desk().map_err(|error| differs(format!("the desk failed: {error}")))?;
    if log.runs.len() != desk.len() {
        return Err(differs(format!("{} experiments there, {} here", log.runs.len(), desk.len())));
    }
    for (there, here) in log.runs.iter().zip(&desk) {
        if there.name != here.name || there.records.len() != here.records.len() {
            return Err(differs(format!(
                "{} of {} epochs there, {} of {} here",
                there.name,
                there.records.len(),
                here.name,
                here.records.len()
            )));
        }
        for (there, here) in there.records.iter().zip(&here.records) {
            if !same_bits(there, here) {
                return Err(differs(format!("{there:?} there, {here:?} here")));
            }
        }
        if there.hash != here.hash {
            return Err(differs(format!("{}: hash {:#018x} there, {:#018x} here", there.name, there.hash, here.hash)));
        }
    }
    let memory =
        log.memory.ok_or_else(|| DeviceError::Log { expected: "memory", found: "the end of the log".into() })?;
    Ok(Comparison { board, flash: image.flash()?, memory, runs: log.runs })
}

fn same_bits(a: &Record, b: &Record) -> bool {
    let bits = |record: &Record| {
        let Record { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy } = *record;
        let metrics = [Some(rate), Some(loss), accuracy, validation_loss, validation_accuracy];
        (epoch, step, metrics.map(|metric| metric.map(f32::to_bits)))
    };
    bits(a) == bits(b)
}

/// The firmware's application, under std.
///
/// # Errors
/// [`Failure`], as on a board.
pub fn on_the_desk() -> Result<Vec<DeviceRun>, Failure<Infallible>> {
    let mut params = [0.0; tutorial::NET.param_len()];
    let mut workspace = [0.0; tutorial::NET.workspace_len::<Sgd>()];
    let mut app = App::new(NoLed, NoDelay, Listener::default());
    app.tutorial(SEED, &mut params, &mut workspace)?;
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

/// The desk has no LED.
struct NoLed;

impl ErrorType for NoLed {
    type Error = Infallible;
}

impl OutputPin for NoLed {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Nor does anybody watch it blink.
struct NoDelay;

impl DelayNs for NoDelay {
    fn delay_ns(&mut self, _ns: u32) {}
}
