//! Hugging Face transformers' schedules by the names `get_scheduler` knows them by.
//!
//! `lr` is the optimizer's rate; the others stand in the library's order, optional ones, where there are several, in a
//! struct with its defaults. A step is an **update** ([`Clock::Update`](crate::Clock::Update)). The warm-up is
//! `lr * t / num_warmup_steps`, so that **step 0 trains at rate 0**, and `num_training_steps` includes it: with
//! `w = num_warmup_steps` and `T = num_training_steps`, `u = (t - w) / max(1, T - w)` below. Checked against
//! transformers 5.23.0. `reduce_lr_on_plateau` is [torch's](super::torch::reduce_lr_on_plateau).

use super::{Ahead, Constant, Cosine, Fade, Greedy, InversePower, Mode, Polynomial, Ramp, Shape, Then, Threshold};
use crate::error::{Error, Requirement};

const fn after_warmup<S: Copy>(lr: f64, num_warmup_steps: u32, then: S) -> Then<Ramp, S> {
    Then::new(Ramp::any_length(0.0, lr, num_warmup_steps, Shape::Linear), num_warmup_steps, then)
}

/// The steps after the warm-up; the library, too, takes 1 where there are none.
const fn rest(num_warmup_steps: u32, num_training_steps: u32) -> u32 {
    let rest = num_training_steps.saturating_sub(num_warmup_steps);
    if rest == 0 { 1 } else { rest }
}

/// `constant`: `lr`.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// assert_eq!(transformers::constant(0.1)?.rate(0), 0.1);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn constant(lr: f64) -> Result<Constant, Error> {
    Constant::new(lr)
}

/// `constant_with_warmup`: the warm-up, then `lr`.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// let schedule = transformers::constant_with_warmup(0.1, 20)?;
/// assert_eq!([0, 10, 20, 21].map(|t| schedule.rate(t)), [0.0, 0.05, 0.1, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn constant_with_warmup(lr: f64, num_warmup_steps: u32) -> Result<Then<Ramp, Constant>, Error> {
    Ok(after_warmup(lr, num_warmup_steps, propagate!(Constant::new(lr))))
}

/// `linear`: `lr * max(0, 1 - u)` after the warm-up.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// let schedule = transformers::linear(0.1, 20, 120)?;
/// assert_eq!([10, 20, 70, 120].map(|t| schedule.rate(t)), [0.05, 0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn linear(lr: f64, num_warmup_steps: u32, num_training_steps: u32) -> Result<Then<Ramp, Ramp>, Error> {
    require_all!("lr": NonNegative = lr);
    // Training that ends before its warm-up has a rate of 0 after it.
    let over = num_training_steps.saturating_sub(num_warmup_steps);
    Ok(after_warmup(lr, num_warmup_steps, Ramp::any_length(lr, 0.0, over, Shape::Linear)))
}

/// `cosine`: `lr * H(2 * num_cycles * u)` after the warm-up, `H(x) = (1 + cos(pi x)) / 2`; `num_cycles` is 0.5 by default.
///
/// Past the end it **rises again**.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` and `num_cycles` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// let schedule = transformers::cosine(0.1, 20, 120, 0.5)?;
/// assert_eq!([10, 20, 70, 120, 220].map(|t| schedule.rate(t)), [0.05, 0.1, 0.05, 0.0, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine(
    lr: f64,
    num_warmup_steps: u32,
    num_training_steps: u32,
    num_cycles: f64,
) -> Result<Then<Ramp, Cosine>, Error> {
    let wave = propagate!(waves(lr, 0.0, num_warmup_steps, num_training_steps, num_cycles));
    Ok(after_warmup(lr, num_warmup_steps, wave))
}

const fn waves(lr: f64, low: f64, warmup: u32, training: u32, num_cycles: f64) -> Result<Cosine, Error> {
    require_all!("lr": NonNegative = lr, "num_cycles": NonNegative = num_cycles,
        "2 * num_cycles": Finite = 2.0 * num_cycles);
    let wave = propagate!(Cosine::new(lr, low, rest(warmup, training) as f64)).unclamped();
    wave.half_cycles(2.0 * num_cycles)
}

