//! Reads a frame: whether it is whole and one that could have been written, and what it says. The one body of code for runs and
//! models, blocking and async.

use core::convert::Infallible;

use super::super::header::{HEADER, Header, SHORTEST};
use super::super::words::{self, Check, PROGRESS_WORDS, STOPPING_WORDS};
use super::super::{CRC, CheckpointError, Identity, Kind, LayerShape, Lengths, Section, VERSION};
use super::bisync;
use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;

/// Where a frame is read from.
#[bisync(AFIT)]
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
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error>;
}

/// A frame in memory, as `include_bytes!` has it.
#[bisync(AFIT)]
impl Source for &[u8] {
    type Error = Infallible;

    fn len(&self) -> u32 {
        u32::try_from(<[u8]>::len(self)).unwrap_or(u32::MAX)
    }

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (to, from) in bytes.iter_mut().zip(self.get(offset as usize..).unwrap_or_default()) {
            *to = *from;
        }
        Ok(())
    }
}

/// Bytes read at a time.
const CHUNK: usize = 32;

pub(super) type Checked<T, E> = Result<T, CheckpointError<E>>;

#[bisync]
#[inline(never)]
pub(super) async fn word_at<R: Source>(source: &mut R, at: u32) -> Result<u32, R::Error> {
    let mut bytes = [0; 4];
    source.read(at, &mut bytes).await?;
    Ok(u32::from_le_bytes(bytes))
}

/// Whether a whole frame of any run or model is here: magic, length, CRC and version. What is in its sections is not looked at;
/// see [`Frame::open`].
///
/// # Errors
/// [`CheckpointError::Missing`], [`CheckpointError::Length`], [`CheckpointError::Crc`], [`CheckpointError::Version`] or
/// [`CheckpointError::Medium`].
#[bisync]
#[inline(never)]
pub async fn verify<R: Source>(source: &mut R) -> Checked<Header, R::Error> {
    if source.len() < SHORTEST {
        return Err(CheckpointError::Missing);
    }
    let mut bytes = [0; HEADER];
    source.read(0, &mut bytes).await.map_err(CheckpointError::Medium)?;
    let header = Header::of_bytes(&bytes).ok_or(CheckpointError::Missing)?;
    if header.len < SHORTEST || header.len > source.len() {
        return Err(CheckpointError::Length { found: header.len });
    }
    check_crc(source, header.len).await?;
    check_version(&header)?;
    Ok(header)
}

pub(super) const fn check_version<E>(header: &Header) -> Checked<(), E> {
    if header.version == VERSION { Ok(()) } else { Err(CheckpointError::Version { found: header.version }) }
}

#[bisync]
#[inline(never)]
async fn check_crc<R: Source>(source: &mut R, len: u32) -> Checked<(), R::Error> {
    let mut digest = CRC.digest();
    let mut chunk = [0; CHUNK];
    let (mut at, end) = (0, len.saturating_sub(4));
    while at < end {
        let n = (end - at).min(CHUNK as u32);
        let bytes = chunk.get_mut(..n as usize).unwrap_or_default();
        source.read(at, bytes).await.map_err(CheckpointError::Medium)?;
        digest.update(bytes);
        at += n;
    }
    let (expected, found) = (digest.finalize(), word_at(source, end).await.map_err(CheckpointError::Medium)?);
    if expected == found { Ok(()) } else { Err(CheckpointError::Crc { expected, found }) }
}

/// A whole frame whose sections are in order: what a writer of this version can have made. It needs nothing of the run or the model
/// that it is of.
#[derive(Debug)]
pub struct Frame<'s, R> {
    pub(super) source: &'s mut R,
    pub(super) header: Header,
    /// From which follows where each section is.
    pub(super) lengths: Lengths,
}

impl<'s, R: Source> Frame<'s, R> {
    /// Reads the whole frame and checks it.
    ///
    /// # Errors
    /// As [`verify`], and [`CheckpointError::Section`], [`CheckpointError::SectionLength`], [`CheckpointError::Length`] and
    /// [`CheckpointError::Content`].
    #[bisync]
    pub async fn open(source: &'s mut R) -> Checked<Self, R::Error> {
        let mut frame = Self { source, header: Header::BLANK, lengths: Lengths::default() };
        frame.header = verify(frame.source).await?;
        let lengths = &mut frame.lengths;
        let set = |section, len| {
            lengths.set(section, len);
            Ok(())
        };
        walk(frame.source, &frame.header, set).await?;
        frame.check_shape().await?;
        if frame.header.kind == Kind::Run {
            let at = frame.place_in_run(Section::Progress)?;
            check_progress(frame.source, at, None).await?;
            frame.stopping().await?;
        }
        Ok(frame)
    }

