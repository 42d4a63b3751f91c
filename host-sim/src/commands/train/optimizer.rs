//! The options of the optimizer, and from them its type.

use clap::{Args, ValueEnum};
use microfit::optimizer::{
    Adadelta, Adagrad, Adam, Adamax, Clip, Clipped, Convention, GlobalNorm, Lion, Nadam, Nesterov, Norm, OnlineSgd,
    Optimizer, RAdam, RmsProp, Sgd, Value, Variables,
};

use super::{Job, Trained};
use crate::error::Error;

/// Options of the optimizer.
#[derive(Debug, Clone, Args)]
pub struct OptimizerOptions {
    /// The optimizer, with the defaults of the library that --convention names; radam is PyTorch's and lion Keras' in
    /// either.
    #[arg(long, value_enum, default_value_t = OptimizerArg::Sgd)]
    pub optimizer: OptimizerArg,
    /// Whose formulas and defaults, where the two differ.
    #[arg(long, value_enum, default_value_t = ConventionArg::Keras)]
    pub convention: ConventionArg,
    /// Momentum of sgd, from 0 to below 1, and of nesterov, above 0 and below 1, by default 0.8; of rmsprop, by default none.
    #[arg(long)]
    pub momentum: Option<f32>,
    /// Pulls parameters towards 0: as a part of the step (keras, adamw, lion) or of the gradient (torch). Default: none,
    /// but for adamw 0.004 (keras) or 0.01 (torch).
    #[arg(long, value_name = "FACTOR")]
    pub weight_decay: Option<f32>,
    /// Scales gradients down to this norm: that of each layer's weights and biases (keras' clipnorm), or of all
    /// together (torch's clip_grad_norm_).
    #[arg(long, value_name = "NORM", conflicts_with_all = ["clip_value", "global_clip_norm"])]
    pub clip_norm: Option<f32>,
    /// Scales gradients down to this norm of all together, in either convention.
    #[arg(long, value_name = "NORM", conflicts_with = "clip_value")]
    pub global_clip_norm: Option<f32>,
    /// Cuts every element of the gradient to this magnitude.
    #[arg(long, value_name = "MAGNITUDE")]
    pub clip_value: Option<f32>,
    /// Train without any optimizer state: batch 1, momentum 0.
    #[arg(long, conflicts_with_all = [
        "optimizer", "momentum", "convention", "batch", "weight_decay", "clip_norm", "global_clip_norm", "clip_value",
    ])]
    pub online: bool,
}

/// See [`microfit::optimizer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum OptimizerArg {
    Sgd,
    Nesterov,
    Adam,
    Adamw,
    Amsgrad,
    Rmsprop,
    Adagrad,
    Adadelta,
    Adamax,
    Nadam,
    Radam,
    Lion,
}

/// See [`Convention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConventionArg {
    /// Keras; its SGD: v = m v - lr g; w += v
    Keras,
    /// PyTorch; its SGD: v = m v + g; w -= lr v
    Torch,
}

/// Clipping that is chosen when the program runs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Clipping {
    Value(Value),
    Norm(Norm),
    GlobalNorm(GlobalNorm),
}

impl Clip for Clipping {
    fn clip(&self, gradient: &mut [f32], variables: &Variables) {
        match self {
            Self::Value(value) => value.clip(gradient, variables),
            Self::Norm(norm) => norm.clip(gradient, variables),
            Self::GlobalNorm(norm) => norm.clip(gradient, variables),
        }
    }
}

/// An optimizer's `weight_decay` or `l2`: every type has them, and no trait does.
macro_rules! decayed {
    ($options:expr, $optimizer:expr) => {{
        let optimizer = $optimizer;
        match $options.decay() {
            Decay::Decoupled(factor) => optimizer.weight_decay(factor)?,
            Decay::L2(factor) => optimizer.l2(factor)?,
        }
    }};
}

enum Decay {
    Decoupled(f32),
    L2(f32),
}

