//! Stopping when a metric no longer gets better.

use crate::error::{Error, Requirement, require};

/// Which way a metric gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Goal {
    /// A loss or an error: less is better.
    Minimize,
    /// An accuracy: more is better.
    Maximize,
}

/// Says when to keep the weights, and when to stop: Keras' `EarlyStopping`, as a value that is asked once an epoch. Its
/// state is plain data, to be kept with a run's progress.
///
/// The best weights are a copy of the parameters in a buffer of the caller's, who may do without. Where no epoch was the
/// best, as with a [`Self::start_from`] that was never reached, there is no copy, and the weights stay what they are.
///
/// A checkpoint (feature `storage`) holds both, as `stopping` and `best` of its snapshot. It is written after [`Self::observe`],
/// so that it knows of the epoch; the run that is loaded from it asks [`Self::has_stopped`] first, or it would train one
/// epoch more at every boot:
///
/// ```
/// # use microfit::{Clock, Event, Fit, Topology, activation::Linear, data::{Nothing, Rows, Sequential}, dense};
/// # use microfit::{loss::MeanSquaredError, optimizer::OnlineSgd, schedule::Constant};
/// use microfit::{EarlyStopping, Goal, Verdict, checked};
///
/// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
/// # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<OnlineSgd>()]);
/// # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: OnlineSgd, schedule: Constant::new(0.1)?,
/// #   clock: Clock::Update, order: Sequential, batch: 1, epochs: 60 };
/// # let data = Rows { features: &[[1.0], [1.0]], targets: &[[0.0], [1.0]] };
/// # let validation = &data;
/// const PATIENCE: EarlyStopping = checked!(EarlyStopping::new(Goal::Minimize, 5, 0.001));
///
/// let (mut state, mut best) = (PATIENCE.start(), [0.0; NET.param_len()]);
/// let mut trainer = fit.start(&mut params, &mut workspace)?;
/// // Here a checkpoint is loaded, with `state` and `best`, if there is one.
/// while !PATIENCE.has_stopped(&state) {
///     match trainer.step(&data, validation)? {
///         Event::Epoch(epoch) => {
///             let loss = epoch.validation.unwrap_or(epoch.train).loss();
///             if PATIENCE.observe(&mut state, loss) == Verdict::Improved {
///                 trainer.copy_params_to(&mut best)?;
///             }
///             // Here one is saved, with both.
///         }
///         Event::Done => break,
///         _ => {}
///     }
/// }
/// if state.best().is_finite() {
///     params = best;
/// }
/// # assert!(state.epochs() < 60);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EarlyStopping {
    goal: Goal,
    patience: u32,
    /// As an f32, and what that lacks: f64 is software on a board, 1.5 KB of it.
    min_delta: [f32; 2],
    baseline: Option<f32>,
    start_from: u32,
}

/// What [`EarlyStopping`] remembers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EarlyStoppingState {
    epochs: u32,
    waited: u32,
    best: f32,
    best_epoch: u32,
}

/// What to do after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// The best so far: keep the weights.
    Improved,
    /// Not better, and patience is left.
    Waiting,
    /// Not better for as many epochs as there was patience for.
    Stop,
}

#[cfg(feature = "storage")]
impl EarlyStoppingState {
    pub(crate) const fn words(self) -> [u32; 4] {
        [self.epochs, self.waited, self.best.to_bits(), self.best_epoch]
    }

    /// `None` for what no observations lead to.
    pub(crate) const fn from_words([epochs, waited, best, best_epoch]: [u32; 4]) -> Option<Self> {
        let best = f32::from_bits(best);
        let possible = waited <= epochs && (best_epoch < epochs || best_epoch == 0) && !best.is_nan();
        if possible { Some(Self { epochs, waited, best, best_epoch }) } else { None }
    }
}

