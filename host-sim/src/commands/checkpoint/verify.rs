//! `microfit checkpoint verify`.

use std::path::PathBuf;

use clap::Args;
use microfit::checkpoint::CheckpointError;

use super::read;
use crate::error::Error;
use crate::frame;
use crate::output;

/// Check that a file has a whole frame.
///
/// A frame that is torn is an error where it is the only one. In the image of a flash it is what a power cut leaves, and is
/// only told of: the store goes on from the newest whole one.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// A frame, or the image of a flash.
    pub file: PathBuf,
}

impl Verify {
    /// Prints a line a frame.
    ///
    /// # Errors
    /// [`Error::Frame`] if no frame is whole, for the first of them; [`Error::Read`].
    pub fn run(&self) -> Result<(), Error> {
        let bytes = read(&self.file)?;
        let found = frame::scan(&bytes);
        if frame::newest(&found).is_none() {
            let (offset, source) = match found.into_iter().next() {
                Some(frame::Found { offset, contents: Err(source), .. }) => (offset, source),
                _ => (0, CheckpointError::Missing),
            };
            return Err(Error::Frame { path: self.file.clone(), offset, len: bytes.len(), source });
        }
        for frame in &found {
            let path = self.file.display();
            match &frame.contents {
                Ok(contents) => output::line(format_args!(
                    "{path}: byte {}: whole, {} {}, sequence {}, {} bytes",
                    frame.offset,
                    frame.claim.kind,
                    contents.widths(),
                    contents.sequence,
                    contents.length
                ))?,
                Err(error) => output::line(format_args!("{path}: byte {}: {error}", frame.offset))?,
            }
        }
        Ok(())
    }
}
