//! The classes of `torch.optim.lr_scheduler`, by their names without `LR`.
//!
//! `lr` is the optimizer's initial rate; the others stand in PyTorch's order, optional ones, where there are several,
//! in a struct with PyTorch's defaults. A step is whatever `scheduler.step()` is called on: by PyTorch's habit an **epoch**
//! ([`Clock::Epoch`](crate::Clock::Epoch)), for [`one_cycle`] and [`cyclic`] an **update**
//! ([`Clock::Update`](crate::Clock::Update)). Checked against torch 2.15.0.
//!
//! `SequentialLR` is [`Sequential`](super::Sequential) or [`Then`], but for two classes that torch goes on with from the rate in
//! force where they are a later part: a [`multiplicative`] (ours begins at its `lr`) and a [`constant`] of 0 steps (ours stays at
//! `lr * factor`). A torch `OneCycleLR` anywhere in the list, and a `CyclicLR` as its first, replace the optimizer's initial rate when they
//! are made, so that it is the `lr` of the other parts: `max_lr / div_factor` or `base_lr`. Both also leave their momentum to the other
//! parts; ours have the optimizer's own. `ChainedScheduler` is a
//! [`product`](super::Schedule::product): the first with the rate, the others with a rate of 1; that holds for the
//! classes that multiply (step, multi-step, constant, linear, exponential, polynomial), while of those that set the
//! rate (lambda, one-cycle, cyclic, warm restarts) the last in the chain wins.

use super::feedback::Rule;
use super::{
    Constant, Cosine, Cyclic, CyclicMode, Exponential, FromFn, Knots, Mode, MultiStep, Multiplicative, Plateau,
    Polynomial, Product, Ramp, Restarts, Shape, StepDecay, Then, Threshold, WithMomentum,
};
use crate::error::Error;

/// `LambdaLR`: `lr * lr_lambda(t)`.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// assert_eq!(torch::lambda(0.1, |t| 1.0 / f64::from(1 + t))?.rate(1), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub fn lambda<F: Fn(u32) -> f64>(lr: f64, lr_lambda: F) -> Result<Product<Constant, FromFn<F>>, Error> {
    Ok(Product::new(Constant::new(lr)?, FromFn(lr_lambda)))
}

/// `MultiplicativeLR`: `rate(t) = rate(t - 1) * lr_lambda(t)`, which is not called for 0.
///
/// There is no closed form: a call takes time proportional to `t`.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// assert_eq!(torch::multiplicative(0.1, |_| 0.5)?.rate(2), 0.025);
/// # Ok::<(), microfit::Error>(())
/// ```
pub fn multiplicative<F: Fn(u32) -> f64>(lr: f64, lr_lambda: F) -> Result<Multiplicative<F>, Error> {
    Multiplicative::new(lr, lr_lambda)
}

/// `StepLR`: `lr * gamma^floor(t / step_size)`; gamma is 0.1 by default.
///
/// # Errors
/// [`Error::Parameter`] unless `step_size` is at least 1 and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// let schedule = torch::step(0.1, 30, 0.5)?;
/// assert_eq!([29, 30, 60].map(|t| schedule.rate(t)), [0.1, 0.05, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn step(lr: f64, step_size: u32, gamma: f64) -> Result<StepDecay, Error> {
    require_all!("step_size": AtLeastOne = step_size);
    StepDecay::new(lr, gamma, step_size as f64)
}

/// `MultiStepLR`: `lr * gamma^(milestones <= t)`; gamma is 0.1 by default.
///
/// Milestones in any order; one that is repeated counts twice, one at 0 applies at once.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` and `gamma` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// let schedule = torch::multi_step(0.1, &[30, 80], 0.5)?;
/// assert_eq!([29, 30, 80].map(|t| schedule.rate(t)), [0.1, 0.05, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn multi_step(lr: f64, milestones: &[u32], gamma: f64) -> Result<MultiStep<'_>, Error> {
    MultiStep::new(lr, milestones, gamma)
}

/// `ConstantLR`: `lr * factor` before `total_iters`, then `lr`; by default 1/3 and 5.
///
/// With `total_iters` 0 torch never leaves `lr * factor`, and nor does this.
///
/// # Errors
/// [`Error::Parameter`] unless `factor` is from 0 to 1 and `lr` finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// let schedule = torch::constant(0.1, 0.5, 5)?;
/// assert_eq!([4, 5].map(|t| schedule.rate(t)), [0.05, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn constant(lr: f64, factor: f64, total_iters: u32) -> Result<Then<Constant, Constant>, Error> {
    require_all!("lr": NonNegative = lr, "factor": UnitInterval = factor);
    let low = propagate!(Constant::new(lr * factor));
    let after = if total_iters == 0 { low } else { propagate!(Constant::new(lr)) };
    Ok(Then::new(low, total_iters, after))
}