impl EarlyStopping {
    /// Stops after `patience` epochs without a metric that is better than the best by more than `min_delta`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a `min_delta` that is negative or not finite.
    pub const fn new(goal: Goal, patience: u32, min_delta: f64) -> Result<Self, Error> {
        match require("min_delta", Requirement::NonNegative, min_delta) {
            Ok(()) => {
                let high = min_delta as f32;
                let min_delta = [high, (min_delta - high as f64) as f32];
                Ok(Self { goal, patience, min_delta, baseline: None, start_from: 0 })
            }
            Err(error) => Err(error),
        }
    }

    /// Only a metric better than `baseline` restores patience.
    ///
    /// # Errors
    /// [`Error::Parameter`] for one that is not finite.
    pub const fn baseline(self, baseline: f32) -> Result<Self, Error> {
        match require("baseline", Requirement::Finite, baseline as f64) {
            Ok(()) => Ok(Self { baseline: Some(baseline), ..self }),
            Err(error) => Err(error),
        }
    }

    /// Ignores the first `epochs` epochs.
    #[must_use]
    pub const fn start_from(self, epochs: u32) -> Self {
        Self { start_from: epochs, ..self }
    }

    /// Before the first epoch.
    pub const fn start(&self) -> EarlyStoppingState {
        let best = match self.goal {
            Goal::Minimize => f32::INFINITY,
            Goal::Maximize => f32::NEG_INFINITY,
        };
        EarlyStoppingState { epochs: 0, waited: 0, best, best_epoch: 0 }
    }

    /// Takes in an epoch's metric. NaN is never better.
    pub fn observe(&self, state: &mut EarlyStoppingState, metric: f32) -> Verdict {
        let epoch = state.epochs;
        state.epochs = epoch.saturating_add(1);
        if epoch < self.start_from {
            return Verdict::Waiting;
        }
        state.waited = state.waited.saturating_add(1);
        if self.is_better(metric, state.best) {
            (state.best, state.best_epoch) = (metric, epoch);
            if self.baseline.is_none_or(|baseline| self.is_better(metric, baseline)) {
                state.waited = 0;
            }
            return Verdict::Improved;
        }
        if self.has_stopped(state) { Verdict::Stop } else { Verdict::Waiting }
    }

    /// Whether [`Self::observe`] said [`Verdict::Stop`] last: what a run asks that was loaded from a checkpoint.
    pub const fn has_stopped(&self, state: &EarlyStoppingState) -> bool {
        let Some(last) = state.epochs.checked_sub(1) else { return false };
        // As Keras has it, the very first epoch never stops a run. One that was the best does not either, even where it
        // does not reach the baseline.
        last > 0 && last >= self.start_from && last != state.best_epoch && state.waited >= self.patience
    }

    fn is_better(&self, metric: f32, than: f32) -> bool {
        // As Keras has it: the margin is no f32, but what it leads to is compared as one.
        let [high, low] = self.min_delta;
        match self.goal {
            Goal::Minimize => sum(metric, high, low) < than,
            Goal::Maximize => sum(metric, -high, -low) > than,
        }
    }
}

/// `a + (b + c)`, rounded as good as once: `c` is a rounding error of `b`, and that of the sum is added to it (Knuth's two-sum).
fn sum(a: f32, b: f32, c: f32) -> f32 {
    let sum = a + b;
    if !sum.is_finite() {
        return sum;
    }
    let added = sum - a;
    let lost = (a - (sum - added)) + (b - added);
    sum + (lost + c)
}

impl EarlyStoppingState {
    /// The best metric so far; infinite before the first.
    pub const fn best(&self) -> f32 {
        self.best
    }

    /// The epoch it was seen in, counted from 0.
    pub const fn best_epoch(&self) -> u32 {
        self.best_epoch
    }

