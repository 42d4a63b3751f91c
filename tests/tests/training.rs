//! Training runs against Keras' and PyTorch's own, from the same weights: the tutorial's two experiments, and small runs of
//! optimizers, losses and activations.
//!
//! Reads `train_*.json` from the folder in `MICROFIT_GOLDEN`, or from `golden/`. An unknown setting fails.

use microfit::data::{Dataset, Order, Sequential};
use microfit::loss::Loss;
use microfit::optimizer::{Optimizer, Sgd};
use microfit::schedule::{Constant, DropBased, Schedule, TimeBased, torch};
use microfit::{Clock, Event, Fit, Topology, dense};
use microfit_tests::golden::{Config, Experiment, Gap, Misc, Samples, Trace, activation, load, loss};
use microfit_tests::optimizers::{With, build};
use microfit_tests::params::Params;
use serde_json::{Map, Value};

/// Losses against the f64 run (the reference's own f32 run is within 7e-8 of it).
const LOSS: f64 = 1e-6;
/// Weights against the f64 run (the reference's own f32 run is within 1.4e-6 of it).
const WEIGHT: f64 = 5e-6;
/// Where the reference's own f32 run is far off, because the run is long or its batches are small, no f32 can be held to
/// the bounds above: then to this many times its distance.
const GAPS: f64 = 2.0;

#[test]
fn time_based() {
    reproduce("train_time_based.json");
}

#[test]
fn drop_based() {
    reproduce("train_drop_based.json");
}

fn reproduce(file: &str) {
    let experiment: Experiment = load(file);
    assert!(!experiment.runs.is_empty(), "{file}: no runs");
    let (train, validation) = Samples::load(&experiment.data);
    for (name, trace) in &experiment.runs {
        let run = Reference {
            name: &format!("{file}: {name}"),
            config: trace.config.as_ref().expect("a run's config"),
            trace,
            init: &experiment.init,
            gap: experiment.f32_vs_f64,
            train: &train,
            validation: &validation,
        };
        run.reproduce();
    }
}

#[test]
fn optimizers_losses_and_activations() {
    let misc: Misc = load("train_misc.json");
    assert!(!misc.runs.is_empty());
    for (name, run) in &misc.runs {
        let train = match run.data.as_str() {
            "" => Samples::of(&run.features, &run.targets),
            sentence => Samples::load_classes(sentence),
        };
        let gap = Gap { max_abs_final_weight: run.f32_vs_f64_max_abs_final_weight, ..Gap::default() };
        let run = Reference {
            name,
            config: &run.config,
            trace: &run.f64,
            init: &run.init,
            gap,
            train: &train,
            validation: &Samples::default(),
        };
        run.reproduce();
    }
}

/// The orders a reference run recorded, one an epoch.
struct Recorded(Vec<Vec<u32>>);

impl Order for Recorded {
    fn index(&self, epoch: u32, position: u32, _len: u32) -> u32 {
        self.0[epoch as usize][position as usize]
    }
}

fn order(config: &Config) -> Box<dyn Order> {
    match &config.orders {
        Some(file) => Box::new(Recorded(load(file))),
        None => Box::new(Sequential),
    }
}

fn schedule(name: &str, from: &Value) -> (Box<dyn Schedule>, Clock) {
    let p = Params::new(from);
    p.ignore(&["formula"]);
    let lr0 = || p.f64("lr0");
    let made: (Box<dyn Schedule>, Clock) = match p.text("kind", "") {
        "constant" => (Box::new(Constant::new(lr0()).unwrap()), Clock::Update),
        "keras_legacy_decay" => (Box::new(TimeBased::new(lr0(), p.f64("decay")).unwrap()), Clock::Update),
        "drop_based" => (Box::new(DropBased::new(lr0(), p.f64("drop"), p.f64("epochs_drop")).unwrap()), Clock::Epoch),
        "exponential_per_step" => (Box::new(torch::exponential(lr0(), p.f64("gamma")).unwrap()), Clock::Update),
        "cosine" => {
            let (steps, least) = (p.steps("T_steps"), p.f64("lr_min"));
            (Box::new(torch::cosine_annealing(lr0(), steps, least).unwrap()), Clock::Update)
        }
        "torch_OneCycleLR" => {
            let options = torch::OneCycleOptions {
                pct_start: p.or("pct_start", 0.3),
                div_factor: p.or("div_factor", 25.0),
                final_div_factor: p.or("final_div_factor", 1e4),
                base_momentum: p.or("base_momentum", 0.85),
                max_momentum: p.or("max_momentum", 0.95),
                ..torch::OneCycleOptions::DEFAULT
            };
            (Box::new(torch::one_cycle(p.f64("max_lr"), p.steps("total_steps"), options).unwrap()), Clock::Update)
        }
        other => panic!("{name}: schedule {other} is not known"),
    };
    p.all_used(name);
    made
}

