//! Where a run stands, as its frame has it.

use microfit::Metrics;
use microfit::schedule::{PlateauState, Words};
use serde::Serialize;

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

fn some(set: bool, bits: u32) -> Option<f32> {
    set.then(|| f32::from_bits(bits))
}

/// Not infinite, as before the first metric.
fn seen<T: PartialEq + Copy + Into<f64>>(value: T) -> Option<T> {
    value.into().is_finite().then_some(value)
}

impl Progress {
    /// From the words as the format lays them out, which [`Frame::open`] has looked at.
    pub(super) fn of(words: &[u32], parsed: &microfit::Progress) -> Option<Self> {
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
    pub(super) fn of(words: &[u32]) -> Option<Self> {
        let &[1, epochs, waited, best, best_epoch] = words else { return None };
        Some(Self { epochs, waited, best: seen(f32::from_bits(best)), best_epoch })
    }
}

impl Plateau {
    pub(super) fn of(words: &[u32]) -> Option<Self> {
        PlateauState::from_words(words).ok()?;
        let &[a, b, c, d, bad, cooldown, ..] = words else { return None };
        let whole = |low: u32, high: u32| f64::from_bits(u64::from(high) << 32 | u64::from(low));
        Some(Self { rate: whole(a, b), best: seen(whole(c, d)), bad, cooldown })
    }
}
