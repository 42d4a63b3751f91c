//! Bits are a contract: the weights' hashes after 50 epochs. A change that moves one of them says so in CHANGELOG.md.

use microfit_firmware::SEED;
use microfit_sim::commands::device::{Application, on_the_desk};

#[test]
fn the_tutorials_two_experiments() {
    assert_eq!(SEED, 7);
    let found: Vec<_> =
        on_the_desk(Application::Tutorial).unwrap().into_iter().map(|run| (run.name, run.hash)).collect();
    let pinned = [("time_based".to_owned(), 0xe29b_8c5d_157a_0750), ("drop_based".to_owned(), 0xd8eb_1404_52d4_fb78)];
    assert_eq!(found, pinned);
}

#[test]
fn handwritten_digits() {
    let runs = on_the_desk(Application::Digits).unwrap();
    let found: Vec<_> = runs.iter().map(|run| (run.name.as_str(), run.hash)).collect();
    assert_eq!(found, [("digits", 0x4e95_5afa_1e69_da4a)]);
}