/// The library's name of the optimizer, and its arguments, clipping included.
fn optimizer(config: &Config) -> (&'static str, Value) {
    let mut arguments: Map<String, Value> = config.hyper.clone();
    let torch = config.flavour == "torch";
    assert!(torch || config.flavour == "keras", "flavour {} is not one of keras, torch", config.flavour);
    let (norm, value) = if torch { ("clip_grad_norm_", "clip_grad_value_") } else { ("global_clipnorm", "clipvalue") };
    for (name, clip) in [(norm, config.clip_norm), (value, config.clip_value)] {
        if let Some(clip) = clip {
            arguments.insert(name.into(), clip.into());
        }
    }
    let name = match config.opt.as_str() {
        "sgd" => "SGD",
        "adam" => "Adam",
        "adamw" => "AdamW",
        "nadam" => {
            if torch {
                "NAdam"
            } else {
                "Nadam"
            }
        }
        "radam" => "RAdam",
        "adamax" => "Adamax",
        "rmsprop" => "RMSprop",
        "adagrad" => "Adagrad",
        "adadelta" => "Adadelta",
        "lion" => "Lion",
        other => panic!("optimizer {other} is not known"),
    };
    (name, Value::Object(arguments))
}

/// A recorded run and what it was made from.
#[derive(Clone, Copy)]
struct Reference<'a> {
    name: &'a str,
    config: &'a Config,
    trace: &'a Trace,
    init: &'a [f64],
    gap: Gap,
    train: &'a Samples,
    validation: &'a Samples,
}

impl Reference<'_> {
    fn reproduce(self) {
        let (name, arguments) = optimizer(self.config);
        let params = Params::new(&arguments);
        build(&self.config.flavour, name, &params, self);
        params.all_used(self.name);
    }

    fn initial(&self) -> Vec<f32> {
        self.init.iter().map(|&w| w as f32).collect()
    }
}

