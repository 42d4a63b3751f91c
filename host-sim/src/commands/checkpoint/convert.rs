//! `microfit checkpoint export` and `import`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use microfit::{Layer, Topology, dense};

use super::Pick;
use crate::commands::train::{ActivationArg, Each, activation, activations};
use crate::error::Error;
use crate::exchange::{Layout, Model, ModelError, to_safetensors};
use crate::frame;
use crate::output;

/// Write a model as safetensors, for PyTorch or Keras.
///
/// PyTorch: `model.load_state_dict(safetensors.torch.load_file("FILE"))`. Keras: for each dense layer
/// `layer.set_weights([tensors[f"{layer.name}/kernel"], tensors[f"{layer.name}/bias"]])` with `tensors =
/// safetensors.numpy.load_file("FILE")`. A data scaling stands beside them, as scaling.shift and scaling.factor, which a
/// strict load_state_dict does not know: x' = (x - shift) * factor.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// A frame, the image of a flash, safetensors, .keras or .h5.
    pub file: PathBuf,
    /// The safetensors file to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// How weights are laid out and called.
    #[arg(long, value_enum)]
    pub layout: LayoutArg,
    /// The layers' names there, first to last. Default: 0,2,4 and so on, as in a Sequential with an activation behind each layer
    /// (torch); dense,dense_1 and so on (keras).
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub layers: Option<Vec<String>>,
    /// Which of the file's models.
    #[command(flatten)]
    pub pick: Pick,
}

/// See [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LayoutArg {
    /// Weights a row a unit, `0.weight` and `0.bias`
    Torch,
    /// Kernels a row an input, `dense/kernel` and `dense/bias`
    Keras,
}

/// Make a frame that a board starts from of a model of PyTorch or Keras, or of a run's checkpoint.
///
/// The frame has the network's shape, its activations, its parameters and its data scaling, and nothing of training: a board predicts
/// from it or starts training with it.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// Safetensors in PyTorch's or Keras' layout, .keras, .h5, a frame, or the image of a flash; which it is, its first
    /// bytes tell.
    pub file: PathBuf,
    /// The frame to write.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Activation of the hidden layers, one for all or one for each, spelled as for microfit train. Needed where the file does not
    /// say it, as safetensors never do.
    #[arg(long, value_name = "NAME,..", value_parser = activations)]
    pub activation: Option<Each<ActivationArg>>,
    /// Activation of the last layer. Needed likewise.
    #[arg(long, value_name = "NAME", value_parser = activation)]
    pub output: Option<ActivationArg>,
    /// The layers' names in the file, first to last, where it does not tell their order, or not all are wanted.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub layers: Option<Vec<String>>,
    /// Which of the file's models.
    #[command(flatten)]
    pub pick: Pick,
}

impl Export {
    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Option`] for a file that would take its own place, [`Error::Model`], [`Error::Write`].
    pub fn run(&self) -> Result<(), Error> {
        output::differ("--to", &self.to, &self.file, "the one that is read")?;
        let refuse = |source| Error::Model { path: self.file.clone(), source };
        let model = Model::read(&self.file, &self.pick.selection(None)).map_err(refuse)?;
        notes(&self.file, &model);
        let layout = match self.layout {
            LayoutArg::Torch => Layout::Torch,
            LayoutArg::Keras => Layout::Keras,
        };
        output::file(&self.to, &to_safetensors(&model, layout, self.layers.as_deref()).map_err(refuse)?)?;
        output::line(format_args!("{}: {}", self.to.display(), model.summary()))
    }
}

impl Import {
    /// Writes the frame, and the topology that a firmware needs to load it.
    ///
    /// # Errors
    /// [`Error::Option`] for a file that would take its own place or an activation that nothing tells, [`Error::Model`],
    /// [`Error::Core`], [`Error::Write`].
    pub fn run(&self) -> Result<(), Error> {
        output::differ("--to", &self.to, &self.file, "the one that is read")?;
        let selection = self.pick.selection(self.layers.as_deref());
        let refuse = |source| Error::Model { path: self.file.clone(), source };
        let mut model = Model::read(&self.file, &selection).map_err(refuse)?;
        notes(&self.file, &model);
        let activations = self.activations(&mut model)?;
        let (frame, hash) = frame_of(&model, &activations).map_err(refuse)?;
        output::file(&self.to, &frame)?;
        let loss = model.loss.as_ref().map_or_else(String::new, |loss| format!("\ntrained with the loss {loss}"));
        output::line(format_args!(
            "{}: {}, {} bytes, weights' hash {hash:#018x}{loss}\n{}",
            self.to.display(),
            model.summary(),
            frame.len(),
            model.constant().unwrap_or_default()
        ))
    }

    /// Every layer's activation: that of the command line, else that of the file.
    fn activations(&self, model: &mut Model) -> Result<Vec<ActivationArg>, Error> {
        let hidden = model.layers.len().saturating_sub(1);
        if let (0, Some(_)) = (hidden, &self.activation) {
            let (expected, found) = ("none for a model without hidden layers".into(), "some".into());
            return Err(Error::Option { option: "--activation", expected, found });
        }
        let mut activations = Vec::with_capacity(hidden + 1);
        for (index, layer) in model.layers.iter_mut().enumerate() {
            let (option, given) = if index == hidden {
                ("--output", self.output.as_ref())
            } else {
                let each = self.activation.as_ref().map(|each| each.of("--activation", index, hidden)).transpose()?;
                ("--activation", each)
            };
            let activation = match (given, &layer.activation) {
                (Some(given), _) => given.clone(),
                (None, Some(text)) => {
                    let refuse = |expected| ModelError::Topology(format!("layer `{}`: {expected}", layer.name));
                    text.parse().map_err(refuse).map_err(|source| Error::Model { path: self.file.clone(), source })?
                }
                (None, None) => {
                    let expected = format!("the activation of layer `{}`, which the file does not tell", layer.name);
                    return Err(Error::Option { option, expected, found: "none".into() });
                }
            };
            layer.activation = Some(activation.name().to_owned());
            activations.push(activation);
        }
        Ok(activations)
    }
}

/// The frame of a model, and the hash of its weights.
pub(crate) fn frame_of(model: &Model, activations: &[ActivationArg]) -> Result<(Vec<u8>, u64), ModelError> {
    let wide = |_| ModelError::from(microfit::Error::TopologyTooLarge);
    let mut layers: Vec<Layer> = Vec::with_capacity(activations.len());
    for (layer, activation) in model.layers.iter().zip(activations) {
        layers.push(dense(u16::try_from(layer.units).map_err(wide)?, activation.function()));
    }
    let topology = Topology::try_new(u16::try_from(model.inputs()).map_err(wide)?, &layers)?;
    let params = model.params();
    let scaling = model.scaling.as_ref().map(|scaling| (&*scaling.shift, &*scaling.factor));
    let frame = frame::of_model(topology, &params, scaling).map_err(|error| ModelError::Frame(error.to_string()))?;
    Ok((frame.0, microfit::weights_hash(&params)))
}

fn notes(path: &Path, model: &Model) {
    for note in &model.notes {
        output::note(format_args!("{}: {note}", path.display()));
    }
}