/// `cosine_with_restarts`: `lr * H(num_cycles * u mod 1)` after the warm-up; `num_cycles` is 1 by default. 0 from the end on.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` and `num_cycles` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// let schedule = transformers::cosine_with_restarts(0.1, 20, 120, 2.0)?;
/// assert_eq!([10, 20, 45, 70, 120].map(|t| schedule.rate(t)), [0.05, 0.1, 0.05, 0.1, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_with_restarts(
    lr: f64,
    num_warmup_steps: u32,
    num_training_steps: u32,
    num_cycles: f64,
) -> Result<Then<Ramp, Ramp>, Error> {
    require_all!("lr": NonNegative = lr, "num_cycles": NonNegative = num_cycles);
    let shape = Shape::HardRestarts { cycles: num_cycles };
    let cycles = Ramp::any_length(lr, 0.0, rest(num_warmup_steps, num_training_steps), shape);
    Ok(after_warmup(lr, num_warmup_steps, cycles))
}

/// `polynomial`: `lr_end + (lr - lr_end) * (1 - u)^power` after the warm-up, then `lr_end`; by default `lr_end` is 1e-7
/// and `power` 1.
///
/// # Errors
/// [`Error::Parameter`] unless `lr_end` is below `lr`, `num_training_steps` at least `num_warmup_steps`, `power` above 0, and all are
/// finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// let schedule = transformers::polynomial(0.1, 20, 120, 0.02, 1.0)?;
/// assert_eq!([10, 20, 70, 120, 121].map(|t| schedule.rate(t)), [0.05, 0.1, 0.06, 0.02, 0.02]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn polynomial(
    lr: f64,
    num_warmup_steps: u32,
    num_training_steps: u32,
    lr_end: f64,
    power: f64,
) -> Result<Then<Ramp, Polynomial>, Error> {
    require_all!("lr": NonNegative = lr, "lr_end": NonNegative = lr_end, "lr - lr_end": Positive = lr - lr_end,
        "power": Positive = power);
    if num_training_steps < num_warmup_steps {
        let must_be = Requirement::AtLeastThePrevious;
        return Err(Error::Parameter { name: "num_training_steps", must_be, found: num_training_steps as f32 });
    }
    let over = rest(num_warmup_steps, num_training_steps) as f64;
    Ok(after_warmup(lr, num_warmup_steps, propagate!(Polynomial::new(lr, lr_end, over, power))))
}

/// `inverse_sqrt`: `lr / sqrt(1 + (t - w) / timescale)` after the warm-up, for ever; `timescale` is `num_warmup_steps`
/// by default, or 10000 without a warm-up.
///
/// # Errors
/// [`Error::Parameter`] unless `timescale` is at least 1 and `lr` finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers};
///
/// let schedule = transformers::inverse_sqrt(0.1, 20, None)?;
/// assert_eq!([10, 20, 80].map(|t| schedule.rate(t)), [0.05, 0.1, 0.05]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn inverse_sqrt(
    lr: f64,
    num_warmup_steps: u32,
    timescale: Option<u32>,
) -> Result<Then<Ramp, InversePower>, Error> {
    let timescale = match (timescale, num_warmup_steps) {
        (Some(timescale), _) => timescale,
        (None, 0) => 10_000,
        (None, steps) => steps,
    };
    require_all!("timescale": AtLeastOne = timescale);
    Ok(after_warmup(lr, num_warmup_steps, propagate!(InversePower::new(lr, timescale as f64, 0.5))))
}

/// The lowest rate, said in one of two ways.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MinLr {
    /// `min_lr`: a rate.
    Lr(f64),
    /// `min_lr_rate`: a part of the initial rate.
    Rate(f64),
}

impl MinLr {
    const fn lr(self, lr: f64) -> Result<f64, Error> {
        require_all!("lr": NonNegative = lr);
        let low = match self {
            Self::Lr(low) => low,
            Self::Rate(rate) => rate * lr,
        };
        require_all!("min_lr": NonNegative = low);
        Ok(low)
    }
}

