//! Writes a frame, a word at a time.

use super::{CRC, CheckpointError, MAGIC, STOPPING_WORDS, Snapshot, VERSION, words};

/// Where a frame goes, piece by piece.
pub trait Sink {
    /// How it fails.
    type Error;

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Whatever the medium has.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

struct Summed<'k, K> {
    sink: &'k mut K,
    digest: crc::Digest<'static, u32>,
}

impl<K: Sink> Summed<'_, K> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), K::Error> {
        self.digest.update(bytes);
        self.sink.write(bytes)
    }

    fn words(&mut self, words: impl IntoIterator<Item = u32>) -> Result<(), K::Error> {
        words.into_iter().try_for_each(|word| self.bytes(&word.to_le_bytes()))
    }
}

/// Writes a frame of [`Lengths::frame_len`](super::Lengths::frame_len) bytes; the CRC goes last.
///
/// # Errors
/// [`CheckpointError::Medium`] for what the sink returns.
pub fn save<K: Sink>(
    snapshot: &Snapshot,
    sequence: u32,
    erases: u32,
    sink: &mut K,
) -> Result<(), CheckpointError<K::Error>> {
    write(snapshot, sequence, erases, sink).map_err(CheckpointError::Medium)
}

fn write<K: Sink>(snapshot: &Snapshot, sequence: u32, erases: u32, sink: &mut K) -> Result<(), K::Error> {
    let lengths = snapshot.lengths();
    let mut out = Summed { sink, digest: CRC.digest() };
    let fingerprint = snapshot.fingerprint;
    out.words([MAGIC, VERSION, lengths.frame_len() as u32, sequence])?;
    out.words([fingerprint as u32, (fingerprint >> 32) as u32, erases])?;
    let stopping: [u32; STOPPING_WORDS] = snapshot.stopping.map_or([0; 5], |state| {
        let [a, b, c, d] = state.words();
        [1, a, b, c, d]
    });
    let [progress_len, stopping_len, params, state, best, shift, factor, user] = lengths.sections();
    out.words([1, progress_len])?;
    out.words(words::of_progress(&snapshot.progress))?;
    out.words([2, stopping_len])?;
    out.words(stopping)?;
    let floats = [(params, snapshot.params), (state, snapshot.state), (best, snapshot.best)];
    let scaling = [(shift, snapshot.shift), (factor, snapshot.factor)];
    for (tag, (len, values)) in (3..).zip(floats.into_iter().chain(scaling)) {
        out.words([tag, len])?;
        out.words(values.iter().map(|value| value.to_bits()))?;
    }
    out.words([8, user])?;
    out.bytes(snapshot.user)?;
    let crc = out.digest.finalize();
    sink.write(&crc.to_le_bytes())
}
