//! Per-epoch traces as CSV or JSON.

use std::io::Write;
use std::path::Path;

use microfit_firmware::Record;
use serde::Serialize;

use crate::error::Error;
use crate::output;
use crate::run::Run;

/// Writes a run to a file: JSON if its name ends so, else CSV.
pub(crate) fn write(path: &Path, run: &Run) -> Result<(), Error> {
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut out = Vec::new();
    let made = if json { write_json(&mut out, run) } else { write_csv(&mut out, run) };
    made.map_err(|source| Error::Write { path: path.into(), source })?;
    output::file(path, &out)
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
    /// Whether the run's weights are this epoch's; only where early stopping may choose them.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<bool>,
}

fn rows(run: &Run) -> impl Iterator<Item = Row> {
    run.records.iter().map(|record| {
        let Record { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy } = *record;
        let restored = run.ended.map(|ended| ended.restored == Some(epoch));
        Row { epoch, step, rate, loss, accuracy, validation_loss, validation_accuracy, restored }
    })
}

fn write_csv(out: &mut impl Write, run: &Run) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for row in rows(run) {
        writer.serialize(row).map_err(std::io::Error::other)?;
    }
    writer.flush()
}

fn write_json(out: &mut impl Write, run: &Run) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct Document<'a> {
        schedule: &'a str,
        hash: String,
        ram_bytes: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        stopped_early: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        restored_epoch: Option<u32>,
        epochs: Vec<Row>,
    }
    let document = Document {
        schedule: &run.name,
        hash: run.hash_text(),
        ram_bytes: run.ram,
        stopped_early: run.ended.map(|ended| ended.patience.is_some()),
        restored_epoch: run.ended.and_then(|ended| ended.restored),
        epochs: rows(run).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Ended;

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
        Run { name: "constant(0.1)".into(), records: vec![record], hash: 1, ram: 10_920, ended: None }
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
        assert!(document.get("stopped_early").is_none() && document["epochs"][0].get("restored").is_none());
    }

    #[test]
    fn early_stopping_is_told() {
        let ended = Ended { epochs: 1, patience: Some(1), restored: Some(0) };
        let run = Run { ended: Some(ended), ..run() };
        let (mut csv, mut json) = (Vec::new(), Vec::new());
        write_csv(&mut csv, &run).unwrap();
        let csv = String::from_utf8(csv).unwrap();
        assert!(csv.starts_with("epoch,step,rate,loss,accuracy,validation_loss,validation_accuracy,restored\n"));
        assert!(csv.ends_with(",true\n"), "{csv}");
        write_json(&mut json, &run).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!((&document["stopped_early"], &document["restored_epoch"]), (&true.into(), &0.into()));
    }
}
