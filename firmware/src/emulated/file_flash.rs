//! NOR flash in a file of the computer that runs the emulator, by semihosting: what is in it outlives the emulator, however
//! that ends.
//!
//! It behaves as flash does: erased bytes are 0xff, writing only clears bits, and both ask for whole words and pages. It also
//! fails as flash does: a word is written byte by byte and a page erased in pieces, so that an emulator which is killed
//! leaves torn words and half-erased pages.

use core::ffi::CStr;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use semihosting::fs::File;
use semihosting::io::{Error, Read, Seek, SeekFrom, Write};

/// Erased at a time, and looked at before it is written; a page is a multiple of it, and so is it of a word.
const PIECE: usize = 64;

/// A file with words to read and to write, and pages to erase, of these sizes in bytes.
pub(crate) struct FileFlash<const READ: usize, const WRITE: usize, const ERASE: usize> {
    file: File,
    capacity: u32,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, defmt::Format)]
pub(crate) enum FileFault {
    /// Not whole words or pages.
    NotAligned,
    /// Past the end.
    OutOfBounds,
    /// The host's file system failed.
    File,
}

impl From<NorFlashErrorKind> for FileFault {
    fn from(kind: NorFlashErrorKind) -> Self {
        if kind == NorFlashErrorKind::NotAligned { Self::NotAligned } else { Self::OutOfBounds }
    }
}

impl From<Error> for FileFault {
    fn from(_: Error) -> Self {
        Self::File
    }
}

impl NorFlashError for FileFault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::File => NorFlashErrorKind::Other,
        }
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> FileFlash<READ, WRITE, ERASE> {
    /// Opens the file in the folder the emulator runs in. What it is short of `capacity`, a multiple of the page, is filled up
    /// with erased bytes: a new file is new flash.
    pub(crate) fn open(path: &CStr, capacity: u32) -> Result<Self, FileFault> {
        const {
            let words = PIECE.is_multiple_of(READ) && PIECE.is_multiple_of(WRITE);
            assert!(words && ERASE.is_multiple_of(PIECE), "words of 1 to 64 bytes, pages of pieces");
        };
        let open = || File::options().read(true).write(true).open(path);
        let file = if let Ok(file) = open() {
            file
        } else {
            // To append, so that nothing that is there is lost; and closed again at once, since it is not open to read.
            File::options().write(true).append(true).create(true).open(path)?;
            open()?
        };
        let mut len = file.metadata()?.len();
        let mut flash = Self { file, capacity };
        flash.seek(len as u32)?;
        while len < u64::from(capacity) {
            let piece = (u64::from(capacity) - len).min(PIECE as u64);
            flash.file.write_all([0xff; PIECE].get(..piece as usize).unwrap_or_default())?;
            len += piece;
        }
        Ok(flash)
    }

    fn seek(&mut self, offset: u32) -> Result<(), FileFault> {
        self.file.seek(SeekFrom::Start(u64::from(offset)))?;
        Ok(())
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ErrorType for FileFlash<READ, WRITE, ERASE> {
    type Error = FileFault;
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> ReadNorFlash for FileFlash<READ, WRITE, ERASE> {
    const READ_SIZE: usize = READ;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FileFault> {
        check_read(self, offset, bytes.len())?;
        self.seek(offset)?;
        Ok(self.file.read_exact(bytes)?)
    }

    fn capacity(&self) -> usize {
        self.capacity as usize
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorFlash for FileFlash<READ, WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FileFault> {
        check_erase(self, from, to)?;
        self.seek(from)?;
        for _ in (from..to).step_by(PIECE) {
            self.file.write_all(&[0xff; PIECE])?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FileFault> {
        check_write(self, offset, bytes.len())?;
        for (at, words) in (offset..).step_by(PIECE).zip(bytes.chunks(PIECE)) {
            let mut old = [0; PIECE];
            self.read(at, old.get_mut(..words.len()).unwrap_or_default())?;
            self.seek(at)?;
            for (old, new) in old.iter().zip(words) {
                self.file.write_all(&[old & new])?;
            }
        }
        Ok(())
    }
}
