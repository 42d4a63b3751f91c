//! What a board's log lines say: the other side of `microfit_firmware::Defmt`.

use std::collections::BTreeMap;
use std::str::FromStr;

use microfit_firmware::Record;

use super::DeviceError;

/// One experiment, as a board reported it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRun {
    /// The experiment's name.
    pub name: String,
    /// Its epochs.
    pub records: Vec<Record>,
    /// The hash of the trained weights.
    pub hash: u64,
}

/// What the whole application took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of statics.
    pub statics: u32,
    /// The deepest the stack has been, in bytes.
    pub stack: u32,
}

/// A board's log, gathered line by line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// The experiments that ended.
    pub runs: Vec<DeviceRun>,
    /// Reported once, at the end.
    pub memory: Option<Memory>,
    /// Of the experiment that has not ended.
    pub(super) records: Vec<Record>,
}

impl Log {
    /// Takes a line in.
    ///
    /// # Errors
    /// [`DeviceError::Log`] for a line that is none of the application's.
    pub fn line(&mut self, line: &str) -> Result<(), DeviceError> {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if line == "finished" {
            return Ok(());
        }
        if let Some(reason) = line.strip_prefix("failed: ") {
            return Err(DeviceError::Failed { reason: reason.to_owned() });
        }
        if first == "memory" {
            let fields = Fields::parse(line, words)?;
            self.memory = Some(Memory { statics: fields.take("static")?, stack: fields.take("stack")? });
            return Ok(());
        }
        let mut rest = words.clone();
        match rest.next() {
            Some("begin") => self.records.clear(),
            Some("end") => {
                let fields = Fields::parse(line, rest)?;
                let hash = fields.hash("hash")?;
                let records = std::mem::take(&mut self.records);
                self.runs.push(DeviceRun { name: first.to_owned(), records, hash });
            }
            _ => {
                let fields = Fields::parse(line, words)?;
                self.records.push(Record {
                    epoch: fields.take("epoch")?,
                    step: fields.take("step")?,
                    rate: fields.take("rate")?,
                    loss: fields.take("loss")?,
                    accuracy: fields.metric("accuracy")?,
                    validation_loss: fields.metric("validation_loss")?,
                    validation_accuracy: fields.metric("validation_accuracy")?,
                });
            }
        }
        Ok(())
    }
}

/// A line's `key=value` pairs.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    line: &'a str,
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn parse(line: &'a str, words: impl Iterator<Item = &'a str>) -> Result<Self, DeviceError> {
        let values = words.map(|word| word.split_once('=')).collect::<Option<_>>();
        values.map(|values| Self { line, values }).ok_or_else(|| wrong("key=value pairs", line))
    }

    fn wrong(&self, expected: &'static str) -> DeviceError {
        wrong(expected, self.line)
    }

    pub(crate) fn text(&self, key: &'static str) -> Result<&'a str, DeviceError> {
        self.values.get(key).copied().ok_or_else(|| self.wrong(key))
    }

    /// A number, or none where the board wrote NaN.
    fn metric(&self, key: &'static str) -> Result<Option<f32>, DeviceError> {
        self.take(key).map(|value: f32| (!value.is_nan()).then_some(value))
    }

    pub(crate) fn hash(&self, key: &'static str) -> Result<u64, DeviceError> {
        let digits = self.text(key)?.strip_prefix("0x");
        let hash = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        hash.ok_or_else(|| self.wrong("a hash: 0x and 16 digits"))
    }

    pub(crate) fn take<T: FromStr>(&self, key: &'static str) -> Result<T, DeviceError> {
        self.text(key)?.parse().map_err(|_| self.wrong(key))
    }
}

pub(crate) fn wrong(expected: &'static str, line: &str) -> DeviceError {
    DeviceError::Log { expected, found: line.to_owned() }
}

/// Whether two records are equal to the bit.
pub(crate) fn same_bits(a: &Record, b: &Record) -> bool {
    let bits = |record: &Record| {
        let Record { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy } = *record;
        let metrics = [Some(rate), Some(loss), accuracy, validation_loss, validation_accuracy];
        (epoch, step, metrics.map(|metric| metric.map(f32::to_bits)))
    };
    bits(a) == bits(b)
}

