//! Keras 3's schedules by their Keras names, and the `decay` of Keras 1 and 2.
//!
//! Parameters stand in Keras' order; optional ones, where there are several, in a struct with Keras' defaults. A step
//! is an **update** ([`Clock::Update`](crate::Clock::Update)), except in [`learning_rate_scheduler`] and
//! [`reduce_lr_on_plateau`], which Keras calls once an **epoch**. Checked against Keras 3.15.1 in f64; Keras' own
//! default precision is f32, which differs by about 1e-7 of the value.

use super::feedback::Rule;
use super::{
    Cosine, Exponential, FromFn, InverseTime, Mode, Piecewise, Plateau, Polynomial, Ramp, Restarts, Shape, Then,
    TimeBased,
};
use crate::error::Error;

/// `lr / (1 + decay * t)`: `SGD(lr, decay=decay)` of Keras 1 and 2 and of `tf_keras`' legacy optimizers.
///
/// `t` counts updates, not epochs. Keras 3 ignores `decay` with a warning.
///
/// # Errors
/// [`Error::Parameter`] unless both are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, keras};
///
/// assert_eq!(keras::decay(0.1, 0.002)?.rate(500), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn decay(lr: f64, decay: f64) -> Result<TimeBased, Error> {
    require_all!("lr": NonNegative = lr);
    TimeBased::new(lr, decay)
}

/// `ExponentialDecay`: `initial * decay_rate^(t / decay_steps)`, the exponent rounded down if `staircase` (default false).
///
/// Falls for ever.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_steps` is positive and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, keras};
///
/// assert_eq!(keras::exponential_decay(0.1, 100, 0.25, false)?.rate(50), 0.05);
/// assert_eq!(keras::exponential_decay(0.1, 100, 0.25, true)?.rate(50), 0.1);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn exponential_decay(
    initial_learning_rate: f64,
    decay_steps: u32,
    decay_rate: f64,
    staircase: bool,
) -> Result<Exponential, Error> {
    require_all!("initial_learning_rate": NonNegative = initial_learning_rate, "decay_steps": AtLeastOne = decay_steps);
    Ok(propagate!(Exponential::new(initial_learning_rate, decay_rate, decay_steps as f64)).staircase(staircase))
}

/// `InverseTimeDecay`: `initial / (1 + decay_rate * t / decay_steps)`, the quotient rounded down if `staircase`
/// (default false).
///
/// Falls for ever.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_steps` is positive and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, keras};
///
/// assert_eq!(keras::inverse_time_decay(0.1, 10, 0.5, false)?.rate(20), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn inverse_time_decay(
    initial_learning_rate: f64,
    decay_steps: u32,
    decay_rate: f64,
    staircase: bool,
) -> Result<InverseTime, Error> {
    require_all!("initial_learning_rate": NonNegative = initial_learning_rate, "decay_steps": AtLeastOne = decay_steps);
    Ok(propagate!(InverseTime::new(initial_learning_rate, decay_rate, decay_steps as f64)).staircase(staircase))
}

/// `PiecewiseConstantDecay`: `values[i]` while `t <= boundaries[i]`.
///
/// The boundary is **inclusive**: the rate changes one step later than torch's and optax'.
///
/// # Errors
/// As [`Piecewise::new`].
///
/// ```
/// use microfit::schedule::{Schedule, keras};
///
/// let schedule = keras::piecewise_constant_decay(&[100, 150], &[1.0, 0.5, 0.1])?;
/// assert_eq!([100, 101, 150, 151].map(|t| schedule.rate(t)), [1.0, 0.5, 0.5, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn piecewise_constant_decay<'a>(boundaries: &'a [u32], values: &'a [f64]) -> Result<Piecewise<'a>, Error> {
    Ok(propagate!(Piecewise::new(boundaries, values)).inclusive())
}

