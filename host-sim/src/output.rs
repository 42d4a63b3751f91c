//! Standard output, which somebody may close when they have seen enough.

use std::io::{self, Write};

use crate::error::Error;

/// Writes bytes to standard output.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|source| Error::Write { path: "standard output".into(), source }),
    }
}

/// Writes a line.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Error> {
    write(format!("{text}\n").as_bytes())
}
