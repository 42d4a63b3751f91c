//! Reference traces made with the real libraries.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use microfit::activation::{
    Activation, Elu, Gelu, GeluTanh, HardSigmoid, LeakyRelu, Linear, Relu, Selu, Sigmoid, Silu, Softmax, Softplus,
    Softsign, Tanh,
};
use microfit::loss::{
    BinaryCrossEntropy, Hinge, Huber, Loss, MeanAbsoluteError, MeanSquaredError, SparseCategoricalCrossEntropy,
};
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
    pub runs: BTreeMap<String, Trace>,
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

/// `train_misc.json`: runs each with its own data and weights, and a table of activations.
#[derive(Debug, Deserialize)]
pub struct Misc {
    /// The points of the table.
    pub activation_x: Vec<f64>,
    /// By name: values and derivatives there.
    pub activations: BTreeMap<String, Table>,
    /// The runs by name.
    pub runs: BTreeMap<String, MiscRun>,
}

/// An activation's values and derivatives.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Table {
    pub f: Vec<f64>,
    pub df: Vec<f64>,
}

/// One of `train_misc.json`'s runs.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)] // the fields of the file, which its README explains
pub struct MiscRun {
    pub config: Config,
    pub init: Vec<f64>,
    #[serde(default, rename = "X")]
    pub features: Vec<Vec<f64>>,
    #[serde(default, rename = "Y")]
    pub targets: Vec<serde_json::Value>,
    #[serde(default)]
    pub data: String,
    pub f64: Trace,
    #[serde(default)]
    pub f32_vs_f64_max_abs_final_weight: f64,
}

/// What a run recorded.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)] // the fields of the file, which its README explains
pub struct Trace {
    /// How it was made, where that stands here.
    pub config: Option<Config>,
    pub epochs: Epochs,
    #[serde(default)]
    pub grad_first_batch: Vec<f64>,
    #[serde(default)]
    pub step_loss: Vec<f64>,
    #[serde(default)]
    pub step_lr: Vec<f64>,
    #[serde(default)]
    pub step_momentum: Vec<f64>,
    #[serde(default)]
    pub weights_after_step: BTreeMap<String, Vec<f64>>,
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
    pub hyper: serde_json::Map<String, serde_json::Value>,
    pub batch: u32,
    pub epochs: u32,
    /// Its `kind`, and the parameters of that kind.
    pub schedule: serde_json::Value,
    pub flavour: String,
    pub orders: Option<String>,
    pub clip_norm: Option<f64>,
    pub clip_value: Option<f64>,
}

/// A value an epoch.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Epochs {
    pub lr: Vec<f64>,
    pub train_loss: Vec<f64>,
    #[serde(default)]
    pub train_acc: Vec<Option<f64>>,
    #[serde(default)]
    pub end_loss: Vec<f64>,
    #[serde(default)]
    pub end_acc: Vec<Option<f64>>,
    #[serde(default)]
    pub val_loss: Vec<f64>,
    #[serde(default)]
    pub val_acc: Vec<Option<f64>>,
}

/// The activation of that name, such as `relu`, or `leaky_relu_0.2` with its parameter.
///
/// # Panics
/// If there is none.
pub fn activation(name: &str) -> &'static dyn Activation {
    match name {
        "linear" => &Linear,
        "relu" => &Relu,
        "sigmoid" => &Sigmoid,
        "tanh" => &Tanh,
        "softsign" => &Softsign,
        "softplus" => &Softplus,
        "hard_sigmoid" | "hardsigmoid" => &HardSigmoid,
        "softmax" => &Softmax,
        "selu" => &Selu,
        "silu" | "swish" => &Silu,
        "gelu" => &Gelu,
        "gelu_tanh" => &GeluTanh,
        "leaky_relu" => &LeakyRelu::TORCH,
        "elu" => &Elu::DEFAULT,
        _ => match name.rsplit_once('_').map(|(kind, text)| (kind, text.parse::<f32>())) {
            Some(("leaky_relu", Ok(slope))) => Box::leak(Box::new(LeakyRelu::new(slope).expect("a slope"))),
            Some(("elu", Ok(alpha))) => Box::leak(Box::new(Elu::new(alpha).expect("an alpha"))),
            _ => panic!("activation {name}: not a known one"),
        },
    }
}

