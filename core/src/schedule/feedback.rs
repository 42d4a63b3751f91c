//! Rates driven by a metric: reduce on plateau, and greedy.
//!
//! These are no functions of the step, so they are not [`Schedule`](super::Schedule)s: settings and state are apart,
//! the settings live in a `const`, and a checkpoint stores the state, as [`Words`](super::Words).

use super::finite;
use crate::error::Error;

/// A learning rate that answers to a metric, usually the validation loss after each epoch.
///
/// ```
/// use microfit::schedule::{Feedback, keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau}};
///
/// let options = ReduceLrOnPlateauOptions { factor: 0.5, patience: 2, ..ReduceLrOnPlateauOptions::DEFAULT };
/// let plateau = reduce_lr_on_plateau(0.1, options)?;
/// let mut state = plateau.start();
/// for loss in [0.9, 0.9, 0.9] {
///     plateau.observe(&mut state, loss);
/// }
/// assert_eq!(plateau.rate(&state), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub trait Feedback {
    /// All that has to survive a stop: plain data.
    type State: Copy;

    /// The state before the first observation.
    fn start(&self) -> Self::State;

    /// Takes note of the metric. NaN is never an improvement.
    fn observe(&self, state: &mut Self::State, metric: f64);

    /// The learning rate now, unrounded.
    fn value(&self, state: &Self::State) -> f64;

    /// The learning rate now.
    fn rate(&self, state: &Self::State) -> f32 {
        self.value(state) as f32
    }
}

/// Which metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// The smaller one: a loss.
    Min,
    /// The greater one: an accuracy.
    Max,
}

/// How much better a metric has to be to count.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Threshold {
    /// By this part of the best so far.
    Relative(f64),
    /// By this much.
    Absolute(f64),
}

impl Mode {
    const fn worst(self) -> f64 {
        match self {
            Self::Min => f64::INFINITY,
            Self::Max => f64::NEG_INFINITY,
        }
    }

    fn better(self, metric: f64, best: f64, threshold: Threshold) -> bool {
        match (self, threshold) {
            (Self::Min, Threshold::Relative(part)) => metric < best * (1.0 - part),
            (Self::Max, Threshold::Relative(part)) => metric > best * (1.0 + part),
            (Self::Min, Threshold::Absolute(by)) => metric < best - by,
            (Self::Max, Threshold::Absolute(by)) => metric > best + by,
        }
    }
}

impl Threshold {
    pub(crate) const fn check(self) -> Result<(), Error> {
        let (Self::Relative(threshold) | Self::Absolute(threshold)) = self;
        require_all!("threshold": NonNegative = threshold);
        Ok(())
    }
}

/// Whose bookkeeping a [`Plateau`] follows.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Rule {
    /// Cuts when more than `patience` observations were bad; a cut of not more than `eps` is not made.
    Torch { threshold: Threshold, eps: f64 },
    /// Cuts when `patience` were bad; the observation that ends a cool-down counts.
    Keras { min_delta: f64 },
    /// Cuts when `patience` averages of `window` observations were bad, and scales `lr` instead of setting it.
    Optax { rtol: f64, atol: f64, window: u32 },
}

/// Cuts the rate by a factor when a metric has stopped getting better.
///
/// The three libraries count differently; make one with [`torch::reduce_lr_on_plateau`](super::torch::reduce_lr_on_plateau),
/// [`keras::reduce_lr_on_plateau`](super::keras::reduce_lr_on_plateau) or
/// [`optax::reduce_on_plateau`](super::optax::reduce_on_plateau), which say how.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Plateau {
    pub(crate) lr: f64,
    pub(crate) mode: Mode,
    pub(crate) factor: f64,
    pub(crate) patience: u32,
    pub(crate) cooldown: u32,
    pub(crate) floor: f64,
    pub(crate) rule: Rule,
}

/// What a [`Plateau`] remembers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PlateauState {
    /// The rate in force, or, for optax, the scale in force.
    pub lr: f64,
    /// The best metric so far.
    pub best: f64,
    /// Observations since then that were not better.
    pub bad: u32,
    /// Observations that are still ignored after a cut.
    pub cooldown: u32,
    /// Mean of the observations since the last look; optax only.
    pub average: f64,
    /// How many these are.
    pub count: u32,
}

