//! Reads a frame: once to see that it is whole and the run's own, and only then again to copy.

use super::{CRC, CheckpointError, HEADER, Lengths, MAGIC, SECTIONS, STOPPING_WORDS, Target, VERSION, words};
use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;

/// Where a frame is read from.
pub trait Source {
    /// How it fails.
    type Error;

    /// Bytes there are from the frame's first byte on; the frame's own may be fewer.
    fn len(&self) -> u32;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `bytes` from byte `offset` of the frame on; never asked for one past [`Self::len`].
    ///
    /// # Errors
    /// Whatever the medium has.
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error>;
}

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// Bytes.
    pub len: u32,
    /// Higher is newer.
    pub sequence: u32,
    /// Of the run's settings.
    pub fingerprint: u64,
    /// Pages erased by the store since it was new.
    pub erases: u32,
}

/// What a loaded checkpoint holds beside the buffers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Restored {
    /// For [`Fit::resume`](crate::Fit::resume).
    pub progress: Progress,
    /// Early stopping, if it was saved.
    pub stopping: Option<EarlyStoppingState>,
    /// The frame's own.
    pub header: Header,
}

const CHUNK: usize = 64;
const SHORTEST: u32 = Lengths { params: 0, state: 0, best: 0, shift: 0, factor: 0, user: 0 }.frame_len() as u32;

type Checked<T, E> = Result<T, CheckpointError<E>>;

fn words_at<const N: usize, R: Source>(source: &mut R, mut at: u32) -> Checked<[u32; N], R::Error> {
    let mut words = [0; N];
    for word in &mut words {
        let mut bytes = [0; 4];
        source.read(at, &mut bytes).map_err(CheckpointError::Medium)?;
        *word = u32::from_le_bytes(bytes);
        at = at.saturating_add(4);
    }
    Ok(words)
}

/// Whether a whole frame of any run is here: magic, version, length and CRC.
///
/// # Errors
/// [`CheckpointError::Missing`], [`CheckpointError::Version`], [`CheckpointError::Length`], [`CheckpointError::Crc`] or
/// [`CheckpointError::Medium`].
pub fn verify<R: Source>(source: &mut R) -> Checked<Header, R::Error> {
    if source.len() < SHORTEST {
        return Err(CheckpointError::Missing);
    }
    let [magic, version, len, sequence, low, high, erases] = words_at(source, 0)?;
    if magic != MAGIC {
        return Err(CheckpointError::Missing);
    }
    if version != VERSION {
        return Err(CheckpointError::Version { found: version });
    }
    if len < SHORTEST || len > source.len() {
        return Err(CheckpointError::Length { found: len });
    }
    let mut digest = CRC.digest();
    let mut chunk = [0; CHUNK];
    let mut at = 0;
    while at < len - 4 {
        let n = (len - 4 - at).min(CHUNK as u32);
        let bytes = chunk.get_mut(..n as usize).unwrap_or_default();
        source.read(at, bytes).map_err(CheckpointError::Medium)?;
        digest.update(bytes);
        at += n;
    }
    let [found] = words_at(source, at)?;
    let expected = digest.finalize();
    if expected != found {
        return Err(CheckpointError::Crc { expected, found });
    }
    Ok(Header { len, sequence, fingerprint: u64::from(high) << 32 | u64::from(low), erases })
}

/// Loads the frame, or leaves the target as it was.
///
/// # Errors
/// As [`verify`], and [`CheckpointError::Foreign`], [`CheckpointError::Tag`], [`CheckpointError::SectionLength`],
/// [`CheckpointError::Length`], [`CheckpointError::Progress`].
pub fn load<R: Source>(source: &mut R, target: &mut Target) -> Checked<Restored, R::Error> {
    let header = verify(source)?;
    let (expected, found) = (target.fingerprint, header.fingerprint);
    if expected != found {
        return Err(CheckpointError::Foreign { expected, found });
    }
    let lengths = target.lengths();
    let mut at = HEADER as u32;
    let mut starts = [0; SECTIONS];
    for ((expected_tag, expected), start) in (1..).zip(lengths.sections()).zip(&mut starts) {
        // The frame's last four bytes are no section's.
        if at.saturating_add(8) > header.len - 4 {
            return Err(CheckpointError::Length { found: header.len });
        }
        let [tag, found] = words_at(source, at)?;
        if tag != expected_tag {
            return Err(CheckpointError::Tag { expected: expected_tag, found: tag });
        }
        if found != expected {
            return Err(CheckpointError::SectionLength { tag, expected, found });
        }
        *start = at + 8;
        at = at.saturating_add(8).saturating_add(found);
    }
    if at != header.len - 4 {
        return Err(CheckpointError::Length { found: header.len });
    }
    let [progress, stopping, params, state, best, shift, factor, user] = starts;
    let progress = words::to_progress(words_at(source, progress)?).ok_or(CheckpointError::Progress)?;
    let stopping = match words_at::<STOPPING_WORDS, R>(source, stopping)? {
        [0, ..] => None,
        [1, a, b, c, d] => Some(EarlyStoppingState::from_words([a, b, c, d])),
        _ => return Err(CheckpointError::Progress),
    };
    copy(source, params, target.params)?;
    copy(source, state, target.state)?;
    copy(source, best, target.best)?;
    copy(source, shift, target.shift)?;
    copy(source, factor, target.factor)?;
    source.read(user, target.user).map_err(CheckpointError::Medium)?;
    Ok(Restored { progress, stopping, header })
}

fn copy<R: Source>(source: &mut R, mut at: u32, values: &mut [f32]) -> Checked<(), R::Error> {
    for value in values {
        let [bits] = words_at(source, at)?;
        *value = f32::from_bits(bits);
        at = at.saturating_add(4);
    }
    Ok(())
}
