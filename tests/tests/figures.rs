//! Training takes no more instructions than the committed figures say, and comes to the same weights however it is built.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use microfit_sim::commands::bench::training::SETTINGS;
use microfit_tests::device::available;

const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "thumbv7em-none-eabihf"];

/// How deep the stack may go in a training step of W2, in bytes, on an M4F at `opt-level = 3`; the harness is in it.
const STACK: u32 = 640;
/// Bytes of flash that training W2 may take of a chip with little, at `opt-level = "s"` with the feature `small`.
const FLASH: u64 = 7_460;

/// More than this share above the committed figure fails.
const TOLERANCE: f64 = 0.02;

/// The figures by setting and network; `microfit bench --training --figures tests/figures/training.csv` writes them.
fn committed() -> BTreeMap<(String, String), f64> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("figures/training.csv");
    let text = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let [setting, net, instructions] = line.split(';').collect::<Vec<_>>().try_into().unwrap();
        ((setting.to_owned(), net.to_owned()), instructions.parse().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn training_takes_no_more_instructions_than_committed() {
    if !available("training_takes_no_more_instructions_than_committed", &TARGETS, true) {
        return;
    }
    let committed = committed();
    let (mut more, mut met, mut hashes) = (Vec::new(), 0, BTreeMap::new());
    for setting in SETTINGS {
        for figure in setting.measure(None).unwrap_or_else(|error| panic!("{error}")) {
            let allowed = committed[&(setting.name.to_owned(), figure.net.clone())] * (1.0 + TOLERANCE);
            if figure.instructions > allowed {
                more.push(format!(
                    "{} on {}: {:.0}, allowed {allowed:.0}",
                    figure.net, setting.name, figure.instructions
                ));
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
    let flash = small.flash().unwrap_or_else(|error| panic!("{error}"));
    assert!(flash <= FLASH, "{flash} bytes of flash, allowed {FLASH}");
    assert!(more.is_empty(), "{more:#?}");
}
