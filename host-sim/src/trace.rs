//! Per-epoch traces as CSV or JSON.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use microfit_firmware::Record;
use serde::Serialize;

use crate::error::Error;
use crate::run::Run;

/// A file for a run: JSON if its name ends so, else CSV.
pub(crate) struct Trace<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Trace<'a> {
    /// Opens the file, which is better found impossible before the training than after it.
    pub(crate) fn create(path: &'a Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(Self { path, file })
    }

    pub(crate) fn write(self, run: &Run) -> Result<(), Error> {
        let json = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let mut out = BufWriter::new(self.file);
        let written = if json { write_json(&mut out, run) } else { write_csv(&mut out, run) };
        written.and_then(|()| out.flush()).map_err(|source| Error::Write { path: self.path.into(), source })
    }
}

/// A row of a trace. A float is written with the digits that tell it from its neighbours, so reading it back gives the
/// same bits.
#[derive(Serialize)]
struct Row {
    epoch: u32,
    step: u32,
    rate: f32,
    loss: f32,
    accuracy: Option<f32>,
    validation_loss: Option<f32>,
    validation_accuracy: Option<f32>,
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Self {
        let Record { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy } = *record;
        Self { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy }
    }
}

fn write_csv(out: &mut impl Write, run: &Run) -> std::io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    for record in &run.records {
        rows.serialize(Row::from(record)).map_err(std::io::Error::other)?;
    }
    rows.flush()
}

fn write_json(out: &mut impl Write, run: &Run) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        schedule: &'a str,
        hash: String,
        ram_bytes: usize,
        epochs: Vec<Row>,
    }
    let document = Document {
        schedule: &run.name,
        hash: run.hash_text(),
        ram_bytes: run.ram,
        epochs: run.records.iter().map(Row::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let record = Record {
            epoch: 0,
            step: 9,
            rate: 0.1,
            loss: 1.0 / 3.0,
            accuracy: None,
            validation_loss: Some(f32::MIN_POSITIVE),
            validation_accuracy: Some(1.0),
        };
        Run { name: "constant(0.1)".into(), records: vec![record], hash: 1, ram: 10_920 }
    }

    #[test]
    fn csv_reads_back_to_the_same_bits() {
        let mut out = Vec::new();
        write_csv(&mut out, &run()).unwrap();
        let text = String::from_utf8(out).unwrap();
        let cells: Vec<_> = text.lines().nth(1).unwrap().split(',').collect();
        assert_eq!(cells[3].parse::<f32>().unwrap().to_bits(), (1.0_f32 / 3.0).to_bits());
        assert_eq!(cells[4], "", "a metric there is none of");
        assert_eq!(cells[5].parse::<f32>().unwrap(), f32::MIN_POSITIVE);
        assert!(text.starts_with("epoch,step,rate,loss,accuracy,validation_loss,validation_accuracy\n"));
    }

    #[test]
    fn json_has_the_hash() {
        let mut out = Vec::new();
        write_json(&mut out, &run()).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(document["hash"], "0x0000000000000001");
        assert_eq!(document["epochs"][0]["step"], 9);
    }
}
