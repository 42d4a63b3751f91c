//! Reads a frame: once to see that it is whole and one that could have been written, and only then again to copy. The one body of
//! code for runs and models, blocking and async.

use super::super::header::{HEADER, HEADER_WORDS, Header};
use super::super::section::TAGS;
use super::super::{
    CRC, CheckpointError, Identity, Kind, LayerShape, Lengths, ModelTarget, Restored, Section, Target, VERSION, words,
};
use super::bisync;
use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;
use crate::topology::Topology;

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

/// Bytes read at a time.
const CHUNK: usize = 32;
/// Of a model without layers: less is no frame.
const SHORTEST: u32 = HEADER as u32 + 4;

type Checked<T, E> = Result<T, CheckpointError<E>>;

#[bisync]
async fn words_at<const N: usize, R: Source>(source: &mut R, mut at: u32) -> Result<[u32; N], R::Error> {
    let mut words = [0; N];
    for word in &mut words {
        let mut bytes = [0; 4];
        source.read(at, &mut bytes).await?;
        *word = u32::from_le_bytes(bytes);
        at = at.saturating_add(4);
    }
    Ok(words)
}

/// What the first bytes say, if they are a frame's; whether it is whole is [`verify`]'s to say.
#[bisync]
pub(crate) async fn read_header<R: Source>(source: &mut R) -> Checked<(u32, Header), R::Error> {
    if source.len() < SHORTEST {
        return Err(CheckpointError::Missing);
    }
    let words = words_at::<HEADER_WORDS, R>(source, 0).await.map_err(CheckpointError::Medium)?;
    let [magic, version, len, sequence, low, high, erases] = words;
    let kind = Kind::of_magic(magic).ok_or(CheckpointError::Missing)?;
    if len < SHORTEST || len > source.len() {
        return Err(CheckpointError::Length { found: len });
    }
    Ok((version, Header { kind, len, sequence, fingerprint: u64::from(high) << 32 | u64::from(low), erases }))
}

/// Whether a whole frame of any run or model is here: magic, length, CRC and version. What is in its sections is not looked at;
/// see [`Frame::open`].
///
/// # Errors
/// [`CheckpointError::Missing`], [`CheckpointError::Length`], [`CheckpointError::Crc`], [`CheckpointError::Version`] or
/// [`CheckpointError::Medium`].
#[bisync]
pub async fn verify<R: Source>(source: &mut R) -> Checked<Header, R::Error> {
    let (found, header) = read_header(source).await?;
    check_crc(source, header.len).await?;
    if found == VERSION { Ok(header) } else { Err(CheckpointError::Version { found }) }
}

#[bisync]
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
    let [found] = words_at(source, end).await.map_err(CheckpointError::Medium)?;
    let expected = digest.finalize();
    if expected == found { Ok(()) } else { Err(CheckpointError::Crc { expected, found }) }
}

/// A whole frame whose sections are in order: what a writer of this version can have made. It needs nothing of the run or the model
/// that it is of.
#[derive(Debug)]
pub struct Frame<'s, R> {
    source: &'s mut R,
    header: Header,
    /// Begin and length in bytes, by tag; of 0 bytes for a section it does not have.
    places: [(u32, u32); TAGS],
}

impl<'s, R: Source> Frame<'s, R> {
    /// Reads the whole frame and checks it.
    ///
    /// # Errors
    /// As [`verify`], and [`CheckpointError::Section`], [`CheckpointError::SectionLength`], [`CheckpointError::Length`] and
    /// [`CheckpointError::Content`].
    #[bisync]
    pub async fn open(source: &'s mut R) -> Checked<Self, R::Error> {
        let header = verify(source).await?;
        let mut frame = Self { source, header, places: [(0, 0); TAGS] };
        frame.find_sections().await?;
        let params = frame.check_shape().await?;
        let inputs = frame.inputs().await? as usize;
        frame.lengths().check(params, inputs, None)?;
        if header.kind == Kind::Run {
            frame.progress().await?;
            frame.stopping().await?;
        }
        Ok(frame)
    }

    #[bisync]
    async fn find_sections(&mut self) -> Checked<(), R::Error> {
        // The frame's last four bytes are no section's.
        let (mut at, end) = (HEADER as u32, self.header.len.saturating_sub(4));
        let cut_off = CheckpointError::Length { found: self.header.len };
        for &section in self.header.kind.sections() {
            if end.saturating_sub(at) < 8 {
                return Err(cut_off);
            }
            let [found, len] = words_at(self.source, at).await.map_err(CheckpointError::Medium)?;
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
            if let Some(place) = self.places.get_mut(section as usize) {
                *place = (at, len);
            }
            at = at.saturating_add(len);
        }
        if at == end { Ok(()) } else { Err(cut_off) }
    }

