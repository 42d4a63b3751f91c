//! Saving and loading take at most 512 bytes of RAM beside the model: the store, the run's identity, the stack under the call, and all
//! that the caller has on its own stack for it.

use microfit_sim::device::{Board, Image, run};
use microfit_tests::device::available;

const BOUND: usize = 512;

/// What the image reports: the size of what outlives a call, then the stack of each operation.
fn measure(board: Board, opt_level: &str, read_size: Option<&str>) -> Vec<(String, usize)> {
    let mut variables = vec![("CARGO_PROFILE_FIRMWARE_OPT_LEVEL", opt_level)];
    variables.extend(read_size.map(|size| ("MICROFIT_READ_SIZE", size)));
    let image = Image::build_with(board, "storage_stack", "storage-stack", &variables)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut found = Vec::new();
    run(board, &image, &[], |line| {
        if let Some((name, bytes)) = line.strip_prefix("storage name=").and_then(|rest| rest.split_once(" bytes=")) {
            found.push((name.to_owned(), bytes.parse().unwrap()));
        }
        Ok(())
    })
    .unwrap_or_else(|error| panic!("{error}"));
    found
}

/// At both optimization levels, over flash that is read by single bytes and by eight at a time, as that of an STM32L4 may be.
#[test]
fn storage_takes_no_more_than_it_says() {
    let board = Board::named("mps2-an386").unwrap();
    if !available("storage_takes_no_more_than_it_says", &[board.target], true) {
        return;
    }
    for (opt_level, read_size) in [("3", None), ("s", None), ("3", Some("8")), ("s", Some("8"))] {
        let found = measure(board, opt_level, read_size);
        let [(store_name, store), (identity_name, identity), operations @ ..] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&store_name[..], &identity_name[..], operations.len()), ("Store", "Identity", 12));
        let sums: Vec<(&str, usize)> = operations
            .iter()
            // The identity that is made is on the stack, and a model has none.
            .map(|(name, stack)| {
                (&name[..], store + stack + if name == "save" || name == "load" { *identity } else { 0 })
            })
            .collect();
        println!(
            "opt-level {opt_level}, read size {}: Store {store}, Identity {identity}, sums {sums:?}",
            read_size.unwrap_or("1")
        );
        for (name, sum) in &sums {
            assert!(*sum <= BOUND, "{name} at opt-level {opt_level}: {sums:?}");
        }
    }
}
