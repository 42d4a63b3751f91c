//! The tutorial's two experiments against Keras' and PyTorch's own runs, from the same weights.

use microfit::data::{Order, Sequential};
use microfit::loss::{BinaryCrossEntropy, Loss, MeanSquaredError};
use microfit::optimizer::{Convention, Sgd};
use microfit::schedule::{Constant, DropBased, TimeBased};
use microfit::{Clock, Error, Event, Fit, Network, Topology, dense};
use microfit_tests::golden::{Config, Experiment, Run, Samples, activation, load};

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
    for (name, run) in &experiment.runs {
        let name = format!("{file}: {name}");
        match run.config.loss.as_str() {
            "bce" => with_loss(&name, BinaryCrossEntropy, run, &experiment, &train, &validation),
            "mse" => with_loss(&name, MeanSquaredError, run, &experiment, &train, &validation),
            other => panic!("{name}: loss {other} is not one of bce, mse"),
        }
    }
}

fn with_loss<L: Loss + Copy>(name: &str, loss: L, run: &Run, of: &Experiment, train: &Samples, validation: &Samples) {
    let from = &run.config.schedule;
    match (from.kind.as_str(), from.decay, from.drop, from.epochs_drop) {
        ("constant", None, None, None) => {
            with_schedule(name, loss, Constant::new(from.lr0), Clock::Update, run, of, train, validation);
        }
        ("keras_legacy_decay", Some(decay), None, None) => {
            with_schedule(name, loss, TimeBased::new(from.lr0, decay), Clock::Update, run, of, train, validation);
        }
        ("drop_based", None, Some(drop), Some(epochs_drop)) => {
            let schedule = DropBased::new(from.lr0, drop, epochs_drop);
            with_schedule(name, loss, schedule, Clock::Epoch, run, of, train, validation);
        }
        _ => panic!("{name}: {from:?} is not one of constant, keras_legacy_decay, drop_based"),
    }
}

/// The orders a reference run recorded, one an epoch.
struct Recorded(Vec<Vec<u32>>);

impl Order for Recorded {
    fn index(&self, epoch: u32, position: u32, _len: u32) -> u32 {
        self.0[epoch as usize][position as usize]
    }
}

#[allow(clippy::too_many_arguments)]
fn with_schedule<L: Loss + Copy, S: microfit::schedule::Schedule>(
    name: &str,
    loss: L,
    schedule: Result<S, Error>,
    clock: Clock,
    run: &Run,
    of: &Experiment,
    train: &Samples,
    validation: &Samples,
) {
    let (config, init, gap) = (&run.config, &of.init, of.f32_vs_f64);
    let layers: Vec<_> =
        config.sizes[1..].iter().zip(&config.acts).map(|(&units, name)| dense(units, activation(name))).collect();
    let topology = Topology::try_new(config.sizes[0], &layers).unwrap();
    let order = order(config);
    let fit = Fit {
        topology,
        loss,
        optimizer: optimizer(config),
        schedule: schedule.unwrap(),
        clock,
        order: &*order,
        batch: config.batch,
        epochs: config.epochs,
    };
    let mut params: Vec<f32> = init.iter().map(|&w| w as f32).collect();
    let mut workspace = vec![f32::NAN; topology.workspace_len::<Sgd>()];
    let mut tape = vec![0.0; topology.tape_len(1) + topology.outputs()];

    let mut worst = Worst::default();
    let mut epochs = 0;
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    loop {
        match trainer.step(train, validation).unwrap() {
            Event::Update { step, rate, loss } => {
                let done = step as usize - 1;
                if let Some(&expected) = run.step_lr.get(done) {
                    assert_eq!(rate, expected as f32, "{name}: rate of update {done}");
                }
                if let Some(&expected) = run.step_loss.get(done) {
                    worst.loss(f64::from(loss) - expected);
                }
                if let Some(expected) = run.weights_after_step.get(&step) {
                    worst.weights(trainer.params(), expected);
                }
            }
            Event::Epoch(report) => {
                let at = report.epoch as usize;
                let golden = &run.epochs;
                assert_eq!(report.rate, golden.lr[at] as f32, "{name}: rate of epoch {at}");
                let end = trainer.network().evaluate(&loss, train, &mut tape).unwrap();
                let mut compare = |what: &str, found: microfit::Metrics, loss: &[f64], accuracy: &[f64]| {
                    if let Some(&expected) = loss.get(at) {
                        worst.loss(f64::from(found.loss()) - expected);
                    }
                    // A squared error has no right and wrong, whatever a reference prints for it.
                    let (Some(&expected), Some(found_accuracy)) = (accuracy.get(at), found.accuracy()) else { return };
                    let difference = (f64::from(found_accuracy) - expected).abs() * f64::from(found.samples());
                    assert!(
                        difference < 0.01,
                        "{name}: {what} accuracy of epoch {at}: expected {expected}, found {found_accuracy}"
                    );
                };
                compare("train", report.train, &golden.train_loss, &golden.train_acc);
                compare("end", end, &golden.end_loss, &golden.end_acc);
                compare("validation", report.validation.unwrap(), &golden.val_loss, &golden.val_acc);
                epochs += 1;
            }
            Event::Done => break,
            _ => {}
        }
    }
    assert_eq!(epochs, config.epochs);
    worst.weights(trainer.params(), &run.weights_final);
    println!("{name}: losses within {:.1e}, weights within {:.1e}", worst.loss, worst.weight);
    let loss_bound = LOSS.max(GAPS * gap.max_abs_train_loss.max(gap.max_abs_val_loss));
    let weight_bound = WEIGHT.max(GAPS * gap.max_abs_final_weight);
    assert!(worst.loss <= loss_bound, "{name}: losses differ by {:e}, more than {loss_bound:e}", worst.loss);
    assert!(worst.weight <= weight_bound, "{name}: weights differ by {:e}, more than {weight_bound:e}", worst.weight);
    check_gradient(name, loss, run, init, train, topology);
}