impl Plateau {
    /// All but the floor, which each library calls something else.
    pub(crate) const fn check(self) -> Result<Self, Error> {
        require_all!("lr": NonNegative = self.lr, "factor": Fraction = self.factor);
        match self.rule {
            Rule::Torch { threshold, eps } => {
                propagate!(threshold.check());
                require_all!("eps": NonNegative = eps);
            }
            Rule::Keras { min_delta } => {
                require_all!("min_delta": NonNegative = min_delta);
            }
            Rule::Optax { rtol, atol, window } => {
                require_all!("factor": OpenFraction = self.factor, "rtol": UnitInterval = rtol,
                    "atol": NonNegative = atol, "rtol + atol": Positive = rtol + atol,
                    "accumulation_size": AtLeastOne = window);
            }
        }
        Ok(self)
    }

    fn torch(&self, s: &mut PlateauState, metric: f64, threshold: Threshold, eps: f64) {
        if self.mode.better(metric, s.best, threshold) {
            (s.best, s.bad) = (metric, 0);
        } else {
            s.bad = s.bad.saturating_add(1);
        }
        if s.cooldown > 0 {
            s.cooldown -= 1;
            s.bad = 0;
        }
        if s.bad > self.patience {
            let lr = (s.lr * self.factor).max(self.floor);
            if s.lr - lr > eps {
                s.lr = lr;
            }
            (s.cooldown, s.bad) = (self.cooldown, 0);
        }
    }

    fn keras(&self, s: &mut PlateauState, metric: f64, min_delta: f64) {
        if s.cooldown > 0 {
            s.cooldown -= 1;
            s.bad = 0;
        }
        // In the f32 that Keras compares in: 0.8 is no better than 0.7 by 0.1.
        let better = match self.mode {
            Mode::Min => ((metric + min_delta) as f32) < s.best as f32,
            Mode::Max => (metric - min_delta) as f32 > s.best as f32,
        };
        if better {
            (s.best, s.bad) = (metric, 0);
        } else if s.cooldown == 0 {
            s.bad = s.bad.saturating_add(1);
            if s.bad >= self.patience && s.lr > self.floor {
                s.lr = (s.lr * self.factor).max(self.floor);
                (s.cooldown, s.bad) = (self.cooldown, 0);
            }
        }
    }

    fn optax(&self, s: &mut PlateauState, metric: f64, (rtol, atol, window): (f64, f64, u32)) {
        let before = f64::from(s.count);
        s.average = (before * s.average + metric) / (before + 1.0);
        s.count = s.count.saturating_add(1);
        if s.count < window {
            return;
        }
        let average = s.average;
        (s.average, s.count) = (0.0, 0);
        let better = average < (1.0 - rtol) * s.best - atol;
        if better {
            s.best = average;
        }
        let bad = if better { 0 } else { s.bad.saturating_add(1) };
        if s.cooldown > 0 {
            s.cooldown -= 1;
            s.bad = 0;
            return;
        }
        let cut = bad == self.patience;
        s.lr = if cut { s.lr * self.factor } else { s.lr }.max(self.floor);
        (s.bad, s.cooldown) = if cut { (0, self.cooldown) } else { (bad, 0) };
    }
}

impl Feedback for Plateau {
    type State = PlateauState;

    fn start(&self) -> PlateauState {
        let lr = if let Rule::Optax { .. } = self.rule { 1.0 } else { self.lr };
        PlateauState { lr, best: self.mode.worst(), bad: 0, cooldown: 0, average: 0.0, count: 0 }
    }

    fn observe(&self, state: &mut PlateauState, metric: f64) {
        match self.rule {
            Rule::Torch { threshold, eps } => self.torch(state, metric, threshold, eps),
            Rule::Keras { min_delta } => self.keras(state, metric, min_delta),
            Rule::Optax { rtol, atol, window } => self.optax(state, metric, (rtol, atol, window)),
        }
    }

