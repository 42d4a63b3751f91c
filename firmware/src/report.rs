//! How the application tells of its run.

use crate::app::Outcome;
use crate::record::Record;

/// Somebody who is told: a log, a display, a test.
pub trait Report {
    /// A run begins.
    fn begin(&mut self, experiment: &'static str);
    /// An epoch is over.
    fn epoch(&mut self, experiment: &'static str, record: &Record);
    /// A run is over.
    fn end(&mut self, experiment: &'static str, outcome: &Outcome);
}

/// Reports as defmt log lines of `key=value` pairs, for people and for `microfit device`, which reads them back. A
/// number is printed with as many digits as tell it from its neighbours, so reading it back gives the same bits; what
/// there is none of is `NaN`, which no metric is.
#[cfg(feature = "defmt")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Defmt;

#[cfg(feature = "defmt")]
impl Report for Defmt {
    fn begin(&mut self, experiment: &'static str) {
        defmt::info!("{=str} begin", experiment);
    }

    fn epoch(&mut self, experiment: &'static str, record: &Record) {
        defmt::info!(
            "{=str} epoch={=u32} step={=u32} rate={=f32} loss={=f32} accuracy={=f32} validation_loss={=f32} validation_accuracy={=f32}",
            experiment,
            record.epoch,
            record.step,
            record.rate,
            record.loss,
            record.accuracy.unwrap_or(f32::NAN),
            record.validation_loss.unwrap_or(f32::NAN),
            record.validation_accuracy.unwrap_or(f32::NAN),
        );
    }

    fn end(&mut self, experiment: &'static str, outcome: &Outcome) {
        defmt::info!("{=str} end hash={=u64:#018x} best_epoch={=u32}", experiment, outcome.hash, outcome.best.epoch,);
    }
}
