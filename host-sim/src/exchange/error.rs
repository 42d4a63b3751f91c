//! Why a file has no model that microfit can take.

use std::fmt;

use super::tensor::Shape;

/// What is wrong with a file of weights; the path stands in [`Error::Model`](crate::error::Error::Model).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the message says it
#[non_exhaustive]
pub enum ModelError {
    #[error("expected a readable file, found {0}")]
    Read(String),
    #[error("expected safetensors, Keras' .keras or .h5, or a frame of microfit, found none of them")]
    Kind,
    #[error(
        "expected safetensors, found a pickle, which may hold any program: write safetensors.torch.save_file(model.state_dict(), ..)"
    )]
    Pickle,
    #[error("expected {expected}, found {found}")]
    Format { expected: &'static str, found: String },
    #[error("tensor `{}`: expected {expected}, found {found}", tensor.escape_debug())]
    Role { tensor: String, expected: &'static str, found: String },
    #[error("tensor `{}`: expected elements of float32, float16, bfloat16 or float64, found {found}", tensor.escape_debug())]
    Dtype { tensor: String, found: String },
    #[error("tensor `{}`: expected the shape {expected}, found {found}", tensor.escape_debug())]
    Shape { tensor: String, expected: Expected, found: Shape },
    #[error("tensor `{}`: expected finite numbers, found {found} at {index}", tensor.escape_debug())]
    NotFinite { tensor: String, index: usize, found: String },
    #[error("tensor `{}`: expected one such name, found two", tensor.escape_debug())]
    Twice { tensor: String },
    #[error(
        "layers {layers}: expected one order in which each takes what the one before it gives, found {found}; --layers names it"
    )]
    Order { layers: String, found: &'static str },
    #[error("layer `{}`: expected {expected}, found {found}", layer.escape_debug())]
    Layer { layer: String, expected: String, found: String },
    #[error("expected at least one dense layer, found none")]
    Empty,
    #[error("expected a network of the widths {expected}, found {found}")]
    Widths { expected: String, found: String },
    #[error("{0}")]
    Frame(String),
    #[error("{0}")]
    Topology(String),
}

/// A shape that was expected, some of whose sides are free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected(pub Vec<Side>);

/// One side of an expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Just this long.
    Of(usize),
    /// Any length, which is the layer's inputs.
    Inputs,
    /// Any length, which is the layer's units.
    Units,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides: Vec<String> = self
            .0
            .iter()
            .map(|side| match side {
                Side::Of(length) => length.to_string(),
                Side::Inputs => "inputs".into(),
                Side::Units => "units".into(),
            })
            .collect();
        write!(f, "[{}]", sides.join(", "))
    }
}

impl From<microfit::Error> for ModelError {
    fn from(error: microfit::Error) -> Self {
        Self::Topology(error.to_string())
    }
}
