//! `microfit checkpoint`.

mod convert;
mod show;
mod verify;

use std::fs;
use std::path::Path;

use clap::{Args, Subcommand};

use crate::error::Error;
use crate::exchange::{Selection, Which};

pub use convert::{Export, Import, LayoutArg};
pub use show::Show;
pub use verify::Verify;

/// Look into checkpoints and models, and carry them to PyTorch and Keras and back.
///
/// FILE is a frame of microfit (a checkpoint of a run, or a model), or the image of a flash with frames in it.
#[derive(Debug, Clone, Args)]
pub struct Checkpoint {
    #[command(subcommand)]
    command: Command,
}

/// The texts for people are those of the types.
#[derive(Debug, Clone, Subcommand)]
enum Command {
    Show(Show),
    Verify(Verify),
    Export(Export),
    Import(Import),
}

impl Checkpoint {
    /// Does what the command line says.
    ///
    /// # Errors
    /// [`Error`].
    pub fn run(&self) -> Result<(), Error> {
        match &self.command {
            Command::Show(show) => show.run(),
            Command::Verify(verify) => verify.run(),
            Command::Export(export) => export.run(),
            Command::Import(import) => import.run(),
        }
    }
}

/// Which of a file's models.
#[derive(Debug, Clone, Default, Args)]
pub struct Pick {
    /// Where the frame begins, of a file that has frames of several runs: its offset as microfit checkpoint show has it. Default: the
    /// newest.
    #[arg(long, value_name = "BYTE")]
    pub at: Option<usize>,
    /// Of a run's checkpoint the best weights that early stopping kept, not the latest.
    #[arg(long)]
    pub best: bool,
}

impl Pick {
    fn selection<'a>(&self, layers: Option<&'a [String]>) -> Selection<'a> {
        Selection { layers, at: self.at, which: if self.best { Which::Best } else { Which::Latest } }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read { path: path.into(), source })
}
