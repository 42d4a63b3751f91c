//! Where results and notes cannot go, or go to somebody who has seen enough.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/data/digits.csv");

fn microfit(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microfit"));
    command.args(arguments);
    command
}

/// Of one that must not wait for ever.
fn ended(mut child: Child) -> Output {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it waits for ever");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// Digits have a note, on their loss. Nothing can be written to a full device.
#[test]
fn a_note_that_nobody_can_be_told_ends_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.mfmd");
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let run = microfit(&["train", "--csv", DIGITS, "--epochs", "1", "--save", model.to_str().unwrap()])
        .stderr(full())
        .output()
        .unwrap();
    assert!(run.status.success() && !run.stdout.is_empty(), "{run:?}");
    assert!(model.exists());
    // An error has its status all the same.
    let run = microfit(&["train", "--epochs", "0"]).stderr(full()).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
}

/// The reader of a named pipe gets what it waits for, and nothing before.
#[test]
fn a_named_pipe_takes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let run = microfit(&["train", "--epochs", "2", "--trace", pipe.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = ended(run);
    assert!(run.status.success(), "{run:?}");
    let trace = String::from_utf8(ended(reader).stdout).unwrap();
    assert!(trace.starts_with("epoch,step,rate,") && trace.lines().count() == 3, "{trace}");
    assert!(pipe.exists());
}

/// As in `microfit train --trace /dev/stdout | head -1`, with more than a pipe holds.
#[test]
fn a_trace_to_a_reader_who_is_gone_is_no_error() {
    let mut child = microfit(&["train", "--epochs", "2000", "--hidden", "1", "--trace", "/dev/stdout"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = ended(child);
    assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
}

/// As where a medium becomes full: the model is longer than files may be, the trace is not.
#[test]
fn what_cannot_be_written_takes_nothing_else_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (model, trace) = (file("model.mfmd"), file("trace.csv"));
    let command = "trap '' XFSZ; ulimit -f 2; exec \"$0\" train --epochs 1 --save \"$1\" --trace \"$2\"";
    let run =
        Command::new("sh").args(["-c", command, env!("CARGO_BIN_EXE_microfit"), &model, &trace]).output().unwrap();
    let error = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.code() == Some(1) && error.starts_with(&format!("microfit: {model}: ")), "{error}");
    assert!(!Path::new(&model).exists());
    assert!(fs::read_to_string(&trace).unwrap().starts_with("epoch,step,rate,"));
    assert!(String::from_utf8_lossy(&run.stdout).contains("hash"), "{run:?}");
    // If both fail both are told, the first as what the run ended with.
    let run = microfit(&["train", "--epochs", "1", "--save", "/dev/full", "--trace", "/dev/full"]).output().unwrap();
    let error = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.code() == Some(1) && error.matches("microfit: /dev/full: ").count() == 2, "{error}");
    assert!(!run.stdout.is_empty());
}

#[test]
fn a_divergence_is_told_where_its_epochs_cannot_be_written() {
    let run =
        microfit(&["train", "--schedule", "piecewise([27], [0.1, 1e30])", "--trace", "/dev/full"]).output().unwrap();
    let error = String::from_utf8_lossy(&run.stderr);
    let lines: Vec<&str> = error.lines().collect();
    assert!(run.status.code() == Some(1) && lines.len() == 2, "{error}");
    assert!(lines[0].starts_with("microfit: /dev/full: ") && lines[1].contains("diverged after"), "{error}");
}
