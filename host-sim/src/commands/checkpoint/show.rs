//! `microfit checkpoint show`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use comfy_table::Table;
use serde_json::{Value, json};

use super::read;
use crate::error::Error;
use crate::exchange::{FileKind, Model, Selection};
use crate::frame::{self, Contents, Found, Statistics};
use crate::output;
use crate::table::table;

/// Show all that a file says.
///
/// Of a frame: place, version, length, sequence, fingerprint, erases, shape, progress, early stopping, sections with
/// their sizes and numbers, the hash of the weights. Of the image of a flash: every frame in it, which is the newest whole
/// one, and what is wrong with the others. Of safetensors, .keras and .h5: layers, activations, loss and numbers.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// A frame, the image of a flash, safetensors, .keras or .h5.
    pub file: PathBuf,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

impl Show {
    /// Prints it.
    ///
    /// # Errors
    /// [`Error::Model`] for a file without a frame that is no model either; [`Error::Read`].
    pub fn run(&self) -> Result<(), Error> {
        let bytes = read(&self.file)?;
        let found = if FileKind::of(&bytes) == FileKind::Frames { frame::scan(&bytes) } else { Vec::new() };
        if found.is_empty() {
            let model = Model::from_bytes(bytes, &Selection::default());
            let model = model.map_err(|source| Error::Model { path: self.file.clone(), source })?;
            return if self.json { self.print(&model_json(&model)) } else { output::line(model_text(&model)) };
        }
        if self.json {
            return self.print(&frames_json(bytes.len(), &found));
        }
        output::line(format_args!("{}: {} bytes\n\n{}", self.file.display(), bytes.len(), frames_text(&found)))
    }

    fn print(&self, value: &Value) -> Result<(), Error> {
        let mut document = json!({ "file": self.file.display().to_string() });
        if let (Some(document), Value::Object(more)) = (document.as_object_mut(), value) {
            document.extend(more.clone());
        }
        output::line(format_args!("{document:#}"))
    }
}

fn frames_json(len: usize, found: &[Found]) -> Value {
    let frames = found.iter().map(|frame| {
        let mut object = match &frame.contents {
            Ok(contents) => serde_json::to_value(contents).unwrap_or_default(),
            Err(error) => json!({
                "kind": format!("{:?}", frame.claim.kind).to_lowercase(),
                "version": frame.claim.version,
                "length": frame.claim.len,
                "sequence": frame.claim.sequence,
                "error": error.to_string(),
            }),
        };
        object["offset"] = frame.offset.into();
        object["whole"] = frame.contents.is_ok().into();
        object
    });
    json!({
        "bytes": len,
        "newest": frame::newest(found).map(|frame| frame.offset),
        "frames": frames.collect::<Vec<_>>(),
    })
}

/// A row a frame, and all of the newest whole one.
fn frames_text(found: &[Found]) -> String {
    let mut rows = table(&["frame", "at byte", "version", "sequence", "bytes", "state"]);
    let newest = frame::newest(found);
    for frame in found {
        let state = match (&frame.contents, newest) {
            (Ok(_), Some(newest)) if newest.offset == frame.offset => "whole, the newest".to_owned(),
            (Ok(_), _) => "whole".to_owned(),
            (Err(error), _) => error.to_string(),
        };
        rows.add_row([
            frame.claim.kind.to_string(),
            frame.offset.to_string(),
            frame.claim.version.to_string(),
            frame.claim.sequence.to_string(),
            frame.claim.len.to_string(),
            state,
        ]);
    }
    let mut text = rows.to_string();
    if let Some(Found { contents: Ok(contents), .. }) = newest {
        let _ = write!(text, "\n\n{}", contents_text(contents));
    }
    text
}

