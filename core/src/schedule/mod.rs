//! Learning-rate schedules: functions that map a step to a rate.
//!
//! A schedule keeps no state, so a checkpoint stores a step and nothing else, and stopping and resuming gives the
//! same rates as not stopping. The closed form is computed in f64 and rounded once to f32, which gives the very bits
//! of Keras, PyTorch, optax, transformers and timm where those compute in f64 (`tests/tests/schedules.rs`), but where a
//! constructor says otherwise: a library gathers rounding errors from step to step, or takes a boundary from a logarithm. f32
//! throughout is off by about 1e-7 of the value as a rule and by more near a schedule's end.
//!
//! Three ways to one, from the nearest to the freest:
//!
//! 1. **By its name in a library**: [`torch::one_cycle`], [`keras::exponential_decay`], ..., with that library's parameters.
//! 2. **From primitives and combinators**: `warmup(0.1, 5)?.then(cosine(0.1, 0.0, 45)?)`.
//! 3. **From a closure**: [`FromFn`].
//!
//! What answers to a metric is no function of the step: see [`Feedback`].
//!
//! In a `const` a wrong parameter does not build:
//!
//! ```
//! use microfit::{checked, schedule::{Cosine, Ramp, Then, cosine, warmup}};
//!
//! const RATE: Then<Ramp, Cosine> = Then::new(checked!(warmup(0.1, 5)), 5, checked!(cosine(0.1, 0.0, 45)));
//! ```
//!
//! # Which clock
//!
//! A step is an update or an epoch, as the caller chooses ([`Clock`](crate::Clock)); each library's module says what
//! its users are used to. A combinator has a clock of its own for each part ([`Then`], [`Sequential`]) or one for all
//! ([`Overlay`], [`Fade`], [`Product`]).
//!
//! # From a library's class to ours
//!
//! | Library | Class | Here |
//! |---|---|---|
//! | Keras 1, 2, tf_keras legacy | `SGD(decay=)` | [`keras::decay`], [`TimeBased`] |
//! | Keras | `ExponentialDecay` | [`keras::exponential_decay`] |
//! | | `InverseTimeDecay` | [`keras::inverse_time_decay`] |
//! | | `PiecewiseConstantDecay` | [`keras::piecewise_constant_decay`] |
//! | | `PolynomialDecay` | [`keras::polynomial_decay`] |
//! | | `CosineDecay` | [`keras::cosine_decay`] |
//! | | `CosineDecayRestarts` | [`keras::cosine_decay_restarts`] |
//! | | `LearningRateScheduler` | [`keras::learning_rate_scheduler`]; the tutorial's `step_decay` is [`DropBased`] |
//! | | `ReduceLROnPlateau` | [`keras::reduce_lr_on_plateau`] |
//! | torch | `LambdaLR` | [`torch::lambda`] |
//! | | `MultiplicativeLR` | [`torch::multiplicative`] |
//! | | `StepLR` | [`torch::step`] |
//! | | `MultiStepLR` | [`torch::multi_step`] |
//! | | `ConstantLR` | [`torch::constant`] |
//! | | `LinearLR` | [`torch::linear`] |
//! | | `ExponentialLR` | [`torch::exponential`] |
//! | | `PolynomialLR` | [`torch::polynomial`] |
//! | | `CosineAnnealingLR` | [`torch::cosine_annealing`] |
//! | | `CosineAnnealingWarmRestarts` | [`torch::cosine_annealing_warm_restarts`] |
//! | | `OneCycleLR` | [`torch::one_cycle`] |
//! | | `CyclicLR` | [`torch::cyclic`] |
//! | | `SWALR` | [`torch::swa`], [`Fade`] of a [`Take`] |
//! | | `SequentialLR` | [`Sequential`], [`Then`] |
//! | | `ChainedScheduler` | [`Product`] of those that multiply; see [`torch`] |
//! | | `ReduceLROnPlateau` | [`torch::reduce_lr_on_plateau`] |
//! | optax | `constant_schedule`, `linear_schedule`, `polynomial_schedule` | the same in [`optax`] |
//! | | `piecewise_constant_schedule`, `piecewise_interpolate_schedule` | the same in [`optax`] |
//! | | `exponential_decay`, `cosine_decay_schedule`, `sgdr_schedule` | the same in [`optax`] |
//! | | `linear_onecycle_schedule`, `cosine_onecycle_schedule` | the same in [`optax`] |
//! | | `warmup_constant_schedule`, `warmup_cosine_decay_schedule`, `warmup_exponential_decay_schedule` | the same in [`optax`] |
//! | | `join_schedules` | [`Sequential`] |
//! | | `contrib.reduce_on_plateau` | [`optax::reduce_on_plateau`] |
//! | transformers | `constant`, `constant_with_warmup`, `linear`, `cosine`, `cosine_with_restarts`, `polynomial` | the same in [`transformers`] |
//! | | `inverse_sqrt`, `cosine_with_min_lr`, `cosine_warmup_with_min_lr`, `warmup_stable_decay`, `greedy` | the same in [`transformers`] |
//! | | `reduce_lr_on_plateau` | [`torch::reduce_lr_on_plateau`] |
//! | timm | `CosineLRScheduler` | [`timm::cosine`] |
//! | | `TanhLRScheduler` | [`timm::tanh`] |
//! | | `PolyLRScheduler` | [`timm::poly`] |
//! | | `StepLRScheduler` | [`timm::step`] |
//! | | `MultiStepLRScheduler` | [`timm::multi_step`] |
//! | | `WSDLRScheduler` | [`timm::wsd`] |
//! | | `PlateauLRScheduler` | [`torch::reduce_lr_on_plateau`], which it wraps; its warm-up is a [`Ramp`] before it |
//! | | noise (`noise_range_t`) | not portable: it is drawn from torch's generator |
//! | papers | Noam | [`paper::noam`] |
//!
//! # Where the libraries disagree
//!
//! | | one way | the other |
//! |---|---|---|
//! | past the end | stays: Keras, optax, torch's linear and polynomial, timm | rises again: [`torch::cosine_annealing`], [`transformers::cosine`] |
//! | at a boundary | the new value: torch, optax | still the old one: [`keras::piecewise_constant_decay`]; already before: [`timm::multi_step`] |
//! | the length | includes the warm-up: optax, transformers | comes after it: [`keras::cosine_decay`], timm with `warmup_prefix` |
//! | a length of 0 | stays at the start: optax' polynomial | has arrived: [`torch::swa`] |
//! | step 0 of a warm-up | trains at rate 0: transformers | at the initial rate: Keras, optax, timm |
//!
//! # What it costs
//!
//! f64 is computed in software on a Cortex-M0, M3 and M4F. `microfit bench --schedules` counts, on an M4F, 397
//! instructions a call for [`TimeBased`], 3,715 for [`Cosine`], 9,465 for [`Exponential`] and 24,432 for [`Noam`]; on an
//! M0 1,475, 9,801, 24,775 and 57,232. Flash is 3, 12, 8 and 8 KB. A schedule made in a `const` links what its parameters
//! need, so that a linear [`Ramp`] is 4 KB and a cosine one 13; made from values known only at run time it links every
//! [`Shape`]'s function.
//!
//! **There is no f32-only variant.** An update of the tutorial's 34-34-1 net, 28 samples, takes 200,000 instructions on
//! the M4F and 4.8 million on an M3: f64 is 1.9% of it for [`Cosine`], 4.7% for [`Exponential`] and 12% for [`Noam`], and
//! at most 1.2% without an FPU. In f32 most of that and 3 to 6 KB would be saved, and the libraries' bits lost. Batches of
//! one are where it shows, an exponential costs as much as the sample then: there a closure does, [`FromFn`] with the
//! exponential in f32 takes 311 instructions and 1.7 KB, with the cosine 1,484 and 9 KB.

