//! Where results go: standard output, which somebody may close when they have seen enough, and files; and what is said beside them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

use crate::error::Error;

/// Writes bytes to standard output.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    taken(written).map_err(|source| Error::Write { path: "standard output".into(), source })
}

/// Whoever reads from a pipe may have seen enough.
fn taken(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Writes a line.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), Error> {
    write(format!("{text}\n").as_bytes())
}

/// Says something on standard error, in a line; no result is lost because nobody can be told, as where that is full or closed.
pub fn note(text: impl std::fmt::Display) {
    let _ = io::stderr().lock().write_all(format!("microfit: {text}\n").as_bytes());
}

/// Sees that a file can be written, which is better found impossible before the training than after it. What is there, or is not,
/// stays so until then.
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    // To open and close a named pipe is to its reader the end, who is gone when there is something to read.
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Ok(());
    }
    let is_new = !path.exists();
    let opened = OpenOptions::new().create(true).append(true).open(path);
    // Not a link to it, which was there.
    let checked = opened.and_then(|_| if is_new { fs::canonicalize(path).and_then(fs::remove_file) } else { Ok(()) });
    checked.map_err(|source| Error::Write { path: path.into(), source })
}

/// Writes a file: whole, or not at all, so that what was there stays if it cannot be.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace(path, bytes).map_err(|source| Error::Write { path: path.into(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let was = fs::metadata(&target).ok();
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = Builder::new();
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // What is no file has no place to take, and neither has one in a folder that nothing can be added to.
    let replaceable = was.as_ref().is_none_or(fs::Metadata::is_file) && !target.is_symlink();
    let Some(mut new) = replaceable.then(|| builder.tempfile_in(folder_of(&target)).ok()).flatten() else {
        return taken(fs::write(path, bytes));
    };
    new.write_all(bytes)?;
    if let Some(was) = was {
        new.as_file().set_permissions(was.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a file is, or will be once it is written, also through links that lead to nothing yet.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut end = path.to_path_buf();
    // As many as Linux follows: links may lead in a ring.
    for _ in 0..40 {
        match fs::read_link(&end) {
            Ok(next) if !end.exists() => end = folder_of(&end).join(next),
            _ => break,
        }
    }
    let new = |error| match end.file_name() {
        Some(name) if !end.exists() => Ok(fs::canonicalize(folder_of(&end))?.join(name)),
        _ => Err(error),
    };
    fs::canonicalize(&end).or_else(new).or_else(|_: io::Error| std::path::absolute(&end))
}

/// Refuses the file of an option that is also the other, which is called so.
pub(crate) fn differ(option: &'static str, path: &Path, other: &Path, called: &str) -> Result<(), Error> {
    if !are_one(path, other) {
        return Ok(());
    }
    Err(Error::Option { option, expected: format!("another file than {called}"), found: path.display().to_string() })
}

/// Whether both are one file, which is there or not. What is no file, such as a terminal, may be used twice.
fn are_one(a: &Path, b: &Path) -> bool {
    match (resolved(a), resolved(b)) {
        (Ok(a), Ok(b)) => a == b && (a.is_file() || !a.exists()),
        _ => a == b,
    }
}
