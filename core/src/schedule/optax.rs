//! optax' schedules by their optax names.
//!
//! Parameters stand in optax' order; optional ones, where there are several, in a struct with optax' defaults. A step is an
//! **update** ([`Clock::Update`](crate::Clock::Update)). Checked against optax 0.2.8 in f64; its own default precision
//! is f32. `join_schedules` is [`Sequential`](super::Sequential), which switches at `t >= boundary`, each part on its own clock.

use super::feedback::Rule;
use super::shape::Curve;
use super::{
    Clamp, Constant, Cosine, Delay, Exponential, Mode, Plateau, Polynomial, ScaleTable, Scales, Schedule, Shape, Then,
};
use crate::error::{Error, Requirement};

/// `constant_schedule`.
///
/// # Errors
/// [`Error::Parameter`] unless `value` is finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// assert_eq!(optax::constant_schedule(0.1)?.rate(7), 0.1);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn constant_schedule(value: f64) -> Result<Constant, Error> {
    require_all!("value": NonNegative = value);
    Constant::new(value)
}

/// `polynomial_schedule`: `end + (init - end) * (1 - clip(t - begin, 0, T) / T)^power`, `T = transition_steps`;
/// `transition_begin` is 0 by default.
///
/// With `transition_steps` 0 optax stays at **`init_value`** for ever, and so does this.
///
/// # Errors
/// [`Error::Parameter`] unless the rates and `power` are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// let schedule = optax::polynomial_schedule(0.1, 0.0, 2.0, 10, 5)?;
/// assert_eq!([5, 10, 15].map(|t| schedule.rate(t)), [0.1, 0.025, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn polynomial_schedule(
    init_value: f64,
    end_value: f64,
    power: f64,
    transition_steps: u32,
    transition_begin: u32,
) -> Result<Delay<Polynomial>, Error> {
    require_all!("init_value": NonNegative = init_value, "end_value": NonNegative = end_value);
    let (end, over) = if transition_steps == 0 { (init_value, 1) } else { (end_value, transition_steps) };
    Ok(Delay::new(propagate!(Polynomial::new(init_value, end, over as f64, power)), transition_begin))
}

/// `linear_schedule`: [`polynomial_schedule`] of power 1.
///
/// # Errors
/// [`Error::Parameter`] unless the rates are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// assert_eq!(optax::linear_schedule(0.0, 0.1, 10, 0)?.rate(5), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn linear_schedule(
    init_value: f64,
    end_value: f64,
    transition_steps: u32,
    transition_begin: u32,
) -> Result<Delay<Polynomial>, Error> {
    polynomial_schedule(init_value, end_value, 1.0, transition_steps, transition_begin)
}

/// `piecewise_constant_schedule`: `init_value` times all scales whose boundary is at most `t`.
///
/// # Errors
/// As [`Scales::new`].
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// let schedule = optax::piecewise_constant_schedule(0.1, &[(50, 0.5), (120, 0.5)])?;
/// assert_eq!([49, 50, 120].map(|t| schedule.rate(t)), [0.1, 0.05, 0.025]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn piecewise_constant_schedule(
    init_value: f64,
    boundaries_and_scales: &[(u32, f64)],
) -> Result<Scales<'_>, Error> {
    require_all!("init_value": NonNegative = init_value);
    Scales::new(init_value, boundaries_and_scales)
}

/// `interpolate_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Interpolate {
    /// `"linear"`
    Linear,
    /// `"cosine"`
    Cosine,
}

/// `piecewise_interpolate_schedule`: from one value of [`piecewise_constant_schedule`] to the next without a jump,
/// reaching each at its boundary; constant past the last.
///
/// # Errors
/// As [`Scales::new`].
///
/// ```
/// use microfit::schedule::{Schedule, optax::{Interpolate, piecewise_interpolate_schedule}};
///
/// let schedule = piecewise_interpolate_schedule(Interpolate::Linear, 0.1, &[(10, 2.0), (20, 0.5)])?;
/// assert_eq!([0, 5, 10, 15, 20].map(|t| schedule.rate(t)), [0.1, 0.15, 0.2, 0.15, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn piecewise_interpolate_schedule(
    interpolate_type: Interpolate,
    init_value: f64,
    boundaries_and_scales: &[(u32, f64)],
) -> Result<Scales<'_>, Error> {
    let shape = match interpolate_type {
        Interpolate::Linear => Shape::Linear,
        Interpolate::Cosine => Shape::Cosine,
    };
    propagate!(piecewise_constant_schedule(init_value, boundaries_and_scales)).interpolated(shape)
}

