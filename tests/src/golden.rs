//! Reference traces made with the real libraries.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use microfit::activation::{Activation, Linear, Relu, Sigmoid, Tanh};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The folder with the reference traces: `MICROFIT_GOLDEN`, or the trimmed copies in `tests/golden`.
///
/// # Panics
/// If `MICROFIT_GOLDEN` names no folder: a test must not pass because it found nothing to read.
pub fn folder() -> PathBuf {
    let folder = std::env::var_os("MICROFIT_GOLDEN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("golden"), PathBuf::from);
    assert!(folder.is_dir(), "golden traces: expected a folder, found {}", folder.display());
    folder
}

/// One file of [`folder`], or the trimmed copy if it is not there, which is said.
///
/// # Panics
/// If it is missing or not of the expected form.
pub fn load<T: DeserializeOwned>(name: &str) -> T {
    let mut path = folder().join(name);
    if !path.exists() {
        eprintln!("{} is not there: the copy in tests/golden is used", path.display());
        path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `train_*_based.json`: one experiment, several runs from the same weights.
#[derive(Debug, Deserialize)]
pub struct Experiment {
    /// Where the samples are, in words: see [`Samples::load`].
    pub data: String,
    /// Initial parameters, layer after layer, weights `[out][in]` then biases.
    pub init: Vec<f64>,
    /// The runs by name.
    pub runs: BTreeMap<String, Run>,
    /// How far the reference's own f32 run is from its f64 run.
    #[serde(default)]
    pub f32_vs_f64: Gap,
}

/// The distance of the reference's own f32 run from its f64 run; 0 where it is not recorded.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Gap {
    pub max_abs_final_weight: f64,
    pub max_abs_train_loss: f64,
    pub max_abs_val_loss: f64,
}

/// One recorded run.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)] // the fields of the file, which its README explains
pub struct Run {
    pub config: Config,
    pub epochs: Epochs,
    #[serde(default)]
    pub grad_first_batch: Vec<f64>,
    #[serde(default)]
    pub step_loss: Vec<f64>,
    #[serde(default)]
    pub step_lr: Vec<f64>,
    #[serde(default)]
    pub weights_after_step: BTreeMap<u32, Vec<f64>>,
    pub weights_final: Vec<f64>,
}

/// How a run was made. Unknown settings are refused, so that no run passes by being misread.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub sizes: Vec<u16>,
    pub acts: Vec<String>,
    pub loss: String,
    pub opt: String,
    pub hyper: BTreeMap<String, serde_json::Value>,
    pub batch: u32,
    pub epochs: u32,
    pub schedule: Schedule,
    pub flavour: String,
    pub orders: Option<String>,
}

/// A training run's schedule: its kind, and the parameters of that kind.
///
/// Not a tagged enum: another dependency turns on serde_json's `arbitrary_precision`, with which those read no floats.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Schedule {
    pub kind: String,
    #[serde(default)]
    pub formula: String,
    pub lr0: f64,
    pub decay: Option<f64>,
    pub drop: Option<f64>,
    pub epochs_drop: Option<f64>,
}

/// A value an epoch.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Epochs {
    pub lr: Vec<f64>,
    pub train_loss: Vec<f64>,
    #[serde(default)]
    pub train_acc: Vec<f64>,
    #[serde(default)]
    pub end_loss: Vec<f64>,
    #[serde(default)]
    pub end_acc: Vec<f64>,
    #[serde(default)]
    pub val_loss: Vec<f64>,
    #[serde(default)]
    pub val_acc: Vec<f64>,
}

/// The activation of that name.
///
/// # Panics
/// If there is none.
pub fn activation(name: &str) -> &'static dyn Activation {
    match name {
        "linear" => &Linear,
        "relu" => &Relu,
        "sigmoid" => &Sigmoid,
        "tanh" => &Tanh,
        _ => panic!("activation {name}: not one of linear, relu, sigmoid, tanh"),
    }
}

/// Rows of a CSV, as the golden files name them.
#[derive(Debug, Default)]
pub struct Samples {
    /// Features, row after row.
    pub features: Vec<Vec<f32>>,
    /// 1 for the class that counts as positive, else 0.
    pub targets: Vec<f32>,
}

impl Samples {
    /// Reads what a golden file's `data` says, such as
    /// `ionosphere.csv, rows 0..234 train, 235..350 validation, class g -> 1, b -> 0, no scaling`: the training rows
    /// and the validation rows, bounds inclusive.
    ///
    /// # Panics
    /// If the sentence, or the file it names, is of another form.
    pub fn load(sentence: &str) -> (Self, Self) {
        let mut parts = sentence.split(", ");
        let name = parts.next().expect("a file");
        let (mut train, mut validation) = (None, None);
        let mut classes = BTreeMap::new();
        for part in parts {
            let part = part.trim_start_matches("rows ").trim_start_matches("class ");
            if let Some(range) = part.strip_suffix(" train") {
                train = Some(parse_range(range));
            } else if let Some(range) = part.strip_suffix(" validation") {
                validation = Some(parse_range(range));
            } else if let Some((class, value)) = part.split_once(" -> ") {
                classes.insert(class.to_owned(), value.parse().expect("a class's value"));
            } else {
                assert_eq!(part, "no scaling", "data: {sentence}");
            }
        }
        let all = Self::read_csv(name, &classes);
        (all.rows(train.expect("training rows")), all.rows(validation.expect("validation rows")))
    }

    fn read_csv(name: &str, classes: &BTreeMap<String, f32>) -> Self {
        let beside = folder().join(name);
        // The project holds Ionosphere once, with the code that bundles it.
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/data").join(name);
        let path = if beside.exists() { beside } else { bundled };
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut samples = Self::default();
        for line in text.lines() {
            let (features, class) = line.rsplit_once(',').expect("a class in the last column");
            samples.features.push(features.split(',').map(|cell| cell.parse().expect("a number")).collect());
            samples.targets.push(*classes.get(class).expect("a known class"));
        }
        samples
    }

    fn rows(&self, range: std::ops::RangeInclusive<usize>) -> Self {
        Self { features: self.features[range.clone()].to_vec(), targets: self.targets[range].to_vec() }
    }
}

fn parse_range(range: &str) -> std::ops::RangeInclusive<usize> {
    let (from, to) = range.split_once("..").expect("FROM..TO");
    from.parse().expect("a row")..=to.parse().expect("a row")
}

impl microfit::data::Dataset for Samples {
    fn len(&self) -> usize {
        self.features.len()
    }

    fn features(&self) -> usize {
        self.features.first().map_or(0, Vec::len)
    }

    fn targets(&self) -> usize {
        1
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), microfit::Error> {
        let (Some(row), Some(&y)) = (self.features.get(index), self.targets.get(index)) else {
            return Err(microfit::Error::SampleIndex { index, len: self.features.len() });
        };
        features.copy_from_slice(row);
        target[0] = y;
        Ok(())
    }
}
