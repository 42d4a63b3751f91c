//! Bit by bit as a [`Fit`].

use microfit::activation::{Relu, Softmax};
use microfit::data::{Nothing, Rows, Sequential};
use microfit::loss::{Loss, MeanSquaredError, SparseCategoricalCrossEntropy};
use microfit::optimizer::{OnlineSgd, Optimizer, Sgd};
use microfit::schedule::Schedule;
use microfit::schedule::torch::{OneCycleOptions, one_cycle};
use microfit::{Clock, Event, Fit, Learner, Topology, dense, weights_hash};
use microfit_tests::optimizers::{With, build};
use microfit_tests::params::Params;

use super::{HEAD, INPUTS, PENALISED, PLAIN, RATE, SAMPLES, initial, labelled, measured};

/// What one way of training comes to: each update's loss, and the weights.
#[derive(Debug, PartialEq)]
struct Outcome {
    losses: Vec<u32>,
    weights: u64,
}

struct Case<'a, L, const T: usize> {
    topology: &'a Topology<'a>,
    loss: &'a L,
    features: &'a [[f32; INPUTS]],
    targets: &'a [[f32; T]],
    batch: usize,
    together: usize,
}

impl<L: Loss, const T: usize> Case<'_, L, T> {
    const EPOCHS: u32 = 4;

    fn workspace<O: Optimizer>(&self) -> Vec<f32> {
        vec![f32::NAN; self.topology.workspace_len_for::<O>(self.together, T)]
    }

    fn by_fit<O: Optimizer>(&self, optimizer: &O) -> Outcome {
        let (mut params, mut workspace) = (initial(self.topology), self.workspace::<O>());
        let fit = Fit {
            topology: *self.topology,
            loss: self.loss,
            optimizer,
            schedule: RATE,
            clock: Clock::Update,
            order: Sequential,
            batch: self.batch as u32,
            epochs: Self::EPOCHS,
        };
        let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
        let data = Rows { features: self.features, targets: self.targets };
        let losses = trainer.events(&data, &Nothing).filter_map(|event| match event.unwrap() {
            Event::Update { loss, .. } => Some(loss.to_bits()),
            _ => None,
        });
        Outcome { losses: losses.collect(), weights: weights_hash(&params) }
    }

    fn by_learner<O: Optimizer>(&self, optimizer: &O) -> Outcome {
        let (mut params, mut workspace) = (initial(self.topology), self.workspace::<O>());
        let mut learner = Learner::new(self.topology, self.loss, optimizer, &mut params, &mut workspace).unwrap();
        let mut losses = Vec::new();
        for _ in 0..Self::EPOCHS {
            for (features, targets) in self.features.chunks(self.batch).zip(self.targets.chunks(self.batch)) {
                assert_eq!(learner.steps() as usize, losses.len());
                let loss = learner.train_on_batch(&Rows { features, targets }, RATE.rate(learner.steps())).unwrap();
                losses.push(loss.to_bits());
            }
        }
        assert_eq!(weights_hash(learner.params()), weights_hash(learner.network().params()));
        Outcome { losses, weights: weights_hash(&params) }
    }
}

/// Both ways, with all that one optimizer can be asked for.
struct BothWays<'a>(&'a str, &'a [Topology<'static>]);

impl With for BothWays<'_> {
    fn with<O: Optimizer>(self, optimizer: O) {
        let Self(name, topologies) = self;
        let ((features, labels), (_, targets)) = (labelled(), measured());
        let (features, batches) = (&*features, if O::STATE_PER_PARAM == 0 { &[1][..] } else { &[1, 4, 6, 23] });
        for topology in topologies {
            for &batch in batches {
                for together in [1, 3, 4, 8] {
                    let what = format!("{name}, {topology:?}, batches of {batch}, {together} at a time");
                    let (loss, targets) = (&MeanSquaredError, &*targets);
                    let case = Case { topology, loss, features, targets, batch, together };
                    assert_eq!(case.by_learner(&optimizer), case.by_fit(&optimizer), "{what}, of outputs");
                    let (loss, targets) = (&SparseCategoricalCrossEntropy, &*labels);
                    let case = Case { topology, loss, features, targets, batch, together };
                    assert_eq!(case.by_learner(&optimizer), case.by_fit(&optimizer), "{what}, of logits");
                }
            }
        }
    }
}

#[test]
fn comes_to_the_weights_of_a_fit() {
    let cases = [
        ("keras", "SGD", r#"{"momentum": 0.8}"#),
        ("torch", "SGD", r#"{"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}"#),
        ("torch", "SGD", r#"{"momentum": 0.9, "nesterov": true}"#),
        ("torch", "SGD", r#"{"momentum": 0.9, "clip_grad_norm_": 0.1}"#),
        ("torch", "AdamW", "{}"),
        ("torch", "NAdam", "{}"),
        ("torch", "RMSprop", r#"{"momentum": 0.5}"#),
        ("keras", "Lion", r#"{"clipnorm": 0.1}"#),
    ];
    for (library, optimizer, arguments) in cases {
        let params = Params::new(&serde_json::from_str(arguments).unwrap());
        let name = format!("{optimizer} {arguments}");
        build(library, optimizer, &params, BothWays(&name, &[PLAIN, PENALISED, HEAD]));
    }
    BothWays("online", &[PLAIN, HEAD]).with(OnlineSgd);
}

#[test]
fn drops_what_a_fit_of_one_batch_an_epoch_drops() {
    const DROPPED: Topology = Topology::new(INPUTS as u16, &[dense(7, &Relu).dropout(0.4, 3), dense(3, &Softmax)]);
    let (features, labels) = labelled();
    for together in [1, 4] {
        let (topology, loss) = (&DROPPED, &SparseCategoricalCrossEntropy);
        let case = Case { topology, loss, features: &features, targets: &labels, batch: SAMPLES, together };
        let sgd = Sgd::keras(0.5).unwrap();
        let outcome = case.by_learner(&sgd);
        assert_eq!(outcome, case.by_fit(&sgd));
        assert_ne!(outcome.weights, Case { topology: &PLAIN, ..case }.by_fit(&sgd).weights);
    }
}

#[test]
fn takes_a_momentum_that_is_driven() {
    let cycle = one_cycle(0.1, 12, OneCycleOptions::DEFAULT).unwrap();
    let (features, labels) = labelled();
    let (data, loss) = (Rows { features: &features, targets: &labels }, SparseCategoricalCrossEntropy);
    let sgd = Sgd::torch(0.9).unwrap();
    let train = |driven: bool| {
        let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len::<Sgd>()]);
        let mut learner = Learner::new(&PLAIN, &loss, &sgd, &mut params, &mut workspace).unwrap();
        for step in 0..12 {
            learner.force_momentum(cycle.momentum(step).filter(|_| driven)).unwrap();
            learner.train_on_batch(&data, cycle.rate(step)).unwrap();
        }
        weights_hash(&params)
    };
    let fit = Fit {
        topology: PLAIN,
        loss,
        optimizer: sgd,
        schedule: cycle,
        clock: Clock::Update,
        order: Sequential,
        batch: SAMPLES as u32,
        epochs: 12,
    };
    let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len::<Sgd>()]);
    fit.start(&mut params, &mut workspace).unwrap().run(&data, &Nothing).unwrap();
    assert_eq!(train(true), weights_hash(&params));
    assert_ne!(train(false), weights_hash(&params));
}
