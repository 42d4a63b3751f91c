//! `microfit train`.

mod layers;
mod loss;
mod names;
mod optimizer;
mod save;
mod start;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use microfit::data::{Dataset, Ionosphere, Nothing, Scaled, Shuffle, Subset, holdout, stratified};
use microfit::loss::{ClassWeights, Loss};
use microfit::optimizer::Optimizer;
use microfit::{Clock, EarlyStopping, Fit, Goal, Topology, weights_hash};
use microfit_firmware::SEED;

use crate::chart;
use crate::commands::demo::summary;
use crate::dataset::{Csv, Target, key};
use crate::error::Error;
use crate::progress;
use crate::run::{self, Guide, Run};
use crate::{output, spec, trace};

pub use layers::{ActivationArg, LayerOptions, Units};
pub(crate) use layers::{activation, activations};
pub use loss::{ClassWeightsArg, LossArg, LossOptions};
pub use names::Each;
pub use optimizer::{ConventionArg, OptimizerArg, OptimizerOptions};
use start::Start;

/// Train one network, on the bundled data or a CSV of your own.
#[derive(Debug, Clone, Args)]
#[command(args_override_self = true)]
pub struct Train {
    /// A TOML file whose keys are these options. Those on the command line win, also over keys that cannot be used with
    /// them.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The learning rate, such as `warmup(0.1, 45).then(cosine(0.1, 0, 405))`; see microfit schedule --list. Default:
    /// time_based(0.1, 0.002) for sgd and nesterov, the library's constant for the other optimizers.
    #[arg(long)]
    pub schedule: Option<String>,
    /// What the schedule's step counts. Default: epochs for a schedule with drop_based anywhere in it, updates for the
    /// others. A rate that is driven by a metric takes a step with every epoch.
    #[arg(long)]
    pub clock: Option<ClockArg>,
    /// Passes over the training samples.
    #[arg(long, default_value_t = 50)]
    pub epochs: u32,
    /// Samples an update.
    #[arg(long, default_value_t = 28)]
    pub batch: u32,
    /// Fixes the initial weights, the order of the samples, dropout, and a stratified split.
    #[arg(long, default_value_t = SEED)]
    pub seed: u32,
    /// Which samples to validate on.
    #[arg(long, value_enum, default_value_t = SplitArg::Last)]
    pub split: SplitArg,
    /// The share of samples to validate on; 0 for none.
    #[arg(long, default_value_t = 0.33)]
    pub validation: f64,
    /// Stop after so many epochs in which the validation loss (the training loss where nothing is validated) was not
    /// the lowest so far; the weights of the epoch in which it was lowest are restored, also after the last epoch.
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<u32>,
    /// A file of rows: features, and the target in the last column. Default: UCI Ionosphere, which is built in.
    #[arg(long)]
    pub csv: Option<PathBuf>,
    /// The CSV's classes in the order of their indices, for two the one that counts as 0 first. Default: those found,
    /// two in alphabetical order; more in numerical order if all are numbers, else in alphabetical order.
    #[arg(long, value_name = "ZERO,ONE,..", requires = "csv", allow_hyphen_values = true)]
    pub classes: Option<String>,
    /// Write the epochs to this file: JSON if it ends in .json, else CSV.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Write the trained model to this file: safetensors in PyTorch's layout if it ends in .safetensors, else a frame that a board
    /// loads (see microfit checkpoint).
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Layers.
    #[command(flatten, next_help_heading = "Layers")]
    pub layers: LayerOptions,
    /// Loss.
    #[command(flatten, next_help_heading = "Loss")]
    pub loss: LossOptions,
    /// Optimizer.
    #[command(flatten, next_help_heading = "Optimizer")]
    pub optimizer: OptimizerOptions,
}

/// See [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ClockArg {
    Update,
    Epoch,
}

/// How validation samples are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// The last rows, as Keras' `validation_split`.
    Last,
    /// The same share of every class, chosen by the seed; of 65,536 samples at most.
    Stratified,
}

/// A training run but for its optimizer, which is a type.
struct Job<'a> {
    options: &'a Train,
    start: Option<&'a Start>,
    topology: Topology<'a>,
    loss: &'a dyn Loss,
    schedule: Box<spec::DynSchedule>,
    driver: Option<Box<dyn spec::Driven>>,
    train: &'a dyn Dataset,
    validation: &'a dyn Dataset,
}

/// A run that has come to its end, and whether its model could be written: if not, the rest is not lost with it.
struct Trained {
    run: Run,
    saved: Result<(), Error>,
}

impl Train {
    /// Trains, writes the model and the trace, and prints the curves and the summary.
    ///
    /// # Errors
    /// [`Error`]; of what could not be written the first, when the others are.
    pub fn run(&self) -> Result<(), Error> {
        self.check_files()?;
        let Trained { run, saved } = self.train()?;
        let traced = self.trace.as_ref().map_or(Ok(()), |path| trace::write(path, &run));
        let ended = run.ended.map_or_else(String::new, |ended| format!("\n{ended}"));
        let shown = output::line(format_args!("{}\n{}{ended}", chart::curves(&run.records), summary(&[run])));
        let mut errors = [saved, traced, shown].into_iter().filter_map(Result::err);
        let Some(first) = errors.next() else { return Ok(()) };
        errors.for_each(output::note);
        Err(first)
    }

