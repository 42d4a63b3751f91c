//! Models in the files of other programs: safetensors in PyTorch's and Keras' layout, Keras' `.keras` and `.h5`.

mod assemble;
mod chain;
mod error;
mod hdf5;
mod keras;
mod names;
mod safetensors;
mod tensor;

use std::fs;
use std::path::Path;

pub use error::{Expected, ModelError, Side};
pub use names::Layout;
pub use safetensors::write as to_safetensors;
pub use tensor::{Dtype, Shape};

use assemble::assemble;

/// A network as its file has it: what is trained, and what is known of the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// First to last; at least one.
    pub layers: Vec<DenseLayer>,
    /// What the inputs are scaled with before the first layer.
    pub scaling: Option<Scaling>,
    /// What the file says the model was trained with, in the words of the library.
    pub loss: Option<String>,
    /// What was done to read it that somebody may want to know.
    pub notes: Vec<String>,
}

/// A fully connected layer.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseLayer {
    /// What the file calls it.
    pub name: String,
    /// Inputs.
    pub inputs: usize,
    /// Units.
    pub units: usize,
    /// In microfit's layout: weights `[units][inputs]`, then biases.
    pub params: Vec<f32>,
    /// Its activation, as `microfit train --activation` spells it, if the file says it.
    pub activation: Option<String>,
}

/// `x' = (x - shift) * factor`, for each input.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// A shift for each input.
    pub shift: Vec<f32>,
    /// A factor for each input.
    pub factor: Vec<f32>,
}

impl Model {
    /// Reads a file, whose kind is known by its first bytes. `layers` are the names of its layers, first to last, where the file
    /// does not tell their order or not all are wanted.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn read(path: &Path, layers: Option<&[String]>) -> Result<Self, ModelError> {
        let bytes = fs::read(path).map_err(|error| ModelError::Read(error.to_string()))?;
        Self::from_bytes(bytes, layers)
    }

    /// The same from the bytes of a file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_bytes(bytes: Vec<u8>, layers: Option<&[String]>) -> Result<Self, ModelError> {
        let (tensors, config) = match bytes.as_slice() {
            [b'P', b'K', 3, 4, ..] => keras::archive(&bytes)?,
            [0x89, b'H', b'D', b'F', ..] => hdf5::file(bytes)?,
            [_, _, _, _, _, _, _, _, b'{', ..] => (safetensors::read(&bytes)?, None),
            _ => return Err(ModelError::Kind),
        };
        assemble(tensors, config, layers)
    }

    /// Inputs of the first layer.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    /// All parameters in microfit's layout.
    pub fn params(&self) -> Vec<f32> {
        self.layers.iter().flat_map(|layer| layer.params.iter().copied()).collect()
    }

    /// Inputs and units, such as `34-34-1`.
    pub fn widths(&self) -> String {
        let mut widths = self.inputs().to_string();
        for layer in &self.layers {
            widths.push('-');
            widths.push_str(&layer.units.to_string());
        }
        widths
    }
}
