//! What a machine does between power on and power off, as it reports it.

use std::fmt;

use microfit_firmware::{Checkpoint, Outcome, Record, Report, Saved};

use super::DeviceError;
use super::log::{Fields, Log, Memory};

/// From where a run goes on after power on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// Power failed again before it was known.
    #[default]
    Unknown,
    /// There was no checkpoint: from its beginning.
    Anew,
    /// From this checkpoint.
    From(Saved),
}

/// What happened between power on and power off.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Boot {
    /// From where it went on.
    pub start: Start,
    /// The last one it reported whole.
    pub saved: Option<Saved>,
    /// Whether it ended within a save.
    pub is_saving: bool,
    /// The epochs it ended.
    pub records: Vec<Record>,
    /// Of the weights, if it came to the end of the run.
    pub hash: Option<u64>,
    /// Likewise: what it took.
    pub memory: Option<Memory>,
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            Start::Unknown => return write!(f, "was cut off before it had looked for a checkpoint"),
            Start::Anew => write!(f, "began")?,
            Start::From(from) => write!(f, "went on from checkpoint {}, update {}", from.sequence, from.step)?,
        }
        match (self.hash, self.is_saving, self.saved) {
            (Some(hash), ..) => write!(f, ", came to the end with hash {hash:#018x}"),
            (None, true, _) => write!(f, ", was cut off in a save"),
            (None, false, Some(saved)) => write!(f, ", was cut off after update {}", saved.step),
            (None, false, None) => write!(f, ", was cut off before a save"),
        }
    }
}

/// A board's log from power on to power off, with resets in between.
#[derive(Default)]
pub(super) struct Session {
    pub(super) boots: Vec<Boot>,
    log: Log,
    /// Saves begun.
    pub(super) saves: u32,
}

impl Session {
    pub(super) fn line(&mut self, line: &str) -> Result<(), DeviceError> {
        let mut words = line.split_whitespace().skip(1);
        let what = words.next();
        if what == Some("begin") {
            self.boots.push(Boot::default());
            return Ok(());
        }
        let Some(boot) = self.boots.last_mut() else {
            return self.log.line(line);
        };
        let saved = |words| {
            let fields = Fields::parse(line, words)?;
            let (sequence, epoch) = (fields.take("sequence")?, fields.take("epoch")?);
            Ok::<_, DeviceError>(Saved { sequence, epoch, step: fields.take("step")?, erases: fields.take("erases")? })
        };
        match what {
            Some("missing") => boot.start = Start::Anew,
            Some("resumed") => boot.start = Start::From(saved(words)?),
            Some("saving") => {
                boot.is_saving = true;
                self.saves += 1;
            }
            Some("saved") => {
                boot.saved = Some(saved(words)?);
                boot.is_saving = false;
            }
            _ => {
                self.log.line(line)?;
                boot.records.append(&mut self.log.records);
                boot.hash = self.log.runs.pop().map(|run| run.hash).or(boot.hash);
                boot.memory = self.log.memory;
            }
        }
        Ok(())
    }
}

/// The desk tells a [`Boot`] what a board logs.
impl Report for &mut Boot {
    fn begin(&mut self, _experiment: &'static str) {}

    fn epoch(&mut self, _experiment: &'static str, record: &Record) {
        self.records.push(*record);
    }

    fn checkpoint(&mut self, _experiment: &'static str, checkpoint: Checkpoint) {
        match checkpoint {
            Checkpoint::Missing => self.start = Start::Anew,
            Checkpoint::Resumed(from) => self.start = Start::From(from),
            Checkpoint::Saving { .. } => self.is_saving = true,
            Checkpoint::Saved(saved) => (self.saved, self.is_saving) = (Some(saved), false),
        }
    }

    fn end(&mut self, _experiment: &'static str, outcome: &Outcome) {
        self.hash = Some(outcome.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_log_with_resets() {
        let mut session = Session::default();
        let lines = [
            "time_based begin",
            "time_based missing",
            "time_based saving step=5",
            "time_based saved sequence=0 epoch=0 step=5 erases=10",
            "time_based saving step=10",
            "time_based begin",
            "time_based resumed sequence=0 epoch=0 step=5 erases=10",
            "time_based epoch=0 step=9 rate=0.1 loss=0.33333334 accuracy=0.5 validation_loss=1e-7 validation_accuracy=NaN",
            "time_based saving step=9",
            "time_based saved sequence=1 epoch=1 step=9 erases=20",
            "time_based end hash=0x00000000000000ff best_epoch=0",
            "memory static=12000 stack=900",
            "finished",
        ];
        for line in lines {
            session.line(line).unwrap();
        }
        let [cut, ended] = &session.boots[..] else { panic!("{:?}", session.boots) };
        let first = Saved { sequence: 0, epoch: 0, step: 5, erases: 10 };
        assert_eq!(*cut, Boot { start: Start::Anew, saved: Some(first), is_saving: true, ..Boot::default() });
        assert_eq!((ended.start, ended.is_saving, ended.hash), (Start::From(first), false, Some(255)));
        assert_eq!((ended.records.len(), ended.memory), (1, Some(Memory { statics: 12_000, stack: 900 })));
        assert_eq!(cut.to_string(), "began, was cut off in a save");
        assert_eq!(
            ended.to_string(),
            "went on from checkpoint 0, update 5, came to the end with hash 0x00000000000000ff"
        );
        assert!(session.line("time_based saved sequence=x").is_err());
    }
}