options! {
    /// Options of [`exponential_decay`] and [`warmup_exponential_decay_schedule`].
    ExponentialDecayOptions {
        /// Steps before the decay begins.
        transition_begin: u32 = 0,
        /// Fall only at whole periods.
        staircase: bool = false,
        /// The floor, or, for a `decay_rate` of at least 1, the ceiling.
        end_value: Option<f64> = None,
    }
}

/// What [`exponential_decay`] makes.
pub type ExponentialDecay = Clamp<Delay<Exponential>>;

/// `exponential_decay`: `init * decay_rate^((t - begin) / transition_steps)`, not below `end_value` (not above it for a
/// `decay_rate` of at least 1).
///
/// With `transition_steps` 0 or `decay_rate` 0 optax stays at `init_value`, whatever `end_value` says, and so does this.
///
/// # Errors
/// [`Error::Parameter`] unless the values are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax::{ExponentialDecayOptions, exponential_decay}};
///
/// let options = ExponentialDecayOptions { end_value: Some(0.04), ..ExponentialDecayOptions::DEFAULT };
/// let schedule = exponential_decay(0.1, 20, 0.5, options)?;
/// assert_eq!([0, 20, 40].map(|t| schedule.rate(t)), [0.1, 0.05, 0.04]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn exponential_decay(
    init_value: f64,
    transition_steps: u32,
    decay_rate: f64,
    options: ExponentialDecayOptions,
) -> Result<ExponentialDecay, Error> {
    let ExponentialDecayOptions { transition_begin, staircase, end_value } = options;
    require_all!("init_value": NonNegative = init_value, "decay_rate": NonNegative = decay_rate);
    let still = transition_steps == 0 || decay_rate == 0.0;
    let (rate, over) = if still { (1.0, 1.0) } else { (decay_rate, transition_steps as f64) };
    let decay = propagate!(Exponential::new(init_value, rate, over)).staircase(staircase);
    let (low, high) = match end_value {
        Some(end) if !still && decay_rate < 1.0 => (end, f64::MAX),
        Some(end) if !still => (0.0, end),
        _ => (0.0, f64::MAX),
    };
    require_all!("end_value": NonNegative = low, "end_value": NonNegative = high);
    Clamp::new(Delay::new(decay, transition_begin), low, high)
}

/// `cosine_decay_schedule`: `init * (alpha + (1 - alpha) * H(min(t, T) / T)^exponent)`, `H(u) = (1 + cos(pi u)) / 2`,
/// `T = decay_steps`; alpha is 0 and exponent 1 by default.
///
/// # Errors
/// [`Error::Parameter`] unless `decay_steps` is at least 1 and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// let schedule = optax::cosine_decay_schedule(0.1, 100, 0.2, 1.0)?;
/// assert_eq!([0, 50, 100, 101].map(|t| schedule.rate(t)), [0.1, 0.06, 0.02, 0.02]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_decay_schedule(
    init_value: f64,
    decay_steps: u32,
    alpha: f64,
    exponent: f64,
) -> Result<Cosine, Error> {
    require_all!("init_value": NonNegative = init_value, "decay_steps": AtLeastOne = decay_steps,
        "alpha": NonNegative = alpha, "alpha * init_value": Finite = alpha * init_value);
    propagate!(Cosine::new(init_value, alpha * init_value, decay_steps as f64)).exponent(exponent)
}

options! {
    /// Options of [`linear_onecycle_schedule`] and, without `pct_final`, of [`cosine_onecycle_schedule`].
    OnecycleOptions {
        /// The part of the steps that go up.
        pct_start: f64 = 0.3,
        /// The part after which the first rate is reached again; linear only.
        pct_final: f64 = 0.85,
        /// The first rate is `peak_value / div_factor`.
        div_factor: f64 = 25.0,
        /// The last rate is the first `/ final_div_factor`.
        final_div_factor: f64 = 1e4,
    }
}

impl OnecycleOptions {
    const fn check(self, transition_steps: u32, peak_value: f64) -> Result<(), Error> {
        require_all!("transition_steps": AtLeastOne = transition_steps, "peak_value": NonNegative = peak_value,
            "pct_start": UnitInterval = self.pct_start, "pct_final": UnitInterval = self.pct_final,
            "div_factor": Positive = self.div_factor, "final_div_factor": Positive = self.final_div_factor,
            "peak_value / div_factor": Finite = peak_value / self.div_factor);
        Ok(())
    }
}

/// A knot and the one that follows. Where they are the same step it is the second one's scale that leads there, and nothing follows.
const fn together(knot: (u32, f64), next: (u32, f64)) -> ((u32, f64), (u32, f64)) {
    if knot.0 == next.0 { (next, (next.0, 1.0)) } else { (knot, next) }
}

