//! A board's memory layout is for the firmware's own images, of one board each: not for a program that has `microfit-firmware` as a
//! dependency.

use std::process::Output;

use microfit_sim::device::Toolchain;
use microfit_tests::device::available;
use serde_json::Value;

const TARGET: &str = "thumbv7em-none-eabihf";

fn build(features: &str, what: &[&str]) -> Output {
    let mut command = Toolchain::find(TARGET).unwrap().build(TARGET);
    command.args(["-p", "microfit-firmware", "--features", features]).args(what).output().unwrap()
}

#[test]
fn a_dependent_is_linked_with_its_own_memory() {
    if !available("a_dependent_is_linked_with_its_own_memory", &[TARGET], false) {
        return;
    }
    for features in ["storage", "mps2,storage"] {
        let output = build(features, &["--lib", "--message-format", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).unwrap();
        let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        // A dependent's linker searches these folders too.
        let ours = |message: &Value| {
            message["reason"] == "build-script-executed" && message["package_id"].as_str().unwrap().contains("firmware")
        };
        let paths: Vec<_> = messages.filter(ours).map(|message| message["linked_paths"].clone()).collect();
        assert_eq!(paths, [Value::Array(Vec::new())], "{features}");
    }
}

#[test]
fn an_image_is_of_one_board() {
    if !available("an_image_is_of_one_board", &[TARGET], false) {
        return;
    }
    let output = build("mps2,microbit", &["--bin", "schedules"]);
    let says = String::from_utf8(output.stderr).unwrap();
    assert!(says.contains("expected one board, `mps2` or `microbit`: found the features of both"), "{says}");
}