    fn value(&self, state: &PlateauState) -> f64 {
        if let Rule::Optax { .. } = self.rule { finite(self.lr * state.lr) } else { state.lr }
    }
}

/// Raises the rate while a metric keeps getting better and cuts it when it does not, transformers' `GreedyLR`.
///
/// `WINDOW` is the most metrics that can be averaged; 0 without smoothing. Make one with
/// [`transformers::greedy`](super::transformers::greedy).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Greedy<const WINDOW: usize> {
    pub(crate) lr: f64,
    pub(crate) options: super::transformers::GreedyOptions,
}

/// What a [`Greedy`] remembers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GreedyState<const WINDOW: usize> {
    /// The rate in force.
    pub lr: f64,
    /// The best metric so far.
    pub best: f64,
    /// Observations in a row that were not better.
    pub bad: u32,
    /// Observations in a row that were better.
    pub good: u32,
    /// Observations still ignored after a cut.
    pub cooldown: u32,
    /// Observations still ignored after a raise.
    pub warmup: u32,
    /// Cuts at the floor that are left before all begins anew.
    pub resets_in: i64,
    /// The last metrics, the oldest at `next` once it is full.
    pub window: [f64; WINDOW],
    /// Their sum, kept as the library keeps it.
    pub sum: f64,
    /// How many they are.
    pub len: usize,
    /// Where the next goes.
    pub next: usize,
}

impl<const WINDOW: usize> Greedy<WINDOW> {
    fn smooth(&self, s: &mut GreedyState<WINDOW>, metric: f64) -> f64 {
        let size = self.options.window_size as usize;
        let Some(slot) = s.window.get_mut(s.next) else { return metric };
        let oldest = core::mem::replace(slot, metric);
        s.sum += metric;
        if s.len < size {
            s.len += 1;
        } else {
            s.sum -= oldest;
        }
        s.next = if s.next + 1 < size { s.next + 1 } else { 0 };
        s.sum / s.len as f64
    }

    fn raise(&self, s: &mut GreedyState<WINDOW>) {
        let lr = (s.lr / self.options.factor).min(self.options.max_lr);
        if lr - s.lr > self.options.eps {
            s.lr = lr;
        }
        s.resets_in = i64::from(self.options.reset_start);
        (s.warmup, s.good) = (self.options.warmup, 0);
    }

    fn cut(&self, s: &mut GreedyState<WINDOW>) {
        let lr = (s.lr * self.options.factor).max(self.options.min_lr);
        if s.lr - lr > self.options.eps {
            s.lr = lr;
        }
        if s.lr <= self.options.min_lr {
            s.resets_in -= 1;
            if s.resets_in <= 0 {
                *s = self.start();
            }
        }
        (s.cooldown, s.bad) = (self.options.cooldown, 0);
    }
}

impl<const WINDOW: usize> Feedback for Greedy<WINDOW> {
    type State = GreedyState<WINDOW>;

    fn start(&self) -> Self::State {
        GreedyState {
            lr: self.lr,
            best: self.options.mode.worst(),
            bad: 0,
            good: 0,
            cooldown: 0,
            warmup: 0,
            resets_in: i64::from(self.options.reset_start),
            window: [0.0; WINDOW],
            sum: 0.0,
            len: 0,
            next: 0,
        }
    }

    fn observe(&self, s: &mut Self::State, metric: f64) {
        let metric = if self.options.smooth { self.smooth(s, metric) } else { metric };
        if s.cooldown > 0 || s.warmup > 0 {
            (s.bad, s.good) = (0, 0);
            if s.cooldown > 0 {
                s.cooldown -= 1;
            } else {
                s.warmup -= 1;
            }
            return;
        }
        if self.options.mode.better(metric, s.best, self.options.threshold) {
            (s.best, s.bad, s.good) = (metric, 0, s.good.saturating_add(1));
        } else {
            (s.bad, s.good) = (s.bad.saturating_add(1), 0);
        }
        if s.good > self.options.patience {
            self.raise(s);
        } else if s.bad > self.options.patience {
            self.cut(s);
        }
    }