    /// Whether the shape is a network's, and the sections are as long as its parts.
    #[bisync]
    #[inline(never)]
    async fn check_shape(&mut self) -> Checked<(), R::Error> {
        let nonsense = CheckpointError::Content { section: Section::Shape };
        let inputs = self.inputs().await?;
        let layers = self.lengths.layers as u32;
        let (mut params, mut fan_in) = (0_u64, u64::from(inputs));
        if layers == 0 || inputs == 0 || inputs > u32::from(u16::MAX) {
            return Err(nonsense);
        }
        for layer in 0..layers {
            let shape = self.layer(layer).await?;
            if !shape.frozen {
                params = params.saturating_add(u64::from(shape.units) * (fan_in + 1));
            }
            fan_in = u64::from(shape.units);
        }
        // A length in bytes has 32 bits; where `usize` has 64, one of more would be compared modulo 2^32.
        let params = u32::try_from(params.saturating_mul(4)).map_err(|_| nonsense)? as usize / 4;
        self.lengths.check(params, inputs as usize, None)
    }

    /// What the frame says of itself.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// The lengths of its parts; those a model does not have are 0.
    pub const fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// Begin and length in bytes; of 0 bytes for a section it does not have.
    fn place(&self, wanted: Section) -> (u32, u32) {
        self.lengths.place(self.header.kind, wanted)
    }

    #[bisync]
    async fn word(&mut self, at: u32) -> Checked<u32, R::Error> {
        word_at(self.source, at).await.map_err(CheckpointError::Medium)
    }

    /// The network's inputs.
    ///
    /// # Errors
    /// [`CheckpointError::Medium`].
    #[bisync]
    pub async fn inputs(&mut self) -> Checked<u32, R::Error> {
        let at = self.place(Section::Shape).0;
        self.word(at).await
    }

    /// A layer, counted from 0 for the first after the inputs.
    ///
    /// # Errors
    /// [`CheckpointError::Content`] past the last; [`CheckpointError::Medium`].
    #[bisync]
    pub async fn layer(&mut self, layer: u32) -> Checked<LayerShape, R::Error> {
        let nonsense = CheckpointError::Content { section: Section::Shape };
        let (at, len) = self.place(Section::Shape);
        let offset = layer.saturating_mul(8).saturating_add(4);
        if offset >= len {
            return Err(nonsense);
        }
        let at = at.saturating_add(offset);
        let words = [self.word(at).await?, self.word(at.saturating_add(4)).await?];
        LayerShape::of_words(words).ok_or(nonsense)
    }

    /// Where the run stands.
    ///
    /// # Errors
    /// [`CheckpointError::Content`] in a model, which has none; [`CheckpointError::Medium`].
    #[bisync]
    pub async fn progress(&mut self) -> Checked<Progress, R::Error> {
        let mut progress = Progress::default();
        let at = self.place_in_run(Section::Progress)?;
        check_progress(self.source, at, None).await?;
        read_progress(self.source, at, &mut progress).await.map_err(CheckpointError::Medium)?;
        Ok(progress)
    }

    /// Early stopping, if the run has it.
    ///
    /// # Errors
    /// As [`Self::progress`].
    #[bisync]
    pub async fn stopping(&mut self) -> Checked<Option<EarlyStoppingState>, R::Error> {
        let at = self.place_in_run(Section::Stopping)?;
        read_stopping(self.source, at).await
    }

    /// Where a section begins that a model does not have: nothing is read of what stands there then.
    fn place_in_run(&self, section: Section) -> Checked<u32, R::Error> {
        match self.place(section) {
            (_, 0) => Err(CheckpointError::Content { section }),
            (at, _) => Ok(at),
        }
    }

    /// Fills `bytes` with a section's, from byte `offset` of it on.
    ///
    /// # Errors
    /// [`CheckpointError::SectionLength`] if the section does not reach so far; [`CheckpointError::Medium`].
    #[bisync]
    pub async fn bytes(&mut self, section: Section, offset: u32, bytes: &mut [u8]) -> Checked<(), R::Error> {
        let (at, found) = self.place(section);
        let expected = u64::from(offset).saturating_add(bytes.len() as u64);
        if expected > u64::from(found) {
            let expected = u32::try_from(expected).unwrap_or(u32::MAX);
            return Err(CheckpointError::SectionLength { section, expected, found });
        }
        self.source.read(at.saturating_add(offset), bytes).await.map_err(CheckpointError::Medium)
    }

