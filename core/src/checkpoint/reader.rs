//! Reads a frame: once to see that it is whole and one that could have been written, and only then again to copy. The one body of
//! code for runs and models, blocking and async.

use super::super::header::{HEADER, Header, SHORTEST};
use super::super::words::{self, PROGRESS_WORDS, STOPPING_WORDS};
use super::super::{CRC, CheckpointError, Kind, LayerShape, Lengths, ModelTarget, Restored, Section, Target, VERSION};
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

type Checked<T, E> = Result<T, CheckpointError<E>>;

#[bisync]
#[inline(never)]
async fn word_at<R: Source>(source: &mut R, at: u32) -> Result<u32, R::Error> {
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

const fn check_version<E>(header: &Header) -> Checked<(), E> {
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

/// Whether a whole frame is of this kind and of this network, which is what its first section tells.
#[bisync]
#[inline(never)]
pub(crate) async fn compare<R: Source>(source: &mut R, kind: Kind, topology: &Topology<'_>) -> Checked<(), R::Error> {
    let found = word_at(source, 0).await.map_err(CheckpointError::Medium)?;
    if let Some(found) = Kind::of_magic(found).filter(|&found| found != kind) {
        return Err(CheckpointError::Kind { expected: kind, found });
    }
    let mut at = HEADER as u32;
    let found = word_at(source, at).await.map_err(CheckpointError::Medium)?;
    if found != Section::Shape as u32 {
        return Err(CheckpointError::Section { expected: Section::Shape, found });
    }
    let layers = word_at(source, at + 4).await.map_err(CheckpointError::Medium)?.saturating_sub(4) / 8;
    let (expected, found) = (topology.inputs() as u32, word_at(source, at + 8).await.map_err(CheckpointError::Medium)?);
    if expected != found {
        return Err(CheckpointError::Inputs { expected, found });
    }
    let (expected, found) = (topology.layers().len() as u32, layers);
    if expected != found {
        return Err(CheckpointError::Layers { expected, found });
    }
    at += 12;
    for (layer, own) in (0..).zip(topology.layers()) {
        let expected = LayerShape::of(own);
        let first = word_at(source, at).await.map_err(CheckpointError::Medium)?;
        let second = word_at(source, at.saturating_add(4)).await.map_err(CheckpointError::Medium)?;
        let nonsense = CheckpointError::Content { section: Section::Shape };
        let found = LayerShape::of_words([first, second]).ok_or(nonsense)?;
        if expected != found {
            return Err(CheckpointError::Layer { layer, expected, found });
        }
        at = at.saturating_add(8);
    }
    Ok(())
}

/// A whole frame whose sections are in order: what a writer of this version can have made. It needs nothing of the run or the model
/// that it is of.
#[derive(Debug)]
pub struct Frame<'s, R> {
    source: &'s mut R,
    header: Header,
    /// From which follows where each section is.
    lengths: Lengths,
}

impl<'s, R: Source> Frame<'s, R> {
    /// Reads the whole frame and checks it.
    ///
    /// # Errors
    /// As [`verify`], and [`CheckpointError::Section`], [`CheckpointError::SectionLength`], [`CheckpointError::Length`] and
    /// [`CheckpointError::Content`].
    #[bisync]
    pub async fn open(source: &'s mut R) -> Checked<Self, R::Error> {
        verify(source).await?;
        let mut frame = Self::whole(source);
        frame.find().await?;
        frame.check_shape().await?;
        if frame.header.kind == Kind::Run {
            frame.progress().await?;
            frame.stopping().await?;
        }
        Ok(frame)
    }

    /// Of bytes that are whole; what is in them is not known yet.
    pub(crate) const fn whole(source: &'s mut R) -> Self {
        let lengths = Lengths { layers: 0, feedback: 0, params: 0, state: 0, best: 0, shift: 0, factor: 0, user: 0 };
        Self { source, header: Header::BLANK, lengths }
    }

    /// Finds the sections, which have to be in order. What is in them is another question.
    #[bisync]
    #[inline]
    pub(crate) async fn find(&mut self) -> Checked<(), R::Error> {
        self.read_header().await.map_err(CheckpointError::Medium)?;
        check_version(&self.header)?;
        self.find_sections().await
    }

    #[bisync]
    #[inline(never)]
    async fn read_header(&mut self) -> Result<(), R::Error> {
        let mut bytes = [0; HEADER];
        self.source.read(0, &mut bytes).await?;
        self.header = Header::of_bytes(&bytes).unwrap_or(Header::BLANK);
        Ok(())
    }

    #[bisync]
    #[inline(never)]
    async fn find_sections(&mut self) -> Checked<(), R::Error> {
        // The frame's last four bytes are no section's.
        let (mut at, end) = (HEADER as u32, self.header.len.saturating_sub(4));
        let cut_off = CheckpointError::Length { found: self.header.len };
        for &section in self.header.kind.sections() {
            if end.saturating_sub(at) < 8 {
                return Err(cut_off);
            }
            let found = self.word(at).await?;
            let len = self.word(at.saturating_add(4)).await?;
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
            self.lengths.set(section, len);
            at = at.saturating_add(len);
        }
        if at == end { Ok(()) } else { Err(cut_off) }
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
        let params = usize::try_from(params).map_err(|_| nonsense)?;
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
        let mut at = HEADER as u32;
        for &section in self.header.kind.sections() {
            let len = self.lengths.section(section) as u32;
            at = at.saturating_add(8);
            if section == wanted {
                return (at, len);
            }
            at = at.saturating_add(len);
        }
        (at, 0)
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
        self.read_progress(&mut progress).await?;
        Ok(progress)
    }

    #[bisync]
    #[inline(never)]
    async fn read_progress(&mut self, progress: &mut Progress) -> Checked<(), R::Error> {
        let (mut at, len) = self.place(Section::Progress);
        let mut possible = len > 0;
        for index in 0..PROGRESS_WORDS {
            let word = self.word(at).await?;
            possible &= words::to_progress(progress, index, word);
            at = at.saturating_add(4);
        }
        let nonsense = CheckpointError::Content { section: Section::Progress };
        if possible && progress.is_possible() { Ok(()) } else { Err(nonsense) }
    }

    /// Early stopping, if the run has it.
    ///
    /// # Errors
    /// As [`Self::progress`].
    #[bisync]
    #[inline(never)]
    pub async fn stopping(&mut self) -> Checked<Option<EarlyStoppingState>, R::Error> {
        let (mut at, len) = self.place(Section::Stopping);
        let mut words = [u32::from(len == 0); STOPPING_WORDS];
        if len > 0 {
            for word in &mut words {
                *word = self.word(at).await?;
                at = at.saturating_add(4);
            }
        }
        words::to_stopping(words).ok_or(CheckpointError::Content { section: Section::Stopping })
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
        let mut restored = Restored::blank();
        target.check()?;
        compare(self.source, Kind::Run, &target.identity.topology).await?;
        self.load_into(target, &mut restored).await?;
        Ok(restored)
    }

    /// The same once [`compare`] has found the shape to be the network's, and the target to fit it.
    #[bisync]
    #[inline(never)]
    pub(crate) async fn load_into(
        &mut self,
        target: &mut Target<'_>,
        restored: &mut Restored,
    ) -> Checked<(), R::Error> {
        self.check_run(target)?;
        restored.header = self.header;
        self.read_progress(&mut restored.progress).await?;
        restored.stopping = self.stopping().await?;
        if !restored.progress.fits(target.identity.batch, target.identity.epochs) {
            return Err(CheckpointError::Content { section: Section::Progress });
        }
        self.copy_run(target).await.map_err(CheckpointError::Incomplete)
    }

    #[inline(never)]
    fn check_run(&self, target: &Target) -> Checked<(), R::Error> {
        self.check(target.identity.fingerprint, &target.lengths())
    }

    #[inline(never)]
    fn check_model(&self, target: &ModelTarget, fingerprint: u64) -> Checked<(), R::Error> {
        self.check(fingerprint, &target.lengths())
    }

    /// Whether it has this fingerprint and these lengths, those of the buffers.
    fn check(&self, expected: u64, lengths: &Lengths) -> Checked<(), R::Error> {
        let found = self.header.fingerprint;
        if expected != found {
            return Err(CheckpointError::Foreign { expected, found });
        }
        self.lengths.same_as(lengths)
    }

    /// Loads the model, or leaves the target as it was.
    ///
    /// # Errors
    /// As [`load_model`], but for those of [`Self::open`].
    #[bisync]
    pub async fn load_model(&mut self, target: &mut ModelTarget<'_>) -> Checked<Header, R::Error> {
        target.check()?;
        compare(self.source, Kind::Model, &target.topology).await?;
        let fingerprint = target.topology.fingerprint();
        self.load_model_into(target, fingerprint).await?;
        Ok(self.header)
    }

    /// The same once [`compare`] has found the shape to be the network's, and the target to fit it, of which this is the fingerprint.
    #[bisync]
    #[inline(never)]
    pub(crate) async fn load_model_into(
        &mut self,
        target: &mut ModelTarget<'_>,
        fingerprint: u64,
    ) -> Checked<(), R::Error> {
        self.check_model(target, fingerprint)?;
        self.copy_model(target).await.map_err(CheckpointError::Incomplete)
    }

    #[bisync]
    async fn copy_run(&mut self, target: &mut Target<'_>) -> Result<(), R::Error> {
        let mut at = self.place(Section::Feedback).0;
        for word in &mut *target.feedback {
            *word = word_at(self.source, at).await?;
            at = at.saturating_add(4);
        }
        self.copy(Section::Params, target.params).await?;
        self.copy(Section::State, target.state).await?;
        self.copy(Section::Best, target.best).await?;
        self.copy(Section::Shift, target.shift).await?;
        self.copy(Section::Factor, target.factor).await?;
        self.source.read(self.place(Section::User).0, target.user).await
    }

    #[bisync]
    async fn copy_model(&mut self, target: &mut ModelTarget<'_>) -> Result<(), R::Error> {
        self.copy(Section::Params, target.params).await?;
        self.copy(Section::Shift, target.shift).await?;
        self.copy(Section::Factor, target.factor).await?;
        self.source.read(self.place(Section::User).0, target.user).await
    }

    #[bisync]
    #[inline(never)]
    async fn copy(&mut self, section: Section, values: &mut [f32]) -> Result<(), R::Error> {
        let mut at = self.place(section).0;
        for value in values {
            *value = f32::from_bits(word_at(self.source, at).await?);
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
