//! What Keras' configuration says of the layers: which there are, in which order, with which activations.

mod graph;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use serde_json::Value;
use zip::ZipArchive;

use graph::{Entry, entries};
use words::{leaky, loss_of, named_activation};

use super::Scaling;
use super::assemble::factor;
use super::error::ModelError;
use super::hdf5;
use super::tensor::Tensor;

/// No configuration or weights of a model for a microcontroller are longer.
const MOST_BYTES: u64 = 1 << 28;

/// What a configuration says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Config {
    /// The dense layers, first to last; `None` if there is no configuration.
    pub(super) layers: Option<Vec<Spec>>,
    /// The name of the `Normalization` whose numbers are among the weights.
    normalization: Option<String>,
    /// A `Normalization` whose numbers stand in the configuration.
    pub(super) scaling: Option<Scaling>,
    pub(super) loss: Option<String>,
    /// The layers whose weights are kept in bfloat16, which the older format of files tells nowhere else.
    bfloat16: BTreeSet<String>,
    /// Where there is no configuration: what stands for the order of layers in place of their names.
    pub(super) places: BTreeMap<String, String>,
}

/// A dense layer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) units: usize,
    pub(super) activation: String,
}

fn refuse(error: impl std::fmt::Display) -> ModelError {
    ModelError::Format { expected: "a whole .keras file", found: error.to_string() }
}

/// The tensors and the configuration of a `.keras` file.
pub(super) fn archive(bytes: &[u8]) -> Result<(Vec<Tensor>, Config), ModelError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(refuse)?;
    if archive.file_names().any(|name| name.ends_with("data.pkl")) {
        return Err(ModelError::Pickle);
    }
    let config = json(&member(&mut archive, "config.json")?)?;
    let metadata = member(&mut archive, "metadata.json").and_then(|bytes| json(&bytes));
    let version = metadata.ok().and_then(|metadata| Some(metadata.get("keras_version")?.as_str()?.to_owned()));
    let mut config = Config::of(&config, version.as_deref())?;
    let mut tensors = hdf5::file(member(&mut archive, "model.weights.h5")?)?.0;
    config.name(&mut tensors);
    Ok((tensors, config))
}

fn member(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, ModelError> {
    let file = archive.by_name(name).map_err(|error| refuse(format!("{name}: {error}")))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| refuse(format!("{name}: {error}")))?;
    Ok(bytes)
}

fn json(bytes: &[u8]) -> Result<Value, ModelError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ModelError::Format { expected: "a configuration in JSON", found: error.to_string() })
}

impl Config {
    /// From the attributes of the older format.
    pub(super) fn of_h5(model: &str, training: Option<&str>, version: Option<&str>) -> Result<Self, ModelError> {
        let config = Self::of(&json(model.as_bytes())?, version)?;
        let loss = training.map(|training| json(training.as_bytes())).transpose()?;
        Ok(Self { loss: loss.as_ref().and_then(|training| loss_of(training.get("loss")?)), ..config })
    }

    /// Of a file without a configuration.
    pub(super) fn of_places(places: BTreeMap<String, String>) -> Self {
        Self { places, ..Self::default() }
    }

    fn of(model: &Value, version: Option<&str>) -> Result<Self, ModelError> {
        let mut config = Self {
            layers: Some(Vec::new()),
            loss: model.get("compile_config").and_then(|compiled| loss_of(compiled.get("loss")?)),
            ..Self::default()
        };
        let mut flat = true;
        for entry in entries(model)? {
            if is_bfloat16(entry.config) {
                config.bfloat16.insert(entry.name.to_owned());
            }
            config.take(&entry, &mut flat, version)?;
        }
        Ok(config)
    }