    /// Fills `values` with a section's, from its float `first` on.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    #[bisync]
    pub async fn floats(&mut self, section: Section, first: u32, values: &mut [f32]) -> Checked<(), R::Error> {
        let mut offset = first.saturating_mul(4);
        for value in values {
            let mut bytes = [0; 4];
            self.bytes(section, offset, &mut bytes).await?;
            *value = f32::from_le_bytes(bytes);
            offset = offset.saturating_add(4);
        }
        Ok(())
    }
}

/// The header of bytes that are whole.
#[bisync]
#[inline(never)]
pub(super) async fn read_header<R: Source>(source: &mut R, header: &mut Header) -> Result<(), R::Error> {
    // A header and more, which every frame has: whole words wherever it is read from.
    let mut bytes = [0; CHUNK];
    source.read(0, &mut bytes).await?;
    header.take(&bytes);
    Ok(())
}

/// Goes through the sections, which have to be in order, and tells of each how long it is. What is in them is another question.
#[bisync]
pub(super) async fn walk<R: Source>(
    source: &mut R,
    header: &Header,
    mut tell: impl FnMut(Section, u32) -> Checked<(), R::Error>,
) -> Checked<(), R::Error> {
    // The frame's last four bytes are no section's.
    let (mut at, end) = (HEADER as u32, header.len.saturating_sub(4));
    let cut_off = CheckpointError::Length { found: header.len };
    for &section in header.kind.sections() {
        if end.saturating_sub(at) < 8 {
            return Err(cut_off);
        }
        let found = word_at(source, at).await.map_err(CheckpointError::Medium)?;
        let len = word_at(source, at.saturating_add(4)).await.map_err(CheckpointError::Medium)?;
        if found != section as u32 {
            return Err(CheckpointError::Section { expected: section, found });
        }
        at = at.saturating_add(8);
        if len > end.saturating_sub(at) {
            return Err(cut_off);
        }
        let fixed = match section {
            Section::Progress | Section::Stopping => Lengths::default().section(section) as u32,
            Section::User => len,
            Section::Shape => 4 + len.saturating_sub(4) / 8 * 8,
            _ => len / 4 * 4,
        };
        if len != fixed {
            return Err(CheckpointError::SectionLength { section, expected: fixed, found: len });
        }
        tell(section, len)?;
        at = at.saturating_add(len);
    }
    if at == end { Ok(()) } else { Err(cut_off) }
}

/// Whether the words at `at` are a progress that a run can have made: one of this identity, if that is given.
#[bisync]
#[inline(never)]
pub(super) async fn check_progress<R: Source>(
    source: &mut R,
    mut at: u32,
    identity: Option<&Identity<'_>>,
) -> Checked<(), R::Error> {
    let (mut check, mut possible) = (Check::new(), true);
    for index in 0..PROGRESS_WORDS {
        possible &= check.add(index, word_at(source, at).await.map_err(CheckpointError::Medium)?);
        at = at.saturating_add(4);
    }
    possible &= match identity {
        Some(own) => check.standing.fits(own.batch, own.epochs),
        None => check.standing.is_possible(),
    };
    if possible { Ok(()) } else { Err(CheckpointError::Content { section: Section::Progress }) }
}

/// Reads a progress that was found good.
#[bisync]
#[inline(never)]
pub(super) async fn read_progress<R: Source>(
    source: &mut R,
    mut at: u32,
    progress: &mut Progress,
) -> Result<(), R::Error> {
    for index in 0..PROGRESS_WORDS {
        words::to_progress(progress, index, word_at(source, at).await?);
        at = at.saturating_add(4);
    }
    Ok(())
}

/// Early stopping, of which the words are at `at`.
#[bisync]
#[inline(never)]
pub(super) async fn read_stopping<R: Source>(source: &mut R, at: u32) -> Checked<Option<EarlyStoppingState>, R::Error> {
    let (mut at, mut words) = (at, [0; STOPPING_WORDS]);
    for word in &mut words {
        *word = word_at(source, at).await.map_err(CheckpointError::Medium)?;
        at = at.saturating_add(4);
    }
    words::to_stopping(words).ok_or(CheckpointError::Content { section: Section::Stopping })
}
