//! `microfit device --kills`.

use std::num::NonZeroU32;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::device::{Board, Boot, Machine, Start, Trial, exchange};
use crate::error::Error;
use crate::output;
use crate::table::table;

/// Power cuts in mid-run.
#[derive(Debug, Clone, Args)]
pub(super) struct Cuts {
    /// Not a comparison: kill the emulator so often in mid-run, at random moments, restart it with the flash it had, and compare
    /// the end with a run that nothing befell. The micro:bit also resets itself so often. With --all, runs go on on other
    /// boards and on the desk.
    #[arg(long, conflicts_with_all = ["schedules", "experiment"])]
    pub(super) kills: Option<u32>,
    /// Fixes the moments, so far as the computer is equally fast; from the clock unless given.
    #[arg(long, requires = "kills")]
    seed: Option<u32>,
    /// How long the run is.
    #[arg(long, requires = "kills", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    epochs: u32,
    /// Updates between two checkpoints; an epoch has nine.
    #[arg(long, requires = "kills", default_value = "5")]
    every: NonZeroU32,
}

impl Cuts {
    pub(super) fn run(&self, boards: &[Board], kills: u32, quiet: bool) -> Result<(), Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as u32);
        let seed = self.seed.unwrap_or(now);
        output::line(format_args!("moments from --seed {seed}"))?;
        let header =
            ["board", "core", "cuts", "within a save", "went on from updates", "weights' hash", "as without cuts"];
        let mut table = table(&header);
        let show = |name: &str, boot: &Boot| {
            if !quiet {
                let _ = output::line(format_args!("{name} | {boot}"));
            }
        };
        let mut row = |board: Board, how: &str, boots: &[Boot]| {
            let hash = boots.last().and_then(|boot| boot.hash).unwrap_or_default();
            table.add_row([
                board.name.to_owned(),
                board.core.to_owned(),
                format!("{} {how}", boots.len().saturating_sub(1)),
                boots.iter().filter(|boot| boot.is_saving).count().to_string(),
                went_on_from(boots),
                format!("{hash:#018x}"),
                "yes".to_owned(),
            ]);
        };
        let mut machines = vec![Machine::Desk];
        for &board in boards {
            output::line(format_args!("{} ({}): building, then running in QEMU", board.name, board.core))?;
            let machine = Machine::build(board)?;
            let mut trial = Trial::new(self.epochs, self.every)?;
            let boots = trial.boot_with_cuts(&machine, kills, seed, |boot| show(board.name, boot))?;
            row(board, "kills", &boots);
            if machine.has_resets() {
                let mut trial = Trial::new(self.epochs, self.every)?;
                let boots = trial.boot_with_resets(&machine, kills, seed, |boot| show(board.name, boot))?;
                row(board, "resets", &boots);
            }
            machines.push(machine);
        }
        output::line(format_args!("\n{table}\n\nNo checkpoint was lost."))?;
        if boards.len() > 1 { self.elsewhere(&machines, seed) } else { Ok(()) }
    }

    fn elsewhere(&self, machines: &[Machine], seed: u32) -> Result<(), Error> {
        let mut table = table(&["begun on", "cut at update", "went on on", "weights' hash"]);
        for cut in exchange(machines, self.epochs, self.every, seed)? {
            table.add_row([
                cut.first.to_owned(),
                cut.step.to_string(),
                cut.second.to_owned(),
                format!("{:#018x}", cut.hash),
            ]);
        }
        output::line(table)
    }
}

fn went_on_from(boots: &[Boot]) -> String {
    let from = |boot: &Boot| match boot.start {
        Start::Unknown => "-".to_owned(),
        Start::Anew => "0".to_owned(),
        Start::From(from) => from.step.to_string(),
    };
    boots.iter().skip(1).map(from).collect::<Vec<_>>().join(", ")
}
