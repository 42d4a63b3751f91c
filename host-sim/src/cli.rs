//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{bench, checkpoint, compare, demo, device, schedule, train};
use crate::error::Error;

/// Trains small neural networks on the desk, to the bit as a microcontroller would.
///
/// Without a command: the tutorial's two experiments (time-based and drop-based decay, a 34-34-1 network on UCI
/// Ionosphere) and a constant rate to compare with.
#[derive(Debug, Parser)]
#[command(name = "microfit", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train one network, on the bundled data or a CSV of your own.
    Train(Box<train::Train>),
    /// Print or draw the curve of any schedule or composition.
    Schedule(schedule::Schedule),
    /// Train the tutorial's network from many seeds and compare the schedules.
    Compare(compare::Compare),
    /// Train on an emulated board and compare it with the desk, bit for bit.
    Device(device::Device),
    /// Look into checkpoints and models, and carry them to PyTorch and Keras and back.
    Checkpoint(checkpoint::Checkpoint),
    /// Count instructions on an emulated board, with libm and with the feature fast-math.
    Bench(bench::Bench),
}

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// [`Error`], whose message is one line.
    pub fn run(self) -> Result<(), Error> {
        match self.command {
            None => demo::run(),
            Some(Command::Train(train)) => train.run(),
            Some(Command::Schedule(schedule)) => schedule.run(),
            Some(Command::Compare(compare)) => compare.run(),
            Some(Command::Device(device)) => device.run(),
            Some(Command::Checkpoint(checkpoint)) => checkpoint.run(),
            Some(Command::Bench(bench)) => bench.run(),
        }
    }
}
