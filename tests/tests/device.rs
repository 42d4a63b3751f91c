//! Emulated boards train to the bits the desk trains to, and compute every schedule to the desk's bits.

use microfit_firmware::schedules::SCHEDULES;
use microfit_sim::commands::device::compare;
use microfit_sim::device::{BOARDS, Board, compare_schedules};
use microfit_tests::device::available;

fn check(name: &str) {
    let board = Board::named(name).unwrap();
    if !available(name, &[board.target], true) {
        return;
    }
    // That these are the libraries' bits is in schedules.rs.
    let schedules = compare_schedules(board, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(schedules.len(), SCHEDULES.len());
    let found = compare(board, |_| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.runs.len(), 2);
    assert!(found.runs.iter().all(|run| run.records.len() == 50));
    // Parameters, velocity and tape are the static RAM; what else there is must stay small.
    let buffers = microfit::tutorial::NET.train_bytes::<microfit::optimizer::Sgd>() as u32;
    assert!((buffers..buffers + 256).contains(&found.memory.statics), "{:?}", found.memory);
    assert!((64..4096).contains(&found.memory.stack), "{:?}", found.memory);
    println!("{name}: flash {}, {:?}", found.flash, found.memory);
}

#[test]
fn cortex_m4f() {
    check("mps2-an386");
}

#[test]
fn cortex_m3() {
    check("mps2-an385");
}

#[test]
fn cortex_m7() {
    check("mps2-an500");
}

#[test]
fn cortex_m0() {
    check("microbit");
}

#[test]
fn every_board_has_its_test() {
    assert_eq!(BOARDS.map(|board| board.name), ["mps2-an386", "mps2-an385", "mps2-an500", "microbit"]);
}