fn contents_text(contents: &Contents) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(facts, "{name:26} {value}");
    };
    fact("fingerprint", contents.fingerprint.clone());
    fact("pages erased", contents.erases.to_string());
    let layers = contents.layers.iter().map(|layer| {
        let frozen = if layer.frozen { "frozen " } else { "" };
        format!("{frozen}{} {}", layer.units, layer.activation)
    });
    fact("shape", format!("{} inputs, {}", contents.inputs, layers.collect::<Vec<_>>().join(", ")));
    if let Some(progress) = &contents.progress {
        fact("progress", format!("{} epochs, {} updates", progress.epochs, progress.updates));
        let phase = serde_json::to_value(progress.phase).unwrap_or_default();
        let phase = phase.as_str().unwrap_or_default().replace('_', " ");
        let of = match phase.as_str() {
            "samples" | "update" => format!(
                ": {} of {} samples of the epoch done, {} of them since the last update",
                progress.position, progress.samples, progress.in_batch
            ),
            "validation" => format!(": {} samples done", progress.position),
            _ => String::new(),
        };
        fact("next", format!("{phase}{of}"));
        let mut rate = format!("{}, times {}", progress.rate, progress.rate_factor);
        if let Some(forced) = progress.forced_rate {
            let _ = write!(rate, "; forced to {forced}");
        }
        if let Some(momentum) = progress.momentum {
            let _ = write!(rate, "; momentum {momentum}");
        }
        fact("rate of the last batch", rate);
        if progress.cleared > 0 {
            fact("optimizer's state cleared", format!("after update {}", progress.cleared));
        }
        for (name, means) in [("training means", progress.train), ("validation means", progress.validation)] {
            if let Some(means) = means {
                let accuracy = means.accuracy.map_or_else(String::new, |accuracy| format!(", accuracy {accuracy:.4}"));
                fact(name, format!("loss {:.6}{accuracy}, {} samples", means.loss, means.samples));
            }
        }
    }
    if let Some(early) = &contents.early_stopping {
        let best = early.best.map_or_else(
            || "no metric yet".to_owned(),
            |best| format!("best {best} in epoch {}, counted from 0", early.best_epoch),
        );
        fact("early stopping", format!("{best}; {} epochs seen, {} waited", early.epochs, early.waited));
    }
    match (&contents.plateau, contents.feedback.len()) {
        (_, 0) => {}
        (Some(plateau), words) => {
            let best = plateau.best.map_or_else(|| "no metric yet".to_owned(), |best| format!("best {best}"));
            let of = format!("{words} words; of a reduction on plateau: ");
            let (rate, bad, cooldown) = (plateau.rate, plateau.bad, plateau.cooldown);
            fact("rate driven by a metric", format!("{of}rate {rate}, {best}, {bad} bad, cooldown {cooldown}"));
        }
        (None, words) => fact("rate driven by a metric", format!("{words} words")),
    }
    if !contents.user.is_empty() {
        let cut = if contents.user.len() > 64 { "..." } else { "" };
        fact("caller's own bytes", format!("{:.64}{cut}", contents.user));
    }
    fact("weights' hash", contents.hash.clone());
    let mut sections = numbers(&["section", "tag", "bytes"]);
    for section in &contents.sections {
        let mut row = vec![section.name.clone(), section.tag.to_string(), section.bytes.to_string()];
        row.extend(figures(section.statistics.as_ref()));
        sections.add_row(row);
    }
    format!("{facts}\n{sections}")
}

/// A table that ends in [`figures`].
fn numbers(first: &[&str]) -> Table {
    table(&[first, &["numbers", "min", "max", "mean", "norm", "not finite"]].concat())
}

fn figures(statistics: Option<&Statistics>) -> Vec<String> {
    let Some(found) = statistics else { return vec![String::new(); 6] };
    let short = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
    let (min, max) = (found.min.map(f64::from), found.max.map(f64::from));
    let figures = [short(min), short(max), short(found.mean), short(found.norm)];
    [vec![found.count.to_string()], figures.to_vec(), vec![found.not_finite.to_string()]].concat()
}

fn model_json(model: &Model) -> Value {
    let layers = model.layers.iter().map(|layer| {
        json!({
            "name": layer.name,
            "inputs": layer.inputs,
            "units": layer.units,
            "activation": layer.activation,
            "statistics": Statistics::of(&layer.params),
        })
    });
    json!({
        "kind": "model of another program",
        "inputs": model.inputs(),
        "layers": layers.collect::<Vec<_>>(),
        "scaling": model.scaling.as_ref().map(|scaling| json!({ "shift": scaling.shift, "factor": scaling.factor })),
        "loss": model.loss,
        "notes": model.notes,
        "hash": format!("{:#018x}", microfit::weights_hash(&model.params())),
    })
}

fn model_text(model: &Model) -> String {
    let mut layers = numbers(&["layer", "inputs", "units", "activation"]);
    for layer in &model.layers {
        let activation = layer.activation.clone().unwrap_or_else(|| "not told".into());
        let mut row = vec![layer.name.clone(), layer.inputs.to_string(), layer.units.to_string(), activation];
        row.extend(figures(Some(&Statistics::of(&layer.params))));
        layers.add_row(row);
    }
    let mut text = format!("{layers}\n\n{}", model.summary());
    if let Some(loss) = &model.loss {
        let _ = write!(text, "\ntrained with the loss {loss}");
    }
    for note in &model.notes {
        let _ = write!(text, "\n{note}");
    }
    let hash = microfit::weights_hash(&model.params());
    let _ = write!(text, "\nweights' hash {hash:#018x}");
    if let Some(constant) = model.constant() {
        let _ = write!(text, "\n{constant}");
    }
    text
}
