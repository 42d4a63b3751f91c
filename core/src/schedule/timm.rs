//! timm's schedulers by their names without `LRScheduler`.
//!
//! `lr` is the optimizer's rate; optional parameters are in a struct with timm's defaults. A step is what the caller hands to
//! `step(t)`, usually an **epoch** ([`Clock::Epoch`](crate::Clock::Epoch)), or an update with `t_in_epochs=False`.
//! Checked against timm 1.0.31. Step 0 has the rate timm's constructor sets, which is `lr` (or `warmup_lr_init`), whatever the
//! formula says at `t = 0`; that differs for [`tanh`] and for a [`multi_step`] with a milestone of 1 or 0.
//!
//! With `w = warmup_t` the warm-up is `warmup_lr_init + t * (target - warmup_lr_init) / w` for `t < w`. With `warmup_prefix` the schedule's clock starts
//! after it; without, the schedule is seen from `t = w` on and the rate steps down from the ramp's target.
//!
//! **Not portable: noise.** `noise_range_t` draws from torch's generator.

use super::{Ahead, Clamp, Fade, InversePower, MultiStep, Restarts, Schedule, Shape, StepDecay};
use crate::error::{Error, Requirement};

/// timm's warm-up in front of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Warmup<S> {
    lr: f64,
    init: f64,
    steps: u32,
    prefix: bool,
    /// Lead to what the schedule has at the end of the warm-up, not to `lr`.
    to_inner: bool,
    inner: S,
}

impl<S: Copy> Warmup<S> {
    const fn new(lr: f64, options: WarmupOptions, to_inner: bool, inner: S) -> Result<Self, Error> {
        let WarmupOptions { warmup_t, warmup_lr_init, warmup_prefix } = options;
        require_all!("lr": NonNegative = lr, "warmup_lr_init": NonNegative = warmup_lr_init);
        Ok(Self { lr, init: warmup_lr_init, steps: warmup_t, prefix: warmup_prefix, to_inner, inner })
    }
}

impl<S: Schedule> Schedule for Warmup<S> {
    fn value(&self, step: u32) -> f64 {
        if step < self.steps {
            let target = if self.to_inner && !self.prefix { self.inner.value(self.steps) } else { self.lr };
            return self.init + f64::from(step) * ((target - self.init) / f64::from(self.steps));
        }
        if step == 0 {
            return self.lr;
        }
        self.inner.value(if self.prefix { step - self.steps } else { step })
    }

    fn last_tried(&self) -> u32 {
        self.inner.last_tried()
    }
}

/// A warm-up's parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WarmupOptions {
    /// Its length.
    pub warmup_t: u32,
    /// Its first rate.
    pub warmup_lr_init: f64,
    /// Start the schedule's clock after it.
    pub warmup_prefix: bool,
}

impl WarmupOptions {
    /// None; `warmup_prefix` is false, the default of [`cosine`], [`tanh`] and [`poly`].
    pub const DEFAULT: Self = Self { warmup_t: 0, warmup_lr_init: 0.0, warmup_prefix: false };
    /// None; `warmup_prefix` is true, the default of [`step`] and [`multi_step`].
    pub const PREFIX: Self = Self { warmup_prefix: true, ..Self::DEFAULT };
}

impl Default for WarmupOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

options! {
    /// Options of [`cosine`], [`tanh`] and [`poly`].
    CycleOptions {
        /// The lowest rate, and the one after the last cycle.
        lr_min: f64 = 0.0,
        /// Each cycle's length over the last's; at least 1.
        cycle_mul: f64 = 1.0,
        /// Each cycle's peak over the last's.
        cycle_decay: f64 = 1.0,
        /// How many cycles.
        cycle_limit: u32 = 1,
        /// The warm-up.
        warmup: WarmupOptions = WarmupOptions::DEFAULT,
        /// The time within a cycle is bent to `u^k_decay`; tanh has none.
        k_decay: f64 = 1.0,
    }
}

const fn cycles(lr: f64, t_initial: u32, shape: Shape, options: CycleOptions) -> Result<Restarts, Error> {
    let CycleOptions { lr_min, cycle_mul, cycle_decay, cycle_limit, k_decay, .. } = options;
    require_all!("lr": NonNegative = lr, "lr_min": NonNegative = lr_min, "t_initial": AtLeastOne = t_initial,
        "cycle_mul": AtLeastOne = cycle_mul, "cycle_decay": NonNegative = cycle_decay, "k_decay": Positive = k_decay);
    let cycles = propagate!(propagate!(Restarts::new(lr, lr_min, t_initial as f64, shape)).mul(cycle_mul));
    Ok(propagate!(propagate!(cycles.decay(cycle_decay)).k(k_decay)).limit(cycle_limit))
}

