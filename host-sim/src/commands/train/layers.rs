//! The options of the layers: their units, activations, dropout, penalties and initial weights.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use microfit::activation::{
    Activation, Elu, Gelu, GeluTanh, HardSigmoid, LeakyRelu, Linear, Relu, Selu, Sigmoid, Silu, Softmax, Softplus,
    Softsign, Tanh,
};
use microfit::{Init, Layer, dense};

use super::names::{Choice, Each, Number, number, parse};
use super::start::Start;
use crate::error::Error;

/// Options of the layers.
#[derive(Debug, Clone, Args)]
pub struct LayerOptions {
    /// Units of the hidden layers, such as 16,8. Default: those of the model that --from names, else 34.
    #[arg(long, value_parser = units)]
    pub hidden: Option<Units>,
    /// Activation of the hidden layers, one for all or one for each, such as relu,tanh: linear, relu,
    /// leaky-relu(slope=0.3), elu(alpha=1), selu, sigmoid, hard-sigmoid, tanh, softsign, softplus, gelu, gelu-tanh or
    /// silu. Default: what the model that --from names says of itself, else relu; needed where that is a frame with an
    /// activation that is not known.
    #[arg(long, value_name = "NAME,..", value_parser = activations)]
    pub activation: Option<Each<ActivationArg>>,
    /// Activation of the last layer: one of these or softmax. Default: what the model that --from names says of itself, else
    /// sigmoid for bce, softmax for categorical, linear for the others. Needed likewise.
    #[arg(long, value_name = "NAME", value_parser = activation)]
    pub output: Option<ActivationArg>,
    /// Share of the hidden layers' outputs that training drops, one for all layers or one for each.
    #[arg(long, value_name = "RATE,..", value_parser = numbers)]
    pub dropout: Option<Each<f32>>,
    /// Adds this times the sum of the absolute weights of every layer, biases excepted, to the loss.
    #[arg(long, value_name = "FACTOR")]
    pub l1: Option<f32>,
    /// Adds this times the sum of the squared weights of every layer, biases excepted, to the loss.
    #[arg(long, value_name = "FACTOR")]
    pub l2: Option<f32>,
    /// Initial weights: zeros, constant(value=0.1), uniform(limit=0.05), normal(stddev=0.05),
    /// truncated-normal(stddev=0.05), glorot-uniform, glorot-normal, he-uniform, he-normal, lecun-uniform,
    /// lecun-normal or torch-linear.
    #[arg(long, value_parser = init, default_value = "normal", conflicts_with = "from")]
    pub init: Init,
    /// Start from the weights of this model: safetensors of PyTorch or Keras, .keras, .h5, or a frame of microfit (see
    /// microfit checkpoint). The data are scaled as it says.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

/// Units of the hidden layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units(Vec<u16>);

/// An activation by its name.
#[derive(Clone)]
pub struct ActivationArg {
    name: String,
    function: Arc<dyn Activation + Send>,
}

impl fmt::Debug for ActivationArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl ActivationArg {
    /// As it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does.
    pub fn function(&self) -> &dyn Activation {
        &*self.function
    }
}

type Function = Arc<dyn Activation + Send>;

const ACTIVATIONS: &[Choice<Function>] = &[
    Choice::new("linear", Number::None, |_| Ok(Arc::new(Linear))),
    Choice::new("relu", Number::None, |_| Ok(Arc::new(Relu))),
    // That of Keras' layer; PyTorch's is 0.01.
    Choice::new("leaky-relu", Number::Or("slope", 0.3), |slope| Ok(Arc::new(LeakyRelu::new(slope)?))),
    Choice::new("elu", Number::Or("alpha", 1.0), |alpha| Ok(Arc::new(Elu::new(alpha)?))),
    Choice::new("selu", Number::None, |_| Ok(Arc::new(Selu))),
    Choice::new("sigmoid", Number::None, |_| Ok(Arc::new(Sigmoid))),
    Choice::new("hard-sigmoid", Number::None, |_| Ok(Arc::new(HardSigmoid))),
    Choice::new("tanh", Number::None, |_| Ok(Arc::new(Tanh))),
    Choice::new("softsign", Number::None, |_| Ok(Arc::new(Softsign))),
    Choice::new("softplus", Number::None, |_| Ok(Arc::new(Softplus))),
    Choice::new("gelu", Number::None, |_| Ok(Arc::new(Gelu))),
    Choice::new("gelu-tanh", Number::None, |_| Ok(Arc::new(GeluTanh))),
    Choice::new("silu", Number::None, |_| Ok(Arc::new(Silu))),
    Choice::new("softmax", Number::None, |_| Ok(Arc::new(Softmax))),
];

const INITS: &[Choice<Init>] = &[
    Choice::new("zeros", Number::None, |_| Ok(Init::Zeros)),
    Choice::new("constant", Number::Needed("value"), |value| Ok(Init::Constant { value })),
    Choice::new("uniform", Number::Or("limit", 0.05), |limit| Ok(Init::Uniform { limit })),
    Choice::new("normal", Number::Or("stddev", 0.05), |stddev| Ok(Init::Normal { stddev })),
    Choice::new("truncated-normal", Number::Or("stddev", 0.05), |stddev| Ok(Init::TruncatedNormal { stddev })),
    Choice::new("glorot-uniform", Number::None, |_| Ok(Init::GlorotUniform)),
    Choice::new("glorot-normal", Number::None, |_| Ok(Init::GlorotNormal)),
    Choice::new("he-uniform", Number::None, |_| Ok(Init::HeUniform)),
    Choice::new("he-normal", Number::None, |_| Ok(Init::HeNormal)),
    Choice::new("lecun-uniform", Number::None, |_| Ok(Init::LecunUniform)),
    Choice::new("lecun-normal", Number::None, |_| Ok(Init::LecunNormal)),
    Choice::new("torch-linear", Number::None, |_| Ok(Init::TorchLinear)),
];

fn units(text: &str) -> Result<Units, String> {
    let one =
        |word: &str| word.trim().parse::<u16>().map_err(|_| format!("expected units up to 65535, found `{word}`"));
    text.split(',').map(one).collect::<Result<_, _>>().map(Units)
}

impl FromStr for ActivationArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { name: text.trim().to_owned(), function: parse(text, ACTIVATIONS)? })
    }
}

