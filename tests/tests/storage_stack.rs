//! Saving and loading take at most 512 bytes of RAM beside the model: the stack under the call, and the store itself. What the caller
//! has on its own stack for it is printed too.

use microfit_sim::device::{Board, Image, run};
use microfit_tests::device::available;

const BOUND: usize = 512;

/// What the image reports at an optimization level: the size of a store, then the stack of each operation.
fn measure(board: Board, opt_level: &str) -> Vec<(String, usize)> {
    let image =
        Image::build_with(board, "storage_stack", "storage-stack", &[("CARGO_PROFILE_FIRMWARE_OPT_LEVEL", opt_level)])
            .unwrap_or_else(|error| panic!("{error}"));
    let mut found = Vec::new();
    run(board, &image, &[], |line| {
        if let Some((name, stack)) = line.strip_prefix("storage name=").and_then(|rest| rest.split_once(" stack=")) {
            found.push((name.to_owned(), stack.parse().unwrap()));
        }
        Ok(())
    })
    .unwrap_or_else(|error| panic!("{error}"));
    found
}

#[test]
fn storage_takes_no_more_than_it_says() {
    let board = Board::named("mps2-an386").unwrap();
    if !available("storage_takes_no_more_than_it_says", &[board.target], true) {
        return;
    }
    for opt_level in ["3", "s"] {
        let found = measure(board, opt_level);
        println!("opt-level {opt_level}: {found:?}");
        let [(name, store), operations @ ..] = &found[..] else { panic!("{found:?}") };
        assert_eq!((name.as_str(), operations.len()), ("Store", 11));
        let calls = operations.iter().filter(|(name, _)| !name.ends_with("_all"));
        let most = calls.map(|(_, stack)| stack).max().unwrap();
        assert!(store + most <= BOUND, "opt-level {opt_level}: {found:?}");
    }
}