    fn take(&mut self, entry: &Entry, flat: &mut bool, version: Option<&str>) -> Result<(), ModelError> {
        let layers = self.layers.get_or_insert_default();
        // What the first layer of an older Sequential says in place of an InputLayer.
        for key in ["batch_shape", "batch_input_shape"] {
            if let Some(Value::Array(sides)) = entry.config.get(key) {
                *flat = sides.len() <= 2;
            }
        }
        let linear = layers.last_mut().filter(|layer| layer.activation == "linear");
        let activation = match entry.class {
            "InputLayer" | "Dropout" | "GaussianDropout" | "AlphaDropout" | "GaussianNoise" => return Ok(()),
            "Flatten" => {
                if entry.config.get("data_format").and_then(Value::as_str) == Some("channels_first") {
                    return Err(entry.refuse("channels last", "channels first"));
                }
                *flat = true;
                return Ok(());
            }
            "Dense" => {
                if !*flat || entry.rank.is_some_and(|rank| rank > 2) {
                    return Err(entry.refuse("a Flatten before the first dense layer", "inputs of more than one side"));
                }
                let Some(units) = entry.config.get("units").and_then(Value::as_u64) else {
                    return Err(entry.refuse("a number of units", "none"));
                };
                let activation = named_activation(entry, version)?;
                layers.push(Spec { name: entry.name.to_owned(), units: units as usize, activation });
                return Ok(());
            }
            "Normalization" => {
                let late = !layers.is_empty();
                return self.normalize(entry, late);
            }
            "Activation" => named_activation(entry, version)?,
            "ReLU" => {
                match (entry.config.get("max_value"), entry.number("negative_slope"), entry.number("threshold")) {
                    (None | Some(Value::Null), slope, None | Some(0.0)) => leaky(slope.unwrap_or(0.0)),
                    _ => return Err(entry.refuse("a ReLU without a maximum and a threshold", "one with them")),
                }
            }
            "LeakyReLU" => leaky(entry.number("negative_slope").or_else(|| entry.number("alpha")).unwrap_or(0.3)),
            "ELU" => format!("elu({})", entry.number("alpha").unwrap_or(1.0) as f32),
            "Softmax" => "softmax".to_owned(),
            class => {
                let expected = "Dense, Activation, ReLU, LeakyReLU, ELU, Softmax, Flatten, Dropout or Normalization";
                return Err(entry.refuse(expected, class));
            }
        };
        match linear {
            Some(layer) => {
                layer.activation = activation;
                Ok(())
            }
            None => Err(entry.refuse("a Dense layer without an activation of its own before it", "none")),
        }
    }

    fn normalize(&mut self, entry: &Entry, late: bool) -> Result<(), ModelError> {
        if late || self.normalization.is_some() || self.scaling.is_some() {
            return Err(entry.refuse("one Normalization, before the first dense layer", "another one"));
        }
        if entry.config.get("invert").and_then(Value::as_bool) == Some(true) {
            return Err(entry.refuse("a Normalization", "the inverse of one"));
        }
        match (entry.config.get("mean"), entry.config.get("variance")) {
            (None | Some(Value::Null), None | Some(Value::Null)) => self.normalization = Some(entry.name.to_owned()),
            (Some(mean), Some(variance)) => {
                let (mut shift, mut variances) = (Vec::new(), Vec::new());
                if !(flatten(mean, &mut shift) && flatten(variance, &mut variances) && shift.len() == variances.len()) {
                    return Err(entry.refuse("a mean and a variance for each input", "something else"));
                }
                self.scaling = Some(Scaling { shift, factor: variances.into_iter().map(factor).collect() });
            }
            _ => return Err(entry.refuse("a mean and a variance", "one of them")),
        }
        Ok(())
    }

    /// Whether the configuration has a layer of this name that nothing is to be read of, such as a dropout.
    pub(super) fn has_no_use_for(&self, layer: &str) -> bool {
        let Some(layers) = &self.layers else { return false };
        self.normalization.as_deref() != Some(layer) && layers.iter().all(|spec| spec.name != layer)
    }

    /// Whether a layer's weights are kept in bfloat16.
    pub(super) fn is_bfloat16(&self, layer: &str) -> bool {
        self.bfloat16.contains(layer)
    }

