//! Progress and early stopping as 32-bit words.

use crate::metrics::Metrics;
use crate::progress::{Phase, Progress};

pub(super) const PROGRESS_WORDS: usize = 22;

const PHASES: [Phase; 6] =
    [Phase::EpochBegin, Phase::Samples, Phase::Update, Phase::Validation, Phase::EpochEnd, Phase::Done];

pub(super) const fn of_progress(p: &Progress) -> [u32; PROGRESS_WORDS] {
    let phase = match p.phase {
        Phase::EpochBegin => 0,
        Phase::Samples => 1,
        Phase::Update => 2,
        Phase::Validation => 3,
        Phase::EpochEnd => 4,
        Phase::Done => 5,
    };
    let (momentum, has_momentum) = optional(p.momentum);
    let (forced, is_forced) = optional(p.forced_rate);
    let ([a, b, c, d, e], train) = p.train.words();
    let ([f, g, h, i, j], validation) = p.validation.words();
    let flags = (has_momentum as u32) | (is_forced as u32) << 1 | (train as u32) << 2 | (validation as u32) << 3;
    let (loss, rate, factor) = (p.batch_loss.to_bits(), p.rate.to_bits(), p.rate_factor.to_bits());
    let own = [phase | flags << 8, p.epoch, p.step, p.position, p.len, p.in_batch, loss, rate];
    let [k, l, m, n, o, q, r, s] = own;
    [k, l, m, n, o, q, r, s, momentum, forced, factor, p.cleared, a, b, c, d, e, f, g, h, i, j]
}

/// `None` for words no progress has.
pub(super) fn to_progress(words: [u32; PROGRESS_WORDS]) -> Option<Progress> {
    let [first, epoch, step, position, len, in_batch, batch_loss, rate, rest @ ..] = words;
    let [momentum, forced, factor, cleared, a, b, c, d, e, f, g, h, i, j] = rest;
    let phase = *PHASES.get((first & 0xff) as usize)?;
    let flag = |bit: u32| first >> (8 + bit) & 1 == 1;
    (first >> 12 == 0).then(|| Progress {
        phase,
        epoch,
        step,
        position,
        len,
        in_batch,
        batch_loss: f32::from_bits(batch_loss),
        rate: f32::from_bits(rate),
        momentum: flag(0).then(|| f32::from_bits(momentum)),
        forced_rate: flag(1).then(|| f32::from_bits(forced)),
        rate_factor: f32::from_bits(factor),
        cleared,
        train: Metrics::from_words([a, b, c, d, e], flag(2)),
        validation: Metrics::from_words([f, g, h, i, j], flag(3)),
    })
}

const fn optional(value: Option<f32>) -> (u32, bool) {
    match value {
        Some(value) => (value.to_bits(), true),
        None => (0, false),
    }
}