impl OptimizerOptions {
    /// The learning rate where no schedule is given: the tutorial's for SGD, else the library's default.
    pub(super) fn default_schedule(&self) -> &'static str {
        use ConventionArg::{Keras, Torch};
        match (self.optimizer, self.convention) {
            (OptimizerArg::Sgd | OptimizerArg::Nesterov, _) => "time_based(0.1, 0.002)",
            (OptimizerArg::Rmsprop | OptimizerArg::Adagrad, Torch) => "constant(0.01)",
            (OptimizerArg::Adadelta, Torch) => "constant(1)",
            (OptimizerArg::Adamax | OptimizerArg::Nadam, Torch) => "constant(0.002)",
            (_, Keras | Torch) => "constant(0.001)",
        }
    }

    /// Does the job with the optimizer that the options name.
    pub(super) fn run(&self, job: Job<'_>) -> Result<Trained, Error> {
        let driven = job.drives_momentum();
        if driven && (self.online || matches!(self.optimizer, OptimizerArg::Adagrad | OptimizerArg::Adadelta)) {
            return Err(Error::Option {
                option: "--schedule",
                expected: "a rate alone, as the optimizer has no momentum (torch's cycles: cycle_momentum=false)"
                    .into(),
                found: "a momentum as well".into(),
            });
        }
        if self.online {
            return job.run(OnlineSgd);
        }
        let torch = self.convention == ConventionArg::Torch;
        let convention = if torch { Convention::Torch } else { Convention::Keras };
        let momentum = self.momentum.unwrap_or(0.8);
        let adam = || if torch { Adam::torch(0.9, 0.999, 1e-8) } else { Adam::keras(0.9, 0.999, 1e-7) };
        let with_momentum =
            matches!(self.optimizer, OptimizerArg::Sgd | OptimizerArg::Nesterov | OptimizerArg::Rmsprop);
        if let (Some(momentum), false) = (self.momentum, with_momentum) {
            return Err(Error::Option {
                option: "--momentum",
                expected: "the optimizer sgd, nesterov or rmsprop".into(),
                found: format!("{momentum} with {}", self.name()),
            });
        }
        match self.optimizer {
            OptimizerArg::Sgd => self.clipped(decayed!(self, Sgd::new(momentum, convention)?), job),
            OptimizerArg::Nesterov => {
                let nesterov = if torch { Nesterov::torch(momentum) } else { Nesterov::keras(momentum) };
                self.clipped(decayed!(self, nesterov?), job)
            }
            OptimizerArg::Adam | OptimizerArg::Adamw => self.clipped(decayed!(self, adam()?), job),
            OptimizerArg::Amsgrad => self.clipped(decayed!(self, adam()?.amsgrad()), job),
            OptimizerArg::Rmsprop => {
                let rmsprop =
                    decayed!(self, if torch { RmsProp::torch(0.99, 1e-8) } else { RmsProp::keras(0.9, 1e-7) }?);
                // PyTorch drives it even if there was none.
                match self.momentum.or(driven.then_some(0.0)) {
                    None => self.clipped(rmsprop, job),
                    Some(momentum) => self.clipped(rmsprop.momentum(momentum)?, job),
                }
            }
            OptimizerArg::Adagrad => {
                let adagrad = if torch { Adagrad::torch(0.0, 0.0, 1e-10) } else { Adagrad::keras(0.1, 1e-7) };
                self.clipped(decayed!(self, adagrad?), job)
            }
            OptimizerArg::Adadelta => {
                let (rho, eps) = if torch { (0.9, 1e-6) } else { (0.95, 1e-7) };
                self.clipped(decayed!(self, Adadelta::new(rho, eps)?), job)
            }
            OptimizerArg::Adamax => {
                let adamax = if torch { Adamax::torch(0.9, 0.999, 1e-8) } else { Adamax::keras(0.9, 0.999, 1e-7) };
                self.clipped(decayed!(self, adamax?), job)
            }
            OptimizerArg::Nadam => {
                let nadam = if torch { Nadam::torch(0.9, 0.999, 1e-8) } else { Nadam::keras(0.9, 0.999, 1e-7) };
                self.clipped(decayed!(self, nadam?), job)
            }
            OptimizerArg::Radam => self.clipped(decayed!(self, RAdam::torch(0.9, 0.999, 1e-8)?), job),
            OptimizerArg::Lion => self.clipped(decayed!(self, Lion::new(0.9, 0.99)?), job),
        }
    }

    fn name(&self) -> String {
        self.optimizer.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// PyTorch's decay is part of the gradient but in AdamW; Lion is not in PyTorch.
    fn decay(&self) -> Decay {
        let torch = self.convention == ConventionArg::Torch;
        match self.optimizer {
            OptimizerArg::Adamw => Decay::Decoupled(self.weight_decay.unwrap_or(if torch { 0.01 } else { 0.004 })),
            OptimizerArg::Lion => Decay::Decoupled(self.weight_decay.unwrap_or(0.0)),
            _ if torch => Decay::L2(self.weight_decay.unwrap_or(0.0)),
            _ => Decay::Decoupled(self.weight_decay.unwrap_or(0.0)),
        }
    }

    fn clipping(&self) -> Result<Option<Clipping>, Error> {
        let torch = self.convention == ConventionArg::Torch;
        let global = |max| if torch { GlobalNorm::torch(max) } else { GlobalNorm::keras(max) };
        let (option, clipping) = match (self.clip_norm, self.global_clip_norm, self.clip_value) {
            (None, None, None) => return Ok(None),
            (Some(max), ..) if torch => ("--clip-norm", (max, global(max).map(Clipping::GlobalNorm))),
            (Some(max), ..) => ("--clip-norm", (max, Norm::new(max).map(Clipping::Norm))),
            (None, Some(max), _) => ("--global-clip-norm", (max, global(max).map(Clipping::GlobalNorm))),
            (None, None, Some(max)) => ("--clip-value", (max, Value::new(max).map(Clipping::Value))),
        };
        match clipping {
            (_, Ok(clipping)) => Ok(Some(clipping)),
            (found, Err(_)) => {
                Err(Error::Option { option, expected: "a finite number above 0".into(), found: found.to_string() })
            }
        }
    }

    fn clipped<O: Optimizer>(&self, optimizer: O, job: Job<'_>) -> Result<Trained, Error> {
        match self.clipping()? {
            None => job.run(optimizer),
            Some(clip) => job.run(Clipped { optimizer, clip }),
        }
    }
}
