//! A firmware image.

use std::fs;
use std::path::PathBuf;

use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};

use super::board::Board;
use super::toolchain::{Toolchain, workspace_root};
use super::{DeviceError, PREPARE};

/// An ELF file, as it would be flashed.
#[derive(Debug, Clone)]
pub struct Image {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Image {
    /// Builds a binary of the firmware for a board; `features` is a list with commas.
    ///
    /// # Errors
    /// [`DeviceError::NoTarget`], [`DeviceError::NoProgram`], [`DeviceError::Build`] or [`DeviceError::Image`].
    pub fn build(board: Board, binary: &str, features: &str) -> Result<Self, DeviceError> {
        Self::build_with(board, binary, features, &[])
    }

    /// The same with variables that the firmware reads at compile time.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_with(
        board: Board,
        binary: &str,
        features: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self, DeviceError> {
        // Named, because a folder set by the environment or a file is relative to where cargo runs, not to us.
        let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
        let folder = workspace_root().join(folder);
        let output = Toolchain::find(board.target)?
            .build(board.target)
            .args(["--profile", "firmware", "-p", "microfit-firmware", "--features", features])
            .args(["--bin", binary, "--target-dir"])
            .arg(&folder)
            // Without it defmt keeps errors only.
            .env("DEFMT_LOG", "info")
            .envs(variables.iter().copied())
            .output()
            .map_err(|source| DeviceError::NoProgram { program: "cargo", source })?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(DeviceError::Build { board: board.name, stderr });
        }
        Self::read(folder.join(board.target).join("firmware").join(binary))
    }

    /// Reads an ELF file.
    ///
    /// # Errors
    /// [`DeviceError::Image`] if there is none.
    pub fn read(path: PathBuf) -> Result<Self, DeviceError> {
        match fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(error) => Err(DeviceError::Image { path: path.display().to_string(), reason: error.to_string() }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that the named sections take together.
    ///
    /// # Errors
    /// [`DeviceError::Image`] if it is no ELF file.
    pub fn sections(&self, names: &[&str]) -> Result<u64, DeviceError> {
        let file = self.parse()?;
        Ok(names.iter().filter_map(|name| file.section_by_name(name)).map(|section| section.size()).sum())
    }

    /// The address a symbol has.
    ///
    /// # Errors
    /// [`DeviceError::Image`] if there is none of that name.
    pub fn address(&self, symbol: &str) -> Result<u32, DeviceError> {
        let file = self.parse()?;
        let address = file.symbol_by_name(symbol).and_then(|symbol| u32::try_from(symbol.address()).ok());
        address.ok_or_else(|| DeviceError::Image {
            path: self.path.display().to_string(),
            reason: format!("no symbol {symbol} in it"),
        })
    }

    fn parse(&self) -> Result<object::File<'_>, DeviceError> {
        object::File::parse(self.bytes.as_slice()).map_err(|error| DeviceError::Image {
            path: self.path.display().to_string(),
            reason: format!("{error}; {PREPARE}"),
        })
    }

    /// Bytes of flash it takes: what its segments hold, so code, constants, and the initial values of statics.
    ///
    /// # Errors
    /// [`DeviceError::Image`] if it is no ELF file.
    pub fn flash(&self) -> Result<u64, DeviceError> {
        let file = self.parse()?;
        Ok(file.segments().map(|segment| segment.file_range().1).sum())
    }
}
