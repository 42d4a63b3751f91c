//! How the application tells of its run.

use crate::app::Outcome;
use crate::record::Record;

/// A checkpoint that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Saved {
    /// Higher is newer.
    pub sequence: u32,
    /// Epochs done.
    pub epoch: u32,
    /// Updates done.
    pub step: u32,
    /// Pages erased by the store since it was new.
    pub erases: u32,
}

/// What happens to the checkpoints of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Checkpoint {
    /// None of this run was found: it begins.
    Missing,
    /// The run goes on from this one.
    Resumed(Saved),
    /// One is being written, with this number of updates done.
    Saving {
        /// Updates done.
        step: u32,
    },
    /// It is whole.
    Saved(Saved),
}

/// Somebody who is told: a log, a display, a test.
pub trait Report {
    /// A run begins.
    fn begin(&mut self, experiment: &'static str);
    /// An epoch is over.
    fn epoch(&mut self, experiment: &'static str, record: &Record);
    /// Of a run with checkpoints; does nothing unless it is made to.
    fn checkpoint(&mut self, _experiment: &'static str, _checkpoint: Checkpoint) {}
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

    fn checkpoint(&mut self, experiment: &'static str, checkpoint: Checkpoint) {
        let (what, Saved { sequence, epoch, step, erases }) = match checkpoint {
            Checkpoint::Missing => return defmt::info!("{=str} missing", experiment),
            Checkpoint::Saving { step } => return defmt::info!("{=str} saving step={=u32}", experiment, step),
            Checkpoint::Resumed(from) => (defmt::intern!("resumed"), from),
            Checkpoint::Saved(saved) => (defmt::intern!("saved"), saved),
        };
        defmt::info!(
            "{=str} {=istr} sequence={=u32} epoch={=u32} step={=u32} erases={=u32}",
            experiment,
            what,
            sequence,
            epoch,
            step,
            erases,
        );
    }

    fn end(&mut self, experiment: &'static str, outcome: &Outcome) {
        defmt::info!("{=str} end hash={=u64:#018x} best_epoch={=u32}", experiment, outcome.hash, outcome.best.epoch,);
    }
}
