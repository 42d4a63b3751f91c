//! Training takes no more instructions than the committed figures say, nor more cycles where it is built for the core whose cycles are
//! modelled, and comes to the same weights however it is built.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use microfit_sim::commands::bench::training::{SETTINGS, plugin};
use microfit_tests::device::available;

const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "thumbv7em-none-eabihf"];

/// How deep the stack may go in a training step of W2, in bytes, on an M4F at `opt-level = 3`; the harness is in it.
const STACK: u32 = 640;
/// Bytes of flash that training W2 may take of a chip with little, at `opt-level = "s"` with the feature `small`: by a `Fit`, and by a
/// `Learner`, for which it is 5 KiB.
const FLASH: [u64; 2] = [7_100, 5_120];

/// Modelled cycles that a sample of W2 may take, a batch at a time, built for a Cortex-M4.
const CYCLES: f64 = 16_800.0;

/// More than this share above the committed figure fails.
const TOLERANCE: f64 = 0.02;

/// Instructions and cycles by setting and network; `microfit bench --training --figures tests/figures/training.csv` writes them.
fn committed() -> BTreeMap<(String, String), (f64, Option<f64>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("figures/training.csv");
    let text = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let [setting, net, instructions, cycles] = line.split(';').collect::<Vec<_>>().try_into().unwrap();
        ((setting.to_owned(), net.to_owned()), (instructions.parse().unwrap(), cycles.parse().ok()))
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn training_takes_no_more_instructions_than_committed() {
    if !available("training_takes_no_more_instructions_than_committed", &TARGETS, true) {
        return;
    }
    let committed = committed();
    let plugin = plugin();
    assert!(plugin.is_some() || env::var("MICROFIT_DEVICE_TESTS").as_deref() != Ok("required"), "no cycles");
    let (mut more, mut met, mut hashes) = (Vec::new(), 0, BTreeMap::new());
    for setting in SETTINGS {
        let plugin = plugin.as_deref().filter(|_| setting.is_for_one_core());
        for figure in setting.measure(plugin).unwrap_or_else(|error| panic!("{error}")) {
            let (instructions, cycles) = committed[&(setting.name.to_owned(), figure.net.clone())];
            let mut compare = |what, found: Option<f64>, committed: Option<f64>| {
                let (Some(found), Some(committed)) = (found, committed) else { return };
                let allowed = committed * (1.0 + TOLERANCE);
                if found > allowed {
                    more.push(format!("{} on {}: {found:.0} {what}, allowed {allowed:.0}", figure.net, setting.name));
                }
            };
            compare("instructions", Some(figure.instructions), Some(instructions));
            compare("cycles", figure.cycles, cycles);
            if (setting.name, &*figure.net) == ("M4F, cortex-m4", "W2-by-32")
                && let Some(cycles) = figure.cycles
            {
                assert!(cycles <= CYCLES, "{cycles:.0} cycles, allowed {CYCLES}");
            }
            met += 1;
            if (setting.name, &*figure.net) == ("M4F", "W2") {
                assert!(figure.stack <= STACK, "{} bytes of stack, allowed {STACK}", figure.stack);
            }
            let hash = *hashes.entry(figure.net.clone()).or_insert(figure.hash);
            assert_eq!(figure.hash, hash, "{} on {}: other weights", figure.net, setting.name);
        }
    }
    assert_eq!(met, committed.len());
    let small = SETTINGS.into_iter().find(|setting| setting.name == "M4F, small, s").unwrap();
    for (flash, allowed) in small.flash().unwrap_or_else(|error| panic!("{error}")).into_iter().zip(FLASH) {
        assert!(flash <= allowed, "{flash} bytes of flash, allowed {allowed}");
    }
    assert_eq!(hashes["W2-learner"], hashes["W2"], "a learner comes to other weights than a fit");
    assert!(more.is_empty(), "{more:#?}");
}
