//! The CRC of any frame a file claims to hold, from one pass over the file.

use std::collections::{BTreeMap, BTreeSet};

use crc32fast::Hasher;

use super::{Torn, claim, magics};

/// The CRC of all bytes before a place, for the places where a frame that is claimed begins and where its own CRC stands. By it
/// torn frames that lie across one another take no longer than others; each by itself, many of them never ended.
pub(super) struct Sums<'a> {
    bytes: &'a [u8],
    before: BTreeMap<usize, u32>,
}

impl<'a> Sums<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let ends = magics(bytes).filter_map(|offset| Some([offset, place_of_crc(bytes, offset)?]));
        let places: BTreeSet<usize> = ends.flatten().collect();
        let (mut hasher, mut from) = (Hasher::new(), 0);
        let mut before = BTreeMap::new();
        for place in places {
            hasher.update(bytes.get(from..place).unwrap_or_default());
            before.insert(place, hasher.clone().finalize());
            from = place;
        }
        Self { bytes, before }
    }

    /// The error of a frame that begins here, if its length can be a frame's and its CRC is not that of its bytes.
    pub(super) fn torn(&self, offset: usize) -> Option<Torn> {
        let end = place_of_crc(self.bytes, offset)?;
        let expected = self.between(offset, end)?;
        let found = u32::from_le_bytes(self.bytes.get(end..end + 4)?.try_into().ok()?);
        (expected != found).then_some(Torn::Crc { expected, found })
    }

    fn between(&self, from: usize, to: usize) -> Option<u32> {
        // A whole's CRC is that of its head, moved by the length of the tail, xor that of the tail.
        let mut head = Hasher::new_with_initial_len(*self.before.get(&from)?, from as u64);
        head.combine(&Hasher::new_with_initial_len(0, (to - from) as u64));
        Some(self.before.get(&to)? ^ head.finalize())
    }
}

/// Less has to be looked at by itself: it is soon done, and may be too short for a frame.
const LONG: usize = 1 << 10;

fn place_of_crc(bytes: &[u8], offset: usize) -> Option<usize> {
    let len = claim(bytes.get(offset..)?)?.len as usize;
    (len >= LONG && len <= bytes.len() - offset).then(|| offset + len - 4)
}

#[cfg(test)]
mod tests {
    use crate::frame::scan;

    /// Found by `cargo fuzz run model`: the place of a CRC before the file's first byte.
    #[test]
    fn a_length_of_nothing_is_no_frame() {
        for len in 0..4_u8 {
            let bytes = [b"MFCK".as_slice(), &[1, 0, 0, 0, len, 0, 0, 0, 9, 9, 9, 9]].concat();
            assert!(scan(&bytes).iter().all(|found| found.contents.is_err()));
        }
    }
}
