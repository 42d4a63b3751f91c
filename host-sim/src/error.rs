//! What can go wrong on the desk, and the exit status it ends in.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::dataset::CsvError;
use crate::device::DeviceError;
use crate::exchange::ModelError;
use crate::frame::Torn;
use crate::spec::SpecError;

/// An error of the simulator.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum Error {
    #[error(transparent)]
    Csv(#[from] CsvError),
    #[error("schedule: {0}")]
    Spec(#[from] SpecError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Core(#[from] microfit::Error),
    #[error("{option}: expected {expected}, found {found}")]
    Option { option: &'static str, expected: String, found: String },
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: byte {offset} of {len}: {source}", path.display())]
    Frame { path: PathBuf, offset: usize, len: usize, source: Torn },
    #[error("{}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Model { path: PathBuf, source: ModelError },
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("the rival {name}: {reason}")]
    Rival { name: &'static str, reason: String },
}

impl Error {
    /// 2 for what the caller gave and can mend, 1 for what failed on the way.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Core(error) if error.is_divergence() => ExitCode::from(1),
            Self::Core(microfit::Error::RateNotFinite { .. })
            | Self::Write { .. }
            | Self::Rival { .. }
            | Self::Frame { .. }
            | Self::Device(_) => ExitCode::from(1),
            Self::Csv(_)
            | Self::Spec(_)
            | Self::Config(_)
            | Self::Core(_)
            | Self::Option { .. }
            | Self::Read { .. }
            | Self::Model { .. } => ExitCode::from(2),
        }
    }
}