/// `LinearLR`: `lr * (s + (e - s) * min(t, n) / n)`; by default `s` 1/3, `e` 1, `n` 5.
///
/// With `total_iters` 0 torch stays at `lr * start_factor`, and so does this. With an `end_factor` of 0 the last rate is 0; torch, which steps
/// from one rate to the next, may stay at a residue of either sign, about `1e-17 * lr`.
///
/// # Errors
/// [`Error::Parameter`] unless `start_factor` is above 0 and at most 1, `end_factor` from 0 to 1, and `lr` finite and
/// not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// let schedule = torch::linear(0.1, 0.5, 1.0, 4)?;
/// assert_eq!([0, 2, 4, 5].map(|t| schedule.rate(t)), [0.05, 0.075, 0.1, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn linear(lr: f64, start_factor: f64, end_factor: f64, total_iters: u32) -> Result<Ramp, Error> {
    require_all!("lr": NonNegative = lr, "start_factor": Positive = start_factor,
        "start_factor": UnitInterval = start_factor, "end_factor": UnitInterval = end_factor);
    let end_factor = if total_iters == 0 { start_factor } else { end_factor };
    Ok(Ramp::any_length(lr * start_factor, lr * end_factor, total_iters, Shape::Linear))
}

/// `ExponentialLR`: `lr * gamma^t`.
///
/// # Errors
/// [`Error::Parameter`] unless both are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// assert_eq!(torch::exponential(0.1, 0.5)?.rate(2), 0.025);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn exponential(lr: f64, gamma: f64) -> Result<Exponential, Error> {
    require_all!("lr": NonNegative = lr, "gamma": NonNegative = gamma);
    Exponential::new(lr, gamma, 1.0)
}

/// `PolynomialLR`: `lr * (1 - min(t, n) / n)^power`; by default `n` 5 and power 1. Always ends at 0.
///
/// With `total_iters` 0 torch stays at `lr`, and so does this.
///
/// # Errors
/// [`Error::Parameter`] unless `lr` and `power` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// assert_eq!(torch::polynomial(0.1, 100, 2.0)?.rate(50), 0.025);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn polynomial(lr: f64, total_iters: u32, power: f64) -> Result<Polynomial, Error> {
    require_all!("lr": NonNegative = lr);
    if total_iters == 0 {
        return Polynomial::new(lr, lr, 1.0, power);
    }
    Polynomial::new(lr, 0.0, total_iters as f64, power)
}

/// `CosineAnnealingLR`: `eta_min + (lr - eta_min) * H(t / t_max)`, `H(u) = (1 + cos(pi u)) / 2`; eta_min is 0 by default.
///
/// **Not clamped**: past `t_max` it rises again, with period `2 * t_max`.
///
/// torch steps from one rate to the next and gathers an error. Up to a `t_max` of 10,000 its f32 is that of the closed form; with a longer one,
/// and past `t_max`, the more so with an `eta_min` above 0, some differ: as a rule by a last bit, just before a `t_max` of a million by 6e-6
/// of the value.
///
/// # Errors
/// [`Error::Parameter`] unless `t_max` is at least 1 and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// let schedule = torch::cosine_annealing(0.1, 50, 0.0)?;
/// assert_eq!([0, 25, 50, 100].map(|t| schedule.rate(t)), [0.1, 0.05, 0.0, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_annealing(lr: f64, t_max: u32, eta_min: f64) -> Result<Cosine, Error> {
    require_all!("lr": NonNegative = lr, "t_max": AtLeastOne = t_max, "eta_min": NonNegative = eta_min);
    Ok(propagate!(Cosine::new(lr, eta_min, t_max as f64)).unclamped())
}

/// `CosineAnnealingWarmRestarts`: `eta_min + (lr - eta_min) * H(u)` in cycles of `t_0 * t_mult^i`; by default t_mult 1
/// and eta_min 0.
///
/// A restart is exactly on the boundary, so `eta_min` is never reached.
///
/// # Errors
/// [`Error::Parameter`] unless `t_0` and `t_mult` are at least 1 and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch};
///
/// let schedule = torch::cosine_annealing_warm_restarts(0.1, 10, 2, 0.0)?;
/// assert_eq!([0, 5, 10, 20, 30].map(|t| schedule.rate(t)), [0.1, 0.05, 0.1, 0.05, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_annealing_warm_restarts(lr: f64, t_0: u32, t_mult: u32, eta_min: f64) -> Result<Restarts, Error> {
    require_all!("lr": NonNegative = lr, "t_0": AtLeastOne = t_0, "t_mult": AtLeastOne = t_mult,
        "eta_min": NonNegative = eta_min);
    propagate!(Restarts::new(lr, eta_min, t_0 as f64, Shape::Cosine)).mul(t_mult as f64)
}