options! {
    /// Options of [`polynomial_decay`].
    PolynomialDecayOptions {
        /// The last rate.
        end_learning_rate: f64 = 0.0001,
        /// The exponent.
        power: f64 = 1.0,
        /// Begin anew past the end.
        cycle: bool = false,
    }
}

/// `PolynomialDecay`: `end + (initial - end) * (1 - min(t, T) / T)^power`, `T = decay_steps`.
///
/// Past the end the rate stays, or, with `cycle`, `T` is `decay_steps * max(1, ceil(t / decay_steps))`.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_steps` is positive and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, keras::{PolynomialDecayOptions, polynomial_decay}};
///
/// let options = PolynomialDecayOptions { end_learning_rate: 0.0, cycle: true, ..PolynomialDecayOptions::DEFAULT };
/// let schedule = polynomial_decay(0.1, 10, options)?;
/// assert_eq!([5, 10, 15].map(|t| schedule.rate(t)), [0.05, 0.0, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn polynomial_decay(
    initial_learning_rate: f64,
    decay_steps: u32,
    options: PolynomialDecayOptions,
) -> Result<Polynomial, Error> {
    let PolynomialDecayOptions { end_learning_rate, power, cycle } = options;
    require_all!("initial_learning_rate": NonNegative = initial_learning_rate,
        "decay_steps": AtLeastOne = decay_steps, "end_learning_rate": NonNegative = end_learning_rate);
    let decay = Polynomial::new(initial_learning_rate, end_learning_rate, decay_steps as f64, power);
    Ok(propagate!(decay).cycling(cycle))
}

options! {
    /// Options of [`cosine_decay`].
    CosineDecayOptions {
        /// The last rate as a part of the first.
        alpha: f64 = 0.0,
        /// Where a warm-up from the initial rate leads.
        warmup_target: Option<f64> = None,
        /// Its length, which is not part of `decay_steps`; ignored without `warmup_target`.
        warmup_steps: u32 = 0,
    }
}

/// `CosineDecay`: `a * (alpha + (1 - alpha) * H(min(t, T) / T))`, `H(u) = (1 + cos(pi u)) / 2`, `T = decay_steps`.
///
/// With a `warmup_target`, `a` is the target, reached linearly from the initial rate in `warmup_steps`, and the
/// `decay_steps` come **after** it (optax' include the warm-up). Past the end the rate stays at `alpha * a`.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_steps` is positive and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, keras::{CosineDecayOptions, cosine_decay}};
///
/// let options = CosineDecayOptions { warmup_target: Some(0.1), warmup_steps: 10, ..CosineDecayOptions::DEFAULT };
/// let schedule = cosine_decay(0.0, 100, options)?;
/// assert_eq!([0, 5, 10, 60, 110].map(|t| schedule.rate(t)), [0.0, 0.05, 0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_decay(
    initial_learning_rate: f64,
    decay_steps: u32,
    options: CosineDecayOptions,
) -> Result<Then<Ramp, Cosine>, Error> {
    let CosineDecayOptions { alpha, warmup_target, warmup_steps } = options;
    require_all!("initial_learning_rate": NonNegative = initial_learning_rate,
        "decay_steps": AtLeastOne = decay_steps, "alpha": NonNegative = alpha);
    let (peak, warmup_steps) = if let Some(target) = warmup_target {
        require_all!("warmup_target": NonNegative = target, "alpha * warmup_target": Finite = alpha * target);
        (target, warmup_steps)
    } else {
        require_all!("alpha * initial_learning_rate": Finite = alpha * initial_learning_rate);
        (initial_learning_rate, 0)
    };
    let ramp = Ramp::any_length(initial_learning_rate, peak, warmup_steps, Shape::Linear);
    Ok(Then::new(ramp, warmup_steps, propagate!(Cosine::new(peak, alpha * peak, decay_steps as f64))))
}

