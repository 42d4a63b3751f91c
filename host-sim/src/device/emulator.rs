//! Running an image in QEMU and decoding its log.

use std::cell::RefCell;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use defmt_decoder::{DecodeError, Table};

use super::DeviceError;
use super::board::Board;
use super::image::Image;
use super::monitor::{Monitor, Session};

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
    let table = table(image)?;
    let emulator = Emulator::start(board, image, options, None, None)?;
    match emulator.listen(&table, |line, _| take(line))? {
        End::Finished => Ok(()),
        // Nobody cuts the power here.
        End::Cut => Err(DeviceError::Ended { machine: board.machine, status: "a power cut".into() }),
    }
}

/// The image's messages.
pub(super) fn table(image: &Image) -> Result<Table, DeviceError> {
    let broken = |reason: String| DeviceError::Image { path: image.path().display().to_string(), reason };
    Table::parse(image.bytes())
        .map_err(|error| broken(error.to_string()))?
        .ok_or_else(|| broken("no defmt messages in it".into()))
}

/// How a board's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It said so itself.
    Finished,
    /// Its power was cut.
    Cut,
}

/// A board that is running.
pub(super) struct Emulator {
    board: Board,
    watched: Watched,
    stdout: Option<std::process::ChildStdout>,
    power: Power,
}

/// The switch of its power.
pub(super) struct Power {
    child: Arc<Mutex<Child>>,
    session: RefCell<Option<Session>>,
    cut: RefCell<Option<JoinHandle<Result<(), DeviceError>>>>,
}

impl Emulator {
    /// Starts an image in a folder, which is the one its files are in.
    pub(super) fn start(
        board: Board,
        image: &Image,
        options: &[&str],
        folder: Option<&Path>,
        monitor: Option<Monitor>,
    ) -> Result<Self, DeviceError> {
        let mut command = Command::new("qemu-system-arm");
        command
            .args(["-M", board.machine, "-nographic", "-monitor", "none", "-serial", "null"])
            .args(options)
            .arg("-kernel")
            .arg(image.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if !options.contains(&SEMIHOSTING) {
            command.args([SEMIHOSTING, "enable=on,target=native"]);
        }
        if let Some(monitor) = &monitor {
            command.args(monitor.options()?);
        }
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        let mut emulator =
            command.spawn().map_err(|source| DeviceError::NoProgram { program: "qemu-system-arm", source })?;
        let stdout = emulator.stdout.take();
        let watched = Watched::new(emulator);
        let session = monitor.map(|monitor| monitor.open(board, || watched.ended())).transpose()?;
        let power = Power { child: watched.child.clone(), session: RefCell::new(session), cut: RefCell::default() };
        Ok(Self { board, watched, stdout, power })
    }

    /// Gives every line of the log to `take` as it comes, with the switch, until the board has ended.
    pub(super) fn listen(
        mut self,
        table: &Table,
        mut take: impl FnMut(&str, &Power) -> Result<(), DeviceError>,
    ) -> Result<End, DeviceError> {
        let mut decoder = table.new_stream_decoder();
        let mut finished = false;
        let mut buffer = [0; 4096];
        if let Some(mut stdout) = self.stdout.take() {
            while let Ok(read @ 1..) = stdout.read(&mut buffer) {
                decoder.received(&buffer[..read]);
                loop {
                    match decoder.decode() {
                        Ok(frame) => {
                            let line = frame.display_message().to_string();
                            finished |= line == "finished";
                            take(&line, &self.power)?;
                        }
                        // Power may be cut in the middle of a line.
                        Err(DecodeError::UnexpectedEof) => break,
                        Err(DecodeError::Malformed) => {
                            return Err(DeviceError::Log { expected: "a defmt frame", found: "other bytes".into() });
                        }
                    }
                }
            }
        }
        let status = self.watched.wait(self.board)?;
        let cut = self.power.cut.take().map(JoinHandle::join);
        match (finished, cut) {
            // The cut came too late.
            (true, _) => Ok(End::Finished),
            (false, Some(Ok(cut))) => cut.map(|()| End::Cut),
            (false, _) => Err(DeviceError::Ended { machine: self.board.machine, status }),
        }
    }
}

/// The option that turns semihosting on.
pub(super) const SEMIHOSTING: &str = "-semihosting-config";

impl Power {
    /// Cuts the power after `delay`, whatever the board is doing then: the emulator is killed, after its flash controller's
    /// memory has been kept, if there is a monitor to ask it. Only the first call counts.
    pub(super) fn cut_after(&self, delay: Duration) {
        let mut cut = self.cut.borrow_mut();
        if cut.is_none() {
            let (child, session) = (self.child.clone(), self.session.take());
            *cut = Some(thread::spawn(move || {
                thread::sleep(delay);
                let kept = session.map_or(Ok(()), |mut session| session.keep());
                kill(&child);
                kept
            }));
        }
    }

    /// Whether that has been called.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.borrow().is_some()
    }
}

/// An emulator that is stopped when its time is over, or when nobody waits for it any more.
struct Watched {
    child: Arc<Mutex<Child>>,
    over: Arc<AtomicBool>,
    timed_out: Arc<AtomicBool>,
}

impl Watched {
    fn new(child: Child) -> Self {
        let watched = Self { child: Arc::new(Mutex::new(child)), over: Arc::default(), timed_out: Arc::default() };
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

    /// How it ended, if it did.
    fn ended(&self) -> Option<String> {
        let mut child = self.child.lock().ok()?;
        child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    fn wait(&self, board: Board) -> Result<String, DeviceError> {
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

fn kill(child: &Mutex<Child>) {
    if let Ok(mut child) = child.lock() {
        // Fails if it has ended by itself, which is what is wanted.
        let _ = child.kill();
        let _ = child.wait();
    }
}
