//! A frame in a file of the computer that runs the emulator, by semihosting.

use core::ffi::CStr;

use microfit::checkpoint::{Sink, Source};
use semihosting::fs::File;
use semihosting::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

/// A frame in a file.
pub(crate) struct FrameFile {
    file: File,
    len: u32,
}

impl FrameFile {
    /// One that is there, to read.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let file = at(path, |path| File::open(path))?;
        let len = u32::try_from(file.metadata()?.len()).map_err(|_| Error::from(ErrorKind::Other))?;
        Ok(Self { file, len })
    }

    /// A new one, to write.
    pub(crate) fn create(path: &str) -> Result<Self> {
        at(path, |path| File::create(path)).map(|file| Self { file, len: 0 })
    }
}

/// Hands out a path with the zero at its end that the host wants.
fn at<T>(path: &str, open: impl FnOnce(&CStr) -> Result<T>) -> Result<T> {
    let mut bytes = [0; 256];
    for (to, from) in bytes.iter_mut().zip(path.bytes()) {
        *to = from;
    }
    let path = CStr::from_bytes_until_nul(&bytes);
    open(path.map_err(|_| Error::from(ErrorKind::InvalidInput))?)
}

impl Source for FrameFile {
    type Error = Error;

    fn len(&self) -> u32 {
        self.len
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<()> {
        self.file.seek(SeekFrom::Start(u64::from(offset)))?;
        self.file.read_exact(bytes)
    }
}

impl Sink for FrameFile {
    type Error = Error;

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)
    }
}