/// `?` for a `const fn`.
macro_rules! propagate {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}

/// `require` for several parameters; `?` is not to be had in a `const fn`.
macro_rules! require_all {
    ($($name:literal: $must_be:ident = $found:expr),* $(,)?) => {
        $(propagate!($crate::error::require($name, $crate::Requirement::$must_be, $found as f64));)*
    };
}

/// A constructor's optional arguments, with the library's names and defaults.
macro_rules! options {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $name {
            $($(#[$field_doc])* #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")] pub $field: $type,)*
        }

        impl $name {
            /// The library's defaults, for `..` in a `const`.
            pub const DEFAULT: Self = Self { $($field: $default,)* };
        }

        impl Default for $name {
            fn default() -> Self {
                Self::DEFAULT
            }
        }
    };
}

mod chosen;
mod combine;
mod constant;
mod cosine;
mod cyclic;
mod drop_based;
mod exponential;
mod feedback;
mod function;
mod inverse_power;
mod inverse_time;
pub mod keras;
mod knots;
pub mod optax;
pub mod paper;
mod piecewise;
mod polynomial;
mod ramp;
mod restarts;
mod sequential;
mod shape;
mod step;
mod time_based;
pub mod timm;
pub mod torch;
pub mod transformers;
mod words;

pub use combine::{Ahead, Clamp, Delay, Fade, Offset, Overlay, Product, Repeat, Scale, Take, Then, WithMomentum};
pub use constant::{Constant, constant};
pub use cosine::{Cosine, cosine};
pub use cyclic::{Cyclic, CyclicMode};
pub use drop_based::DropBased;
pub use exponential::Exponential;
pub use feedback::{Feedback, Greedy, GreedyState, Mode, Plateau, PlateauState, Threshold};
pub use function::{FromFn, Multiplicative};
pub use inverse_power::{InversePower, Noam};
pub use inverse_time::InverseTime;
pub use knots::Knots;
pub use piecewise::{Piecewise, ScaleTable, Scales};
pub use polynomial::Polynomial;
pub use ramp::{Ramp, warmup};
pub use restarts::Restarts;
pub use sequential::Sequential;
pub use shape::Shape;
pub use step::{MultiStep, StepDecay};
pub use time_based::TimeBased;
pub use words::Words;

use crate::error::Error;

/// See [`Schedule::last_tried`].
pub(crate) const LAST_TRIED: u32 = 1 << 20;

/// A function from a step to a learning rate.
///
/// What a step counts, updates or epochs, is the caller's choice: see [`Clock`](crate::Clock).
/// All methods are pure, defined for every `step`, and never NaN. A value is finite: growth without end saturates at
/// the largest f64, which [`rate`](Self::rate) rounds to infinity.
pub trait Schedule {
    /// The learning rate at `step` (0 for the first), unrounded, so that combinators round once at the end.
    fn value(&self, step: u32) -> f64;

    /// The learning rate at `step`, rounded to the nearest f32: what the optimizer multiplies by.
    fn rate(&self, step: u32) -> f32 {
        self.value(step) as f32
    }

    /// The momentum at `step`, where the schedule drives it; `None` leaves the optimizer's own.
    fn momentum(&self, step: u32) -> Option<f32> {
        let _ = step;
        None
    }

    /// The last step that `Fit::identity` looks at, of those up to 2^20. Less for a schedule whose call takes time
    /// proportional to the step, as [`Multiplicative`]'s does, and for a combinator of one.
    fn last_tried(&self) -> u32 {
        LAST_TRIED
    }

    /// This until its end, then `next` on a clock of its own; [`Then::new`] in a `const`.
    ///
    /// A schedule without an end gets one by [`take`](Self::take).
    fn then<B: Schedule>(self, next: B) -> Then<Self, B>
    where
        Self: Finite + Sized,
    {
        let steps = self.steps();
        Then::new(self, steps, next)
    }

    /// `rate(t) * other(t)`; [`Product::new`] in a `const`.
    fn product<B: Schedule>(self, other: B) -> Product<Self, B>
    where
        Self: Sized,
    {
        Product::new(self, other)
    }

    /// `rate(t) * factor`.
    ///
    /// # Errors
    /// As [`Scale::new`].
    fn scale(self, factor: f64) -> Result<Scale<Self>, Error>
    where
        Self: Copy,
    {
        Scale::new(self, factor)
    }

    /// `rate(t) + offset`, not below 0.
    ///
    /// # Errors
    /// As [`Offset::new`].
    fn offset(self, offset: f64) -> Result<Offset<Self>, Error>
    where
        Self: Copy,
    {
        Offset::new(self, offset)
    }

    /// `rate(t)`, not below `low` and not above `high`.
    ///
    /// # Errors
    /// As [`Clamp::new`].
    fn clamp(self, low: f64, high: f64) -> Result<Clamp<Self>, Error>
    where
        Self: Copy,
    {
        Clamp::new(self, low, high)
    }

    /// The first `period` steps again and again.
    ///
    /// # Errors
    /// As [`Repeat::new`].
    fn cycle(self, period: u32) -> Result<Repeat<Self>, Error>
    where
        Self: Copy,
    {
        Repeat::new(self, period)
    }

    /// This for `steps` steps, then the value reached.
    fn take(self, steps: u32) -> Take<Self>
    where
        Self: Copy,
    {
        Take::new(self, steps)
    }

    /// This, `steps` steps later; the first value until then.
    fn delay(self, steps: u32) -> Delay<Self>
    where
        Self: Copy,
    {
        Delay::new(self, steps)
    }

    /// This, `steps` steps earlier.
    fn ahead(self, steps: u32) -> Ahead<Self>
    where
        Self: Copy,
    {
        Ahead::new(self, steps)
    }
}

/// A schedule with an end, which another can follow.
pub trait Finite: Schedule {
    /// Steps until the last value is reached (`rate(steps())` is the first step of what follows).
    fn steps(&self) -> u32;
}

impl<S: Schedule + ?Sized> Schedule for &S {
    fn value(&self, step: u32) -> f64 {
        (**self).value(step)
    }

    fn rate(&self, step: u32) -> f32 {
        (**self).rate(step)
    }

    fn momentum(&self, step: u32) -> Option<f32> {
        (**self).momentum(step)
    }

    fn last_tried(&self) -> u32 {
        (**self).last_tried()
    }
}

impl<S: Finite + ?Sized> Finite for &S {
    fn steps(&self) -> u32 {
        (**self).steps()
    }
}

// Not `f64::clamp`, which has a panic path.
#[allow(clippy::manual_clamp)]
/// Keeps an overflow at the largest f64; the NaN of a user's closure is 0.
fn finite(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.max(-f64::MAX).min(f64::MAX) }
}

/// A product in which 0 wins over infinity.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { finite(a * b) }
}

/// Whole steps until a real-valued time has passed.
fn steps_of(time: f64) -> u32 {
    crate::math::f64::ceil(time) as u32
}