/// `cosine_with_min_lr`: `min + (lr - min) * H(2 * num_cycles * u)` after the warm-up; `num_cycles` is 0.5 by default.
///
/// Past the end it **rises again**.
///
/// # Errors
/// [`Error::Parameter`] unless the rates and `num_cycles` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers::{MinLr, cosine_with_min_lr}};
///
/// let schedule = cosine_with_min_lr(0.1, 20, 120, 0.5, MinLr::Rate(0.2))?;
/// assert_eq!([10, 20, 70, 120].map(|t| schedule.rate(t)), [0.05, 0.1, 0.06, 0.02]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_with_min_lr(
    lr: f64,
    num_warmup_steps: u32,
    num_training_steps: u32,
    num_cycles: f64,
    min_lr: MinLr,
) -> Result<Then<Ramp, Cosine>, Error> {
    let low = propagate!(min_lr.lr(lr));
    let wave = propagate!(waves(lr, low, num_warmup_steps, num_training_steps, num_cycles));
    Ok(after_warmup(lr, num_warmup_steps, wave))
}

/// `cosine_warmup_with_min_lr`: as [`cosine_with_min_lr`], with both halves one step early.
///
/// The warm-up is `lr * (t + 1) / w`, or, with a `warmup_lr_rate` `r`, `lr * (r + (1 - r) * t / max(1, w - 1))`; the
/// cosine is at `u = (t - w + 1) / max(1, T - w)`.
///
/// # Errors
/// [`Error::Parameter`] unless the rates and `num_cycles` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers::{MinLr, cosine_warmup_with_min_lr}};
///
/// let schedule = cosine_warmup_with_min_lr(0.1, 20, 120, 0.5, MinLr::Lr(0.02), None)?;
/// assert_eq!([9, 19, 69, 119].map(|t| schedule.rate(t)), [0.05, 0.1, 0.06, 0.02]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_warmup_with_min_lr(
    lr: f64,
    num_warmup_steps: u32,
    num_training_steps: u32,
    num_cycles: f64,
    min_lr: MinLr,
    warmup_lr_rate: Option<f64>,
) -> Result<Then<Ahead<Ramp>, Ahead<Cosine>>, Error> {
    let w = num_warmup_steps;
    let low = propagate!(min_lr.lr(lr));
    let wave = propagate!(waves(lr, low, w, num_training_steps, num_cycles));
    let warmup = match warmup_lr_rate {
        None => Ahead::new(Ramp::any_length(0.0, lr, w, Shape::Linear), 1),
        Some(rate) => {
            require_all!("warmup_lr_rate": NonNegative = rate);
            // A warm-up of one step is at its start, not at its end.
            let over = if w > 1 { w - 1 } else { 1 };
            Ahead::new(Ramp::any_length(rate * lr, lr, over, Shape::Linear), 0)
        }
    };
    Ok(Then::new(warmup, w, Ahead::new(wave, 1)))
}

/// `warmup_type` and `decay_type` of [`warmup_stable_decay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WsdType {
    /// `"linear"`
    Linear,
    /// `"cosine"`
    Cosine,
    /// `"1-sqrt"`
    OneMinusSqrt,
}

/// How long [`warmup_stable_decay`] stays at `lr`, said in one of two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WsdLength {
    /// `num_training_steps`: what the warm-up and the decay leave of it.
    Training(u32),
    /// `num_stable_steps`.
    Stable(u32),
}

options! {
    /// Options of [`warmup_stable_decay`].
    WsdOptions {
        /// The curve up.
        warmup_type: WsdType = WsdType::Linear,
        /// The curve down.
        decay_type: WsdType = WsdType::Cosine,
        /// The first and the last rate as a part of `lr`.
        min_lr_ratio: f64 = 0.0,
        /// Cycles of a cosine decay; half a one falls once.
        num_cycles: f64 = 0.5,
    }
}

/// What [`warmup_stable_decay`] makes.
pub type WarmupStableDecay = Then<Ramp, Fade<Constant>>;