/// `anneal_strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Anneal {
    /// `"cos"`
    Cos,
    /// `"linear"`
    Linear,
}

impl Anneal {
    const fn shape(self) -> Shape {
        match self {
            Self::Cos => Shape::Cosine,
            Self::Linear => Shape::Linear,
        }
    }
}

options! {
    /// Options of [`one_cycle`].
    OneCycleOptions {
        /// The part of the steps that go up.
        pct_start: f64 = 0.3,
        /// The curve between the knots.
        anneal_strategy: Anneal = Anneal::Cos,
        /// Drive the momentum the other way.
        cycle_momentum: bool = true,
        /// Momentum at the peak rate.
        base_momentum: f64 = 0.85,
        /// Momentum at the start and the end.
        max_momentum: f64 = 0.95,
        /// The first rate is `max_lr / div_factor`.
        div_factor: f64 = 25.0,
        /// The last rate is the first `/ final_div_factor`.
        final_div_factor: f64 = 1e4,
        /// Come down symmetrically before the last descent.
        three_phase: bool = false,
    }
}

/// What [`one_cycle`] makes: a curve of rates and, perhaps, one of momentum.
pub type OneCycle = WithMomentum<Knots<4>, Knots<4>>;

/// `OneCycleLR`: from `max_lr / div_factor` up to `max_lr` and down to `max_lr / div_factor / final_div_factor`.
///
/// The knots are real numbers: with `N = total_steps` (`epochs * steps_per_epoch`) and `p = pct_start` they lie at
/// 0, `pN - 1`, `N - 1`, or for three phases 0, `pN - 1`, `2pN - 2`, `N - 1`; the peak may fall between two steps. Cycles
/// momentum (Adam: beta1) the other way.
///
/// torch accepts one step too many, `t = N`, and **overshoots**: the last piece goes on, with linear annealing to a
/// negative rate. This does the same at `t = N`; after it, where torch raises, the rate is the one of `N - 1`.
///
/// # Errors
/// [`Error::Parameter`] unless `total_steps` is at least 1, `pct_start` from 0 to 1 and not just `1 / total_steps` (where torch divides
/// by zero), the factors positive, and the others and the first and the last rate finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch::{Anneal, OneCycleOptions, one_cycle}};
///
/// let options = OneCycleOptions { anneal_strategy: Anneal::Linear, ..OneCycleOptions::DEFAULT };
/// let schedule = one_cycle(0.1, 450, options)?;
/// assert_eq!(schedule.rate(0), 0.004);
/// assert_eq!(schedule.rate(134), 0.1);
/// assert_eq!(schedule.momentum(134), Some(0.85));
/// assert!(schedule.rate(450) < 0.0);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn one_cycle(max_lr: f64, total_steps: u32, options: OneCycleOptions) -> Result<OneCycle, Error> {
    let o = options;
    let n = total_steps as f64;
    let peak = o.pct_start * n - 1.0;
    require_all!("max_lr": NonNegative = max_lr, "total_steps": AtLeastOne = total_steps,
        "pct_start": UnitInterval = o.pct_start, "pct_start * total_steps - 1": NonZero = peak,
        "base_momentum": NonNegative = o.base_momentum, "max_momentum": NonNegative = o.max_momentum,
        "div_factor": Positive = o.div_factor, "final_div_factor": Positive = o.final_div_factor);
    let first = max_lr / o.div_factor;
    let last = first / o.final_div_factor;
    require_all!("max_lr / div_factor": Finite = first, "max_lr / div_factor / final_div_factor": Finite = last);
    // Two phases are three whose middle one is empty.
    let (back, middle) = if o.three_phase { (2.0 * o.pct_start * n - 2.0, first) } else { (peak, max_lr) };
    let base = if o.three_phase { o.max_momentum } else { o.base_momentum };
    let end = n - 1.0;
    let rates = [(0.0, first), (peak, max_lr), (back, middle), (end, last)];
    let momenta = [(0.0, o.max_momentum), (peak, o.base_momentum), (back, base), (end, o.max_momentum)];
    let shape = o.anneal_strategy.shape();
    let momentum = if o.cycle_momentum { Some(Knots::any_times(momenta, shape, 1.0)) } else { None };
    Ok(WithMomentum::new(Knots::any_times(rates, shape, 1.0), momentum))
}

options! {
    /// Options of [`cyclic`].
    CyclicOptions {
        /// Steps from base to max.
        step_size_up: u32 = 2000,
        /// Steps back; as many as up unless said.
        step_size_down: Option<u32> = None,
        /// What becomes of the height; `gamma` is in [`CyclicMode::ExpRange`].
        mode: CyclicMode = CyclicMode::Triangular,
        /// Drive the momentum the other way.
        cycle_momentum: bool = true,
        /// Momentum at the highest rate.
        base_momentum: f64 = 0.8,
        /// Momentum at the lowest rate.
        max_momentum: f64 = 0.9,
    }
}

