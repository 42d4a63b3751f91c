//! Which device tests this machine can run.

use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use microfit_sim::device::{PREPARE, Toolchain};

/// Whether a device test can run: the targets can be built for and, if `emulated`, QEMU is there. If not, says on
/// standard error which test is skipped and why, past the test harness's capture.
///
/// # Panics
/// If something is missing and `MICROFIT_DEVICE_TESTS=required`, as in CI, where nothing is skipped.
pub fn available(test: &str, targets: &[&'static str], emulated: bool) -> bool {
    let missing_target = targets.iter().find_map(|target| Toolchain::find(target).err()).map(|error| error.to_string());
    let missing_emulator = (emulated && !starts("qemu-system-arm")).then(|| format!("no qemu-system-arm; {PREPARE}"));
    let Some(missing) = missing_target.or(missing_emulator) else { return true };
    assert!(
        env::var("MICROFIT_DEVICE_TESTS").as_deref() != Ok("required"),
        "{test} is required here and cannot run: {missing}"
    );
    // If standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {missing}");
    false
}

fn starts(program: &str) -> bool {
    let started = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    started.is_ok_and(|status| status.success())
}

/// Whether this run has a board's kernels, as `MICROFIT_KERNELS=tiles cargo test` has, or `apart`. They take four samples value by value, and use
/// the workspace's spare row.
pub fn a_boards_kernels() -> bool {
    env::var("MICROFIT_KERNELS").is_ok_and(|kernels| kernels == "tiles" || kernels == "apart")
}
