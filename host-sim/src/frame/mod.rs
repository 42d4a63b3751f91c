//! Frames of microfit in a file or in the image of a flash: which there are, which are whole, and what they say.

mod contents;
mod layer;
mod progress;
mod statistics;

use std::convert::Infallible;

use microfit::Topology;
use microfit::checkpoint::{self, CheckpointError, Frame, Header, Kind, Sink, Source};

pub use contents::{Contents, Section, Values};
pub use layer::Layer;
pub use progress::{Early, Means, Phase, Plateau, Progress};
pub use statistics::Statistics;

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
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skipped) = bytes[at..].windows(4).position(|word| word == b"MFCK" || word == b"MFMD") {
        let offset = at + skipped;
        let Some(claim) = claim(&bytes[offset..]) else { break };
        let contents = read(&bytes[offset..]);
        at = offset + contents.as_ref().map_or(4, |_| claim.len as usize);
        found.push(Found { offset, claim, contents });
    }
    found
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

    #[test]
    fn of_equally_new_frames_the_first_counts() {
        let layers = [dense(1, &Linear)];
        let topology = Topology::try_new(1, &layers).unwrap();
        let frame = |value| of_model(topology, &[value, 0.0], None).unwrap().0;
        let found = scan(&[frame(1.0), frame(2.0)].concat());
        assert_eq!((found.len(), newest(&found).unwrap().offset), (2, 0));
    }
}
