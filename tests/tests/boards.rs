//! Images as they are built by hand, and programs that have `microfit-firmware` as a dependency: a board's memory layout is for the
//! firmware's own images, of one board each.

use std::process::Output;

use microfit_sim::device::{Board, Image, Toolchain, run};
use microfit_tests::device::available;
use serde_json::Value;

const TARGET: &str = "thumbv7em-none-eabihf";

/// In the dev profile, and with what cargo itself sets.
fn build(target: &'static str, features: &str, what: &[&str]) -> Output {
    let mut command = Toolchain::find(target).unwrap().build(target);
    command.env_remove("DEFMT_LOG").args(["-p", "microfit-firmware", "--features", features]);
    command.args(["--message-format", "json"]).args(what).output().unwrap()
}

/// What cargo tells of the firmware in a build that succeeds.
fn messages(output: Output, reason: &str) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let messages = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_ours = |id: &Value| id.as_str().is_some_and(|id| id.contains("firmware"));
    messages.filter(|message| message["reason"] == reason && is_ours(&message["package_id"])).collect()
}

#[test]
fn a_dependent_is_linked_with_its_own_memory() {
    if !available("a_dependent_is_linked_with_its_own_memory", &[TARGET], false) {
        return;
    }
    for features in ["storage", "mps2,storage"] {
        let scripts = messages(build(TARGET, features, &["--lib"]), "build-script-executed");
        // A dependent's linker searches these folders too.
        let paths: Vec<_> = scripts.iter().map(|script| &script["linked_paths"]).collect();
        assert_eq!(paths, [&Value::Array(Vec::new())], "{features}");
    }
}

#[test]
fn an_image_is_of_one_board() {
    if !available("an_image_is_of_one_board", &[TARGET], false) {
        return;
    }
    let output = build(TARGET, "mps2,microbit", &["--bin", "schedules"]);
    let says = String::from_utf8(output.stdout).unwrap();
    assert!(says.contains("expected one board, `mps2` or `microbit`: found the features of both"), "{says}");
}

/// Its stack has the least room on the micro:bit.
#[test]
fn an_image_of_the_dev_profile_runs_and_logs() {
    let board = Board::named("microbit").unwrap();
    if !available("an_image_of_the_dev_profile_runs_and_logs", &[board.target], true) {
        return;
    }
    let artifacts = messages(build(board.target, "microbit", &["--bin", "microbit"]), "compiler-artifact");
    let path = artifacts.iter().find_map(|artifact| artifact["executable"].as_str()).unwrap();
    let mut epochs = 0;
    let count = |line: &str| {
        epochs += u32::from(line.contains(" epoch="));
        Ok(())
    };
    run(board, &Image::read(path.into()).unwrap(), &[], count).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(epochs, 100);
}