    /// The number of parameters of the shape, if it is a network's.
    #[bisync]
    async fn check_shape(&mut self) -> Checked<usize, R::Error> {
        let nonsense = CheckpointError::Content { section: Section::Shape };
        let inputs = self.inputs().await?;
        let layers = self.lengths().layers as u32;
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
        usize::try_from(params).map_err(|_| nonsense)
    }

    /// What the frame says of itself.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// The lengths of its parts; those a model does not have are 0.
    pub fn lengths(&self) -> Lengths {
        let words = |section| (self.place(section).1 / 4) as usize;
        Lengths {
            layers: words(Section::Shape).saturating_sub(1) / 2,
            feedback: words(Section::Feedback),
            params: words(Section::Params),
            state: words(Section::State),
            best: words(Section::Best),
            shift: words(Section::Shift),
            factor: words(Section::Factor),
            user: self.place(Section::User).1 as usize,
        }
    }

    fn place(&self, section: Section) -> (u32, u32) {
        self.places.get(section as usize).copied().unwrap_or_default()
    }

    /// The network's inputs.
    ///
    /// # Errors
    /// [`CheckpointError::Medium`].
    #[bisync]
    pub async fn inputs(&mut self) -> Checked<u32, R::Error> {
        let at = self.place(Section::Shape).0;
        let [inputs] = words_at(self.source, at).await.map_err(CheckpointError::Medium)?;
        Ok(inputs)
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
        let words = words_at(self.source, at.saturating_add(offset)).await.map_err(CheckpointError::Medium)?;
        LayerShape::of_words(words).ok_or(nonsense)
    }

    /// Where the run stands.
    ///
    /// # Errors
    /// [`CheckpointError::Content`] in a model, which has none; [`CheckpointError::Medium`].
    #[bisync]
    pub async fn progress(&mut self) -> Checked<Progress, R::Error> {
        let nonsense = CheckpointError::Content { section: Section::Progress };
        let (at, len) = self.place(Section::Progress);
        if len == 0 {
            return Err(nonsense);
        }
        let words = words_at(self.source, at).await.map_err(CheckpointError::Medium)?;
        words::to_progress(words).ok_or(nonsense)
    }