/// `linear_onecycle_schedule`: straight lines through knots at 0, `int(pct_start * T)`, `int(pct_final * T)` and `T`.
///
/// Its knots are integers, so it is not torch's one-cycle even at equal parameters; it has no momentum. Of knots that fall together
/// the last one counts, as it does there.
///
/// # Errors
/// [`Error::Parameter`] unless `transition_steps` is at least 1, `peak_value` finite and not negative, the parts from 0
/// to 1, the second's knot not before the first's, and the factors positive and not so small that a quotient by them overflows.
///
/// ```
/// use microfit::schedule::{Schedule, optax::{OnecycleOptions, linear_onecycle_schedule}};
///
/// let schedule = linear_onecycle_schedule(100, 0.1, OnecycleOptions::DEFAULT)?;
/// assert_eq!([0, 30, 85].map(|t| schedule.rate(t)), [0.004, 0.1, 0.004]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn linear_onecycle_schedule(
    transition_steps: u32,
    peak_value: f64,
    options: OnecycleOptions,
) -> Result<ScaleTable<3>, Error> {
    propagate!(options.check(transition_steps, peak_value));
    let (n, div) = (transition_steps as f64, options.div_factor);
    let (first, last) = ((options.pct_start * n) as u32, (options.pct_final * n) as u32);
    if last < first {
        let must_be = Requirement::AtLeastThePrevious;
        return Err(Error::Parameter { name: "pct_final", must_be, found: options.pct_final as f32 });
    }
    let (to_back, to_end) = (1.0 / div, 1.0 / options.final_div_factor);
    require_all!("1 / div_factor": Finite = to_back, "1 / final_div_factor": Finite = to_end);
    let (back, end) = together((last, to_back), (transition_steps, to_end));
    let (peak, back) = together((first, div), back);
    Ok(ScaleTable { lr: peak_value / div, scales: [peak, back, end], shape: Curve::new(Shape::Linear) })
}

/// `cosine_onecycle_schedule`: half cosines through knots at 0, `int(pct_start * T)` and `T`.
///
/// Of knots that fall together the last one counts.
///
/// # Errors
/// As [`linear_onecycle_schedule`], but for the order of the parts: there is only one.
///
/// ```
/// use microfit::schedule::{Schedule, optax::{OnecycleOptions, cosine_onecycle_schedule}};
///
/// let schedule = cosine_onecycle_schedule(100, 0.1, OnecycleOptions::DEFAULT)?;
/// assert_eq!([0, 30, 100].map(|t| schedule.rate(t)), [0.004, 0.1, 0.0000004]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn cosine_onecycle_schedule(
    transition_steps: u32,
    peak_value: f64,
    options: OnecycleOptions,
) -> Result<ScaleTable<2>, Error> {
    propagate!(options.check(transition_steps, peak_value));
    let OnecycleOptions { pct_start, div_factor, final_div_factor, .. } = options;
    let peak_at = (pct_start * transition_steps as f64) as u32;
    let to_end = 1.0 / (div_factor * final_div_factor);
    require_all!("1 / (div_factor * final_div_factor)": Finite = to_end);
    let (peak, end) = together((peak_at, div_factor), (transition_steps, to_end));
    Ok(ScaleTable { lr: peak_value / div_factor, scales: [peak, end], shape: Curve::new(Shape::Cosine) })
}

/// `warmup_constant_schedule`: linear from `init_value` to `peak_value` in `warmup_steps`, then constant.
///
/// With `warmup_steps` 0 optax stays at **`init_value`** for ever, and so does this.
///
/// # Errors
/// [`Error::Parameter`] unless the rates are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// let schedule = optax::warmup_constant_schedule(0.0, 0.1, 30)?;
/// assert_eq!([0, 15, 30, 31].map(|t| schedule.rate(t)), [0.0, 0.05, 0.1, 0.1]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn warmup_constant_schedule(
    init_value: f64,
    peak_value: f64,
    warmup_steps: u32,
) -> Result<Delay<Polynomial>, Error> {
    require_all!("init_value": NonNegative = init_value, "peak_value": NonNegative = peak_value);
    linear_schedule(init_value, peak_value, warmup_steps, 0)
}

/// What [`warmup_cosine_decay_schedule`] makes.
pub type WarmupCosineDecay = Then<Delay<Polynomial>, Cosine>;