/// `CyclicLR`: `base_lr + (max_lr - base_lr) * triangle(t) * scale`, for ever.
///
/// The scale is 1, `2^-(cycle - 1)` or `gamma^t`, see [`CyclicMode`]; momentum is cycled inversely with the same one.
/// A `scale_fn` of one's own is a [`product`](super::Schedule::product).
///
/// # Errors
/// [`Error::Parameter`] unless `step_size_up` is at least 1 and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch::{CyclicOptions, cyclic}};
///
/// let schedule = cyclic(0.0, 0.1, CyclicOptions { step_size_up: 20, ..CyclicOptions::DEFAULT })?;
/// assert_eq!([0, 10, 20, 40].map(|t| schedule.rate(t)), [0.0, 0.05, 0.1, 0.0]);
/// assert_eq!(schedule.momentum(20), Some(0.8));
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cyclic(base_lr: f64, max_lr: f64, options: CyclicOptions) -> Result<WithMomentum<Cyclic, Cyclic>, Error> {
    let o = options;
    require_all!("base_lr": NonNegative = base_lr, "max_lr": NonNegative = max_lr,
        "step_size_up": AtLeastOne = o.step_size_up, "base_momentum": NonNegative = o.base_momentum,
        "max_momentum": NonNegative = o.max_momentum);
    let up = o.step_size_up as f64;
    let down = match o.step_size_down {
        Some(down) => down as f64,
        None => up,
    };
    let rate = propagate!(Cyclic::new(base_lr, max_lr, up, down, o.mode));
    let momentum = propagate!(Cyclic::new(o.max_momentum, o.base_momentum, up, down, o.mode));
    Ok(WithMomentum::new(rate, if o.cycle_momentum { Some(momentum) } else { None }))
}

/// `SWALR`: from `lr` to `swa_lr` in `anneal_epochs` (10 by default), then `swa_lr`; at once if 0.
///
/// torch leads whatever rate the optimizer has to `swa_lr`. For a schedule up to epoch `begin`, where torch's loop steps this one in
/// its place, [`Fade`](super::Fade) what [`take`](super::Schedule::take)`(begin)` leaves of it.
///
/// # Errors
/// [`Error::Parameter`] unless both rates are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, torch::{Anneal, swa}};
///
/// let schedule = swa(0.1, 0.05, 10, Anneal::Cos)?;
/// assert_eq!([0, 5, 10, 11].map(|t| schedule.rate(t)), [0.1, 0.075, 0.05, 0.05]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn swa(lr: f64, swa_lr: f64, anneal_epochs: u32, anneal_strategy: Anneal) -> Result<Ramp, Error> {
    require_all!("lr": NonNegative = lr, "swa_lr": NonNegative = swa_lr);
    Ok(Ramp::any_length(lr, swa_lr, anneal_epochs, anneal_strategy.shape()))
}

options! {
    /// Options of [`reduce_lr_on_plateau`].
    ReduceLrOnPlateauOptions {
        /// Which metric is better.
        mode: Mode = Mode::Min,
        /// What a cut multiplies by.
        factor: f64 = 0.1,
        /// Epochs without improvement that are borne; the next one cuts.
        patience: u32 = 10,
        /// An improvement is more than this; `threshold_mode` is the variant.
        threshold: Threshold = Threshold::Relative(1e-4),
        /// Epochs after a cut that are not counted.
        cooldown: u32 = 0,
        /// The floor.
        min_lr: f64 = 0.0,
        /// A cut that would change the rate by no more than this is not made.
        eps: f64 = 1e-8,
    }
}

/// `ReduceLROnPlateau` as torch counts: cuts when **more than** `patience` epochs were not better.
///
/// transformers' `reduce_lr_on_plateau` is this.
///
/// # Errors
/// [`Error::Parameter`] unless `factor` is at least 0 and below 1 and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Feedback, torch::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau}};
///
/// let options = ReduceLrOnPlateauOptions { factor: 0.5, patience: 1, ..ReduceLrOnPlateauOptions::DEFAULT };
/// let plateau = reduce_lr_on_plateau(0.1, options)?;
/// let mut state = plateau.start();
/// for loss in [0.9, 0.9, 0.9] {
///     plateau.observe(&mut state, loss);
/// }
/// assert_eq!(plateau.rate(&state), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn reduce_lr_on_plateau(lr: f64, options: ReduceLrOnPlateauOptions) -> Result<Plateau, Error> {
    let ReduceLrOnPlateauOptions { mode, factor, patience, threshold, cooldown, min_lr, eps } = options;
    require_all!("min_lr": NonNegative = min_lr);
    Plateau { lr, mode, factor, patience, cooldown, floor: min_lr, rule: Rule::Torch { threshold, eps } }.check()
}
