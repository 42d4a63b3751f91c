//! Writes a frame, a word at a time: the one body of code for runs and models, blocking and async.

use super::super::header::{HEADER_WORDS, Header};
use super::super::words::{self, PROGRESS_WORDS};
use super::super::{CRC, CheckpointError, LayerShape, Model, Parts, Section, Snapshot};
use super::bisync;
use crate::topology::Topology;

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

/// Writes a run's frame of [`Lengths::frame_len`](super::super::Lengths::frame_len) bytes; the CRC goes last.
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
    write_checked(Parts::Run(snapshot), sequence, erases, sink).await
}

/// Writes a model's frame of [`Lengths::model_len`](super::super::Lengths::model_len) bytes; the CRC goes last.
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
    write_checked(Parts::Model(model), sequence, erases, sink).await
}

struct Writer<'k, K> {
    sink: &'k mut K,
    digest: crc::Digest<'static, u32>,
}

impl<K: Sink> Writer<'_, K> {
    /// Not inlined: a word is written in many places.
    #[bisync]
    #[inline(never)]
    async fn bytes(&mut self, bytes: &[u8]) -> Result<(), K::Error> {
        self.digest.update(bytes);
        self.sink.write(bytes).await
    }

    #[bisync]
    async fn word(&mut self, word: u32) -> Result<(), K::Error> {
        self.bytes(&word.to_le_bytes()).await
    }

    #[bisync]
    async fn floats(&mut self, values: &[f32]) -> Result<(), K::Error> {
        for value in values {
            self.word(value.to_bits()).await?;
        }
        Ok(())
    }

    #[bisync]
    #[inline(never)]
    async fn header(&mut self, header: &Header) -> Result<(), K::Error> {
        for index in 0..HEADER_WORDS {
            self.word(header.word(index)).await?;
        }
        Ok(())
    }

    #[bisync]
    #[inline(always)]
    async fn shape(&mut self, topology: &Topology<'_>) -> Result<(), K::Error> {
        self.word(topology.inputs() as u32).await?;
        for layer in topology.layers() {
            self.word(LayerShape::first_word(layer)).await?;
            self.word(LayerShape::second_word(layer)).await?;
        }
        Ok(())
    }

    #[bisync]
    #[inline(never)]
    async fn progress(&mut self, parts: Parts<'_>) -> Result<(), K::Error> {
        if let Parts::Run(run) = parts {
            for index in 0..PROGRESS_WORDS {
                self.word(words::of_progress(run.progress, index)).await?;
            }
        }
        Ok(())
    }

    #[bisync]
    async fn stopping(&mut self, parts: Parts<'_>) -> Result<(), K::Error> {
        if let Parts::Run(run) = parts {
            for word in words::of_stopping(run.stopping) {
                self.word(word).await?;
            }
        }
        Ok(())
    }

    #[bisync]
    async fn feedback(&mut self, parts: Parts<'_>) -> Result<(), K::Error> {
        if let Parts::Run(run) = parts {
            for &word in run.feedback {
                self.word(word).await?;
            }
        }
        Ok(())
    }

    #[bisync]
    #[inline(never)]
    async fn section(&mut self, section: Section, parts: Parts<'_>) -> Result<(), K::Error> {
        match section {
            Section::Shape => Ok(()),
            Section::Progress => self.progress(parts).await,
            Section::Stopping => self.stopping(parts).await,
            Section::Feedback => self.feedback(parts).await,
            Section::Params | Section::State | Section::Best | Section::Shift | Section::Factor => {
                self.floats(parts.floats(section)).await
            }
            Section::User => self.bytes(parts.user()).await,
        }
    }
}

#[bisync]
async fn write_checked<K: Sink>(
    parts: Parts<'_>,
    sequence: u32,
    erases: u32,
    sink: &mut K,
) -> Result<Header, CheckpointError<K::Error>> {
    parts.check()?;
    let header = Header { sequence, erases, ..parts.header() };
    write(parts, &header, sink).await.map_err(CheckpointError::Medium)?;
    Ok(header)
}

/// Writes parts that fit together under this header.
#[bisync]
#[inline(always)]
pub(crate) async fn write<K: Sink>(parts: Parts<'_>, header: &Header, sink: &mut K) -> Result<(), K::Error> {
    let mut out = Writer { sink, digest: CRC.digest() };
    out.header(header).await?;
    for &section in header.kind.sections() {
        out.word(section as u32).await?;
        out.word(parts.section_len(section) as u32).await?;
        match section {
            // Inlined, because the activations are tried for it, which goes deep.
            Section::Shape => out.shape(parts.topology()).await?,
            _ => out.section(section, parts).await?,
        }
    }
    let crc = out.digest.finalize();
    sink.write(&crc.to_le_bytes()).await
}
