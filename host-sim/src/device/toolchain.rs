//! How to build for a target on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::DeviceError;

/// A way to build for a Cortex-M.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler at hand has the target's library: rustup's, as a rule.
    Installed,
    /// Debian's `rustc-web` with its sources, linked into rustup as `debian` by `firmware/prepare.sh`: the library is
    /// built along.
    DebianSources,
}

/// The root of the checkout this binary was built from: the firmware is built from source.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Toolchain {
    /// The first way that works here; the second one if the environment says `MICROFIT_TOOLCHAIN=debian`.
    ///
    /// # Errors
    /// [`DeviceError::NoTarget`], which says how to get one.
    pub fn find(target: &'static str) -> Result<Self, DeviceError> {
        let skip_first = env::var("MICROFIT_TOOLCHAIN").as_deref() == Ok("debian");
        if !skip_first && Self::has_library(target) {
            Ok(Self::Installed)
        } else if succeeds(Command::new("cargo").args(["+debian", "--version"])) {
            Ok(Self::DebianSources)
        } else {
            Err(DeviceError::NoTarget { target })
        }
    }

    fn has_library(target: &str) -> bool {
        let found = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
        found.is_ok_and(|output| {
            output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
        })
    }

    /// `cargo build` for the target, at the workspace's root, without what `cargo test` and `cargo run` put into the
    /// environment for the host.
    pub fn build(self, target: &str) -> Command {
        let mut command = Command::new("cargo");
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_CFG_") || text == "RUSTFLAGS" {
                command.env_remove(name);
            }
        }
        command.current_dir(workspace_root()).env_remove("RUSTUP_TOOLCHAIN");
        match self {
            Self::Installed => command.args(["build", "--locked", "--target", target]),
            Self::DebianSources => command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTFLAGS", "-C linker=ld.lld -C linker-flavor=ld.lld")
                .args(["+debian", "build", "--locked", "-Zbuild-std=core", "--target", target]),
        };
        command
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
