//! QEMU's monitor, which shows what an emulated board has in its flash when its power is cut.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::DeviceError;
use super::board::Board;

/// QEMU answers at once, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens for QEMU, which calls back: so no port has to be guessed.
pub(super) struct Monitor {
    listener: TcpListener,
    /// Where the memory that outlives the power is, on the board.
    address: u32,
    len: u32,
    /// And on the host.
    file: PathBuf,
}

impl Monitor {
    /// Keeps `len` bytes at `address` in `file` when power is cut.
    pub(super) fn new(address: u32, len: u32, file: PathBuf) -> Result<Self, DeviceError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(DeviceError::Monitor)?;
        Ok(Self { listener, address, len, file })
    }

    /// What QEMU has to be told.
    pub(super) fn options(&self) -> Result<[String; 2], DeviceError> {
        let address = self.listener.local_addr().map_err(DeviceError::Monitor)?;
        Ok(["-qmp".into(), format!("tcp:{address}")])
    }

    /// Takes QEMU's call, which comes as soon as it has started; `ended` says how it ended, if it did.
    pub(super) fn open(self, board: Board, ended: impl Fn() -> Option<String>) -> Result<Session, DeviceError> {
        self.listener.set_nonblocking(true).map_err(DeviceError::Monitor)?;
        let start = Instant::now();
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE => {
                    if let Some(status) = ended() {
                        return Err(DeviceError::Ended { machine: board.machine, status });
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(DeviceError::Monitor(error)),
            }
        };
        stream.set_nonblocking(false).map_err(DeviceError::Monitor)?;
        stream.set_nodelay(true).map_err(DeviceError::Monitor)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(DeviceError::Monitor)?;
        let lines = BufReader::new(stream.try_clone().map_err(DeviceError::Monitor)?);
        let mut session = Session { board, stream, lines, address: self.address, len: self.len, file: self.file };
        session.execute(&json!({ "execute": "qmp_capabilities" }))?;
        Ok(session)
    }
}

/// A conversation with QEMU.
pub(super) struct Session {
    board: Board,
    stream: TcpStream,
    lines: BufReader<TcpStream>,
    address: u32,
    len: u32,
    file: PathBuf,
}

impl Session {
    /// Stops the board between two instructions and keeps the memory.
    pub(super) fn keep(&mut self) -> Result<(), DeviceError> {
        self.execute(&json!({ "execute": "stop" }))?;
        let memory = json!({ "val": self.address, "size": self.len, "filename": self.file.display().to_string() });
        // As the core sees it: to the rest of the emulator the flash is not at this address.
        self.execute(&json!({ "execute": "memsave", "arguments": memory }))
    }

    /// Sends a command and waits for its answer; what else QEMU tells, such as events, is passed over.
    fn execute(&mut self, command: &Value) -> Result<(), DeviceError> {
        writeln!(self.stream, "{command}").map_err(DeviceError::Monitor)?;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).map_err(DeviceError::Monitor)? == 0 {
                return Err(DeviceError::Monitor(ErrorKind::UnexpectedEof.into()));
            }
            let answer: Value = serde_json::from_str(&line)
                .map_err(|_| DeviceError::Log { expected: "an answer of QEMU's monitor", found: line.clone() })?;
            if answer.get("error").is_some() {
                return Err(DeviceError::Ended { machine: self.board.machine, status: line.trim().to_owned() });
            }
            if answer.get("return").is_some() {
                return Ok(());
            }
        }
    }
}