/// `warmup_cosine_decay_schedule`: linear from `init_value` to `peak_value`, then a cosine to `end_value` (0 by default)
/// with `exponent` (1 by default).
///
/// `decay_steps` **includes** the warm-up (Keras' does not).
///
/// # Errors
/// [`Error::Parameter`] unless `decay_steps` is above `warmup_steps` and the others are finite and not negative.
///
/// ```
/// use microfit::schedule::{Schedule, optax};
///
/// let schedule = optax::warmup_cosine_decay_schedule(0.0, 0.1, 20, 180, 0.0, 1.0)?;
/// assert_eq!([0, 10, 20, 100, 180].map(|t| schedule.rate(t)), [0.0, 0.05, 0.1, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn warmup_cosine_decay_schedule(
    init_value: f64,
    peak_value: f64,
    warmup_steps: u32,
    decay_steps: u32,
    end_value: f64,
    exponent: f64,
) -> Result<WarmupCosineDecay, Error> {
    let warmup = propagate!(warmup_constant_schedule(init_value, peak_value, warmup_steps));
    require_all!("end_value": NonNegative = end_value,
        "decay_steps - warmup_steps": AtLeastOne = decay_steps as f64 - warmup_steps as f64);
    // optax takes the end from a quotient, which a peak of 0 makes 0.
    let end = if peak_value == 0.0 { 0.0 } else { end_value };
    let over = decay_steps.saturating_sub(warmup_steps) as f64;
    let decay = propagate!(propagate!(Cosine::new(peak_value, end, over)).exponent(exponent));
    Ok(Then::new(warmup, warmup_steps, decay))
}

/// `warmup_exponential_decay_schedule`: linear from `init_value` to `peak_value`, then [`exponential_decay`] on a clock
/// of its own.
///
/// # Errors
/// As [`exponential_decay`].
///
/// ```
/// use microfit::schedule::{Schedule, optax::{ExponentialDecayOptions, warmup_exponential_decay_schedule}};
///
/// let schedule = warmup_exponential_decay_schedule(0.0, 0.1, 20, 30, 0.5, ExponentialDecayOptions::DEFAULT)?;
/// assert_eq!([10, 20, 50].map(|t| schedule.rate(t)), [0.05, 0.1, 0.05]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn warmup_exponential_decay_schedule(
    init_value: f64,
    peak_value: f64,
    warmup_steps: u32,
    transition_steps: u32,
    decay_rate: f64,
    options: ExponentialDecayOptions,
) -> Result<Then<Delay<Polynomial>, ExponentialDecay>, Error> {
    let warmup = propagate!(warmup_constant_schedule(init_value, peak_value, warmup_steps));
    let decay = propagate!(exponential_decay(peak_value, transition_steps, decay_rate, options));
    Ok(Then::new(warmup, warmup_steps, decay))
}

/// The arguments of one cycle of [`sgdr_schedule`], those of [`warmup_cosine_decay_schedule`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CosineKwargs {
    /// The first rate.
    pub init_value: f64,
    /// The highest rate.
    pub peak_value: f64,
    /// Steps up to it.
    pub warmup_steps: u32,
    /// Steps of the whole cycle.
    pub decay_steps: u32,
    /// The last rate; optax' default is 0.
    pub end_value: f64,
    /// The exponent of the cosine; optax' default is 1.
    pub exponent: f64,
}

impl CosineKwargs {
    const fn schedule(&self) -> Result<WarmupCosineDecay, Error> {
        let Self { init_value, peak_value, warmup_steps, decay_steps, end_value, exponent } = *self;
        warmup_cosine_decay_schedule(init_value, peak_value, warmup_steps, decay_steps, end_value, exponent)
    }
}

/// What [`sgdr_schedule`] makes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgdr<'a> {
    cosine_kwargs: &'a [CosineKwargs],
}

/// `sgdr_schedule`: one [`warmup_cosine_decay_schedule`] after the other, each for its `decay_steps`; the last one stays.
///
/// # Errors
/// As [`warmup_cosine_decay_schedule`], and [`Error::Parameter`] unless there is a cycle.
///
/// ```
/// use microfit::schedule::{Schedule, optax::{CosineKwargs, sgdr_schedule}};
///
/// let first = CosineKwargs {
///     init_value: 0.0, peak_value: 0.1, warmup_steps: 10, decay_steps: 50, end_value: 0.0, exponent: 1.0,
/// };
/// let cycles = [first, CosineKwargs { peak_value: 0.05, ..first }];
/// let schedule = sgdr_schedule(&cycles)?;
/// assert_eq!([10, 30, 50, 60, 100].map(|t| schedule.rate(t)), [0.1, 0.05, 0.0, 0.05, 0.0]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn sgdr_schedule(cosine_kwargs: &[CosineKwargs]) -> Result<Sgdr<'_>, Error> {
    require_all!("cosine_kwargs": AtLeastOne = cosine_kwargs.len());
    let mut rest = cosine_kwargs;
    while let [kwargs, tail @ ..] = rest {
        propagate!(kwargs.schedule());
        rest = tail;
    }
    Ok(Sgdr { cosine_kwargs })
}

