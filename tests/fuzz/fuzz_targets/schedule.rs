//! `ASAN_OPTIONS=detect_leaks=0 cargo +nightly fuzz run schedule` in `tests/fuzz`: what a spec makes lives as long as the program.
//!
//! A byte is a word of the grammar, so that the fuzzer gets behind the tokens; from a byte 255 on they are characters. What is
//! read gives a rate at every clock, and what is refused says where, within the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use microfit_sim::spec::{Spec, catalogue, parse_any};

const MARKS: [&str; 18] =
    ["(", ")", ",", "=", "[", "]", "+", "-", "*", ".", "none", "true", "false", "\"text\"", "cos", " ", "'", "epoch"];
const NUMBERS: &str = "0 1 2 3 10 50 0.1 0.5 0.9 1.5 -1 1e-30 1e30 1e39 1e308 4294967295 4294967296 1e-320";
const CLOCKS: [u32; 9] = [0, 1, 2, 9, 10, 11, 1_000, u32::MAX - 1, u32::MAX];

fn words() -> impl Iterator<Item = &'static str> {
    let names = catalogue().iter().map(|entry| entry.name);
    MARKS.into_iter().chain(NUMBERS.split(' ')).chain(names)
}

fn text(input: &[u8]) -> String {
    let (words, mut text): (Vec<_>, _) = (words().collect(), String::new());
    for (at, &byte) in input.iter().enumerate() {
        if byte == u8::MAX {
            text.push_str(&String::from_utf8_lossy(&input[at + 1..]));
            break;
        }
        text.push_str(words[usize::from(byte) % words.len()]);
    }
    text
}

fuzz_target!(|input: &[u8]| {
    let text = text(input);
    match parse_any(&text) {
        Ok(Spec::Schedule(schedule)) => {
            for clock in CLOCKS {
                let (rate, momentum) = (schedule.rate(clock), schedule.momentum(clock));
                assert_eq!(
                    (rate.to_bits(), momentum),
                    (schedule.rate(clock).to_bits(), schedule.momentum(clock)),
                    "{text}"
                );
            }
        }
        Ok(Spec::Driven(mut driven)) => {
            for metric in [1.0, 0.5, 0.5, 0.5, f64::NAN, f64::INFINITY, -1e300, 2.0] {
                assert_eq!(driven.observe(metric).to_bits(), driven.rate().to_bits(), "{text}");
            }
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column), "{text}: {error}");
            assert!(!error.expected.is_empty() && !error.found.is_empty(), "{text}: {error}");
        }
    }
});
