//! Progress and early stopping as 32-bit words.

use crate::early_stopping::EarlyStoppingState;
use crate::progress::{Phase, Progress, Standing};

pub(super) const PROGRESS_WORDS: usize = 22;
pub(super) const STOPPING_WORDS: usize = 5;

const PHASES: [Phase; 6] =
    [Phase::EpochBegin, Phase::Samples, Phase::Update, Phase::Validation, Phase::EpochEnd, Phase::Done];

const MOMENTUM: u32 = 1 << 8;
const FORCED_RATE: u32 = 1 << 9;
const TRAIN_SCORED: u32 = 1 << 10;
const VALIDATION_SCORED: u32 = 1 << 11;
const FLAGS: u32 = MOMENTUM | FORCED_RATE | TRAIN_SCORED | VALIDATION_SCORED;

/// One of a progress' words, so that they need not all be on the stack.
pub(super) fn of_progress(p: &Progress, index: usize) -> u32 {
    match index {
        0 => {
            let phase = (0..).zip(PHASES).find(|(_, phase)| *phase == p.phase).map_or(0, |(code, _)| code);
            let flag = |is: bool, flag| if is { flag } else { 0 };
            let rates = flag(p.momentum.is_some(), MOMENTUM) | flag(p.forced_rate.is_some(), FORCED_RATE);
            let scored = flag(p.train.is_scored(), TRAIN_SCORED) | flag(p.validation.is_scored(), VALIDATION_SCORED);
            phase | rates | scored
        }
        1 => p.epoch,
        2 => p.step,
        3 => p.position,
        4 => p.len,
        5 => p.in_batch,
        6 => p.batch_loss.to_bits(),
        7 => p.rate.to_bits(),
        8 => p.momentum.map_or(0, f32::to_bits),
        9 => p.forced_rate.map_or(0, f32::to_bits),
        10 => p.rate_factor.to_bits(),
        11 => p.cleared,
        12..=16 => p.train.word(index - 12),
        _ => p.validation.word(index.saturating_sub(17)),
    }
}

fn phase(word: u32) -> Option<Phase> {
    PHASES.get((word & 0xff) as usize).copied()
}

/// What has to be known of a progress before its words are taken one by one.
pub(super) struct Check {
    pub(super) standing: Standing,
    flags: u32,
}

impl Check {
    pub(super) fn new() -> Self {
        Self { standing: Progress::default().standing(), flags: 0 }
    }

    /// Takes one of the words, the first first. `false` for one that no progress has.
    pub(super) fn add(&mut self, index: usize, word: u32) -> bool {
        let to = match index {
            0 => {
                self.flags = word;
                let Some(phase) = phase(word) else { return false };
                self.standing.phase = phase;
                return word & !(FLAGS | 0xff) == 0;
            }
            1 => &mut self.standing.epoch,
            2 => &mut self.standing.step,
            3 => &mut self.standing.position,
            4 => &mut self.standing.len,
            5 => &mut self.standing.in_batch,
            // What is not there is written as 0.
            8 => return word == 0 || self.flags & MOMENTUM != 0,
            9 => return word == 0 || self.flags & FORCED_RATE != 0,
            11 => &mut self.standing.cleared,
            12 => &mut self.standing.train,
            17 => &mut self.standing.validation,
            _ => return true,
        };
        *to = word;
        true
    }
}

/// Takes one of a progress' words, the first first, of which [`Check`] has found all good.
pub(super) fn to_progress(p: &mut Progress, index: usize, word: u32) {
    match index {
        0 => {
            p.phase = phase(word).unwrap_or(Phase::EpochBegin);
            p.momentum = (word & MOMENTUM != 0).then_some(0.0);
            p.forced_rate = (word & FORCED_RATE != 0).then_some(0.0);
            p.train.set_scored(word & TRAIN_SCORED != 0);
            p.validation.set_scored(word & VALIDATION_SCORED != 0);
        }
        1 => p.epoch = word,
        2 => p.step = word,
        3 => p.position = word,
        4 => p.len = word,
        5 => p.in_batch = word,
        6 => p.batch_loss = f32::from_bits(word),
        7 => p.rate = f32::from_bits(word),
        8 => p.momentum = p.momentum.map(|_| f32::from_bits(word)),
        9 => p.forced_rate = p.forced_rate.map(|_| f32::from_bits(word)),
        10 => p.rate_factor = f32::from_bits(word),
        11 => p.cleared = word,
        12..=16 => p.train.set_word(index - 12, word),
        _ => p.validation.set_word(index.saturating_sub(17), word),
    }
}

pub(super) fn of_stopping(state: Option<&EarlyStoppingState>) -> [u32; STOPPING_WORDS] {
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
    use crate::metrics::Metrics;

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

    fn words(progress: &Progress) -> [u32; PROGRESS_WORDS] {
        core::array::from_fn(|index| of_progress(progress, index))
    }

    fn read(words: [u32; PROGRESS_WORDS]) -> Option<Progress> {
        let (mut progress, mut check) = (Progress::default(), Check::new());
        let possible = (0..).zip(words).all(|(index, word)| check.add(index, word));
        (0..).zip(words).for_each(|(index, word)| to_progress(&mut progress, index, word));
        (possible && check.standing.is_possible()).then_some(progress)
    }

    /// By words: NaN is not equal to itself.
    fn comes_back(progress: &Progress) -> bool {
        read(words(progress)).map(|found| words(&found)) == Some(words(progress))
    }

    #[test]
    fn progress_comes_back_to_the_bit() {
        let own = progress();
        assert!(comes_back(&own));
        assert!(comes_back(&Progress { momentum: None, forced_rate: None, ..own }));
        assert!(comes_back(&Progress::default()));
        let words = words(&own);
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
            let mut words = words(&Progress { momentum: None, ..own });
            words[index] = word;
            read(words)
        };
        assert!(with(0, 6).is_none() && with(0, 1 << 12 | 1).is_none() && with(8, 1).is_none());
    }

    #[test]
    fn stopping_comes_back() {
        let stopping = EarlyStopping::new(Goal::Minimize, 2, 0.0).unwrap();
        let mut state = stopping.start();
        assert_eq!(to_stopping(of_stopping(Some(&state))), Some(Some(state)));
        for metric in [0.5, 0.25, 0.75] {
            stopping.observe(&mut state, metric);
        }
        assert_eq!(of_stopping(Some(&state)), [1, 3, 1, 0.25_f32.to_bits(), 1]);
        assert_eq!(to_stopping(of_stopping(Some(&state))), Some(Some(state)));
        assert_eq!(to_stopping(of_stopping(None)), Some(None));
        let nan = f32::NAN.to_bits();
        for nonsense in [[2, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 1, 2, 0, 0], [1, 1, 0, 0, 1], [1, 1, 0, nan, 0]] {
            assert_eq!(to_stopping(nonsense), None, "{nonsense:?}");
        }
    }
}