/// `CosineLRScheduler`: `lr_min + (lr * cycle_decay^i - lr_min) * H(u^k)` in cycle `i` of `t_initial * cycle_mul^i` steps,
/// `H(x) = (1 + cos(pi x)) / 2`; `lr_min` after `cycle_limit` cycles.
///
/// A restart is exactly on the boundary. timm finds the cycle by a logarithm, which for some `cycle_mul`, 3 and 10 among them, comes a
/// step late at some boundaries: with 3 and a `t_initial` of 10, step 1210 is still at `lr_min` there.
///
/// # Errors
/// [`Error::Parameter`] unless `t_initial` and `cycle_mul` are at least 1, `k_decay` is positive and the others are finite and
/// not negative.
///
/// ```
/// use microfit::schedule::{Schedule, timm::{CycleOptions, WarmupOptions, cosine}};
///
/// let warmup = WarmupOptions { warmup_t: 10, ..WarmupOptions::DEFAULT };
/// let schedule = cosine(0.1, 100, CycleOptions { warmup, ..CycleOptions::DEFAULT })?;
/// assert_eq!([0, 5, 50, 100].map(|t| schedule.rate(t)), [0.0, 0.05, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine(lr: f64, t_initial: u32, options: CycleOptions) -> Result<Warmup<Restarts>, Error> {
    Warmup::new(lr, options.warmup, false, propagate!(cycles(lr, t_initial, Shape::Cosine, options)))
}

/// `TanhLRScheduler`: `lr_min + (lr * cycle_decay^i - lr_min) * (1 - tanh(lb (1 - u) + ub u)) / 2`; by default `lb` is -7
/// and `ub` 3.
///
/// Neither end is quite reached. Without `warmup_prefix` the warm-up leads to the rate at its end. Restarts are as in [`cosine`].
///
/// # Errors
/// [`Error::Parameter`] unless `lb` is below `ub`, `t_initial` and `cycle_mul` are at least 1, and the others are finite
/// and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, timm::{CycleOptions, tanh}};
///
/// let schedule = tanh(0.1, 100, -5.0, 5.0, CycleOptions::DEFAULT)?;
/// assert_eq!([0, 50, 100].map(|t| schedule.rate(t)), [0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn tanh(lr: f64, t_initial: u32, lb: f64, ub: f64, options: CycleOptions) -> Result<Warmup<Restarts>, Error> {
    require_all!("lb": Finite = lb, "ub": Finite = ub);
    if ub <= lb {
        return Err(Error::Parameter { name: "ub", must_be: Requirement::AboveThePrevious, found: ub as f32 });
    }
    let shape = Shape::Tanh { lower: lb, upper: ub };
    let inner = propagate!(cycles(lr, t_initial, shape, CycleOptions { k_decay: 1.0, ..options }));
    Warmup::new(lr, options.warmup, true, inner)
}

/// `PolyLRScheduler`: `lr_min + (lr * cycle_decay^i - lr_min) * (1 - u^k)^power`; power is 0.5 by default. Restarts are as in
/// [`cosine`].
///
/// # Errors
/// As [`cosine`], and [`Error::Parameter`] unless `power` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, timm::{CycleOptions, poly}};
///
/// let schedule = poly(0.1, 100, 2.0, CycleOptions::DEFAULT)?;
/// assert_eq!([0, 50, 100].map(|t| schedule.rate(t)), [0.1, 0.025, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn poly(lr: f64, t_initial: u32, power: f64, options: CycleOptions) -> Result<Warmup<Restarts>, Error> {
    let inner = propagate!(cycles(lr, t_initial, Shape::Polynomial { power }, options));
    Warmup::new(lr, options.warmup, false, inner)
}

/// `StepLRScheduler`: `lr * decay_rate^(t // decay_t)`; `decay_t` need not be whole, `decay_rate` is 1 by default.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_t` is positive and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, timm::{WarmupOptions, step}};
///
/// let schedule = step(0.1, 2.5, 0.5, WarmupOptions::PREFIX)?;
/// assert_eq!([2, 3, 5].map(|t| schedule.rate(t)), [0.1, 0.05, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn step(lr: f64, decay_t: f64, decay_rate: f64, warmup: WarmupOptions) -> Result<Warmup<StepDecay>, Error> {
    require_all!("decay_t": Positive = decay_t, "decay_rate": NonNegative = decay_rate);
    Warmup::new(lr, warmup, false, propagate!(StepDecay::new(lr, decay_rate, decay_t)))
}

/// `MultiStepLRScheduler`: `lr * decay_rate^(milestones <= t + 1)`; `decay_rate` is 1 by default.
///
/// Falls one step **earlier** than torch's.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` and `decay_rate` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, timm::{WarmupOptions, multi_step}};
///
/// let schedule = multi_step(0.1, &[50, 100], 0.5, WarmupOptions::PREFIX)?;
/// assert_eq!([48, 49, 99].map(|t| schedule.rate(t)), [0.1, 0.05, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn multi_step(
    lr: f64,
    decay_t: &[u32],
    decay_rate: f64,
    warmup: WarmupOptions,
) -> Result<Warmup<Ahead<MultiStep<'_>>>, Error> {
    require_all!("decay_rate": NonNegative = decay_rate);
    Warmup::new(lr, warmup, false, Ahead::new(propagate!(MultiStep::new(lr, decay_t, decay_rate)), 1))
}

