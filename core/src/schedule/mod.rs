//! Learning-rate schedules: functions that map a step to a rate.
//!
//! A schedule keeps no state, so a checkpoint stores a step and nothing else, and stopping and resuming gives the
//! same rates as not stopping. The closed form is computed in f64 and rounded once to f32: f32 throughout is off by
//! about 1e-7 of the value as a rule and by more near a schedule's end, and it differs from what Keras and PyTorch
//! use, which compute the rate in f64.

mod constant;
mod drop_based;
mod time_based;

pub use constant::Constant;
pub use drop_based::DropBased;
pub use time_based::TimeBased;

/// A function from a step to a learning rate.
///
/// What a step counts, updates or epochs, is the caller's choice: see [`Clock`](crate::Clock).
/// Both methods are pure, defined for every `step`, and never NaN.
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
}
