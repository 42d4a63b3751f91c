//! safetensors: eight bytes of length, a header in JSON, and numbers.

use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype as Stored, SafeTensors, serialize};

use super::Model;
use super::assemble::transposed;
use super::error::ModelError;
use super::names::{Layout, SCALING};
use super::tensor::{Dtype, Shape, Tensor};

/// All tensors of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Tensor>, ModelError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| ModelError::Format { expected: "a whole safetensors file", found: error.to_string() })?;
    let tensor = |(name, view): (&str, TensorView)| Tensor {
        name: name.to_owned(),
        shape: Shape(view.shape().to_vec()),
        dtype: match view.dtype() {
            Stored::F16 => Ok(Dtype::F16),
            Stored::BF16 => Ok(Dtype::Bf16),
            Stored::F32 => Ok(Dtype::F32),
            Stored::F64 => Ok(Dtype::F64),
            other => Err(format!("{other:?}")),
        },
        bytes: view.data().to_vec(),
    };
    let mut tensors: Vec<Tensor> = file.iter().map(tensor).collect();
    // The library's order differs from run to run.
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

/// Sees that each layer has a name of its own; the only one may have none, as a `Linear` of PyTorch that is in no other module.
fn check_names(model: &Model, names: &[String]) -> Result<(), ModelError> {
    let refuse = |expected: &str, found: String| ModelError::Topology(format!("expected {expected}, found {found}"));
    let layers = model.layers.len();
    if names.len() != layers {
        let expected = format!("{layers} names, one for each layer of {}", model.widths());
        return Err(refuse(&expected, names.len().to_string()));
    }
    if let Some(at) = names.iter().position(String::is_empty).filter(|_| layers > 1) {
        return Err(refuse("a name for each layer", format!("none for layer {at}")));
    }
    // Of two tensors with one name the library panics.
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, name)) => Err(refuse("a name of its own for each layer", format!("`{name}` twice"))),
        None => Ok(()),
    }
}

/// A file with the model's numbers, to the bit. The layers have the given names, or those of a PyTorch `Sequential` in which an
/// activation stands behind each (`0.weight`, `0.bias`, `2.weight`), or of a Keras model (`dense/kernel`, `dense/bias`,
/// `dense_1/kernel`). Data scaling stands beside them as `scaling.shift` and `scaling.factor`.
///
/// # Errors
/// [`ModelError::Topology`] unless there are as many names as layers, and different ones; [`ModelError::Format`] for what the library
/// refuses.
pub fn write(model: &Model, layout: Layout, names: Option<&[String]>) -> Result<Vec<u8>, ModelError> {
    let names: Vec<String> = match (names, layout) {
        (Some(names), _) => names.to_vec(),
        (None, Layout::Torch) => (0..model.layers.len()).map(|layer| (2 * layer).to_string()).collect(),
        (None, Layout::Keras) => (0..model.layers.len())
            .map(|layer| if layer == 0 { "dense".into() } else { format!("dense_{layer}") })
            .collect(),
    };
    check_names(model, &names)?;
    let (dot, weight) = match layout {
        Layout::Torch => ('.', "weight"),
        Layout::Keras => ('/', "kernel"),
    };
    let mut tensors: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    for (layer, name) in model.layers.iter().zip(&names) {
        let (weights, biases) = layer.params.split_at(layer.units * layer.inputs);
        let name = |last: &str| if name.is_empty() { last.to_owned() } else { format!("{name}{dot}{last}") };
        tensors.push(match layout {
            Layout::Torch => (name(weight), vec![layer.units, layer.inputs], weights.to_vec()),
            Layout::Keras => (name(weight), vec![layer.inputs, layer.units], transposed(weights, layer.units)),
        });
        tensors.push((name("bias"), vec![layer.units], biases.to_vec()));
    }
    if let Some(scaling) = &model.scaling {
        for (last, values) in [("shift", &scaling.shift), ("factor", &scaling.factor)] {
            tensors.push((format!("{SCALING}{dot}{last}"), vec![values.len()], values.clone()));
        }
    }
    let refuse = |error: safetensors::SafeTensorError| ModelError::Format {
        expected: "a model that safetensors takes",
        found: error.to_string(),
    };
    let stored: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, shape, values)| (name, shape, values.into_iter().flat_map(f32::to_le_bytes).collect()))
        .collect();
    let mut views = Vec::with_capacity(stored.len());
    for (name, shape, bytes) in &stored {
        views.push((name.as_str(), TensorView::new(Stored::F32, shape.clone(), bytes).map_err(refuse)?));
    }
    // As PyTorch's own files say it; readers of some libraries want it.
    let format = if layout == Layout::Torch { "pt" } else { "np" };
    serialize(views, Some(HashMap::from([("format".to_owned(), format.to_owned())]))).map_err(refuse)
}
