//! Models in files: safetensors in PyTorch's and Keras' layout, Keras' `.keras` and `.h5`, and microfit's own frames.

mod assemble;
mod chain;
mod error;
mod frame;
mod hdf5;
mod keras;
mod names;
mod safetensors;
mod tensor;

use std::fs;
use std::path::Path;

pub use error::{Expected, ModelError, Side};
pub use frame::Which;
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

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A `.keras` file.
    Zip,
    /// A `.h5` file.
    Hdf5,
    /// The length of a header in JSON, and the header.
    Safetensors,
    /// A pickle of Python, as PyTorch wrote before it came to write them into zip archives.
    Pickle,
    /// None of these: a frame of microfit, or the image of a flash.
    Frames,
}

impl FileKind {
    /// That of a file of these bytes. A frame has its version where a header's length has zeros.
    pub const fn of(bytes: &[u8]) -> Self {
        match bytes {
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [0x89, b'H', b'D', b'F', ..] => Self::Hdf5,
            [_, _, _, _, 0, 0, 0, 0, b'{', ..] => Self::Safetensors,
            // Opcode of a protocol's version.
            [0x80, 2..=5, b'}' | b']' | b'c' | b'(' | 0x8a | 0x95, ..] => Self::Pickle,
            _ => Self::Frames,
        }
    }
}

/// What is wanted of a file that has more than one model in it, or does not say enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection<'a> {
    /// The names of the layers, first to last, where a file of another program does not tell their order or not all are wanted.
    pub layers: Option<&'a [String]>,
    /// Where the frame begins in a file that has several.
    pub at: Option<usize>,
    /// Which parameters of a run.
    pub which: Which,
}

impl Model {
    /// Reads a file, whose kind is known by its first bytes.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn read(path: &Path, selection: &Selection) -> Result<Self, ModelError> {
        let bytes = fs::read(path).map_err(|error| ModelError::Read(error.to_string()))?;
        Self::from_bytes(bytes, selection)
    }

    /// The same from the bytes of a file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_bytes(bytes: Vec<u8>, selection: &Selection) -> Result<Self, ModelError> {
        let (tensors, config) = match FileKind::of(&bytes) {
            FileKind::Zip => keras::archive(&bytes)?,
            FileKind::Hdf5 => hdf5::file(bytes)?,
            FileKind::Safetensors => (safetensors::read(&bytes)?, keras::Config::default()),
            FileKind::Pickle => return Err(ModelError::Pickle),
            FileKind::Frames if selection.layers.is_some() => {
                return Err(ModelError::Frame("expected no names of layers, which a frame has not, found some".into()));
            }
            FileKind::Frames => return frame::from_bytes(&bytes, selection.at, selection.which),
        };
        if selection.at.is_some() || selection.which == Which::Best {
            return Err(ModelError::Frame("expected a frame to choose from, found a file of another program".into()));
        }
        assemble(tensors, config, selection.layers)
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

    /// Widths, activations and scaling in words.
    pub fn summary(&self) -> String {
        let activations: Vec<&str> =
            self.layers.iter().map(|layer| layer.activation.as_deref().unwrap_or("not told")).collect();
        let scaled = if self.scaling.is_some() { ", inputs scaled" } else { "" };
        format!("{} ({}){scaled}, {} parameters", self.widths(), activations.join(", "), self.params().len())
    }

    /// The topology as a firmware writes it, if all its activations are known.
    pub fn constant(&self) -> Option<String> {
        let layer =
            |layer: &DenseLayer| Some(format!("dense({}, &{})", layer.units, in_rust(layer.activation.as_deref()?)));
        let layers: Vec<String> = self.layers.iter().map(layer).collect::<Option<_>>()?;
        Some(format!("const NET: Topology = Topology::new({}, &[{}]);", self.inputs(), layers.join(", ")))
    }
}

/// An activation's type, or its constructor: `leaky-relu(0.1)` is `checked!(LeakyRelu::new(0.1))`.
fn in_rust(spelling: &str) -> String {
    let (name, number) = match spelling.trim_end_matches(')').split_once('(') {
        Some((name, number)) => (name, Some(number)),
        None => (spelling, None),
    };
    let mut camel = String::new();
    for word in name.split(['-', '_']) {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    match (number.map(|number| (number, number.parse::<f32>())), camel.as_str()) {
        (Some((_, Ok(number))), _) => format!("checked!({camel}::new({number:?}))"),
        (_, "LeakyRelu") => "LeakyRelu::KERAS".to_owned(),
        (_, "Elu") => "Elu::DEFAULT".to_owned(),
        _ => camel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topology_is_written_as_rust() {
        let spelled =
            ["leaky_relu", "leaky-relu(0.1)", "elu", "elu(1)", "hard-sigmoid", "gelu-tanh", "relu"].map(in_rust);
        let expected = [
            "LeakyRelu::KERAS",
            "checked!(LeakyRelu::new(0.1))",
            "Elu::DEFAULT",
            "checked!(Elu::new(1.0))",
            "HardSigmoid",
            "GeluTanh",
            "Relu",
        ];
        assert_eq!(spelled, expected);
        let layer = DenseLayer { name: "a".into(), inputs: 2, units: 1, params: vec![0.0; 3], activation: None };
        let unknown = Model { layers: vec![layer.clone()], ..Model::default() };
        assert_eq!(unknown.constant(), None);
        let known = Model { layers: vec![DenseLayer { activation: Some("tanh".into()), ..layer }], ..Model::default() };
        assert_eq!(known.constant().unwrap(), "const NET: Topology = Topology::new(2, &[dense(1, &Tanh)]);");
        assert_eq!(known.summary(), "2-1 (tanh), 3 parameters");
    }

    #[test]
    fn files_are_known_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b"PK\x03\x04...."[..], FileKind::Zip),
            (b"\x89HDF\r\n\x1a\n", FileKind::Hdf5),
            (b"\x40\x01\0\0\0\0\0\0{\"a\"", FileKind::Safetensors),
            // A frame whose length ends in the byte of a brace.
            (b"MFCK\x01\0\0\0{\x01\0\0", FileKind::Frames),
            (b"\x80\x02\x8a\nl\xfc\x9cF", FileKind::Pickle),
            (b"", FileKind::Frames),
        ] {
            assert_eq!(FileKind::of(bytes), expected, "{bytes:?}");
        }
        let nothing = Model::from_bytes(b"a text".to_vec(), &Selection::default()).unwrap_err();
        assert_eq!(nothing, ModelError::Kind);
    }
}
