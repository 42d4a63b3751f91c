//! Writes a frame, a word at a time: the one body of code for runs and models, blocking and async.

use super::super::header::Header;
use super::super::{CRC, CheckpointError, Kind, LayerShape, Lengths, Model, Parts, Section, Snapshot, words};
use super::bisync;

/// Where a frame goes, piece by piece.
#[bisync(AFIT)]
pub trait Sink {
    /// How it fails.
    type Error;

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Whatever the medium has.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Writes a run's frame of [`Lengths::frame_len`] bytes; the CRC goes last.
///
/// # Errors
/// [`CheckpointError::SectionLength`] for parts that do not fit the topology, [`CheckpointError::Length`] if they are more than 32 bits
/// count: nothing is written then. [`CheckpointError::Medium`] for what the sink returns.
#[bisync]
pub async fn save<K: Sink>(
    snapshot: &Snapshot<'_>,
    sequence: u32,
    erases: u32,
    sink: &mut K,
) -> Result<Header, CheckpointError<K::Error>> {
    write(&snapshot.parts(), sequence, erases, sink).await
}

/// Writes a model's frame of [`Lengths::model_len`] bytes; the CRC goes last.
///
/// # Errors
/// As [`save`].
#[bisync]
pub async fn save_model<K: Sink>(
    model: &Model<'_>,
    sequence: u32,
    erases: u32,
    sink: &mut K,
) -> Result<Header, CheckpointError<K::Error>> {
    write(&model.parts(), sequence, erases, sink).await
}

struct Writer<'k, K> {
    sink: &'k mut K,
    digest: crc::Digest<'static, u32>,
}

impl<K: Sink> Writer<'_, K> {
    #[bisync]
    async fn bytes(&mut self, bytes: &[u8]) -> Result<(), K::Error> {
        self.digest.update(bytes);
        self.sink.write(bytes).await
    }

    #[bisync]
    async fn words(&mut self, words: &[u32]) -> Result<(), K::Error> {
        for word in words {
            self.bytes(&word.to_le_bytes()).await?;
        }
        Ok(())
    }

    #[bisync]
    async fn floats(&mut self, values: &[f32]) -> Result<(), K::Error> {
        for value in values {
            self.bytes(&value.to_le_bytes()).await?;
        }
        Ok(())
    }

    #[bisync]
    async fn section(&mut self, section: Section, len: u32, parts: &Parts<'_>) -> Result<(), K::Error> {
        self.words(&[section as u32, len]).await?;
        match (section, &parts.run) {
            (Section::Shape, _) => {
                self.words(&[parts.topology.inputs() as u32]).await?;
                for layer in parts.topology.layers() {
                    self.words(&LayerShape::of(layer).words()).await?;
                }
                Ok(())
            }
            (Section::Progress, Some(run)) => self.words(&words::of_progress(run.progress)).await,
            (Section::Stopping, Some(run)) => self.words(&words::of_stopping(run.stopping)).await,
            (Section::Feedback, Some(run)) => self.words(run.feedback).await,
            (Section::Params, _) => self.floats(parts.params).await,
            (Section::State, Some(run)) => self.floats(run.state).await,
            (Section::Best, Some(run)) => self.floats(run.best).await,
            (Section::Shift, _) => self.floats(parts.shift).await,
            (Section::Factor, _) => self.floats(parts.factor).await,
            (Section::User, _) => self.bytes(parts.user).await,
            // A model has none of these sections.
            (Section::Progress | Section::Stopping | Section::Feedback | Section::State | Section::Best, None) => {
                Ok(())
            }
        }
    }
}

#[bisync]
pub(crate) async fn write<K: Sink>(
    parts: &Parts<'_>,
    sequence: u32,
    erases: u32,
    sink: &mut K,
) -> Result<Header, CheckpointError<K::Error>> {
    let (kind, lengths) = (parts.kind(), parts.lengths());
    let header = Header { kind, len: check(parts, &lengths)?, sequence, fingerprint: parts.fingerprint, erases };
    let mut out = Writer { sink, digest: CRC.digest() };
    out.words(&header.words()).await.map_err(CheckpointError::Medium)?;
    for &section in kind.sections() {
        let len = lengths.section(section) as u32;
        out.section(section, len, parts).await.map_err(CheckpointError::Medium)?;
    }
    let crc = out.digest.finalize();
    sink.write(&crc.to_le_bytes()).await.map_err(CheckpointError::Medium)?;
    Ok(header)
}

/// The frame's length, if its parts fit together: no reader would take it otherwise.
fn check<E>(parts: &Parts, lengths: &Lengths) -> Result<u32, CheckpointError<E>> {
    let kind: Kind = parts.kind();
    let len = u32::try_from(lengths.len(kind)).map_err(|_| CheckpointError::Length { found: u32::MAX })?;
    let (params, inputs) = (parts.topology.param_len(), parts.topology.inputs());
    let state = parts.run.as_ref().map_or(0, |run| run.state_len);
    lengths.check(params, inputs, Some(state))?;
    Ok(len)
}