/// The first difference between what was trained on a board and here.
pub(crate) fn difference(there: &[DeviceRun], here: &[DeviceRun]) -> Option<String> {
    if there.len() != here.len() {
        return Some(format!("{} experiments there, {} here", there.len(), here.len()));
    }
    there.iter().zip(here).find_map(|(there, here)| {
        let epochs = |run: &DeviceRun| format!("{} of {} epochs", run.name, run.records.len());
        if epochs(there) != epochs(here) {
            return Some(format!("{} there, {} here", epochs(there), epochs(here)));
        }
        let mut records = there.records.iter().zip(&here.records);
        if let Some((there, here)) = records.find(|(there, here)| !same_bits(there, here)) {
            return Some(format!("{there:?} there, {here:?} here"));
        }
        let differ = there.hash != here.hash;
        differ.then(|| format!("{}: hash {:#018x} there, {:#018x} here", there.name, there.hash, here.hash))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_makes_a_difference() {
        let record = Record {
            epoch: 1,
            step: 9,
            rate: 0.1,
            loss: 0.5,
            accuracy: Some(0.75),
            validation_loss: Some(0.25),
            validation_accuracy: None,
        };
        let run = DeviceRun { name: "a".into(), records: vec![record; 2], hash: 7 };
        let here = [run.clone(), run.clone()];
        assert_eq!(difference(&here, &here), None);
        let last = |change: &dyn Fn(&mut DeviceRun)| {
            let mut there = here.clone();
            change(&mut there[1]);
            difference(&there, &here)
        };
        let next = |value: f32| f32::from_bits(value.to_bits() + 1);
        let changes: [&dyn Fn(&mut DeviceRun); 11] = [
            &|run| run.name.push('b'),
            &|run| run.records.truncate(1),
            &|run| run.hash += 1,
            &|run| run.records[1].epoch += 1,
            &|run| run.records[1].step += 1,
            &|run| run.records[1].rate = next(0.1),
            &|run| run.records[1].loss = next(0.5),
            &|run| run.records[1].accuracy = Some(next(0.75)),
            &|run| run.records[1].accuracy = None,
            &|run| run.records[1].validation_loss = Some(next(0.25)),
            &|run| run.records[1].validation_accuracy = Some(0.0),
        ];
        for (index, change) in changes.iter().enumerate() {
            assert!(last(change).is_some(), "{index}");
        }
        assert_eq!(difference(&here[..1], &here).unwrap(), "1 experiments there, 2 here");
        let hash = last(&|run| run.hash = 8).unwrap();
        assert_eq!(hash, "a: hash 0x0000000000000008 there, 0x0000000000000007 here");
    }

    #[test]
    fn reads_what_the_application_writes() {
        let mut log = Log::default();
        let lines = [
            "drop_based begin",
            "drop_based epoch=0 step=9 rate=0.1 loss=0.33333334 accuracy=0.5 validation_loss=1e-7 validation_accuracy=NaN",
            "drop_based end hash=0x00000000000000ff best_epoch=0",
            "memory static=12000 stack=900",
            "finished",
        ];
        for line in lines {
            log.line(line).unwrap();
        }
        assert_eq!(log.memory, Some(Memory { statics: 12_000, stack: 900 }));
        let run = &log.runs[0];
        assert_eq!((run.name.as_str(), run.hash, run.records.len()), ("drop_based", 255, 1));
        assert_eq!(run.records[0].loss.to_bits(), (1.0_f32 / 3.0).to_bits());
        assert_eq!((run.records[0].validation_loss, run.records[0].validation_accuracy), (Some(1e-7), None));
    }

    #[test]
    fn refuses_other_lines() {
        assert!(matches!(Log::default().line("failed: LED"), Err(DeviceError::Failed { .. })));
        for line in ["x epoch=0", "x epoch=zero", "memory", "x end hash=12"] {
            assert!(matches!(Log::default().line(line), Err(DeviceError::Log { .. })), "{line}");
        }
    }
}
