//! Running an image in QEMU and decoding its log.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use defmt_decoder::{DecodeError, Table};

use super::DeviceError;
use super::board::Board;
use super::image::Image;

/// A board that says nothing for ever must not hang a test. Emulated training takes seconds.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs an image on its board until it leaves the emulator; `take` is given every line of its log as it comes.
///
/// # Errors
/// [`DeviceError::NoProgram`] without QEMU, [`DeviceError::TimedOut`], [`DeviceError::Ended`] if the image did not say
/// that it finished, [`DeviceError::Log`] for bytes that are no log, and whatever `take` returns.
pub fn run(
    board: Board,
    image: &Image,
    options: &[&str],
    mut take: impl FnMut(&str) -> Result<(), DeviceError>,
) -> Result<(), DeviceError> {
    let broken = |reason: String| DeviceError::Image { path: image.path().display().to_string(), reason };
    let table = Table::parse(image.bytes())
        .map_err(|error| broken(error.to_string()))?
        .ok_or_else(|| broken("no defmt messages in it".into()))?;
    let mut decoder = table.new_stream_decoder();

    let mut emulator = Command::new("qemu-system-arm")
        .args(["-M", board.machine, "-nographic", "-monitor", "none", "-serial", "null"])
        .args(["-semihosting-config", "enable=on,target=native"])
        .args(options)
        .arg("-kernel")
        .arg(image.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| DeviceError::NoProgram { program: "qemu-system-arm", source })?;
    let stdout = emulator.stdout.take();
    let watched = Watched::new(emulator);

    let mut finished = false;
    let mut buffer = [0; 4096];
    if let Some(mut stdout) = stdout {
        while let Ok(read @ 1..) = stdout.read(&mut buffer) {
            decoder.received(&buffer[..read]);
            loop {
                match decoder.decode() {
                    Ok(frame) => {
                        let line = frame.display_message().to_string();
                        finished |= line == "finished";
                        take(&line)?;
                    }
                    Err(DecodeError::UnexpectedEof) => break,
                    Err(DecodeError::Malformed) => {
                        return Err(DeviceError::Log { expected: "a defmt frame", found: "other bytes".into() });
                    }
                }
            }
        }
    }
    let status = watched.wait(board)?;
    if finished { Ok(()) } else { Err(DeviceError::Ended { machine: board.machine, status }) }
}

/// An emulator that is stopped when its time is over, or when nobody waits for it any more.
struct Watched {
    child: Arc<std::sync::Mutex<std::process::Child>>,
    over: Arc<AtomicBool>,
    timed_out: Arc<AtomicBool>,
}

impl Watched {
    fn new(child: std::process::Child) -> Self {
        let watched =
            Self { child: Arc::new(std::sync::Mutex::new(child)), over: Arc::default(), timed_out: Arc::default() };
        let (child, over, timed_out) = (watched.child.clone(), watched.over.clone(), watched.timed_out.clone());
        thread::spawn(move || {
            let start = Instant::now();
            while !over.load(Ordering::Relaxed) {
                if start.elapsed() > TIMEOUT {
                    timed_out.store(true, Ordering::Relaxed);
                    kill(&child);
                    return;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        watched
    }

    fn wait(self, board: Board) -> Result<String, DeviceError> {
        // In short looks, so that whoever stops it gets the lock.
        let status = loop {
            let looked = self.child.lock().map(|mut child| child.try_wait());
            match looked {
                Ok(Ok(None)) => thread::sleep(Duration::from_millis(10)),
                Ok(Ok(Some(status))) => break status.to_string(),
                Ok(Err(error)) => break error.to_string(),
                Err(_) => break "a failure".into(),
            }
        };
        if self.timed_out.load(Ordering::Relaxed) {
            return Err(DeviceError::TimedOut { machine: board.machine, seconds: TIMEOUT.as_secs() });
        }
        Ok(status)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        kill(&self.child);
    }
}

fn kill(child: &std::sync::Mutex<std::process::Child>) {
    if let Ok(mut child) = child.lock() {
        // Fails if it has ended by itself, which is what is wanted.
        let _ = child.kill();
        let _ = child.wait();
    }
}