    /// Refuses files that cannot be written, and those that would take the place of what is read or written too.
    fn check_files(&self) -> Result<(), Error> {
        let (trace, save) = (("--trace", &self.trace), ("--save", &self.save));
        let (csv, from, config) = (("--csv", &self.csv), ("--from", &self.layers.from), ("--config", &self.config));
        // A model that is trained on may be replaced.
        let pairs = [(trace, save), (trace, csv), (trace, from), (trace, config), (save, csv), (save, config)];
        for ((option, path), (other, taken)) in pairs {
            if let (Some(path), Some(taken)) = (path, taken) {
                output::differ(option, path, taken, &format!("{other}'s"))?;
            }
        }
        [&self.trace, &self.save].into_iter().flatten().try_for_each(|path| output::check(path))
    }

    /// Trains, with a progress bar, and writes the model; of a run that fails, the trace of the epochs before.
    fn train(&self) -> Result<Trained, Error> {
        let start = self.layers.from.as_deref().map(Start::read).transpose()?;
        let start = start.as_ref();
        let Some(path) = &self.csv else {
            return match self.loss.loss.unwrap_or(LossArg::Bce) {
                loss if loss.has_classes() => self.on(loss, 2, start, &Ionosphere, Ionosphere::class),
                loss => Err(Error::Option {
                    option: "--loss",
                    expected: "bce, hinge or categorical for the bundled classes".into(),
                    found: loss.name().into(),
                }),
            };
        };
        let target = match (self.loss.loss, self.classes()?) {
            (Some(loss), classes) => loss.target(classes)?,
            (None, Some(classes)) => LossArg::of(classes.len()).target(Some(classes))?,
            (None, None) => Target::Any,
        };
        fs::metadata(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let data = Csv::read(path, &target)?;
        for note in data.notes() {
            output::note(format_args!("{}: {note}", path.display()));
        }
        let classes = data.classes();
        let loss = self.loss.loss.unwrap_or(LossArg::of(classes.len()));
        if self.loss.loss.is_none() && classes.len() != 2 {
            let found = match classes.len() {
                0 => "numbers".to_owned(),
                many => format!("one of {many} classes"),
            };
            let column = data.features() + 1;
            output::note(format_args!("{}: column {column} has {found}: --loss {}", path.display(), loss.name()));
        }
        self.on(loss, classes.len(), start, &data, |index| data.class(index))
    }

    fn classes(&self) -> Result<Option<Vec<String>>, Error> {
        let Some(text) = &self.classes else { return Ok(None) };
        // As the cells are.
        let classes: Vec<String> = text.split(',').map(|class| class.trim().to_owned()).collect();
        let different: BTreeSet<_> = classes.iter().map(|class| key(class)).collect();
        if classes.len() > 1 && different.len() == classes.len() {
            return Ok(Some(classes));
        }
        Err(Error::Option {
            option: "--classes",
            expected: "two or more different classes with a comma between them".into(),
            found: format!("`{text}`"),
        })
    }

    fn on(
        &self,
        loss: LossArg,
        classes: usize,
        start: Option<&Start>,
        data: &(impl Dataset + Sized),
        class_of: impl Fn(usize) -> u16,
    ) -> Result<Trained, Error> {
        match start.map(Start::scaling).transpose()?.flatten() {
            None => self.split(loss, classes, start, data, class_of),
            Some(scaling) => self.split(loss, classes, start, &Scaled::new(data, scaling)?, class_of),
        }
    }

    fn split(
        &self,
        loss: LossArg,
        classes: usize,
        start: Option<&Start>,
        data: &(impl Dataset + Sized),
        class_of: impl Fn(usize) -> u16,
    ) -> Result<Trained, Error> {
        let mut indices;
        match self.split {
            _ if self.validation == 0.0 => self.with(loss, classes, start, data, &Nothing),
            SplitArg::Last => {
                let (train, validation) = holdout(data, self.validation)?;
                self.with(loss, classes, start, &train, &validation)
            }
            SplitArg::Stratified => {
                // As many as the indices of a split count.
                const MOST: usize = 1 << 16;
                if data.len() > MOST {
                    return Err(Error::Option {
                        option: "--split",
                        expected: format!("at most {MOST} samples for a stratified split, or the split last"),
                        found: data.len().to_string(),
                    });
                }
                indices = vec![0; data.len()];
                let (train, validation) = stratified(data.len(), class_of, self.validation, self.seed, &mut indices)?;
                self.with(loss, classes, start, &Subset::new(data, train), &Subset::new(data, validation))
            }
        }
    }

    fn with(
        &self,
        which: LossArg,
        classes: usize,
        start: Option<&Start>,
        train: &dyn Dataset,
        validation: &dyn Dataset,
    ) -> Result<Trained, Error> {
        let outputs = u16::try_from(which.outputs(classes)).map_err(|_| Error::Option {
            option: "--loss",
            expected: "65535 classes at most, or a loss of numbers such as mse".into(),
            found: format!("{classes} classes"),
        })?;
        let inputs = u16::try_from(train.features()).map_err(|_| Error::Option {
            option: "--csv",
            expected: "65535 features at most".into(),
            found: train.features().to_string(),
        })?;
        let output = match (&self.layers.output, start) {
            (Some(output), _) => Some(output),
            (None, Some(start)) => start.output()?,
            (None, None) => None,
        };
        let (last, output) = match output {
            Some(output) => (output.function(), output.name()),
            None => (which.output(), ""),
        };
        let layers = self.layers.layers(outputs, last, self.seed, start)?;
        let topology = Topology::try_new(inputs, &layers)?;
        let plain = self.loss.loss(which, last, output)?;
        let weights = self.loss.weights(which, classes, train)?;
        let weighted = ClassWeights::new(&*plain, &weights)?;
        let loss: &dyn Loss = if weights.is_empty() { &*plain } else { &weighted };
        let (schedule, driver) = spec::parse_any(self.schedule())?.into_parts();
        self.optimizer.run(Job { options: self, start, topology, loss, schedule, driver, train, validation })
    }

    fn schedule(&self) -> &str {
        self.schedule.as_deref().unwrap_or_else(|| self.optimizer.default_schedule())
    }
}

/// Whether a schedule counts epochs where nothing else is said: by its words, as a number may have letters too.
fn counts_epochs(schedule: &str) -> bool {
    schedule.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "drop_based")
}

