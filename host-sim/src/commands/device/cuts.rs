//! `microfit device --kills`.

use std::num::NonZeroU32;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::device::{Board, Boot, Machine, Memory, Trial, exchange};
use crate::error::Error;
use crate::output;
use crate::table::table;

/// Power cuts in mid-run.
#[derive(Debug, Clone, Args)]
pub(super) struct Cuts {
    /// Not a comparison: kill the emulator so often in mid-run, at random moments, restart it with the flash it had, and compare
    /// the end with a run that nothing befell. The micro:bit also resets itself so often. With --all, runs go on on other
    /// boards and on the desk.
    #[arg(long, conflicts_with_all = ["schedules", "experiment"], value_parser = clap::value_parser!(u32).range(1..))]
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
        let header = [
            "board",
            "core",
            "cuts",
            "within a save",
            "flash",
            "static RAM",
            "peak stack",
            "weights' hash",
            "as without cuts",
        ];
        let mut table = table(&header);
        let show = |name: &str, boot: &Boot| {
            if !quiet {
                let _ = output::line(format_args!("{name} | {boot}"));
            }
        };
        let mut row = |board: Board, flash: u64, how: &str, boots: &[Boot]| {
            let Some(last) = boots.last() else { return };
            let memory = |of: fn(Memory) -> u32| last.memory.map_or_else(String::new, |memory| of(memory).to_string());
            table.add_row([
                board.name.to_owned(),
                board.core.to_owned(),
                format!("{} {how}", boots.len() - 1),
                boots.iter().filter(|boot| boot.is_saving).count().to_string(),
                flash.to_string(),
                memory(|memory| memory.statics),
                memory(|memory| memory.stack),
                format!("{:#018x}", last.hash.unwrap_or_default()),
                "yes".to_owned(),
            ]);
        };
        let mut machines = vec![Machine::Desk];
        for &board in boards {
            output::line(format_args!("{} ({}): building, then running in QEMU", board.name, board.core))?;
            let machine = Machine::build(board)?;
            let mut trial = Trial::new(self.epochs, self.every)?;
            let boots = trial.boot_with_cuts(&machine, kills, seed, |boot| show(board.name, boot))?;
            row(board, machine.flash()?, "kills", &boots);
            if machine.has_resets() {
                let mut trial = Trial::new(self.epochs, self.every)?;
                let boots = trial.boot_with_resets(&machine, kills, seed, |boot| show(board.name, boot))?;
                row(board, machine.flash()?, "resets", &boots);
            }
            machines.push(machine);
        }
        output::line(format_args!("\n{table}\n\nNo checkpoint was lost.\n"))?;
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