options! {
    /// Options of [`cosine_decay_restarts`].
    CosineDecayRestartsOptions {
        /// Each cycle's length over the last's; at least 1.
        t_mul: f64 = 2.0,
        /// Each cycle's height over the last's.
        m_mul: f64 = 1.0,
        /// The lowest rate as a part of the first.
        alpha: f64 = 0.0,
    }
}

/// `CosineDecayRestarts`: `a * (alpha + (1 - alpha) * m_mul^i * H(u))` in cycle `i` of `first_decay_steps * t_mul^i`
/// steps.
///
/// A restart is exactly on the boundary. Keras finds the cycle by a logarithm, which in its f32 can come a step early or late.
///
/// # Errors
/// [`Error::Parameter`] unless `first_decay_steps` and `t_mul` are at least 1 and the others are finite and not
/// negative.
///
/// ```
/// use microfit::schedule::{Schedule, keras::{CosineDecayRestartsOptions, cosine_decay_restarts}};
///
/// let schedule = cosine_decay_restarts(0.1, 10, CosineDecayRestartsOptions { m_mul: 0.5, ..Default::default() })?;
/// assert_eq!([0, 5, 10, 20, 30].map(|t| schedule.rate(t)), [0.1, 0.05, 0.05, 0.025, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_decay_restarts(
    initial_learning_rate: f64,
    first_decay_steps: u32,
    options: CosineDecayRestartsOptions,
) -> Result<Restarts, Error> {
    let CosineDecayRestartsOptions { t_mul, m_mul, alpha } = options;
    let a = initial_learning_rate;
    require_all!("initial_learning_rate": NonNegative = a, "first_decay_steps": AtLeastOne = first_decay_steps,
        "t_mul": AtLeastOne = t_mul, "m_mul": NonNegative = m_mul, "alpha": UnitInterval = alpha);
    let cycles = propagate!(Restarts::new(a, alpha * a, first_decay_steps as f64, Shape::Cosine));
    propagate!(cycles.mul(t_mul)).amplitude(m_mul)
}

/// `LearningRateScheduler`: any function of the epoch, from 0. Use it with [`Clock::Epoch`](crate::Clock::Epoch).
///
/// ```
/// use microfit::schedule::{Schedule, keras};
///
/// assert_eq!(keras::learning_rate_scheduler(|epoch| if epoch < 10 { 0.1 } else { 0.01 }).rate(10), 0.01);
/// ```
pub const fn learning_rate_scheduler<F: Fn(u32) -> f64>(schedule: F) -> FromFn<F> {
    FromFn(schedule)
}

options! {
    /// Options of [`reduce_lr_on_plateau`].
    ReduceLrOnPlateauOptions {
        /// What a cut multiplies by.
        factor: f64 = 0.1,
        /// Epochs without improvement that make a cut; 0 acts as 1.
        patience: u32 = 10,
        /// Which metric is better; Keras' `auto` guesses it from the metric's name.
        mode: Mode = Mode::Min,
        /// An improvement is more than this, absolutely.
        min_delta: f64 = 0.0001,
        /// Epochs after a cut that are not counted; the one that ends them is.
        cooldown: u32 = 0,
        /// The floor.
        min_lr: f64 = 0.0,
    }
}

/// `ReduceLROnPlateau` as Keras counts: cuts when **at least** `patience` epochs were not better by `min_delta`, in f32.
/// A NaN is never the best so far; in Keras the first observation is, whatever it is.
///
/// # Errors
/// [`Error::Parameter`] unless `factor` is at least 0 and below 1 and the others are finite and not negative.
///
/// See [`Feedback`](super::Feedback) for an example.
pub const fn reduce_lr_on_plateau(lr: f64, options: ReduceLrOnPlateauOptions) -> Result<Plateau, Error> {
    let ReduceLrOnPlateauOptions { factor, patience, mode, min_delta, cooldown, min_lr } = options;
    require_all!("min_lr": NonNegative = min_lr);
    let rule = Rule::Keras { min_delta };
    Plateau { lr, mode, factor, patience, cooldown, floor: min_lr, rule }.check()
}
