//! The file of a trained model.

use std::path::Path;

use microfit::Topology;
use microfit::data::Scaling;

use crate::error::Error;
use crate::exchange::{self, DenseLayer, Layout, Model, ModelError, to_safetensors};
use crate::{frame, output};

/// Writes it: safetensors in PyTorch's layout if its name ends so, else a frame.
pub(super) fn save(path: &Path, topology: Topology, params: &[f32], scaling: Option<Scaling>) -> Result<(), Error> {
    let refuse = |source| Error::Model { path: path.into(), source };
    let safetensors = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("safetensors"));
    let bytes = if safetensors {
        to_safetensors(&model(topology, params, scaling), Layout::Torch, None).map_err(refuse)?
    } else {
        let scaling = scaling.as_ref().map(|scaling| (scaling.shift(), scaling.factor()));
        let frame = frame::of_model(topology, params, scaling);
        frame.map_err(|error| refuse(ModelError::Frame(error.to_string())))?.0
    };
    output::file(path, &bytes)
}

fn model(topology: Topology, params: &[f32], scaling: Option<Scaling>) -> Model {
    let (mut inputs, mut rest, mut layers) = (topology.inputs(), params, Vec::new());
    for (index, layer) in topology.layers().iter().enumerate() {
        let units = layer.units();
        let (params, tail) = rest.split_at_checked(units * (inputs + 1)).unwrap_or_default();
        layers.push(DenseLayer { name: index.to_string(), inputs, units, params: params.to_vec(), activation: None });
        (inputs, rest) = (units, tail);
    }
    let scaling =
        scaling.map(|scaling| exchange::Scaling { shift: scaling.shift().to_vec(), factor: scaling.factor().to_vec() });
    Model { layers, scaling, ..Model::default() }
}