fn order(config: &Config) -> Box<dyn Order> {
    match &config.orders {
        Some(file) => Box::new(Recorded(load(file))),
        None => Box::new(Sequential),
    }
}

fn optimizer(config: &Config) -> Sgd {
    assert_eq!(config.opt, "sgd");
    let mut momentum = 0.0;
    for (name, value) in &config.hyper {
        match (name.as_str(), value.as_f64(), value.as_bool()) {
            ("momentum", Some(value), _) => momentum = value as f32,
            ("nesterov", _, Some(false)) | ("dampening" | "weight_decay", Some(0.0), _) => {}
            _ => panic!("hyper parameter {name} = {value} is not understood"),
        }
    }
    let convention = match config.flavour.as_str() {
        "keras" => Convention::Keras,
        "torch" => Convention::Torch,
        other => panic!("flavour {other} is not one of keras, torch"),
    };
    Sgd::new(momentum, convention).unwrap()
}

/// One update without momentum at rate 1 moves the weights by the gradient.
fn check_gradient<L: Loss + Copy>(
    name: &str,
    loss: L,
    run: &Run,
    init: &[f64],
    train: &Samples,
    topology: Topology<'_>,
) {
    if run.grad_first_batch.is_empty() {
        return;
    }
    let mut params: Vec<f32> = init.iter().map(|&w| w as f32).collect();
    let before = params.clone();
    let mut workspace = vec![0.0; topology.workspace_len::<Sgd>()];
    let order = order(&run.config);
    let fit = Fit {
        topology,
        loss,
        optimizer: Sgd::torch(0.0).unwrap(),
        schedule: Constant::new(1.0).unwrap(),
        clock: Clock::Update,
        order: &*order,
        batch: run.config.batch,
        epochs: 1,
    };
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    while !matches!(trainer.step(train, &microfit::data::Nothing).unwrap(), Event::Update { .. }) {}
    for (k, (after, (before, expected))) in params.iter().zip(before.iter().zip(&run.grad_first_batch)).enumerate() {
        let gradient = f64::from(before - after);
        assert!((gradient - expected).abs() < 1e-6, "{name}: gradient {k}: expected {expected}, found {gradient}");
    }
    assert!(Network::new(topology, &params).is_ok());
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
