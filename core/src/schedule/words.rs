//! The state of a rate driven by a metric as 32-bit words, for a checkpoint.

use super::feedback::{GreedyState, PlateauState};
use crate::error::{Buffer, Error};

/// A [`Feedback`](super::Feedback)'s state that can be written as 32-bit words and comes back to the bit. A caller's own state
/// implements it, or is put into words by hand.
///
/// ```
/// use microfit::schedule::{Feedback, PlateauState, Words, keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau}};
///
/// let plateau = reduce_lr_on_plateau(0.1, ReduceLrOnPlateauOptions::DEFAULT)?;
/// let mut state = plateau.start();
/// plateau.observe(&mut state, 0.7);
/// let mut words = [0; PlateauState::WORDS];
/// state.to_words(&mut words)?;
/// assert_eq!(PlateauState::from_words(&words)?, state);
/// # Ok::<(), microfit::Error>(())
/// ```
pub trait Words: Copy {
    /// Words it takes.
    const WORDS: usize;

    /// Writes it to exactly [`Self::WORDS`] words.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of words.
    fn to_words(&self, words: &mut [u32]) -> Result<(), Error>;

    /// Reads it from exactly [`Self::WORDS`] words.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of words, [`Error::FeedbackState`] for words that no state has.
    fn from_words(words: &[u32]) -> Result<Self, Error>;
}

fn array<const N: usize>(words: &[u32]) -> Result<[u32; N], Error> {
    words.try_into().map_err(|_| Error::BufferLength { buffer: Buffer::Feedback, expected: N, found: words.len() })
}

fn write<const N: usize>(from: &[u32; N], words: &mut [u32]) -> Result<(), Error> {
    let found = words.len();
    let to: &mut [u32; N] =
        words.try_into().map_err(|_| Error::BufferLength { buffer: Buffer::Feedback, expected: N, found })?;
    *to = *from;
    Ok(())
}

const fn halves(value: f64) -> [u32; 2] {
    let bits = value.to_bits();
    [bits as u32, (bits >> 32) as u32]
}

const fn whole([low, high]: [u32; 2]) -> f64 {
    f64::from_bits((high as u64) << 32 | low as u64)
}

/// Whether a state can have come to this rate and this best metric.
fn is_state(lr: f64, best: f64) -> bool {
    lr.is_finite() && lr >= 0.0 && !best.is_nan()
}

/// `lr`, `best`, `bad`, `cooldown`, `average`, `count`, floats as their low and their high half.
impl Words for PlateauState {
    const WORDS: usize = 9;

    fn to_words(&self, words: &mut [u32]) -> Result<(), Error> {
        let Self { lr, best, bad, cooldown, average, count } = *self;
        let ([a, b], [c, d], [e, f]) = (halves(lr), halves(best), halves(average));
        write(&[a, b, c, d, bad, cooldown, e, f, count], words)
    }

    fn from_words(words: &[u32]) -> Result<Self, Error> {
        let [a, b, c, d, bad, cooldown, e, f, count] = array(words)?;
        let (lr, best, average) = (whole([a, b]), whole([c, d]), whole([e, f]));
        let state = Self { lr, best, bad, cooldown, average, count };
        if is_state(lr, best) { Ok(state) } else { Err(Error::FeedbackState) }
    }
}

const GREEDY: usize = 14;

/// `lr`, `best`, `sum`, `resets_in` (two words each), `bad`, `good`, `cooldown`, `warmup`, `len`, `next`, then the window.
impl<const WINDOW: usize> Words for GreedyState<WINDOW> {
    const WORDS: usize = GREEDY + 2 * WINDOW;

    fn to_words(&self, words: &mut [u32]) -> Result<(), Error> {
        let (expected, found) = (Self::WORDS, words.len());
        let wrong = Error::BufferLength { buffer: Buffer::Feedback, expected, found };
        let (fixed, window) = words.split_at_mut_checked(GREEDY).ok_or(wrong)?;
        if expected != found {
            return Err(wrong);
        }
        let Self { lr, best, bad, good, cooldown, warmup, resets_in, sum, len, next, .. } = *self;
        let ([a, b], [c, d], [e, f]) = (halves(lr), halves(best), halves(sum));
        let [g, h] = [resets_in as u32, (resets_in >> 32) as u32];
        write(&[a, b, c, d, e, f, g, h, bad, good, cooldown, warmup, len as u32, next as u32], fixed)?;
        let (pairs, _) = window.as_chunks_mut::<2>();
        for (pair, &value) in pairs.iter_mut().zip(&self.window) {
            *pair = halves(value);
        }
        Ok(())
    }