impl Schedule for Sgdr<'_> {
    fn value(&self, step: u32) -> f64 {
        let mut local = step;
        let mut cycles = self.cosine_kwargs.iter().peekable();
        while let Some(kwargs) = cycles.next() {
            if local < kwargs.decay_steps || cycles.peek().is_none() {
                return kwargs.schedule().map_or(0.0, |cycle| cycle.value(local));
            }
            local -= kwargs.decay_steps;
        }
        0.0
    }
}

options! {
    /// Options of [`reduce_on_plateau`].
    ReduceOnPlateauOptions {
        /// What a cut multiplies by.
        factor: f64 = 0.1,
        /// Averages without improvement that make a cut; with 0 there is none.
        patience: u32 = 10,
        /// An improvement is more than this part of the best ...
        rtol: f64 = 1e-4,
        /// ... and this much.
        atol: f64 = 0.0,
        /// Averages after a cut that are not counted.
        cooldown: u32 = 0,
        /// Metrics an average.
        accumulation_size: u32 = 1,
        /// The floor of the scale.
        min_scale: f64 = 0.0,
    }
}

/// `contrib.reduce_on_plateau`: scales `lr` down when `patience` averages of the metric were not better.
///
/// The library scales updates and has no rate; here the rate is `lr * scale`.
///
/// # Errors
/// [`Error::Parameter`] unless `factor` is between 0 and 1, `rtol` from 0 to 1, `rtol` or `atol` above 0,
/// `accumulation_size` at least 1, and the others finite and not negative.
///
/// ```
/// use microfit::schedule::{Feedback, optax::{ReduceOnPlateauOptions, reduce_on_plateau}};
///
/// let options = ReduceOnPlateauOptions { factor: 0.5, patience: 1, ..ReduceOnPlateauOptions::DEFAULT };
/// let plateau = reduce_on_plateau(0.1, options)?;
/// let mut state = plateau.start();
/// for loss in [0.9, 0.9] {
///     plateau.observe(&mut state, loss);
/// }
/// assert_eq!(plateau.rate(&state), 0.05);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn reduce_on_plateau(lr: f64, options: ReduceOnPlateauOptions) -> Result<Plateau, Error> {
    let ReduceOnPlateauOptions { factor, patience, rtol, atol, cooldown, accumulation_size, min_scale } = options;
    require_all!("min_scale": NonNegative = min_scale);
    let rule = Rule::Optax { rtol, atol, window: accumulation_size };
    Plateau { lr, mode: Mode::Min, factor, patience, cooldown, floor: min_scale, rule }.check()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;

    /// optax 0.2.8, in f64, rounded to ten digits behind the point.
    #[test]
    fn of_knots_that_fall_together_the_last_counts() {
        let linear = |steps, pct_start, pct_final, at: [u32; 3]| {
            let options = OnecycleOptions { pct_start, pct_final, ..OnecycleOptions::DEFAULT };
            let schedule = linear_onecycle_schedule(steps, 0.1, options).unwrap();
            at.map(|step| (schedule.value(step) * 1e10).round())
        };
        assert_eq!(linear(10, 0.86, 0.85, [5, 8, 10]), [16e6, 16e5, 160.0]);
        assert_eq!(linear(10, 0.85, 1.0, [4, 8, 10]), [52e7, 1e9, 1e5]);
        assert_eq!(linear(10, 1.0, 1.0, [1, 9, 10]), [36_000_400.0, 4_003_600.0, 4e3]);
        assert_eq!(linear(3, 0.3, 0.3, [0, 1, 3]), [16e5, 1_066_720.0, 160.0]);
        let cosine = cosine_onecycle_schedule(4, 0.1, OnecycleOptions { pct_start: 1.0, ..OnecycleOptions::DEFAULT });
        let cosine = cosine.unwrap();
        assert_eq!([1, 2, 4].map(|step| (cosine.value(step) * 1e10).round()), [34_142_159.0, 20_000_080.0, 160.0]);
        let decreasing = OnecycleOptions { pct_start: 0.9, pct_final: 0.5, ..OnecycleOptions::DEFAULT };
        assert!(linear_onecycle_schedule(10, 0.1, decreasing).is_err());
    }
}
