//! Loads a frame into a trainer's memory or a model's: only once all of it has been found good. The one body of code for runs and models,
//! blocking and async.

use super::super::header::{HEADER, Header};
use super::super::words::{PROGRESS_WORDS, STOPPING_WORDS};
use super::super::{CheckpointError, Kind, LayerShape, Lengths, ModelTarget, Section, Target, VERSION};
use super::bisync;
use super::reader::{
    Checked, Frame, Source, check_progress, check_version, read_header, read_progress, read_stopping, walk, word_at,
};
use crate::early_stopping::EarlyStoppingState;
use crate::kernels;
use crate::topology::Topology;

/// Bytes of these sections.
const PROGRESS: u32 = 4 * PROGRESS_WORDS as u32;
const STOPPING: u32 = 4 * STOPPING_WORDS as u32;

/// Whether a whole frame is of this kind and of this network, which is what its first section tells.
#[bisync]
#[inline(never)]
pub(crate) async fn compare<R: Source>(source: &mut R, kind: Kind, topology: &Topology<'_>) -> Checked<(), R::Error> {
    // First: what follows the header is another version's business.
    let found = word_at(source, 4).await.map_err(CheckpointError::Medium)?;
    if found != VERSION {
        return Err(CheckpointError::Version { found });
    }
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
        // By words: no shape is on the stack while an activation is tried out.
        let second = LayerShape::second_word(own);
        let expected = [LayerShape::first_word(own), second];
        let first = word_at(source, at).await.map_err(CheckpointError::Medium)?;
        let second = word_at(source, at.saturating_add(4)).await.map_err(CheckpointError::Medium)?;
        if expected != [first, second] {
            return Err(match (LayerShape::of_words(expected), LayerShape::of_words([first, second])) {
                (Some(expected), Some(found)) => CheckpointError::Layer { layer, expected, found },
                _ => CheckpointError::Content { section: Section::Shape },
            });
        }
        at = at.saturating_add(8);
    }
    Ok(())
}

impl<R: Source> Frame<'_, R> {
    /// Loads the run, or leaves the target as it was.
    ///
    /// # Errors
    /// As [`load`], but for those of [`Self::open`].
    #[bisync]
    pub async fn load(&mut self, target: &mut Target<'_>) -> Checked<Header, R::Error> {
        target.check()?;
        compare(self.source, Kind::Run, &target.identity.topology).await?;
        self.check(target.identity.fingerprint, &target.lengths())?;
        copy_run(self.source, target).await?;
        Ok(self.header)
    }

    /// Loads the model, or leaves the target as it was.
    ///
    /// # Errors
    /// As [`load_model`], but for those of [`Self::open`].
    #[bisync]
    pub async fn load_model(&mut self, target: &mut ModelTarget<'_>) -> Checked<Header, R::Error> {
        target.check()?;
        compare(self.source, Kind::Model, &target.topology).await?;
        self.check(target.topology.fingerprint(), &target.lengths())?;
        copy_model(self.source, target).await.map_err(CheckpointError::Incomplete)?;
        Ok(self.header)
    }

    /// Whether it has this fingerprint and these lengths, those of the buffers.
    fn check(&self, expected: u64, lengths: &Lengths) -> Checked<(), R::Error> {
        let found = self.header.fingerprint;
        if expected != found {
            return Err(CheckpointError::Foreign { expected, found });
        }
        self.lengths.same_as(lengths)
    }
}

/// Whether bytes that are whole are a frame in order, with this fingerprint and these lengths: then its sections are where those of the
/// target are.
#[bisync]
#[inline(never)]
pub(crate) async fn check_whole<R: Source>(
    source: &mut R,
    fingerprint: u64,
    lengths: &Lengths,
) -> Checked<Header, R::Error> {
    let mut header = Header::BLANK;
    read_header(source, &mut header).await.map_err(CheckpointError::Medium)?;
    check_version(&header)?;
    if header.fingerprint != fingerprint {
        return Err(CheckpointError::Foreign { expected: fingerprint, found: header.fingerprint });
    }
    let same = |section, found| match lengths.section(section) as u32 {
        expected if expected != found => Err(CheckpointError::SectionLength { section, expected, found }),
        _ => Ok(()),
    };
    walk(source, &header, same).await?;
    Ok(header)
}

/// Copies a run that was found to be one of the target's lengths. What is wrong with its progress or its early stopping is seen before
/// the target is written. Inlined, like the stores' own functions, so that there is one frame less under what goes deep.
#[bisync]
#[inline(always)]
pub(crate) async fn copy_run<R: Source>(source: &mut R, target: &mut Target<'_>) -> Checked<(), R::Error> {
    let progress = behind_shape(&target.identity.topology).saturating_add(8);
    check_progress(source, progress, Some(target.identity)).await?;
    take_stopping(source, progress.saturating_add(PROGRESS + 8), target.stopping.as_deref_mut()).await?;
    copy_rest(source, progress, target).await.map_err(CheckpointError::Incomplete)
}