/// The loss of that name.
///
/// # Panics
/// If there is none.
pub fn loss(name: &str) -> &'static dyn Loss {
    match name {
        "bce" => &BinaryCrossEntropy,
        "softmax_ce" => &SparseCategoricalCrossEntropy,
        "mse" => &MeanSquaredError,
        "mae" => &MeanAbsoluteError,
        "huber" => &Huber::DEFAULT,
        "hinge" => &Hinge,
        _ => panic!("loss {name}: not a known one"),
    }
}

/// Samples as the golden files have them.
#[derive(Debug, Default)]
pub struct Samples {
    /// Features, row after row.
    pub features: Vec<Vec<f32>>,
    /// Targets, likewise.
    pub targets: Vec<Vec<f32>>,
}

impl Samples {
    /// Those that stand in the file itself.
    ///
    /// # Panics
    /// If a target is no number and no list of numbers.
    pub fn of(features: &[Vec<f64>], targets: &[serde_json::Value]) -> Self {
        let single = |value: &serde_json::Value| value.as_f64().expect("a number") as f32;
        let row = |value: &serde_json::Value| match value.as_array() {
            Some(values) => values.iter().map(single).collect(),
            None => vec![single(value)],
        };
        Self {
            features: features.iter().map(|row| row.iter().map(|&x| x as f32).collect()).collect(),
            targets: targets.iter().map(row).collect(),
        }
    }

    /// Reads what a golden file's `data` says of Ionosphere, such as
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
        let all = Self::read_csv(name, 1.0, |class| *classes.get(class).expect("a known class"));
        (all.rows(train.expect("training rows")), all.rows(validation.expect("validation rows")))
    }

    /// Reads what a golden file's `data` says of digits, such as
    /// `digits_600.csv: 64 integer pixels 0..16 (divide by 16), class; all 600 rows, in order`.
    ///
    /// # Panics
    /// If the sentence, or the file it names, is of another form.
    pub fn load_classes(sentence: &str) -> Self {
        let (name, rest) = sentence.split_once(": ").expect("a file and a colon");
        let (_, divisor) = rest.split_once("(divide by ").expect("a divisor");
        let (divisor, rest) = divisor.split_once("), class; all ").expect("a class");
        let (rows, order) = rest.split_once(" rows, ").expect("rows");
        assert_eq!(order, "in order", "data: {sentence}");
        let divisor = divisor.parse().expect("a number");
        let samples = Self::read_csv(name, divisor, |class| class.parse().expect("a class"));
        assert_eq!(samples.features.len().to_string(), rows, "data: {sentence}");
        samples
    }

    fn read_csv(name: &str, divisor: f32, target: impl Fn(&str) -> f32) -> Self {
        let beside = folder().join(name);
        // The project holds its data once, with the code that bundles it.
        let bundled_name = if name.starts_with("digits") { "digits.csv" } else { name };
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/data").join(bundled_name);
        let path = if beside.exists() { beside } else { bundled };
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut samples = Self::default();
        for line in text.lines() {
            let (features, class) = line.rsplit_once(',').expect("a class in the last column");
            let feature = |cell: &str| cell.parse::<f32>().expect("a number") / divisor;
            samples.features.push(features.split(',').map(feature).collect());
            samples.targets.push(vec![target(class)]);
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
        self.targets.first().map_or(0, Vec::len)
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), microfit::Error> {
        let (Some(row), Some(y)) = (self.features.get(index), self.targets.get(index)) else {
            return Err(microfit::Error::SampleIndex { index, len: self.features.len() });
        };
        features.copy_from_slice(row);
        target.copy_from_slice(y);
        Ok(())
    }
}
