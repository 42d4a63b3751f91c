//! The other libraries, each a process that lives as long as the benchmark and does nothing until it is asked.
//!
//! It prints `ready NAME VERSION` when it has warmed up. A net's name on a line to it is an order to train that net for
//! some 50 to 100 ms; it answers with the ns that a sample took.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clap::ValueEnum;

use crate::device::workspace_root;
use crate::error::Error;

/// Whom we compare ourselves with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Name {
    /// PyTorch, its usual eager loop.
    Torch,
    /// JAX, jit and scan.
    Jax,
    /// burn's backend Flex.
    Burn,
    /// KANN, in C.
    Kann,
}

impl Name {
    pub(super) const ALL: [Self; 4] = [Self::Torch, Self::Jax, Self::Burn, Self::Kann];

    const fn text(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Jax => "jax",
            Self::Burn => "burn",
            Self::Kann => "kann",
        }
    }

    /// The program that host-sim/rivals/prepare.sh makes, and what it is given.
    fn program(self) -> (PathBuf, Option<PathBuf>) {
        let root = workspace_root();
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let folder = root.join(target).join("rivals");
        let name = self.text();
        match self {
            Self::Torch | Self::Jax => {
                (folder.join("venv/bin/python"), Some(root.join(format!("host-sim/rivals/rival_{name}.py"))))
            }
            Self::Burn | Self::Kann => (folder.join("bin").join(name), None),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A rival that is ready.
#[derive(Debug)]
pub(super) struct Rival {
    pub(super) name: Name,
    pub(super) version: String,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Rival {
    /// Starts it and waits until it has warmed up, or says why it cannot take part.
    pub(super) fn start(name: Name) -> Result<Self, String> {
        let (program, script) = name.program();
        if !program.is_file() {
            return Err("which is not here; host-sim/rivals/prepare.sh gets it ready".into());
        }
        let mut child = Command::new(&program)
            .args(script)
            // No compiled copies of the scripts among the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes to it".into());
        };
        let mut rival = Self { name, version: String::new(), child, orders, answers: BufReader::new(answers) };
        rival.version = version(name.text(), &rival.answer()?)?;
        Ok(rival)
    }

    /// The ns that a sample of that net's training takes.
    ///
    /// # Errors
    /// [`Error::Rival`] if it ends or does not answer with a time.
    pub(super) fn measure(&mut self, net: &str) -> Result<f64, Error> {
        self.ask(net).map_err(|reason| Error::Rival { name: self.name.text(), reason })
    }

    fn ask(&mut self, net: &str) -> Result<f64, String> {
        writeln!(self.orders, "{net}").and_then(|()| self.orders.flush()).map_err(|error| error.to_string())?;
        ns(&self.answer()?)
    }

    fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => Err("it ended; what it says on standard error stands above".into()),
            Ok(_) => Ok(line),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // It has nothing to lose, and may be in the middle of a measurement.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What follows `ready NAME`.
fn version(name: &str, line: &str) -> Result<String, String> {
    let version = line.trim().strip_prefix("ready ").and_then(|rest| rest.strip_prefix(name)?.strip_prefix(' '));
    version.map(str::to_owned).ok_or_else(|| format!("expected `ready {name} VERSION`, found `{}`", line.trim()))
}

/// A time that can be.
fn ns(line: &str) -> Result<f64, String> {
    let ns = line.trim().parse().ok().filter(|ns: &f64| ns.is_finite() && *ns > 0.0);
    ns.ok_or_else(|| format!("expected the ns of a sample, found `{}`", line.trim()))
}

#[cfg(test)]
mod tests {
    use super::{ns, version};

    #[test]
    fn a_version_is_what_follows_the_name() {
        assert_eq!(version("kann", "ready kann r557, -O3\n"), Ok("r557, -O3".into()));
        for line in ["", "ready\n", "ready kann\n", "ready kannada 1\n", "ready torch 2\n", "Traceback\n"] {
            assert!(version("kann", line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_time_is_finite_and_above_zero() {
        assert_eq!(ns("512.5\n"), Ok(512.5));
        for line in ["", "NaN\n", "inf\n", "0.0\n", "-3\n", "12 ns\n", "Traceback\n"] {
            assert!(ns(line).is_err(), "{line}");
        }
    }
}
