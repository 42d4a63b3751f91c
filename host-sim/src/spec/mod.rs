//! Schedules as text (provisional; replaced by the full grammar).

use microfit::schedule::{Constant, DropBased, Schedule, TimeBased};

/// Why a schedule's text was refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SpecError(String);

/// Reads `constant(lr)`, `time_based(lr0, decay)` or `drop_based(lr0, drop, epochs_drop)`.
///
/// # Errors
/// For anything else.
pub fn parse(text: &str) -> Result<Box<dyn Schedule + Send + Sync>, SpecError> {
    let refuse = |what: &str| SpecError(format!("{text}: {what}"));
    let (name, rest) = text.split_once('(').ok_or_else(|| refuse("expected name(arguments)"))?;
    let arguments = rest.strip_suffix(')').ok_or_else(|| refuse("expected )"))?;
    let values: Result<Vec<f64>, _> = arguments.split(',').map(|value| value.trim().parse()).collect();
    let values = values.map_err(|error| refuse(&format!("{error}")))?;
    let wrong = |error: microfit::Error| refuse(&error.to_string());
    Ok(match (name, values.as_slice()) {
        ("constant", &[lr]) => Box::new(Constant::new(lr).map_err(wrong)?),
        ("time_based", &[lr0, decay]) => Box::new(TimeBased::new(lr0, decay).map_err(wrong)?),
        ("drop_based", &[lr0, drop, every]) => Box::new(DropBased::new(lr0, drop, every).map_err(wrong)?),
        _ => return Err(refuse("expected constant, time_based or drop_based with its arguments")),
    })
}