impl Job<'_> {
    /// Whether the schedule also says what the momentum is, at its beginning or end.
    fn drives_momentum(&self) -> bool {
        [0, u32::MAX].iter().any(|step| self.schedule.momentum(*step).is_some())
    }

    fn run<O: Optimizer>(self, optimizer: O) -> Result<Trained, Error> {
        let Self { options, start, topology, loss, schedule, mut driver, train, validation } = self;
        let text = options.schedule();
        let mut params = vec![0.0; topology.param_len()];
        match start {
            Some(start) => start.fill(&topology, &mut params)?,
            None => options.layers.init.fill(&topology, options.seed, &mut params)?,
        }
        let by_epoch = match options.clock {
            Some(clock) => clock == ClockArg::Epoch,
            None => counts_epochs(text),
        };
        let fit = Fit {
            topology,
            loss,
            optimizer,
            schedule: &*schedule,
            clock: if by_epoch { Clock::Epoch } else { Clock::Update },
            order: Shuffle::new(options.seed),
            batch: if options.optimizer.online { 1 } else { options.batch },
            epochs: options.epochs,
        };
        let bar = progress::bar(u64::from(options.epochs), "training");
        let guide = Guide {
            driver: driver.as_deref_mut().map(|driver| driver as &mut dyn spec::Driven),
            stopping: match options.patience {
                Some(patience) => Some(EarlyStopping::new(Goal::Minimize, patience, 0.0)?),
                None => None,
            },
        };
        let mut records = Vec::new();
        let trained = run::train(text, fit, &train, &validation, &mut params, guide, |record| {
            bar.set_message(format!("loss {:.4}", record.loss));
            bar.inc(1);
            records.push(*record);
        });
        bar.finish_and_clear();
        let run = match trained {
            Ok(run) => run,
            Err(error) => {
                if let (Some(path), false) = (&options.trace, records.is_empty()) {
                    let (name, hash, ram) = (text.to_owned(), weights_hash(&params), topology.train_bytes::<O>());
                    match trace::write(path, &Run { name, records, hash, ram, ended: None }) {
                        Ok(()) => output::note(format_args!("{}: the epochs before the error", path.display())),
                        // What ended the run is told last, and its status is this run's.
                        Err(unwritten) => output::note(unwritten),
                    }
                }
                return Err(error.into());
            }
        };
        let save = |path| save::save(path, topology, &params, start.map(Start::scaling).transpose()?.flatten());
        let saved = options.save.as_deref().map_or(Ok(()), save);
        Ok(Trained { run, saved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_based_anywhere_in_a_schedule_counts_epochs() {
        for schedule in [
            "drop_based(0.5, 0.5, 10)",
            "0.2 * drop_based(0.5, 0.5, 10)",
            "2e-1 * drop_based(0.5, 0.5, 10)",
            "2E-1*(drop_based(lr0=0.5, drop=0.5, epochs_drop=10) + 0)",
            "constant(0.2).product(drop_based(0.5, 0.5, 10))",
            "warmup(0.1, 5).overlay(5, drop_based(0.1, 0.5, 10))",
        ] {
            assert!(spec::parse(schedule).is_ok() && counts_epochs(schedule), "{schedule}");
        }
        for schedule in ["time_based(0.1, 0.002)", "2e-1 * constant(0.5)"] {
            assert!(spec::parse(schedule).is_ok() && !counts_epochs(schedule), "{schedule}");
        }
    }
}