    /// Files of the first versions of Keras 3 do not say the layers' names: there a group is known by class and number.
    fn name(&mut self, tensors: &mut [Tensor]) {
        let Some(layers) = &self.layers else { return };
        let numbered = |(k, spec): (usize, &Spec)| {
            let group = if k == 0 { "layers/dense".to_owned() } else { format!("layers/dense_{k}") };
            (group, spec.name.clone())
        };
        let mut names: BTreeMap<String, String> = layers.iter().enumerate().map(numbered).collect();
        names.extend(self.normalization.clone().map(|name| ("layers/normalization".to_owned(), name)));
        for tensor in tensors {
            if let Some((group, role)) = tensor.name.rsplit_once('/')
                && let Some(name) = names.get(group)
            {
                tensor.name = format!("{name}/{role}");
            }
        }
    }
}

/// Keras 2 writes the type's name, Keras 3 a policy of this name; that of `mixed_bfloat16` keeps the weights in float32.
fn is_bfloat16(config: &Value) -> bool {
    let dtype = config.get("dtype");
    let policy = dtype.and_then(|dtype| dtype.get("config")?.get("name"));
    policy.or(dtype).and_then(Value::as_str) == Some("bfloat16")
}

/// All numbers in lists within lists.
fn flatten(value: &Value, into: &mut Vec<f32>) -> bool {
    match value {
        Value::Array(values) => values.iter().all(|value| flatten(value, into)),
        Value::Number(number) => {
            into.extend(number.as_f64().map(|number| number as f32));
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dense(name: &str, activation: &Value) -> Value {
        json!({ "class_name": "Dense", "config": { "name": name, "units": 3, "activation": activation } })
    }

    fn sequential(layers: &[Value]) -> Value {
        json!({ "class_name": "Sequential", "config": { "name": "net", "layers": layers } })
    }

    fn layer(class: &str, more: &Value) -> Value {
        let mut config = json!({ "name": "it" });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "class_name": class, "config": config })
    }

    fn activations(model: &Value, version: Option<&str>) -> Result<String, String> {
        let config = Config::of(model, version).map_err(|error| error.to_string())?;
        let layers = config.layers.unwrap();
        Ok(layers.iter().map(|layer| format!("{} {}", layer.name, layer.activation)).collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn activations_have_microfits_names() {
        let of = |activation: Value| activations(&sequential(&[dense("a", &activation)]), Some("3.1"));
        for (keras, expected) in [
            (json!("relu"), "a relu"),
            (json!(null), "a linear"),
            (json!("swish"), "a silu"),
            (json!("leaky_relu"), "a leaky-relu(0.2)"),
            (json!("hard_sigmoid"), "a hard-sigmoid"),
            (json!({ "module": "builtins", "class_name": "function", "config": "tanh" }), "a tanh"),
        ] {
            assert_eq!(of(keras).unwrap(), expected);
        }
        assert_eq!(of(json!("mish")).unwrap_err(), "layer `a`: expected an activation that microfit has, found mish");
        let old = activations(&sequential(&[dense("a", &json!("hard_sigmoid"))]), Some("2.15.0"));
        assert!(old.unwrap_err().contains("hard_sigmoid of Keras 2"));
        // Those of layers behind one.
        for (class, more, expected) in [
            ("Activation", json!({ "activation": "softplus" }), "a softplus"),
            ("ReLU", json!({ "max_value": null, "negative_slope": 0.0, "threshold": 0.0 }), "a relu"),
            ("ReLU", json!({ "negative_slope": 0.5 }), "a leaky-relu(0.5)"),
            ("LeakyReLU", json!({ "alpha": 0.1 }), "a leaky-relu(0.1)"),
            ("ELU", json!({ "alpha": 0.5 }), "a elu(0.5)"),
            ("Softmax", json!({}), "a softmax"),
        ] {
            let model = sequential(&[dense("a", &json!("linear")), layer(class, &more)]);
            assert_eq!(activations(&model, None).unwrap(), expected);
            let twice = sequential(&[dense("a", &json!("tanh")), layer(class, &more)]);
            assert!(activations(&twice, None).unwrap_err().contains("without an activation of its own"));
        }
    }

    #[test]
    fn what_no_dense_network_has_is_refused() {
        let linear = json!("linear");
        let input = |shape: Value| layer("InputLayer", &json!({ "batch_shape": shape }));
        let flatten = layer("Flatten", &json!({}));
        let one = dense("a", &linear);
        for (layers, expected) in [
            (vec![layer("Conv2D", &json!({}))], "layer `it`: expected Dense, "),
            (vec![layer("ReLU", &json!({ "max_value": 6.0 }))], "layer `it`: expected a ReLU without a maximum"),
            (vec![input(json!([null, 2, 2])), one.clone()], "layer `a`: expected a Flatten before"),
            (vec![layer("Flatten", &json!({ "data_format": "channels_first" }))], "layer `it`: expected channels last"),
            (vec![one.clone(), layer("Normalization", &json!({}))], "layer `it`: expected one Normalization, before"),
            (vec![layer("Normalization", &json!({ "invert": true }))], "layer `it`: expected a Normalization, found"),
            (vec![layer("Normalization", &json!({ "mean": "x", "variance": [] }))], "layer `it`: expected a mean and"),
            (vec![layer("Dense", &json!({}))], "layer `it`: expected a number of units, found none"),
            (vec![json!({ "config": {} })], "expected the configuration of a Keras model, found no class of a layer"),
        ] {
            let error = activations(&sequential(&layers), None).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(activations(&sequential(&[input(json!([null, 2, 2])), flatten, one.clone()]), None).is_ok());
        let mut built = dense("a", &linear);
        built["build_config"] = json!({ "input_shape": [null, 7, 3] });
        let error = activations(&sequential(&[built]), None).unwrap_err();
        assert!(error.starts_with("layer `a`: expected a Flatten before"), "{error}");
        let nested = sequential(&[sequential(&[one])]);
        assert!(activations(&nested, None).unwrap_err().ends_with("found Sequential"));
        assert!(activations(&json!({}), None).unwrap_err().ends_with("found no class_name"));
        let other = json!({ "class_name": "MyModel", "config": { "name": "mine", "layers": [] } });
        assert!(activations(&other, None).unwrap_err().starts_with("layer `mine`: expected a model of the class"));
    }

    #[test]
    fn a_normalization_may_stand_in_the_configuration() {
        let norm = layer("Normalization", &json!({ "mean": [[1.0, 2.0]], "variance": [[4.0, 0.0]] }));
        let config = Config::of(&sequential(&[norm, dense("a", &json!("relu"))]), None).unwrap();
        let scaling = config.scaling.unwrap();
        // As Keras has it, no deviation is less than 1e-7.
        assert_eq!((scaling.shift, scaling.factor), (vec![1.0, 2.0], vec![0.5, 1e7]));
    }

    /// As the first versions of Keras 3 wrote it, without names in the weights.
    #[test]
    fn groups_are_told_by_class_and_number() {
        let model =
            sequential(&[layer("Normalization", &json!({})), dense("b", &json!("relu")), dense("a", &json!("relu"))]);
        let mut config = Config::of(&model, None).unwrap();
        let named = |name: &str| Tensor {
            name: name.into(),
            shape: crate::exchange::Shape(vec![]),
            dtype: Err(String::new()),
            bytes: Vec::new(),
        };
        let mut tensors =
            ["layers/dense/kernel", "layers/dense_1/bias", "layers/normalization/mean", "other/x"].map(named);
        config.name(&mut tensors);
        assert_eq!(tensors.map(|tensor| tensor.name), ["b/kernel", "a/bias", "it/mean", "other/x"]);
    }
}