    /// Early stopping, if the run has it.
    ///
    /// # Errors
    /// As [`Self::progress`].
    #[bisync]
    pub async fn stopping(&mut self) -> Checked<Option<EarlyStoppingState>, R::Error> {
        let nonsense = CheckpointError::Content { section: Section::Stopping };
        let (at, len) = self.place(Section::Stopping);
        if len == 0 {
            return Err(nonsense);
        }
        let words = words_at(self.source, at).await.map_err(CheckpointError::Medium)?;
        words::to_stopping(words).ok_or(nonsense)
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

    /// Loads the run, or leaves the target as it was.
    ///
    /// # Errors
    /// As [`load`], but for those of [`Self::open`].
    #[bisync]
    pub async fn load(&mut self, target: &mut Target<'_>) -> Checked<Restored, R::Error> {
        let Identity { topology, fingerprint: expected, batch, epochs, state } = target.identity;
        self.check_kind(Kind::Run)?;
        self.compare(&topology).await?;
        let found = self.header.fingerprint;
        if expected != found {
            return Err(CheckpointError::Foreign { expected, found });
        }
        let lengths = target.lengths();
        lengths.check(topology.param_len(), topology.inputs(), Some(state))?;
        self.compare_lengths(&lengths)?;
        let (progress, stopping) = (self.progress().await?, self.stopping().await?);
        if !progress.fits(batch, epochs) {
            return Err(CheckpointError::Content { section: Section::Progress });
        }
        self.copy_words(Section::Feedback, target.feedback).await?;
        self.copy(Section::State, target.state).await?;
        self.copy(Section::Best, target.best).await?;
        self.copy_model(target.params, target.shift, target.factor, target.user).await?;
        Ok(Restored { progress, stopping, header: self.header })
    }

    /// Loads the model, or leaves the target as it was.
    ///
    /// # Errors
    /// As [`load_model`], but for those of [`Self::open`].
    #[bisync]
    pub async fn load_model(&mut self, target: &mut ModelTarget<'_>) -> Checked<Header, R::Error> {
        let topology = target.topology;
        self.check_kind(Kind::Model)?;
        self.compare(&topology).await?;
        let (expected, found) = (topology.fingerprint(), self.header.fingerprint);
        if expected != found {
            return Err(CheckpointError::Foreign { expected, found });
        }
        let lengths = target.lengths();
        lengths.check(topology.param_len(), topology.inputs(), None)?;
        self.compare_lengths(&lengths)?;
        self.copy_model(target.params, target.shift, target.factor, target.user).await?;
        Ok(self.header)
    }

    fn check_kind(&self, expected: Kind) -> Checked<(), R::Error> {
        let found = self.header.kind;
        if expected == found { Ok(()) } else { Err(CheckpointError::Kind { expected, found }) }
    }

    #[bisync]
    async fn compare(&mut self, topology: &Topology<'_>) -> Checked<(), R::Error> {
        let (expected, found) = (topology.inputs() as u32, self.inputs().await?);
        if expected != found {
            return Err(CheckpointError::Inputs { expected, found });
        }
        let (expected, found) = (topology.layers().len() as u32, self.lengths().layers as u32);
        if expected != found {
            return Err(CheckpointError::Layers { expected, found });
        }
        for (layer, own) in (0..).zip(topology.layers()) {
            let (expected, found) = (LayerShape::of(own), self.layer(layer).await?);
            if expected != found {
                return Err(CheckpointError::Layer { layer, expected, found });
            }
        }
        Ok(())
    }

    /// The buffers have to be of the very lengths that were saved.
    fn compare_lengths(&self, lengths: &Lengths) -> Checked<(), R::Error> {
        for &section in self.header.kind.sections() {
            let (expected, found) = (lengths.section(section) as u32, self.place(section).1);
            if expected != found {
                return Err(CheckpointError::SectionLength { section, expected, found });
            }
        }
        Ok(())
    }

    #[bisync]
    async fn copy_model(
        &mut self,
        params: &mut [f32],
        shift: &mut [f32],
        factor: &mut [f32],
        user: &mut [u8],
    ) -> Checked<(), R::Error> {
        self.copy(Section::Params, params).await?;
        self.copy(Section::Shift, shift).await?;
        self.copy(Section::Factor, factor).await?;
        let at = self.place(Section::User).0;
        self.source.read(at, user).await.map_err(CheckpointError::Incomplete)
    }

    #[bisync]
    async fn copy(&mut self, section: Section, values: &mut [f32]) -> Checked<(), R::Error> {
        let mut at = self.place(section).0;
        for value in values {
            let [bits] = words_at(self.source, at).await.map_err(CheckpointError::Incomplete)?;
            *value = f32::from_bits(bits);
            at = at.saturating_add(4);
        }
        Ok(())
    }

    #[bisync]
    async fn copy_words(&mut self, section: Section, values: &mut [u32]) -> Checked<(), R::Error> {
        let mut at = self.place(section).0;
        for value in values {
            let [word] = words_at(self.source, at).await.map_err(CheckpointError::Incomplete)?;
            *value = word;
            at = at.saturating_add(4);
        }
        Ok(())
    }
}

/// Loads a run's frame, or leaves the target as it was: what is loaded, [`Fit::resume`](crate::Fit::resume) goes on from.
///
/// # Errors
/// As [`Frame::open`]; for a frame of something else [`CheckpointError::Kind`], [`CheckpointError::Inputs`], [`CheckpointError::Layers`],
/// [`CheckpointError::Layer`] or [`CheckpointError::Foreign`]; [`CheckpointError::SectionLength`] for buffers of other lengths;
/// [`CheckpointError::Content`] for progress that batch and epochs do not allow. [`CheckpointError::Incomplete`] alone leaves
/// the buffers half written.
#[bisync]
pub async fn load<R: Source>(source: &mut R, target: &mut Target<'_>) -> Checked<Restored, R::Error> {
    Frame::open(source).await?.load(target).await
}

/// Loads a model's frame, or leaves the target as it was.
///
/// # Errors
/// As [`load`].
#[bisync]
pub async fn load_model<R: Source>(source: &mut R, target: &mut ModelTarget<'_>) -> Checked<Header, R::Error> {
    Frame::open(source).await?.load_model(target).await
}