pub(crate) fn activation(text: &str) -> Result<ActivationArg, String> {
    text.parse()
}

pub(crate) fn activations(text: &str) -> Result<Each<ActivationArg>, String> {
    Each::parse(text, activation)
}

fn numbers(text: &str) -> Result<Each<f32>, String> {
    Each::parse(text, number)
}

fn init(text: &str) -> Result<Init, String> {
    parse(text, INITS)
}

impl LayerOptions {
    /// The hidden layers and the last one of `outputs` units, after those of the model that is started from where nothing else is
    /// said; `seed` is that of the dropout.
    pub(super) fn layers<'a>(
        &'a self,
        outputs: u16,
        last: &'a dyn Activation,
        seed: u32,
        start: Option<&'a Start>,
    ) -> Result<Vec<Layer<'a>>, Error> {
        let units = match (&self.hidden, start) {
            (Some(units), _) => units.0.clone(),
            (None, Some(start)) => start.hidden(),
            (None, None) => vec![34],
        };
        let hidden = units.len();
        let mut layers = Vec::with_capacity(hidden + 1);
        for (index, units) in units.into_iter().enumerate() {
            let activation: &dyn Activation = match (&self.activation, start) {
                (Some(each), _) => each.of("--activation", index, hidden)?.function(),
                (None, Some(start)) => start.activation(index)?.map_or(&Relu, ActivationArg::function),
                (None, None) => &Relu,
            };
            let layer = dense(units, activation);
            layers.push(match &self.dropout {
                Some(dropout) => layer.dropout(*dropout.of("--dropout", index, hidden)?, seed),
                None => layer,
            });
        }
        layers.push(dense(outputs, last));
        for layer in &mut layers {
            if let Some(factor) = self.l1 {
                *layer = layer.l1(factor);
            }
            if let Some(factor) = self.l2 {
                *layer = layer.l2(factor);
            }
        }
        Ok(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use microfit::Topology;

    #[test]
    fn every_activation_and_initialiser_has_a_name() {
        let made = |text| format!("{:?}", dense(1, activation(text).unwrap().function()));
        assert_eq!(made("hard_sigmoid"), "dense(1, HardSigmoid)");
        assert_eq!(made("leaky_relu(0.01)"), "dense(1, LeakyRelu)");
        assert_eq!(ACTIVATIONS.len(), 14);
        assert_eq!(init("normal"), Ok(Init::Normal { stddev: 0.05 }));
        assert_eq!(init("uniform(0.3)"), Ok(Init::Uniform { limit: 0.3 }));
        assert_eq!(init("lecun_normal"), Ok(Init::LecunNormal));
        let error = activation("leaky_relu(0)").unwrap_err();
        assert_eq!(error, "slope: expected a finite number above 0, found 0");
    }

    #[test]
    fn layers_have_what_the_options_say() {
        let options = LayerOptions {
            hidden: Some(units("5,4").unwrap()),
            activation: Some(activations("relu,tanh").unwrap()),
            output: None,
            dropout: Some(numbers("0.5").unwrap()),
            l1: None,
            l2: Some(0.01),
            init: Init::HeNormal,
            from: None,
        };
        let layers = options.layers(3, &Softmax, 1, None).unwrap();
        assert_eq!(format!("{layers:?}"), "[dense(5, Relu), dense(4, Tanh), dense(3, Softmax)]");
        assert!(Topology::try_new(2, &layers).is_ok());
        // What core refuses is attached to every layer it belongs to.
        let refused = LayerOptions { l2: Some(-1.0), ..options.clone() };
        assert!(Topology::try_new(2, &refused.layers(1, &Linear, 1, None).unwrap()[2..]).is_err());
        let refused = LayerOptions { dropout: Some(numbers("0,1").unwrap()), ..options };
        assert!(Topology::try_new(2, &refused.layers(1, &Linear, 1, None).unwrap()).is_err());
    }
}
