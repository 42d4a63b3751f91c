//! A layer, as a frame describes it.

use microfit::activation::{self, Activation};
use microfit::checkpoint::LayerShape;
use microfit::dense;
use serde::Serialize;

use crate::commands::train::ActivationArg;

/// A layer of the shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Units.
    pub units: u16,
    /// Its activation as `microfit train --activation` spells it, or what is known of it.
    pub activation: String,
    /// Whether that is all there is to know: else it is one of the caller's own, or of a slope that is none of the usual ones.
    pub known: bool,
    /// Whether its parameters are in the firmware, not here.
    pub frozen: bool,
}

/// Of the activations with a number, those with the numbers that people use.
const SPELLINGS: [&str; 24] = [
    "linear",
    "relu",
    "leaky-relu(0.01)",
    "leaky-relu(0.03)",
    "leaky-relu(0.05)",
    "leaky-relu(0.1)",
    "leaky-relu(0.2)",
    "leaky-relu(0.25)",
    "leaky-relu(0.3)",
    "leaky-relu(0.5)",
    "elu(1)",
    "elu(0.1)",
    "elu(0.5)",
    "elu(2)",
    "selu",
    "sigmoid",
    "hard-sigmoid",
    "tanh",
    "softsign",
    "softplus",
    "softmax",
    "gelu",
    "gelu-tanh",
    "silu",
];

impl Layer {
    pub(super) fn of(shape: LayerShape) -> Self {
        let LayerShape { units, frozen, activation, .. } = shape;
        let same = |function: &dyn Activation| {
            let made = LayerShape::of(&dense(units, function));
            (made.activation, made.behaviour) == (activation, shape.behaviour)
        };
        let spelled = SPELLINGS
            .into_iter()
            .find(|text| text.parse().is_ok_and(|activation: ActivationArg| same(activation.function())));
        match (spelled, activation) {
            (Some(text), _) => Self { units, activation: text.to_owned(), known: true, frozen },
            (None, activation::Kind::Other) => {
                Self { units, activation: "one of its own".to_owned(), known: false, frozen }
            }
            (None, kind) => Self { units, activation: format!("{kind:?} of an unusual number"), known: false, frozen },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use microfit::activation::{Elu, LeakyRelu, Tanh};

    #[test]
    fn an_activation_is_told_by_what_it_does() {
        let told = |function: &dyn Activation| {
            let layer = Layer::of(LayerShape::of(&dense(3, function)));
            (layer.activation, layer.known)
        };
        assert_eq!(told(&Tanh), ("tanh".into(), true));
        assert_eq!(told(&LeakyRelu::TORCH), ("leaky-relu(0.01)".into(), true));
        assert_eq!(told(&LeakyRelu::KERAS), ("leaky-relu(0.3)".into(), true));
        assert_eq!(told(&Elu::DEFAULT), ("elu(1)".into(), true));
        assert_eq!(told(&LeakyRelu::new(0.7).unwrap()), ("LeakyRelu of an unusual number".into(), false));
    }

    /// No two spellings stand for one function.
    #[test]
    fn every_spelling_is_one_of_its_own() {
        for text in SPELLINGS {
            let activation: ActivationArg = text.parse().unwrap();
            assert_eq!(Layer::of(LayerShape::of(&dense(1, activation.function()))).activation, text);
        }
    }
}