    fn from_words(words: &[u32]) -> Result<Self, Error> {
        let (expected, found) = (Self::WORDS, words.len());
        let wrong = Error::BufferLength { buffer: Buffer::Feedback, expected, found };
        let (fixed, rest) = words.split_at_checked(GREEDY).ok_or(wrong)?;
        if expected != found {
            return Err(wrong);
        }
        let [a, b, c, d, e, f, g, h, bad, good, cooldown, warmup, len, next] = array(fixed)?;
        let (lr, best, sum) = (whole([a, b]), whole([c, d]), whole([e, f]));
        let resets_in = (u64::from(h) << 32 | u64::from(g)).cast_signed();
        let (len, next) = (len as usize, next as usize);
        let mut window = [0.0; WINDOW];
        for (value, pair) in window.iter_mut().zip(rest.as_chunks::<2>().0) {
            *value = whole(*pair);
        }
        let state = Self { lr, best, bad, good, cooldown, warmup, resets_in, window, sum, len, next };
        let within = len <= WINDOW && next < WINDOW.max(1) && (0..=i64::from(u32::MAX)).contains(&resets_in);
        if within && is_state(lr, best) { Ok(state) } else { Err(Error::FeedbackState) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Feedback, keras, optax, transformers};
    use super::*;

    #[test]
    fn a_plateau_comes_back_to_the_bit() {
        let odd = PlateauState { lr: 0.1, best: f64::INFINITY, bad: 3, cooldown: 2, average: f64::NAN, count: 7 };
        let mut words = [0; PlateauState::WORDS];
        odd.to_words(&mut words).unwrap();
        let again = PlateauState::from_words(&words).unwrap();
        assert_eq!((again.lr.to_bits(), again.best, again.bad, again.cooldown), (odd.lr.to_bits(), odd.best, 3, 2));
        assert!(again.average.is_nan() && again.count == 7);
        assert_eq!(words[..6], [0x9999_999a, 0x3fb9_9999, 0, 0x7ff0_0000, 3, 2]);

        let options = optax::ReduceOnPlateauOptions { patience: 1, ..optax::ReduceOnPlateauOptions::DEFAULT };
        let optax = optax::reduce_on_plateau(1.0, options).unwrap();
        let options = keras::ReduceLrOnPlateauOptions { patience: 1, ..keras::ReduceLrOnPlateauOptions::DEFAULT };
        for plateau in [optax, keras::reduce_lr_on_plateau(0.3, options).unwrap()] {
            let mut state = plateau.start();
            for metric in [0.7, 0.7, 0.1, f64::NAN, 0.3] {
                plateau.observe(&mut state, metric);
                state.to_words(&mut words).unwrap();
                let (mut again, mut on) = (PlateauState::from_words(&words).unwrap(), state);
                plateau.observe(&mut again, 0.9);
                plateau.observe(&mut on, 0.9);
                assert_eq!(plateau.value(&again).to_bits(), plateau.value(&on).to_bits());
            }
        }
    }

    #[test]
    fn greedy_comes_back_with_its_window() {
        let options = transformers::GreedyOptions {
            smooth: true,
            window_size: 3,
            patience: 0,
            ..transformers::GreedyOptions::DEFAULT
        };
        let greedy = transformers::greedy::<3>(0.1, options).unwrap();
        let mut state = greedy.start();
        for metric in [0.7, 0.1, 0.3, 0.2] {
            greedy.observe(&mut state, metric);
            let mut words = [0; GreedyState::<3>::WORDS];
            state.to_words(&mut words).unwrap();
            assert_eq!(GreedyState::from_words(&words), Ok(state));
        }
    }

    #[test]
    fn refuses_what_no_state_is() {
        let mut words = [0; 9];
        assert!(PlateauState::from_words(&words).is_ok());
        let wrong = Error::BufferLength { buffer: Buffer::Feedback, expected: 9, found: 8 };
        assert_eq!(PlateauState::from_words(&words[..8]), Err(wrong));
        for bits in [f64::NAN, -1.0, f64::INFINITY].map(f64::to_bits) {
            words[1] = (bits >> 32) as u32;
            assert_eq!(PlateauState::from_words(&words), Err(Error::FeedbackState));
        }
        let mut words = [0; 16];
        assert!(GreedyState::<1>::from_words(&words).is_ok());
        assert!(GreedyState::<2>::from_words(&words).is_err() && GreedyState::<0>::from_words(&words).is_err());
        for (index, word) in [(12, 2), (13, 1), (7, 1), (7, 1 << 31)] {
            words = [0; 16];
            words[index] = word;
            assert_eq!(GreedyState::<1>::from_words(&words), Err(Error::FeedbackState));
        }
    }
}