    /// Epochs observed.
    pub const fn epochs(&self) -> u32 {
        self.epochs
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn verdicts(stopping: EarlyStopping, metrics: &[f32]) -> (Vec<Verdict>, EarlyStoppingState) {
        let mut state = stopping.start();
        (metrics.iter().map(|&metric| stopping.observe(&mut state, metric)).collect(), state)
    }

    #[test]
    fn waits_as_long_as_it_has_patience() {
        use Verdict::{Improved, Stop, Waiting};
        let stopping = EarlyStopping::new(Goal::Minimize, 2, 0.1).unwrap();
        let (found, state) = verdicts(stopping, &[1.0, 0.95, 0.8, f32::NAN, 0.75]);
        assert_eq!(found, [Improved, Waiting, Improved, Waiting, Stop]);
        assert_eq!((state.best(), state.best_epoch(), state.epochs()), (0.8, 2, 5));
        let (found, _) = verdicts(EarlyStopping::new(Goal::Maximize, 1, 0.0).unwrap(), &[0.5, 0.6, 0.6]);
        assert_eq!(found, [Improved, Improved, Stop]);
    }

    #[test]
    fn a_baseline_and_a_late_start() {
        use Verdict::{Improved, Stop, Waiting};
        let stopping = EarlyStopping::new(Goal::Minimize, 2, 0.0).unwrap();
        let (found, _) = verdicts(stopping.baseline(0.5).unwrap(), &[1.0, 0.9, 0.8, 0.8]);
        assert_eq!(found, [Improved, Improved, Improved, Stop]);
        let (found, _) = verdicts(stopping.start_from(2), &[0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(found, [Waiting, Waiting, Improved, Waiting, Stop]);
    }

    /// As in Keras, where the very first epoch never stops a run.
    #[test]
    fn the_first_epoch_stops_nothing() {
        use Verdict::{Improved, Stop, Waiting};
        let stopping = EarlyStopping::new(Goal::Minimize, 0, 0.0).unwrap();
        let (found, _) = verdicts(stopping, &[f32::NAN, f32::NAN]);
        assert_eq!(found, [Waiting, Stop]);
        let (found, _) = verdicts(stopping, &[1.0, 1.0]);
        assert_eq!(found, [Improved, Stop]);
    }

    /// After every observation, of all settings and metrics there are.
    #[test]
    fn has_stopped_where_the_last_verdict_was_to_stop() {
        let mut stops = 0;
        for goal in [Goal::Minimize, Goal::Maximize] {
            for (patience, start_from, baseline) in
                (0..27).map(|n| (n % 3, n / 3 % 3, [None, Some(0.5), Some(2.0)][n / 9]))
            {
                let mut stopping =
                    EarlyStopping::new(goal, patience as u32, 0.1).unwrap().start_from(start_from as u32);
                if let Some(baseline) = baseline {
                    stopping = stopping.baseline(baseline).unwrap();
                }
                for metrics in 0..4_usize.pow(6) {
                    let mut state = stopping.start();
                    assert!(!stopping.has_stopped(&state));
                    for epoch in 0..6 {
                        let metric = [0.0, 1.0, 3.0, f32::NAN][metrics >> (2 * epoch) & 3];
                        let stop = stopping.observe(&mut state, metric) == Verdict::Stop;
                        assert_eq!(stopping.has_stopped(&state), stop, "{stopping:?} {metrics} {state:?}");
                        stops += usize::from(stop);
                    }
                }
            }
        }
        assert!(stops > 0);
    }

    #[test]
    fn a_margin_counts_for_either_goal_and_for_the_baseline() {
        use Verdict::{Improved, Stop, Waiting};
        let maximize = EarlyStopping::new(Goal::Maximize, 2, 0.1).unwrap();
        let (found, _) = verdicts(maximize, &[0.5, 0.55, 0.7, 0.75, 0.79]);
        assert_eq!(found, [Improved, Waiting, Improved, Waiting, Stop]);
        // 0.45 is below 0.5, but not by 0.1: no patience is restored, as it is by 0.3.
        let minimize = EarlyStopping::new(Goal::Minimize, 2, 0.1).unwrap().baseline(0.5).unwrap();
        let (found, _) = verdicts(minimize, &[1.0, 0.45, 0.45]);
        assert_eq!(found, [Improved, Improved, Stop]);
        let (found, _) = verdicts(minimize, &[1.0, 0.3, 0.3]);
        assert_eq!(found, [Improved, Improved, Waiting]);
        let (found, _) = verdicts(maximize.baseline(0.5).unwrap(), &[0.3, 0.55, 0.55]);
        assert_eq!(found, [Improved, Improved, Stop]);
        let (found, _) = verdicts(maximize.baseline(0.5).unwrap(), &[0.3, 0.65, 0.65]);
        assert_eq!(found, [Improved, Improved, Waiting]);
    }

    /// As Keras 3.15 says of each; the sums of f32 say otherwise of all but the second.
    #[test]
    fn a_margin_is_added_in_f64_and_compared_in_f32() {
        use Verdict::{Improved, Waiting};
        let cases = [
            (Goal::Minimize, 0.01, [0.016, 0.006], Waiting),
            (Goal::Minimize, 0.01, [0.016, 0.005_999], Improved),
            (Goal::Maximize, 0.044, [0.738, 0.782], Waiting),
            (Goal::Maximize, 0.086, [0.029, 0.115], Improved),
        ];
        for (goal, min_delta, metrics, verdict) in cases {
            let (found, _) = verdicts(EarlyStopping::new(goal, 2, min_delta).unwrap(), &metrics);
            assert_eq!(found, [Improved, verdict], "{goal:?} {min_delta} {metrics:?}");
        }
    }

    #[test]
    fn the_margin_is_added_as_in_f64() {
        let mut rng = crate::rng::Rng::new(3);
        let mut differ = 0;
        for _ in 0..1_000_000 {
            // Decimals whose difference is the margin, or nearly: where it is decided by the rounding.
            let [metric, margin] =
                [rng.below(1000), rng.below(1000)].map(|thousandths| f64::from(thousandths) / 1000.0);
            let near = rng.below(3) as f32 * f32::EPSILON;
            let (metric, than) = (metric as f32, (metric + margin) as f32 + near);
            let expected = ((f64::from(metric) + margin) as f32) < than;
            let stopping = EarlyStopping::new(Goal::Minimize, 2, margin).unwrap();
            assert_eq!(stopping.is_better(metric, than), expected, "{metric} {margin} {than}");
            differ += u32::from((metric + (margin as f32) < than) != expected);
        }
        assert!(differ > 100, "{differ}");
        for (margin, metric) in [(1e300, 1.0), (0.5, f32::INFINITY), (0.5, f32::NAN), (3e38, 3e38)] {
            let stopping = EarlyStopping::new(Goal::Minimize, 2, margin).unwrap();
            assert!(!stopping.is_better(metric, f32::MAX), "{margin} {metric}");
        }
        let stopping = EarlyStopping::new(Goal::Minimize, 2, 0.5).unwrap();
        assert!(stopping.is_better(f32::NEG_INFINITY, 0.0) && stopping.is_better(1.0, f32::INFINITY));
    }

    /// Epochs that are ignored cost no patience, and the first that counts may stop a run.
    #[test]
    fn the_first_epoch_that_counts_may_stop() {
        use Verdict::{Stop, Waiting};
        let stopping = EarlyStopping::new(Goal::Minimize, 1, 0.0).unwrap().start_from(2);
        let (found, _) = verdicts(stopping, &[f32::NAN, f32::NAN, f32::NAN]);
        assert_eq!(found, [Waiting, Waiting, Stop]);
    }

    #[test]
    fn refuses_what_is_no_margin() {
        assert!(matches!(EarlyStopping::new(Goal::Minimize, 1, -0.1), Err(Error::Parameter { name: "min_delta", .. })));
        assert!(EarlyStopping::new(Goal::Minimize, 1, 0.0).unwrap().baseline(f32::NAN).is_err());
    }
}
