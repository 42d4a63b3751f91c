//! `microfit train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use microfit::activation::{Activation, Linear, Relu, Sigmoid, Tanh};
use microfit::data::{Dataset, Ionosphere, Nothing, Shuffle, Subset, holdout, stratified};
use microfit::loss::{BinaryCrossEntropy, Loss, MeanSquaredError};
use microfit::optimizer::{Convention, OnlineSgd, Optimizer, Sgd};
use microfit::{Clock, Fit, Init, Topology, dense};
use microfit_firmware::SEED;

use crate::chart;
use crate::commands::demo::summary;
use crate::dataset::{Csv, Target};
use crate::error::Error;
use crate::progress;
use crate::run::{self, Run};
use crate::{spec, trace};

/// Train one network, on the bundled data or a CSV of your own.
#[derive(Debug, Clone, Args)]
#[command(args_override_self = true)]
pub struct Train {
    /// A TOML file whose keys are these options; those on the command line win.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The learning rate, such as `warmup(0.1, 45).then(cosine(0.1, 0, 405))`; see microfit schedule --list.
    #[arg(long, default_value = "time_based(0.1, 0.002)")]
    pub schedule: String,
    /// What the schedule's step counts. Default: epochs for drop_based, updates for the others. A rate that is driven
    /// by a metric takes a step with every epoch.
    #[arg(long)]
    pub clock: Option<ClockArg>,
    /// Passes over the training samples.
    #[arg(long, default_value_t = 50)]
    pub epochs: u32,
    /// Samples an update.
    #[arg(long, default_value_t = 28)]
    pub batch: u32,
    /// Momentum of SGD, from 0 to below 1.
    #[arg(long, default_value_t = 0.8)]
    pub momentum: f32,
    /// Where the learning rate enters the velocity.
    #[arg(long, value_enum, default_value_t = ConventionArg::Keras)]
    pub convention: ConventionArg,
    /// Train without any optimizer state: batch 1, momentum 0.
    #[arg(long, conflicts_with_all = ["momentum", "convention"])]
    pub online: bool,
    /// Fixes the initial weights, the order of the samples, and a stratified split.
    #[arg(long, default_value_t = SEED)]
    pub seed: u32,
    /// Which samples to validate on.
    #[arg(long, value_enum, default_value_t = SplitArg::Last)]
    pub split: SplitArg,
    /// The share of samples to validate on; 0 for none.
    #[arg(long, default_value_t = 0.33)]
    pub validation: f64,
    /// A file of rows: features, and the target in the last column. Default: UCI Ionosphere, which is built in.
    #[arg(long)]
    pub csv: Option<PathBuf>,
    /// The CSV's two classes, the one that counts as 0 first. Default: those found, in alphabetical order.
    #[arg(long, value_name = "ZERO,ONE", requires = "csv")]
    pub classes: Option<String>,
    /// The loss; with mse the CSV's last column is a number.
    #[arg(long, value_enum, default_value_t = LossArg::Bce)]
    pub loss: LossArg,
    /// Units of the hidden layers, such as 16,8.
    #[arg(long, value_delimiter = ',', default_value = "34")]
    pub hidden: Vec<u16>,
    /// Activation of the hidden layers.
    #[arg(long, value_enum, default_value_t = ActivationArg::Relu)]
    pub activation: ActivationArg,
    /// Initial weights. normal has a standard deviation of 0.05.
    #[arg(long, value_enum, default_value_t = InitArg::Normal)]
    pub init: InitArg,
    /// Write the epochs to this file: JSON if it ends in .json, else CSV.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

/// See [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ClockArg {
    Update,
    Epoch,
}

/// See [`Convention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConventionArg {
    /// v = m v - lr g; w += v
    Keras,
    /// v = m v + g; w -= lr v
    Torch,
}

/// How validation samples are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// The last rows, as Keras' `validation_split`.
    Last,
    /// The same share of every class, chosen by the seed.
    Stratified,
}

/// See [`microfit::loss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LossArg {
    /// Binary cross-entropy, after a sigmoid.
    Bce,
    /// Mean squared error, after a linear output.
    Mse,
}

/// See [`microfit::activation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ActivationArg {
    Relu,
    Tanh,
    Sigmoid,
    Linear,
}

/// See [`Init`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum InitArg {
    Normal,
    GlorotUniform,
    HeNormal,
}

impl Train {
    /// Trains, prints the curves and the summary, and writes the trace.
    ///
    /// # Errors
    /// [`Error`].
    pub fn run(&self) -> Result<(), Error> {
        let run = self.train()?;
        if let Some(path) = &self.trace {
            trace::write(path, &run)?;
        }
        println!("{}\n{}", chart::curves(&run.records), summary(&[run]));
        Ok(())
    }

