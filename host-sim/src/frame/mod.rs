//! Frames of microfit in a file or in the image of a flash: which there are, which are whole, and what they say.

mod contents;
mod layer;
mod progress;
mod statistics;
mod sums;

use std::convert::Infallible;

use microfit::Topology;
use microfit::checkpoint::{self, CheckpointError, Frame, Header, Kind, Sink, Source};

pub use contents::{Contents, Section, Values};
pub use layer::Layer;
pub use progress::{Early, Means, Phase, Plateau, Progress};
pub use statistics::Statistics;
use sums::Sums;

/// Why a frame in memory is not whole.
pub type Torn = CheckpointError<Infallible>;

/// A frame in a file, at `offset`.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its first byte's place in the file.
    pub offset: usize,
    /// What the first bytes claim, be they true or not.
    pub claim: Claim,
    /// What it says, or why it cannot be believed.
    pub contents: Result<Contents, Torn>,
}

/// The fixed words of a frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Claim {
    pub kind: Kind,
    pub version: u32,
    pub len: u32,
    pub sequence: u32,
}

/// Bytes in memory as a source of frames.
struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    type Error = Infallible;

    fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        // Never asked for what is past the end.
        for (to, from) in bytes.iter_mut().zip(self.0.iter().skip(offset as usize)) {
            *to = *from;
        }
        Ok(())
    }
}

/// Bytes in memory as a place for a frame.
struct Growing(Vec<u8>);

impl Sink for Growing {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// All frames in a file, by their place in it. Where one is whole nothing is looked for inside it; after one that is not, the
/// search goes on with the next byte.
pub fn scan(bytes: &[u8]) -> Vec<Found> {
    let sums = Sums::of(bytes);
    let mut found = Vec::new();
    let mut at = 0;
    for offset in magics(bytes) {
        if offset < at {
            continue;
        }
        let Some(claim) = claim(&bytes[offset..]) else { break };
        let contents = sums.torn(offset).map_or_else(|| read(&bytes[offset..]), Err);
        at = offset + contents.as_ref().map_or(4, |_| claim.len as usize);
        found.push(Found { offset, claim, contents });
    }
    found
}

/// Where a frame may begin.
fn magics(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let words = bytes.windows(4).enumerate();
    words.filter(|(_, word)| *word == b"MFCK" || *word == b"MFMD").map(|(offset, _)| offset)
}

/// Reads the frame that begins a slice.
///
/// # Errors
/// Those of [`Frame::open`].
pub fn read(bytes: &[u8]) -> Result<Contents, Torn> {
    Contents::of(&mut Frame::open(&mut Bytes(bytes))?)
}

/// `None` if there are too few bytes for a header.
fn claim(bytes: &[u8]) -> Option<Claim> {
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let kind = if bytes.starts_with(b"MFMD") { Kind::Model } else { Kind::Run };
    Some(Claim { kind, version: word(4)?, len: word(8)?, sequence: word(12)? })
}

/// The frame of a model, as a file.
///
/// # Errors
/// Those of [`checkpoint::save_model`].
pub fn of_model(
    topology: Topology,
    params: &[f32],
    scaling: Option<(&[f32], &[f32])>,
) -> Result<(Vec<u8>, Header), Torn> {
    let (shift, factor) = scaling.unwrap_or_default();
    let model = checkpoint::Model { shift, factor, ..checkpoint::Model::new(topology, params) };
    let mut sink = Growing(Vec::new());
    let header = checkpoint::save_model(&model, 0, 0, &mut sink)?;
    Ok((sink.0, header))
}

/// The newest of the whole frames; of equally new ones the first.
pub fn newest(found: &[Found]) -> Option<&Found> {
    let whole = found.iter().filter(|frame| frame.contents.is_ok());
    whole.reduce(|newest, frame| if frame.claim.sequence > newest.claim.sequence { frame } else { newest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use microfit::activation::Linear;
    use microfit::dense;

    /// Parameters may read as the begin of a frame.
    #[test]
    fn nothing_is_looked_for_inside_a_whole_frame() {
        let layers = [dense(1, &Linear)];
        let topology = Topology::try_new(8, &layers).unwrap();
        let params: Vec<f32> =
            (0..9).map(|index| f32::from_le_bytes(if index < 8 { *b"MFMD" } else { [0; 4] })).collect();
        let (frame, _) = of_model(topology, &params, None).unwrap();
        let offsets = |bytes: &[u8]| scan(bytes).iter().map(|found| found.offset).collect::<Vec<_>>();
        assert_eq!(offsets(&frame), [0]);
        let mut torn = frame.clone();
        *torn.last_mut().unwrap() ^= 1;
        assert!(offsets(&torn).len() > 1, "what stands in one that is not whole may be another");
    }

    /// Each byte of these would be read thousands of times.
    #[test]
    fn many_long_frames_across_one_another_are_torn_as_each_by_itself() {
        let layers = [dense(1, &Linear)];
        let topology = Topology::try_new(999, &layers).unwrap();
        let (whole, _) = of_model(topology, &[0.5; 1000], None).unwrap();
        let mut header = whole[..28].to_vec();
        header[8..12].copy_from_slice(&1_000_000_u32.to_le_bytes());
        let bytes = [header.repeat(50_000), whole].concat();
        let found = scan(&bytes);
        assert_eq!(found.len(), 50_001);
        assert!(found.last().unwrap().contents.is_ok());
        for frame in [&found[0], &found[9_999], &found[40_000], &found[49_999]] {
            let alone = read(&bytes[frame.offset..]).err();
            assert!(alone.is_some() && frame.contents.as_ref().err() == alone.as_ref(), "{alone:?}");
        }
    }

    #[test]
    fn of_equally_new_frames_the_first_counts() {
        let layers = [dense(1, &Linear)];
        let topology = Topology::try_new(1, &layers).unwrap();
        let frame = |value| of_model(topology, &[value, 0.0], None).unwrap().0;
        let found = scan(&[frame(1.0), frame(2.0)].concat());
        assert_eq!((found.len(), newest(&found).unwrap().offset), (2, 0));
    }
}