    fn value(&self, state: &Self::State) -> f64 {
        state.lr
    }
}

#[cfg(test)]
mod tests {
    use super::super::{keras, optax, torch, transformers};
    use super::*;

    fn rates<F: Feedback>(feedback: &F, metrics: &[f64]) -> [f32; 8] {
        let mut state = feedback.start();
        let mut rates = [0.0; 8];
        for (rate, &metric) in rates.iter_mut().zip(metrics) {
            feedback.observe(&mut state, metric);
            *rate = feedback.rate(&state);
        }
        rates
    }

    #[test]
    fn the_libraries_count_differently() {
        let stuck = [1.0; 8];
        let plateau =
            torch::ReduceLrOnPlateauOptions { factor: 0.5, patience: 2, ..torch::ReduceLrOnPlateauOptions::DEFAULT };
        let torch = torch::reduce_lr_on_plateau(1.0, plateau).unwrap();
        assert_eq!(rates(&torch, &stuck), [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
        let plateau =
            keras::ReduceLrOnPlateauOptions { factor: 0.5, patience: 2, ..keras::ReduceLrOnPlateauOptions::DEFAULT };
        let keras = keras::reduce_lr_on_plateau(1.0, plateau).unwrap();
        assert_eq!(rates(&keras, &stuck), [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]);
        let plateau = optax::ReduceOnPlateauOptions {
            factor: 0.5,
            patience: 1,
            accumulation_size: 2,
            ..optax::ReduceOnPlateauOptions::DEFAULT
        };
        let optax = optax::reduce_on_plateau(1.0, plateau).unwrap();
        assert_eq!(rates(&optax, &stuck), [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]);
    }

    #[test]
    fn greedy_goes_both_ways() {
        let options = transformers::GreedyOptions {
            factor: 0.5,
            patience: 1,
            min_lr: 0.25,
            max_lr: 2.0,
            reset_start: 2,
            ..transformers::GreedyOptions::DEFAULT
        };
        let greedy = transformers::greedy::<0>(1.0, options).unwrap();
        assert_eq!(rates(&greedy, &[5.0, 4.0, 3.0, 2.0]), [1.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(rates(&greedy, &[5.0; 8]), [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 1.0, 1.0]);
    }

    #[test]
    fn greedy_smooths_over_a_window() {
        let options = transformers::GreedyOptions {
            patience: 0,
            factor: 0.5,
            smooth: true,
            window_size: 2,
            ..transformers::GreedyOptions::DEFAULT
        };
        let greedy = transformers::greedy::<2>(0.1, options).unwrap();
        // Means 4, 3, 3, 1: better, better, not, better.
        assert_eq!(rates(&greedy, &[4.0, 2.0, 4.0, -2.0])[..4], [0.2, 0.4, 0.2, 0.4]);
        assert!(transformers::greedy::<1>(0.1, options).is_err());
    }

    /// 0.8 - 0.1 is above 0.7 in f64, with what an f32 makes of them, and 0.7 in f32.
    #[test]
    fn keras_compares_in_f32() {
        for (mode, metrics) in [(Mode::Max, [0.7_f32, 0.8]), (Mode::Min, [0.8, 0.7])] {
            let default = keras::ReduceLrOnPlateauOptions::DEFAULT;
            let options = keras::ReduceLrOnPlateauOptions { patience: 1, min_delta: 0.1, mode, ..default };
            let plateau = keras::reduce_lr_on_plateau(1.0, options).unwrap();
            assert_eq!(rates(&plateau, &metrics.map(f64::from))[..2], [1.0, 0.1], "{mode:?}");
        }
    }

    #[test]
    fn nan_is_no_improvement() {
        let options = keras::ReduceLrOnPlateauOptions { patience: 1, ..keras::ReduceLrOnPlateauOptions::DEFAULT };
        let plateau = keras::reduce_lr_on_plateau(1.0, options).unwrap();
        assert_eq!(rates(&plateau, &[f64::NAN; 2])[..2], [0.1, 0.01]);
    }
}