/// `warmup_stable_decay`: from `m = min_lr_ratio * lr` up to `lr`, there for a while, down to `m` in `num_decay_steps`, and
/// then `m`.
///
/// With `u` from 0 to 1 over each part the way up is `u`, `(1 - cos(pi u)) / 2` or `1 - sqrt(1 - u)`, the way down
/// `1 - u`, `H(2 * num_cycles * u)` or `1 - sqrt(u)`.
///
/// # Errors
/// [`Error::Parameter`] unless `min_lr_ratio` is from 0 to 1, `num_training_steps` not below the sum of the others, and
/// the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, transformers::{WsdLength, WsdOptions, warmup_stable_decay}};
///
/// let schedule = warmup_stable_decay(0.1, 20, 60, WsdLength::Training(180), WsdOptions::DEFAULT)?;
/// assert_eq!([10, 20, 120, 150, 180].map(|t| schedule.rate(t)), [0.05, 0.1, 0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn warmup_stable_decay(
    lr: f64,
    num_warmup_steps: u32,
    num_decay_steps: u32,
    length: WsdLength,
    options: WsdOptions,
) -> Result<WarmupStableDecay, Error> {
    let WsdOptions { warmup_type, decay_type, min_lr_ratio, num_cycles } = options;
    require_all!("lr": NonNegative = lr, "min_lr_ratio": UnitInterval = min_lr_ratio,
        "num_cycles": NonNegative = num_cycles, "2 * num_cycles": Finite = 2.0 * num_cycles);
    let stable = match length {
        WsdLength::Stable(steps) => steps,
        WsdLength::Training(steps) => {
            let others = num_warmup_steps as f64 + num_decay_steps as f64;
            require_all!("num_training_steps - num_warmup_steps - num_decay_steps": NonNegative = steps as f64 - others);
            (steps as f64 - others) as u32
        }
    };
    let up = match warmup_type {
        WsdType::Linear => Shape::Linear,
        WsdType::Cosine => Shape::Cosine,
        WsdType::OneMinusSqrt => Shape::Polynomial { power: 0.5 },
    };
    let down = match decay_type {
        WsdType::Linear => Shape::Linear,
        WsdType::Cosine => Shape::Waves { half_cycles: 2.0 * num_cycles },
        WsdType::OneMinusSqrt => Shape::OneMinusSqrt,
    };
    let low = min_lr_ratio * lr;
    let decay = propagate!(Fade::new(propagate!(Constant::new(lr)), low, stable, num_decay_steps, down));
    Ok(Then::new(Ramp::any_length(low, lr, num_warmup_steps, up), num_warmup_steps, decay))
}

options! {
    /// Options of [`greedy`].
    GreedyOptions {
        /// Which metric is better.
        mode: Mode = Mode::Min,
        /// What a cut multiplies by and a raise divides by.
        factor: f64 = 0.95,
        /// Observations of one kind in a row that are borne; the next one acts.
        patience: u32 = 10,
        /// An improvement is more than this; `threshold_mode` is the variant.
        threshold: Threshold = Threshold::Absolute(1e-6),
        /// Observations after a cut that are not counted.
        cooldown: u32 = 0,
        /// Observations after a raise that are not counted.
        warmup: u32 = 0,
        /// The floor.
        min_lr: f64 = 1e-3,
        /// The ceiling.
        max_lr: f64 = 1.0,
        /// A change of no more than this is not made.
        eps: f64 = 1e-8,
        /// Look at the mean of the last metrics.
        smooth: bool = false,
        /// How many these are; at most the `WINDOW` of the [`Greedy`].
        window_size: u32 = 50,
        /// Cuts at the floor before all begins anew.
        reset_start: u32 = 500,
    }
}

/// `greedy` (`GreedyLR`): divides the rate by `factor` when **more than** `patience` metrics in a row were better, and
/// multiplies by it when as many were not.
///
/// `WINDOW` is the room for smoothing, 0 without.
///
/// # Errors
/// [`Error::Parameter`] unless `factor` is between 0 and 1, `window_size` from 1 to `WINDOW` if `smooth`, and the others are finite and
/// not negative.
///
/// ```
/// use microfit::schedule::{Feedback, transformers::{GreedyOptions, greedy}};
///
/// let plateau = greedy::<0>(0.1, GreedyOptions { factor: 0.5, patience: 1, ..GreedyOptions::DEFAULT })?;
/// let mut state = plateau.start();
/// for loss in [0.9, 0.8] {
///     plateau.observe(&mut state, loss);
/// }
/// assert_eq!(plateau.rate(&state), 0.2);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn greedy<const WINDOW: usize>(lr: f64, options: GreedyOptions) -> Result<Greedy<WINDOW>, Error> {
    require_all!("lr": NonNegative = lr, "factor": OpenFraction = options.factor,
        "min_lr": NonNegative = options.min_lr, "max_lr": NonNegative = options.max_lr,
        "eps": NonNegative = options.eps);
    propagate!(options.threshold.check());
    if options.smooth {
        require_all!("window_size": AtLeastOne = options.window_size,
            "WINDOW - window_size": NonNegative = WINDOW as f64 - options.window_size as f64);
    }
    Ok(Greedy { lr, options })
}
