//! What a whole frame says.

use std::fmt::Write as _;

use microfit::checkpoint::{self, CheckpointError, Frame, Kind, Lengths};
use microfit::weights_hash;
use serde::Serialize;

use super::{Bytes, Early, Layer, Plateau, Progress, Statistics, Torn};

/// All that a frame says.
#[derive(Debug, Clone, Serialize)]
pub struct Contents {
    /// `run` or `model`.
    pub kind: &'static str,
    /// Of the format.
    pub version: u32,
    /// Bytes, the CRC included.
    pub length: u32,
    /// Higher is newer.
    pub sequence: u32,
    /// Of the run's settings, or of the model's topology.
    pub fingerprint: String,
    /// Pages erased by the store since it was new.
    pub erases: u32,
    /// The network's inputs.
    pub inputs: u32,
    /// Its layers, first to last.
    pub layers: Vec<Layer>,
    /// Where a run stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The state of early stopping, where a run has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<Early>,
    /// The state of a rate driven by a metric, as words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feedback: Vec<u32>,
    /// The same, where they are as many as those of a reduction on plateau, and could be one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plateau: Option<Plateau>,
    /// All sections, in order.
    pub sections: Vec<Section>,
    /// The caller's own bytes, in hexadecimal.
    pub user: String,
    /// [`weights_hash`] of the parameters.
    pub hash: String,
    /// The numbers themselves.
    #[serde(skip)]
    pub values: Values,
}

/// The numbers of a frame.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Values {
    pub params: Vec<f32>,
    pub best: Vec<f32>,
    pub shift: Vec<f32>,
    pub factor: Vec<f32>,
}

/// A part of the frame.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// Its tag.
    pub tag: u32,
    /// Its name.
    pub name: String,
    /// Bytes, without the tag and the length.
    pub bytes: usize,
    /// Of its floats, where it has such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
}

impl Contents {
    pub(super) fn of(frame: &mut Frame<Bytes>) -> Result<Self, Torn> {
        use checkpoint::Section::{Best, Factor, Feedback, Params, Progress as Steps, Shift, State, Stopping, User};
        let (header, lengths) = (frame.header(), frame.lengths());
        let mut layers = Vec::with_capacity(lengths.layers);
        for layer in 0..lengths.layers as u32 {
            layers.push(Layer::of(frame.layer(layer)?));
        }
        let mut floats = |section, len| {
            let mut values = vec![0.0; len];
            frame.floats(section, 0, &mut values).map(|()| values)
        };
        let (params, state) = (floats(Params, lengths.params)?, floats(State, lengths.state)?);
        let (best, shift) = (floats(Best, lengths.best)?, floats(Shift, lengths.shift)?);
        let factor = floats(Factor, lengths.factor)?;
        let (mut progress, mut early_stopping) = (None, None);
        if header.kind == Kind::Run {
            let parsed = frame.progress()?;
            let nonsense = CheckpointError::Content { section: Steps };
            progress = Some(Progress::of(&words(frame, Steps, 22)?, &parsed).ok_or(nonsense)?);
            early_stopping = Early::of(&words(frame, Stopping, 5)?);
        }
        let mut user = vec![0; lengths.user];
        frame.bytes(User, 0, &mut user)?;
        let feedback = words(frame, Feedback, lengths.feedback)?;
        let sections = header.kind.sections().iter().map(|&section| {
            let values = match section {
                Params => Some(&params),
                State => Some(&state),
                Best => Some(&best),
                Shift => Some(&shift),
                Factor => Some(&factor),
                _ => None,
            };
            let statistics = values.filter(|values| !values.is_empty()).map(|values| Statistics::of(values));
            let bytes = if section == User { lengths.user } else { bytes_of(section, &lengths) };
            Section { tag: section as u32, name: section.to_string(), bytes, statistics }
        });
        Ok(Self {
            kind: if header.kind == Kind::Run { "run" } else { "model" },
            version: checkpoint::VERSION,
            length: header.len,
            sequence: header.sequence,
            fingerprint: format!("{:#018x}", header.fingerprint),
            erases: header.erases,
            inputs: frame.inputs()?,
            layers,
            progress,
            early_stopping,
            plateau: Plateau::of(&feedback),
            feedback,
            sections: sections.collect(),
            user: user.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            hash: format!("{:#018x}", weights_hash(&params)),
            values: Values { params, best, shift, factor },
        })
    }

    /// Inputs and units, such as `34-34-1`.
    pub fn widths(&self) -> String {
        let units = self.layers.iter().map(|layer| u32::from(layer.units));
        std::iter::once(self.inputs).chain(units).map(|width| width.to_string()).collect::<Vec<_>>().join("-")
    }
}

/// Bytes of the sections whose lengths are in words.
fn bytes_of(section: checkpoint::Section, lengths: &Lengths) -> usize {
    use checkpoint::Section::{Best, Factor, Feedback, Params, Progress, Shape, Shift, State, Stopping, User};
    match section {
        Shape => 4 + 8 * lengths.layers,
        Progress => 88,
        Stopping => 20,
        Feedback => 4 * lengths.feedback,
        Params => 4 * lengths.params,
        State => 4 * lengths.state,
        Best => 4 * lengths.best,
        Shift => 4 * lengths.shift,
        Factor => 4 * lengths.factor,
        User => lengths.user,
    }
}

fn words(frame: &mut Frame<Bytes>, section: checkpoint::Section, len: usize) -> Result<Vec<u32>, Torn> {
    let mut bytes = vec![0; 4 * len];
    frame.bytes(section, 0, &mut bytes)?;
    Ok(bytes.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes)).collect())
}