    /// Trains, with a progress bar.
    ///
    /// # Errors
    /// [`Error`].
    pub fn train(&self) -> Result<Run, Error> {
        match &self.csv {
            None if self.loss == LossArg::Bce => self.on(Ionosphere, Ionosphere::class),
            None => Err(Error::Option {
                option: "--loss",
                expected: "bce for the bundled classes".into(),
                found: "mse".into(),
            }),
            Some(path) => {
                let target = match self.loss {
                    LossArg::Bce => Target::Class(self.classes()?),
                    LossArg::Mse => Target::Number,
                };
                let data = Csv::read(path, &target)?;
                self.on(&data, |index| data.class(index))
            }
        }
    }

    fn classes(&self) -> Result<Option<[String; 2]>, Error> {
        let Some(text) = &self.classes else { return Ok(None) };
        match text.split_once(',') {
            Some((zero, one)) if zero != one && !one.contains(',') => Ok(Some([zero.into(), one.into()])),
            _ => Err(Error::Option {
                option: "--classes",
                expected: "two different classes with a comma between them".into(),
                found: format!("`{text}`"),
            }),
        }
    }

    fn on<D: Dataset + Copy>(&self, data: D, class_of: impl Fn(usize) -> u16) -> Result<Run, Error> {
        let mut indices;
        match self.split {
            _ if self.validation == 0.0 => self.with(&data, &Nothing),
            SplitArg::Last => {
                let (train, validation) = holdout(data, self.validation)?;
                self.with(&train, &validation)
            }
            SplitArg::Stratified => {
                indices = vec![0; data.len()];
                let (train, validation) = stratified(data.len(), class_of, self.validation, self.seed, &mut indices)?;
                self.with(&Subset::new(data, train), &Subset::new(data, validation))
            }
        }
    }

    fn with(&self, train: &impl Dataset, validation: &impl Dataset) -> Result<Run, Error> {
        match (self.loss, self.online) {
            (LossArg::Bce, false) => self.fit(BinaryCrossEntropy, &Sigmoid, self.sgd()?, train, validation),
            (LossArg::Mse, false) => self.fit(MeanSquaredError, &Linear, self.sgd()?, train, validation),
            (LossArg::Bce, true) => self.fit(BinaryCrossEntropy, &Sigmoid, OnlineSgd, train, validation),
            (LossArg::Mse, true) => self.fit(MeanSquaredError, &Linear, OnlineSgd, train, validation),
        }
    }

    fn sgd(&self) -> Result<Sgd, Error> {
        let convention = match self.convention {
            ConventionArg::Keras => Convention::Keras,
            ConventionArg::Torch => Convention::Torch,
        };
        Ok(Sgd::new(self.momentum, convention)?)
    }

    fn fit<L: Loss, O: Optimizer>(
        &self,
        loss: L,
        output: &dyn Activation,
        optimizer: O,
        train: &impl Dataset,
        validation: &impl Dataset,
    ) -> Result<Run, Error> {
        let (schedule, mut driver) = spec::parse_any(&self.schedule)?.into_parts();
        let hidden: &dyn Activation = match self.activation {
            ActivationArg::Relu => &Relu,
            ActivationArg::Tanh => &Tanh,
            ActivationArg::Sigmoid => &Sigmoid,
            ActivationArg::Linear => &Linear,
        };
        let mut layers: Vec<_> = self.hidden.iter().map(|&units| dense(units, hidden)).collect();
        layers.push(dense(1, output));
        let inputs = u16::try_from(train.features()).map_err(|_| microfit::Error::TopologyTooLarge)?;
        let topology = Topology::try_new(inputs, &layers)?;
        let init = match self.init {
            InitArg::Normal => Init::Normal { stddev: 0.05 },
            InitArg::GlorotUniform => Init::GlorotUniform,
            InitArg::HeNormal => Init::HeNormal,
        };
        let mut params = vec![0.0; topology.param_len()];
        init.fill(&topology, self.seed, &mut params)?;
        let by_epoch = match self.clock {
            Some(clock) => clock == ClockArg::Epoch,
            None => self.schedule.trim_start().starts_with("drop_based"),
        };
        let fit = Fit {
            topology,
            loss,
            optimizer,
            schedule: &*schedule,
            clock: if by_epoch { Clock::Epoch } else { Clock::Update },
            order: Shuffle::new(self.seed),
            batch: if self.online { 1 } else { self.batch },
            epochs: self.epochs,
        };
        let bar = progress::bar(u64::from(self.epochs), "training");
        let driver = driver.as_deref_mut().map(|driver| driver as &mut dyn spec::Driven);
        let run = run::train(&self.schedule, fit, train, validation, &mut params, driver, |record| {
            bar.set_message(format!("loss {:.4}", record.loss));
            bar.inc(1);
        })?;
        bar.finish_and_clear();
        Ok(run)
    }
}
