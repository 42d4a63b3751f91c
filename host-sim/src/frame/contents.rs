//! What a whole frame says.

use std::fmt::Write as _;

use microfit::activation::{self, Activation};
use microfit::checkpoint::{self, CheckpointError, Frame, Kind, LayerShape, Lengths};
use microfit::schedule::{PlateauState, Words};
use microfit::{Metrics, dense, weights_hash};
use serde::Serialize;

use super::{Bytes, Statistics, Torn};
use crate::commands::train::ActivationArg;

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

/// A layer of the shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Units.
    pub units: u16,
    /// Its activation as `microfit train --activation` spells it, or what is known of it.
    pub activation: String,
    /// Whether that is all there is to know: else it is one of the caller's own, or of a slope that is none of the usual ones.
    pub known: bool,
    /// Whether its parameters are in the firmware, not here.
    pub frozen: bool,
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

/// What a run is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Phase {
    EpochBegins,
    Samples,
    Update,
    Validation,
    EpochEnds,
    Done,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// What is next.
    pub phase: Phase,
    /// Epochs done.
    pub epochs: u32,
    /// Updates done.
    pub updates: u32,
    /// Samples done in this phase.
    pub position: u32,
    /// Training samples of the epoch.
    pub samples: u32,
    /// Samples gathered for the next update.
    pub in_batch: u32,
    /// Rate of the batch.
    pub rate: f32,
    /// Momentum of the batch, where the schedule drives it.
    pub momentum: Option<f32>,
    /// A rate in place of the schedule's.
    pub forced_rate: Option<f32>,
    /// On every rate.
    pub rate_factor: f32,
    /// The update after which the optimizer's state was last cleared.
    pub cleared: u32,
    /// Running means of the training samples.
    pub train: Option<Means>,
    /// The same of the validation samples.
    pub validation: Option<Means>,
}

/// Running means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Means {
    pub samples: u32,
    pub loss: f32,
    pub accuracy: Option<f32>,
}

/// Early stopping's state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Early {
    /// Epochs observed.
    pub epochs: u32,
    /// Epochs without a better metric.
    pub waited: u32,
    /// The best metric; `null` before the first.
    pub best: Option<f32>,
    /// The epoch it was seen in, counted from 0.
    pub best_epoch: u32,
}

/// The state of a reduction on plateau.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Plateau {
    /// The rate now.
    pub rate: f64,
    /// The best metric; `null` before the first.
    pub best: Option<f64>,
    /// Metrics in a row that were not better.
    pub bad: u32,
    /// Metrics that do not count yet.
    pub cooldown: u32,
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

fn some(set: bool, bits: u32) -> Option<f32> {
    set.then(|| f32::from_bits(bits))
}

/// Not infinite, as before the first metric.
fn seen<T: PartialEq + Copy + Into<f64>>(value: T) -> Option<T> {
    value.into().is_finite().then_some(value)
}

impl Progress {
    /// From the words as the format lays them out, which [`Frame::open`] has looked at.
    fn of(words: &[u32], parsed: &microfit::Progress) -> Option<Self> {
        let &[first, epochs, updates, position, samples, in_batch, _loss, rate, momentum, forced, factor, cleared, ..] =
            words
        else {
            return None;
        };
        let flag = |bit: u32| first >> bit & 1 == 1;
        let phase = match first & 0xff {
            0 => Phase::EpochBegins,
            1 => Phase::Samples,
            2 => Phase::Update,
            3 => Phase::Validation,
            4 => Phase::EpochEnds,
            5 => Phase::Done,
            _ => return None,
        };
        Some(Self {
            phase,
            epochs,
            updates,
            position,
            samples,
            in_batch,
            rate: f32::from_bits(rate),
            momentum: some(flag(8), momentum),
            forced_rate: some(flag(9), forced),
            rate_factor: f32::from_bits(factor),
            cleared,
            train: Means::of(parsed.train()),
            validation: Means::of(parsed.validation()),
        })
    }
}

impl Means {
    /// `None` of no samples.
    fn of(metrics: Metrics) -> Option<Self> {
        let means = Self { samples: metrics.samples(), loss: metrics.loss(), accuracy: metrics.accuracy() };
        (means.samples > 0).then_some(means)
    }
}

impl Early {
    fn of(words: &[u32]) -> Option<Self> {
        let &[1, epochs, waited, best, best_epoch] = words else { return None };
        Some(Self { epochs, waited, best: seen(f32::from_bits(best)), best_epoch })
    }
}

impl Plateau {
    fn of(words: &[u32]) -> Option<Self> {
        PlateauState::from_words(words).ok()?;
        let &[a, b, c, d, bad, cooldown, ..] = words else { return None };
        let whole = |low: u32, high: u32| f64::from_bits(u64::from(high) << 32 | u64::from(low));
        Some(Self { rate: whole(a, b), best: seen(whole(c, d)), bad, cooldown })
    }
}

/// Of the activations with a number, those with the numbers that people use.
const SPELLINGS: [&str; 24] = [
    "linear",
    "relu",
    "leaky-relu(0.01)",
    "leaky-relu(0.05)",
    "leaky-relu(0.1)",
    "leaky-relu(0.2)",
    "leaky-relu(0.25)",
    "leaky-relu(0.3)",
    "leaky-relu(0.5)",
    "elu(1)",
    "elu(0.1)",
    "elu(0.5)",
    "elu(2)",
    "selu",
    "sigmoid",
    "hard-sigmoid",
    "tanh",
    "softsign",
    "softplus",
    "softmax",
    "gelu",
    "gelu-tanh",
    "silu",
    "leaky-relu(0.03)",
];

impl Layer {
    fn of(shape: LayerShape) -> Self {
        let LayerShape { units, frozen, activation, .. } = shape;
        let same = |function: &dyn Activation| {
            let made = LayerShape::of(&dense(units, function));
            (made.activation, made.behaviour) == (activation, shape.behaviour)
        };
        let spelled = SPELLINGS
            .into_iter()
            .find(|text| text.parse().is_ok_and(|activation: ActivationArg| same(activation.function())));
        match (spelled, activation) {
            (Some(text), _) => Self { units, activation: text.to_owned(), known: true, frozen },
            (None, activation::Kind::Other) => {
                Self { units, activation: "one of its own".to_owned(), known: false, frozen }
            }
            (None, kind) => Self { units, activation: format!("{kind:?} of an unusual number"), known: false, frozen },
        }
    }
}