/// Early stopping, if both have it.
#[bisync]
#[inline(never)]
async fn take_stopping<R: Source>(
    source: &mut R,
    at: u32,
    to: Option<&mut EarlyStoppingState>,
) -> Checked<(), R::Error> {
    match (to, read_stopping(source, at).await?) {
        (Some(to), Some(from)) => *to = from,
        (None, None) => {}
        (to, _) => return Err(CheckpointError::Stopping { expected: to.is_some() }),
    }
    Ok(())
}

/// Copies all but early stopping.
#[bisync]
#[inline(never)]
async fn copy_rest<R: Source>(source: &mut R, progress: u32, target: &mut Target<'_>) -> Result<(), R::Error> {
    read_progress(source, progress, target.progress).await?;
    let mut at = progress.saturating_add(PROGRESS + 8 + STOPPING + 8);
    for word in &mut *target.feedback {
        *word = word_at(source, at).await?;
        at = at.saturating_add(4);
    }
    at = copy(source, at, target.params).await?;
    at = copy(source, at, target.state).await?;
    at = copy(source, at, target.best).await?;
    at = copy(source, at, target.shift).await?;
    at = copy(source, at, target.factor).await?;
    // No sum may begin at -0.0; see `kernels`.
    kernels::canonical(target.params);
    kernels::canonical(target.state.get_mut(..target.params.len()).unwrap_or_default());
    source.read(at.saturating_add(8), target.user).await
}

/// Where the second section begins, with its tag and its length.
const fn behind_shape(topology: &Topology<'_>) -> u32 {
    let words = (topology.layers().len() as u32).saturating_mul(2).saturating_add(1);
    words.saturating_mul(4).saturating_add(HEADER as u32 + 8)
}

/// Copies a model that was found to be one of the target's lengths.
#[bisync]
#[inline(never)]
pub(crate) async fn copy_model<R: Source>(source: &mut R, target: &mut ModelTarget<'_>) -> Result<(), R::Error> {
    let mut at = behind_shape(&target.topology);
    at = copy(source, at, target.params).await?;
    at = copy(source, at, target.shift).await?;
    at = copy(source, at, target.factor).await?;
    source.read(at.saturating_add(8), target.user).await
}

/// Copies the section that begins at `at` with its tag and its length, and says where it ends.
#[bisync]
#[inline(never)]
async fn copy<R: Source>(source: &mut R, at: u32, values: &mut [f32]) -> Result<u32, R::Error> {
    let mut at = at.saturating_add(8);
    for value in values {
        *value = f32::from_bits(word_at(source, at).await?);
        at = at.saturating_add(4);
    }
    Ok(at)
}

/// Loads a run's frame into [`Trainer::target`](crate::Trainer::target), which goes on from there, or leaves the target as it was.
///
/// # Errors
/// As [`Frame::open`]; for a frame of something else [`CheckpointError::Kind`], [`CheckpointError::Inputs`], [`CheckpointError::Layers`],
/// [`CheckpointError::Layer`] or [`CheckpointError::Foreign`]; [`CheckpointError::SectionLength`] for buffers of other lengths;
/// [`CheckpointError::Content`] for progress that batch and epochs do not allow; [`CheckpointError::Stopping`] for early stopping where
/// the target has none, or none where it has it. [`CheckpointError::Incomplete`] alone leaves the target half written.
#[bisync]
pub async fn load<R: Source>(source: &mut R, target: &mut Target<'_>) -> Checked<Header, R::Error> {
    Frame::open(source).await?.load(target).await
}

/// Loads a model's frame, or leaves the target as it was. A slice is a [`Source`] too, so a model may be part of the program:
///
/// ```
/// # use microfit::{Topology, activation::Linear, dense};
/// use microfit::checkpoint::{ModelTarget, load_model};
///
/// # macro_rules! include_bytes { ($_file:literal) => { FRAME } }
/// # const FRAME: &[u8; 92] = b"MFMD\x01\0\0\0\x5c\0\0\0\0\0\0\07\xfc?b\x9bz\x86\xda\0\0\0\0\x01\0\0\0\x0c\0\0\0\x01\0\0\0\
/// #   \x01\0\0\0u\xdd7=\x05\0\0\0\x08\0\0\0\0\0\0@\0\0\0?\x08\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\xaf\x9e\x8f2";
/// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
/// let mut frame: &[u8] = include_bytes!("model.mfmd"); // as `microfit checkpoint import` writes it
/// let mut params = [0.0; NET.param_len()];
/// let mut target = ModelTarget { topology: NET, params: &mut params, shift: &mut [], factor: &mut [], user: &mut [] };
/// load_model(&mut frame, &mut target).unwrap();
/// assert_eq!(target.model().predict(&mut [3.0], &mut [0.0; NET.tape_len(1)])?, [6.5]);
/// # Ok::<(), microfit::Error>(())
/// ```
///
/// # Errors
/// As [`load`].
#[bisync]
pub async fn load_model<R: Source>(source: &mut R, target: &mut ModelTarget<'_>) -> Checked<Header, R::Error> {
    Frame::open(source).await?.load_model(target).await
}