/// `stable_fn` of [`wsd`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Stable {
    /// `"constant"`
    Constant,
    /// `"rsqrt"`: `(1 + t / stable_timescale)^-1/2`
    Rsqrt,
    /// `"power"`: `(1 + t / stable_timescale)^-power`
    Power {
        /// `stable_power`; timm's default is 0.5.
        power: f64,
    },
}

/// `decay_fn` of [`wsd`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decay {
    /// `"linear"`
    Linear,
    /// `"1-sqrt"`
    OneMinusSqrt,
    /// `"cosine"`
    Cosine,
    /// `"power"`: `1 - u^power`
    Power {
        /// `decay_power`; timm's default is 0.5.
        power: f64,
    },
    /// `"exp"`: `(ratio^u - ratio) / (1 - ratio)`
    Exp {
        /// `decay_ratio`; timm's default is 0.1.
        ratio: f64,
    },
}

options! {
    /// Options of [`wsd`].
    WsdOptions {
        /// The last rate, below which the stable part does not fall either.
        lr_min: f64 = 0.0,
        /// What the stable part does.
        stable_fn: Stable = Stable::Constant,
        /// Its time scale; `warmup_t` unless said.
        stable_timescale: Option<f64> = None,
        /// The curve down.
        decay_fn: Decay = Decay::OneMinusSqrt,
        /// The warm-up's length, which comes before `t_initial`.
        warmup_t: u32 = 0,
        /// Its first rate.
        warmup_lr_init: f64 = 0.0,
    }
}

/// What [`wsd`] makes.
pub type Wsd = Warmup<Fade<Clamp<InversePower>>>;

/// `WSDLRScheduler`: after the warm-up `lr * stable(t)`, led to `lr_min` along `decay_fn` in the last `decay_t` of
/// `t_initial` steps.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_t` is from 1 to `t_initial`, a stable part that falls has a positive time scale, the `power` of the decay is
/// positive, its `ratio` between 0 and 1, and the others are finite and not negative. A power or a ratio goes by timm's name there:
/// `stable_power`, `decay_power`, `decay_ratio`.
///
/// ```
/// use microfit::schedule::{Schedule, timm::{Decay, WsdOptions, wsd}};
///
/// let options = WsdOptions { warmup_t: 20, decay_fn: Decay::Linear, ..WsdOptions::DEFAULT };
/// let schedule = wsd(0.1, 160, 60, options)?;
/// assert_eq!([10, 20, 120, 150, 180].map(|t| schedule.rate(t)), [0.05, 0.1, 0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn wsd(lr: f64, t_initial: u32, decay_t: u32, options: WsdOptions) -> Result<Wsd, Error> {
    let WsdOptions { lr_min, stable_fn, stable_timescale, decay_fn, warmup_t, warmup_lr_init } = options;
    require_all!("lr": NonNegative = lr, "lr_min": NonNegative = lr_min, "decay_t": AtLeastOne = decay_t,
        "t_initial - decay_t": NonNegative = t_initial as f64 - decay_t as f64);
    let timescale = match stable_timescale {
        Some(timescale) => timescale,
        None => warmup_t as f64,
    };
    let (timescale, power) = match stable_fn {
        // To the power of 0 it is constant whatever the time scale.
        Stable::Constant => (1.0, 0.0),
        Stable::Rsqrt => (timescale, 0.5),
        Stable::Power { power } => {
            require_all!("stable_power": NonNegative = power);
            (timescale, power)
        }
    };
    require_all!("stable_timescale": Positive = timescale);
    let shape = match decay_fn {
        Decay::Linear => Shape::Linear,
        Decay::OneMinusSqrt => Shape::OneMinusSqrt,
        Decay::Cosine => Shape::Cosine,
        Decay::Power { power } => {
            require_all!("decay_power": Positive = power);
            Shape::Power { exponent: power }
        }
        Decay::Exp { ratio } => {
            require_all!("decay_ratio": OpenFraction = ratio);
            Shape::Exponential { ratio }
        }
    };
    let stable = propagate!(InversePower::new(lr, timescale, power));
    let stable = propagate!(Clamp::new(stable, lr_min, f64::MAX));
    let decay = propagate!(Fade::new(stable, lr_min, t_initial.saturating_sub(decay_t), decay_t, shape));
    let warmup = WarmupOptions { warmup_t, warmup_lr_init, warmup_prefix: true };
    Warmup::new(lr, warmup, false, decay)
}
