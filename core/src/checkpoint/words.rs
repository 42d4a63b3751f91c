//! Progress and early stopping as 32-bit words.

use crate::early_stopping::EarlyStoppingState;
use crate::metrics::Metrics;
use crate::progress::{Phase, Progress};

pub(super) const PROGRESS_WORDS: usize = 22;
pub(super) const STOPPING_WORDS: usize = 5;

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
    let absent_are_zero = (flag(0) || momentum == 0) && (flag(1) || forced == 0);
    let progress = Progress {
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
    };
    (first >> 12 == 0 && absent_are_zero && progress.is_possible()).then_some(progress)
}

const fn optional(value: Option<f32>) -> (u32, bool) {
    match value {
        Some(value) => (value.to_bits(), true),
        None => (0, false),
    }
}

pub(super) fn of_stopping(state: Option<EarlyStoppingState>) -> [u32; STOPPING_WORDS] {
    state.map_or([0; STOPPING_WORDS], |state| {
        let [a, b, c, d] = state.words();
        [1, a, b, c, d]
    })
}

/// `None` for words no early stopping has; `Some(None)` if the run had none.
#[allow(clippy::option_option)]
pub(super) fn to_stopping(words: [u32; STOPPING_WORDS]) -> Option<Option<EarlyStoppingState>> {
    match words {
        [0, 0, 0, 0, 0] => Some(None),
        [1, a, b, c, d] => EarlyStoppingState::from_words([a, b, c, d]).map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::early_stopping::{EarlyStopping, Goal};

    fn progress() -> Progress {
        let mut train = Metrics::default();
        for sample in 0..7 {
            train.record(0.1 * sample as f32, Some(0.5));
        }
        let mut validation = Metrics::default();
        validation.record(0.25, None);
        Progress {
            phase: Phase::Samples,
            epoch: 3,
            step: 11,
            position: 7,
            len: 9,
            in_batch: 1,
            batch_loss: 0.625,
            rate: 0.1,
            momentum: Some(-0.0),
            forced_rate: Some(f32::from_bits(0x7fc0_1234)),
            rate_factor: 0.5,
            cleared: 4,
            train,
            validation: Metrics::default(),
        }
    }

    /// By words: NaN is not equal to itself.
    fn comes_back(progress: &Progress) -> bool {
        to_progress(of_progress(progress)).map(|found| of_progress(&found)) == Some(of_progress(progress))
    }

    #[test]
    fn progress_comes_back_to_the_bit() {
        let own = progress();
        assert!(comes_back(&own));
        assert!(comes_back(&Progress { momentum: None, forced_rate: None, ..own }));
        assert!(comes_back(&Progress::default()));
        let words = of_progress(&own);
        assert_eq!(words[0], 1 | 0b0111 << 8);
        assert_eq!(words[1..8], [3, 11, 7, 9, 1, 0.625_f32.to_bits(), 0.1_f32.to_bits()]);
        assert_eq!(words[8..12], [(-0.0_f32).to_bits(), 0x7fc0_1234, 0.5_f32.to_bits(), 4]);
        assert_eq!((words[12], &words[17..]), (7, &[0; 5][..]));
    }

    #[test]
    fn progress_no_run_makes_is_refused() {
        let (own, none) = (progress(), Metrics::default());
        let refused = [
            Progress { position: 10, ..own },
            Progress { position: 0, ..own },
            Progress { in_batch: 8, ..own },
            Progress { cleared: 12, ..own },
            Progress { train: none, ..own },
            Progress { phase: Phase::Update, in_batch: 0, ..own },
            Progress { phase: Phase::EpochBegin, ..own },
            Progress { phase: Phase::Validation, in_batch: 0, ..own },
            Progress { phase: Phase::Done, position: 1, in_batch: 0, ..own },
        ];
        assert!(!refused.iter().any(comes_back));
        let with = |index: usize, word| {
            let mut words = of_progress(&Progress { momentum: None, ..own });
            words[index] = word;
            to_progress(words)
        };
        assert!(with(0, 6).is_none() && with(0, 1 << 12 | 1).is_none() && with(8, 1).is_none());
    }

    #[test]
    fn stopping_comes_back() {
        let stopping = EarlyStopping::new(Goal::Minimize, 2, 0.0).unwrap();
        let mut state = stopping.start();
        assert_eq!(to_stopping(of_stopping(Some(state))), Some(Some(state)));
        for metric in [0.5, 0.25, 0.75] {
            stopping.observe(&mut state, metric);
        }
        assert_eq!(of_stopping(Some(state)), [1, 3, 1, 0.25_f32.to_bits(), 1]);
        assert_eq!(to_stopping(of_stopping(Some(state))), Some(Some(state)));
        assert_eq!(to_stopping(of_stopping(None)), Some(None));
        let nan = f32::NAN.to_bits();
        for nonsense in [[2, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 1, 2, 0, 0], [1, 1, 0, 0, 1], [1, 1, 0, nan, 0]] {
            assert_eq!(to_stopping(nonsense), None, "{nonsense:?}");
        }
    }
}
