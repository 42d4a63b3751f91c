//! `cargo +nightly fuzz run frame` in `tests/fuzz`; seed it with `tests/frames`.
//!
//! The first byte says what is done to the rest: nothing, or length and CRC made good, so that the fuzzer gets behind them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use microfit_tests::judge::judge;
use microfit_tests::memory::sealed;

fuzz_target!(|input: &[u8]| {
    let Some((how, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if how & 1 == 1 && bytes.len() >= 16 {
        let len = (bytes.len() as u32).to_le_bytes();
        bytes[8..12].copy_from_slice(&len);
        bytes = sealed(bytes);
    }
    judge(&bytes);
});
