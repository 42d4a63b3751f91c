//! Where a training starts from: the weights of another model.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use microfit::Topology;
use microfit::data::Scaling;

use super::layers::ActivationArg;
use crate::error::Error;
use crate::exchange::{DenseLayer, FileKind, Model, ModelError, Selection};
use crate::output;

/// A model out of a file, and what it says of its activations.
#[derive(Debug)]
pub(super) struct Start {
    path: PathBuf,
    model: Model,
    activations: Vec<Option<ActivationArg>>,
    /// A frame's layers all had activations that the firmware knew. Of one that is not known here none is assumed, while weights of
    /// PyTorch say nothing of any.
    is_frame: bool,
}

impl Start {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let refuse = |source| Error::Model { path: path.into(), source };
        let bytes = fs::read(path).map_err(|error| refuse(ModelError::Read(error.to_string())))?;
        let is_frame = FileKind::of(&bytes) == FileKind::Frames;
        let model = Model::from_bytes(bytes, &Selection::default()).map_err(refuse)?;
        let activation = |layer: &DenseLayer| {
            let parsed = layer.activation.as_deref().map(str::parse).transpose();
            parsed.map_err(|expected| refuse(ModelError::Topology(format!("layer `{}`: {expected}", layer.name))))
        };
        let activations = model.layers.iter().map(activation).collect::<Result<_, _>>()?;
        for note in &model.notes {
            output::note(format_args!("{}: {note}", path.display()));
        }
        Ok(Self { path: path.into(), model, activations, is_frame })
    }

    /// Units of the hidden layers.
    pub(super) fn hidden(&self) -> Vec<u16> {
        // What does not fit is found when the widths are compared.
        let units = |layer: &DenseLayer| u16::try_from(layer.units).unwrap_or(u16::MAX);
        self.model.layers.split_last().map_or_else(Vec::new, |(_, hidden)| hidden.iter().map(units).collect())
    }

    /// What it says of the activation of a layer that is not the last, of which the command line says nothing.
    pub(super) fn activation(&self, layer: usize) -> Result<Option<&ActivationArg>, Error> {
        let hidden = self.activations.len().saturating_sub(1);
        if layer < hidden { self.told("--activation", layer) } else { Ok(None) }
    }

    /// What it says of the last layer's.
    pub(super) fn output(&self) -> Result<Option<&ActivationArg>, Error> {
        self.told("--output", self.activations.len().saturating_sub(1))
    }

    fn told(&self, option: &'static str, layer: usize) -> Result<Option<&ActivationArg>, Error> {
        match self.activations.get(layer) {
            Some(None) if self.is_frame => {
                let expected = format!("the activation of layer `{layer}`, which the file does not tell");
                Err(Error::Option { option, expected, found: "none".into() })
            }
            told => Ok(told.and_then(Option::as_ref)),
        }
    }

    /// How it scales its inputs.
    pub(super) fn scaling(&self) -> Result<Option<Scaling<'_>>, Error> {
        let scaling = self.model.scaling.as_ref().map(|scaling| Scaling::new(&scaling.shift, &scaling.factor));
        Ok(scaling.transpose()?)
    }

    /// Its weights, if it is of this shape.
    pub(super) fn fill(&self, topology: &Topology, params: &mut [f32]) -> Result<(), Error> {
        let mut expected = topology.inputs().to_string();
        for layer in topology.layers() {
            let _ = write!(expected, "-{}", layer.units());
        }
        let found = self.model.widths();
        if expected != found {
            return Err(Error::Model { path: self.path.clone(), source: ModelError::Widths { expected, found } });
        }
        params.copy_from_slice(&self.model.params());
        Ok(())
    }
}
