//! A model out of a frame of microfit.

use super::error::ModelError;
use super::{DenseLayer, Model, Scaling};
use crate::frame::{self, Contents};

/// Which parameters of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Those it would train on from.
    #[default]
    Latest,
    /// The best so far, as early stopping keeps them.
    Best,
}

/// The model of the frame at an offset, else of the newest in a file: a frame, or the image of a flash.
///
/// # Errors
/// [`ModelError::Kind`] for a file without any; [`ModelError::Frame`] if none is whole, or none at that offset, or those in the
/// file are of different runs, so that the newest of all is nobody's; [`ModelError::Layer`] for a frozen layer, and
/// [`ModelError::NotFinite`].
pub(super) fn from_bytes(bytes: &[u8], at: Option<usize>, which: Which) -> Result<Model, ModelError> {
    let found = frame::scan(bytes);
    let chosen = if let Some(at) = at {
        let there = found.iter().find(|frame| frame.offset == at);
        there.ok_or_else(|| ModelError::Frame(format!("expected a frame at byte {at}, found none")))?
    } else {
        let newest = frame::newest(&found).or(found.first()).ok_or(ModelError::Kind)?;
        let whose = |contents: &Contents| (contents.kind, contents.fingerprint.clone());
        let mut runs: Vec<_> = found.iter().filter_map(|frame| frame.contents.as_ref().ok().map(whose)).collect();
        runs.dedup();
        if runs.len() > 1 {
            return Err(ModelError::Frame("expected frames of one run or model, found several; --at names one".into()));
        }
        newest
    };
    of_contents(chosen.contents.as_ref().map_err(|error| ModelError::Frame(error.to_string()))?, which)
}

fn of_contents(contents: &Contents, which: Which) -> Result<Model, ModelError> {
    let values = match which {
        Which::Latest => &contents.values.params,
        Which::Best if contents.values.best.is_empty() => {
            return Err(ModelError::Frame("expected best weights, found none in the frame".into()));
        }
        Which::Best => &contents.values.best,
    };
    let mut rest = values.as_slice();
    let (mut inputs, mut layers, mut notes) = (contents.inputs as usize, Vec::new(), Vec::new());
    for (index, layer) in contents.layers.iter().enumerate() {
        let (name, units) = (index.to_string(), usize::from(layer.units));
        if layer.frozen {
            let (expected, found) = ("parameters in the frame", "a frozen layer, which has its own in the firmware");
            return Err(ModelError::Layer { layer: name, expected: expected.into(), found: found.into() });
        }
        // A whole frame has as many parameters as its shape.
        let (params, tail) = rest.split_at_checked(units * (inputs + 1)).unwrap_or_default();
        if !layer.known {
            notes.push(format!("layer `{name}` has an activation that is not known: {}", layer.activation));
        }
        let activation = layer.known.then(|| layer.activation.clone());
        if let Some(index) = params.iter().position(|value| !value.is_finite()) {
            let found = params[index].to_string();
            return Err(ModelError::NotFinite { tensor: format!("layer {name}"), index, found });
        }
        layers.push(DenseLayer { name, inputs, units, params: params.to_vec(), activation });
        (rest, inputs) = (tail, units);
    }
    let (shift, factor) = (&contents.values.shift, &contents.values.factor);
    let scaling = (!shift.is_empty()).then(|| Scaling { shift: shift.clone(), factor: factor.clone() });
    Ok(Model { layers, scaling, loss: None, notes })
}
