//! Bytes from anywhere are refused or are what a writer would have written; `tests/fuzz` does the same for as long as you like.

use microfit_tests::judge::{Judged, frames, judge};
use microfit_tests::memory::sealed;
use proptest::prelude::*;

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    for mut bytes in frames() {
        assert_eq!(judge(&bytes), Judged::Accepted);
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(judge(&bytes), Judged::Refused, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for len in 0..bytes.len() {
            assert_eq!(judge(&bytes[..len]), Judged::Refused, "cut after {len}");
        }
        bytes.extend([0xff; 9]);
        assert_eq!(judge(&bytes), Judged::Accepted, "what follows is not looked at");
    }
}

/// Every byte of the frames exchanged for every other, with the CRC made good: what is in it is looked at, not its sum.
#[test]
fn every_exchanged_byte_is_refused_or_written_so() {
    let mut judged = [0; 3];
    for bytes in frames() {
        for at in 0..bytes.len() - 4 {
            for value in [0, 1, 2, 3, 5, 8, 0x7f, 0x80, 0xc0, 0xfe, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                judged[judge(&sealed(bytes)) as usize] += 1;
            }
        }
    }
    println!("refused, foreign, accepted: {judged:?}");
    assert!(judged.iter().all(|&count| count > 100));
}

/// Up to four pieces of a frame exchanged, left out or doubled, its length and its CRC made good.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let piece = (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..9), 0..9_usize);
    (any::<bool>(), prop::collection::vec(piece, 1..5), any::<bool>()).prop_map(|(model, pieces, whole_words)| {
        let [run, other] = frames();
        let mut bytes = if model { other } else { run };
        for (index, by, taken) in pieces {
            let at = index.index(bytes.len());
            let (at, taken) = if whole_words { (at / 4 * 4, taken / 4 * 4) } else { (at, taken) };
            let end = (at + taken).min(bytes.len());
            bytes.splice(at..end, by.into_iter().take(if whole_words { taken } else { 8 }));
        }
        bytes.resize(bytes.len().max(16), 0);
        let len = (bytes.len() as u32).to_le_bytes();
        bytes[8..12].copy_from_slice(&len);
        sealed(bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        prop_assert_eq!(judge(&bytes), Judged::Refused);
    }

    /// Behind a good header and a good CRC.
    #[test]
    fn arbitrary_sections_are_refused(tail in prop::collection::vec(any::<u8>(), 100..700), model in any::<bool>()) {
        let mut bytes = frames()[usize::from(model)][..28].to_vec();
        bytes.extend(tail);
        let len = bytes.len() as u32;
        bytes[8..12].copy_from_slice(&len.to_le_bytes());
        prop_assert_eq!(judge(&sealed(bytes)), Judged::Refused);
    }

    #[test]
    fn mutated_frames_are_refused_or_written_so(bytes in mutated()) {
        judge(&bytes);
    }
}
