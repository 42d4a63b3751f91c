//! Schedules known from a paper rather than a library.

use super::Noam;
use crate::error::Error;

/// `factor * d_model^-0.5 * min(t^-0.5, t * warmup^-1.5)`, `t` updates from 1: "Attention Is All You Need" (2017).
///
/// At 0 the rate is 0, the peak is at `warmup`, and it falls for ever.
///
/// # Errors
/// As [`Noam::new`].
///
/// ```
/// use microfit::schedule::{Schedule, paper};
///
/// let schedule = paper::noam(64, 100, 1.0)?;
/// assert_eq!(schedule.rate(100), 0.0125);
/// # Ok::<(), microfit::Error>(())
/// ```
pub const fn noam(d_model: u32, warmup: u32, factor: f64) -> Result<Noam, Error> {
    Noam::new(d_model, warmup, factor)
}