impl With for Reference<'_> {
    fn with<O: Optimizer>(self, optimizer: O) {
        let Self { name, config, trace, gap, train, validation, .. } = self;
        let layers: Vec<_> =
            config.sizes[1..].iter().zip(&config.acts).map(|(&units, name)| dense(units, activation(name))).collect();
        let topology = Topology::try_new(config.sizes[0], &layers).unwrap();
        let (order, loss) = (order(config), loss(&config.loss));
        let (schedule, clock) = schedule(name, &config.schedule);
        for (step, &expected) in (0..).zip(&trace.step_momentum) {
            assert_eq!(schedule.momentum(step), Some(expected as f32), "{name}: momentum of update {step}");
        }
        let (batch, epochs) = (config.batch, config.epochs);
        let fit = Fit { topology, loss, optimizer, schedule: &*schedule, clock, order: &*order, batch, epochs };
        let mut params = self.initial();
        let mut workspace = vec![f32::NAN; topology.workspace_len::<O>()];
        let mut tape = vec![0.0; topology.tape_len(1) + topology.outputs()];

        let mut worst = Worst::default();
        let mut done = 0;
        let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
        loop {
            match trainer.step(train, validation).unwrap() {
                Event::Update { step, rate, loss } => {
                    let at = step as usize - 1;
                    if let Some(&expected) = trace.step_lr.get(at) {
                        assert_eq!(rate, expected as f32, "{name}: rate of update {at}");
                    }
                    if let Some(&expected) = trace.step_loss.get(at) {
                        worst.loss(f64::from(loss) - expected);
                    }
                    if let Some(expected) = trace.weights_after_step.get(&step.to_string()) {
                        worst.weights(trainer.params(), expected);
                    }
                }
                Event::Epoch(report) => {
                    let at = report.epoch as usize;
                    let golden = &trace.epochs;
                    assert_eq!(report.rate, golden.lr[at] as f32, "{name}: rate of epoch {at}");
                    let end = trainer.network().evaluate(&loss, train, &mut tape).unwrap();
                    let mut compare = |what: &str, found: microfit::Metrics, loss: &[f64], accuracy: &[Option<f64>]| {
                        if let Some(&expected) = loss.get(at) {
                            worst.loss(f64::from(found.loss()) - expected);
                        }
                        // A squared error has no right and wrong, whatever a reference prints for it.
                        let (Some(&Some(expected)), Some(accuracy)) = (accuracy.get(at), found.accuracy()) else {
                            return;
                        };
                        let difference = (f64::from(accuracy) - expected).abs() * f64::from(found.samples());
                        assert!(
                            difference < 0.01,
                            "{name}: {what} accuracy of epoch {at}: expected {expected}, found {accuracy}"
                        );
                    };
                    compare("train", report.train, &golden.train_loss, &golden.train_acc);
                    compare("end", end, &golden.end_loss, &golden.end_acc);
                    if let Some(validation) = report.validation {
                        compare("validation", validation, &golden.val_loss, &golden.val_acc);
                    }
                    done += 1;
                }
                Event::Done => break,
                _ => {}
            }
        }
        assert_eq!(done, config.epochs);
        worst.weights(trainer.params(), &trace.weights_final);
        println!("{name}: losses within {:.1e}, weights within {:.1e}", worst.loss, worst.weight);
        let loss_bound = LOSS.max(GAPS * gap.max_abs_train_loss.max(gap.max_abs_val_loss));
        let weight_bound = WEIGHT.max(GAPS * gap.max_abs_final_weight);
        assert!(worst.loss <= loss_bound, "{name}: losses differ by {:e}, more than {loss_bound:e}", worst.loss);
        assert!(
            worst.weight <= weight_bound,
            "{name}: weights differ by {:e}, more than {weight_bound:e}",
            worst.weight
        );
        self.check_gradient(&loss, topology);
    }
}

impl Reference<'_> {
    /// One update without momentum at rate 1 moves the weights by the gradient.
    fn check_gradient(&self, loss: &impl Loss, topology: Topology<'_>) {
        if self.trace.grad_first_batch.is_empty() {
            return;
        }
        let mut params = self.initial();
        let before = params.clone();
        let mut workspace = vec![0.0; topology.workspace_len::<Sgd>()];
        let order = order(self.config);
        let fit = Fit {
            topology,
            loss,
            optimizer: Sgd::torch(0.0).unwrap(),
            schedule: Constant::new(1.0).unwrap(),
            clock: Clock::Update,
            order: &*order,
            batch: self.config.batch,
            epochs: 1,
        };
        let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
        while !matches!(trainer.step(self.train, &microfit::data::Nothing).unwrap(), Event::Update { .. }) {}
        let expected = self.trace.grad_first_batch.iter();
        assert_eq!(expected.len(), before.len());
        for (k, (after, (before, expected))) in params.iter().zip(before.iter().zip(expected)).enumerate() {
            let found = f64::from(before - after);
            let name = self.name;
            assert!((found - expected).abs() < 1e-6, "{name}: gradient {k}: expected {expected}, found {found}");
        }
    }
}

#[derive(Default)]
struct Worst {
    loss: f64,
    weight: f64,
}

impl Worst {
    fn loss(&mut self, difference: f64) {
        assert!(difference.is_finite());
        self.loss = self.loss.max(difference.abs());
    }

    fn weights(&mut self, found: &[f32], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (&found, expected) in found.iter().zip(expected) {
            let difference = (f64::from(found) - expected).abs();
            assert!(difference.is_finite());
            self.weight = self.weight.max(difference);
        }
    }
}

#[test]
fn the_bundled_digits_are_those_of_the_reference() {
    let samples =
        Samples::load_classes("digits_600.csv: 64 integer pixels 0..16 (divide by 16), class; all 600 rows, in order");
    let digits = microfit::data::Digits;
    let (mut features, mut target) = ([0.0; 64], [0.0]);
    for index in 0..digits.len() {
        digits.read(index, &mut features, &mut target).unwrap();
        assert_eq!((&features[..], &target[..]), (&samples.features[index][..], &samples.targets[index][..]));
    }
    assert_eq!(digits.len(), samples.len());
}
