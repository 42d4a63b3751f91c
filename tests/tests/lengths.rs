//! Every `const` length is the number of floats that are used: one less than a sample needs is refused, what is left over is left
//! alone, none is spare, and how many samples there is room for changes no bit.

use microfit::activation::{Relu, Softmax, Tanh};
use microfit::data::{Dataset, Digits, Nothing, Rows, Sequential};
use microfit::loss::{MeanSquaredError, SparseCategoricalCrossEntropy};
use microfit::optimizer::{OnlineSgd, Optimizer, Sgd};
use microfit::schedule::Constant;
use microfit::{Buffer, Clock, Error, Event, Fit, Init, Network, Topology, dense, frozen, weights_hash};
use microfit_tests::device::a_boards_kernels;
use microfit_tests::optimizers::{With, build};
use microfit_tests::params::Params;

const BODY: &[f32; 3 * 6] = &[0.1; 3 * 6];

/// A NaN that no computation makes.
const UNUSED: u32 = 0x7fc0_beef;

fn unused(len: usize) -> Vec<f32> {
    vec![f32::from_bits(UNUSED); len]
}

struct Lengths<'a> {
    name: &'a str,
    batch: u32,
}

fn topologies() -> [Topology<'static>; 3] {
    const PLAIN: Topology = Topology::new(5, &[dense(4, &Relu), dense(3, &Softmax)]);
    const HEAD: Topology = Topology::new(5, &[frozen(3, &Tanh, BODY), dense(3, &Softmax)]);
    const MIDDLE: Topology =
        Topology::new(5, &[dense(5, &Tanh).dropout(0.2, 1), frozen(3, &Relu, BODY), dense(3, &Softmax)]);
    [PLAIN, HEAD, MIDDLE]
}

const DATA: Rows<5, 1> = Rows {
    features: &[
        [0.1, 0.2, 0.3, 0.4, 0.5],
        [0.5, -0.4, 0.3, 0.2, 0.1],
        [1.0, 0.0, 1.0, 0.0, 1.0],
        [-0.3, 0.3, -0.3, 0.3, 0.9],
        [0.2, 0.7, 0.1, -0.8, 0.4],
    ],
    targets: &[[0.0], [1.0], [2.0], [1.0], [0.0]],
};

impl With for Lengths<'_> {
    fn with<O: Optimizer>(self, optimizer: O) {
        let optimizer = &optimizer;
        for topology in topologies() {
            let (params_len, least) = (topology.param_len(), topology.workspace_len_for::<O>(1, 1));
            assert_eq!(topology.train_bytes::<O>(), 4 * (params_len + topology.workspace_len::<O>()));
            let fit = || Fit {
                topology,
                loss: SparseCategoricalCrossEntropy,
                optimizer,
                schedule: Constant::new(0.01).unwrap(),
                clock: Clock::Update,
                order: Sequential,
                batch: self.batch,
                epochs: 2,
            };
            let train = |workspace: &mut [f32]| {
                let mut params = vec![0.0; params_len];
                Init::GlorotUniform.fill(&topology, 1, &mut params).unwrap();
                fit().start(&mut params, workspace)?.run(&DATA, &Nothing)?;
                Ok::<_, Error>(weights_hash(&params))
            };
            let name = self.name;
            let short = Error::BufferLength { buffer: Buffer::Workspace, expected: least, found: least - 1 };
            assert_eq!(train(&mut unused(least - 1)), Err(short), "{name}");
            let hash = train(&mut unused(topology.workspace_len::<O>())).unwrap();
            for samples in 1..=self.batch as usize {
                let len = topology.workspace_len_for::<O>(samples, 1);
                let mut exact = unused(len);
                assert_eq!(train(&mut exact), Ok(hash), "{name}, {samples} samples taken together");
                let spare = exact.iter().filter(|value| value.to_bits() == UNUSED).count();
                let row = if samples < 4 || a_boards_kernels() { 0 } else { topology.outputs() };
                assert_eq!(spare, row, "{name}, {topology:?}: of {len} floats were not used");
                let mut long = unused(len + 7);
                assert_eq!(train(&mut long), Ok(hash), "{name}");
                assert!(long[len..].iter().all(|value| value.to_bits() == UNUSED), "{name}");
            }
        }
    }
}

/// Predicting between two steps takes the workspace, of which nothing outlives a step but the state.
#[test]
fn a_prediction_between_two_steps_needs_no_tape_and_changes_no_bit() {
    for topology in topologies() {
        let train = |predicts: bool| {
            let (mut params, mut workspace) =
                (vec![0.0; topology.param_len()], unused(topology.workspace_len::<Sgd>()));
            Init::GlorotUniform.fill(&topology, 1, &mut params).unwrap();
            let fit = Fit {
                topology,
                loss: SparseCategoricalCrossEntropy,
                optimizer: Sgd::keras(0.9).unwrap(),
                schedule: Constant::new(0.01).unwrap(),
                clock: Clock::Update,
                order: Sequential,
                batch: 5,
                epochs: 2,
            };
            let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
            while trainer.step(&DATA, &Nothing).unwrap() != Event::Done {
                for row in DATA.features.iter().filter(|_| predicts) {
                    let mut tape = vec![0.0; topology.tape_len(1)];
                    let expected = trainer.network().predict(row, &mut tape).unwrap().to_vec();
                    assert_eq!(trainer.predict(row), Ok(&*expected));
                }
            }
            let length = Error::BufferLength { buffer: Buffer::Input, expected: 5, found: 3 };
            assert_eq!(trainer.predict(&[0.0; 3]), Err(length));
            weights_hash(&params)
        };
        assert_eq!(train(true), train(false), "{topology:?}");
    }
}

#[test]
fn of_every_optimizer() {
    let cases = [
        ("torch", "SGD", r#"{"momentum": 0.9}"#),
        ("torch", "SGD", r#"{"momentum": 0.9, "nesterov": true}"#),
        ("torch", "SGD", r#"{"momentum": 0.9, "clip_grad_norm_": 0.1}"#),
        ("torch", "Adam", "{}"),
        ("torch", "Adam", r#"{"amsgrad": true}"#),
        ("torch", "Adam", r#"{"clip_grad_value_": 0.1}"#),
        ("torch", "NAdam", "{}"),
        ("torch", "RAdam", "{}"),
        ("torch", "Adamax", "{}"),
        ("torch", "RMSprop", "{}"),
        ("torch", "RMSprop", r#"{"centered": true}"#),
        ("torch", "RMSprop", r#"{"momentum": 0.5}"#),
        ("keras", "RMSprop", r#"{"centered": true, "momentum": 0.5}"#),
        ("torch", "Adagrad", "{}"),
        ("torch", "Adadelta", "{}"),
        ("keras", "Lion", r#"{"clipnorm": 0.1}"#),
    ];
    for (library, optimizer, arguments) in cases {
        let params = Params::new(&serde_json::from_str(arguments).unwrap());
        build(library, optimizer, &params, Lengths { name: &format!("{optimizer} {arguments}"), batch: 5 });
    }
    Lengths { name: "online", batch: 1 }.with(OnlineSgd);
}

/// `DATA`, of which this much is said to be in memory.
struct Partly {
    features: usize,
    targets: usize,
}

impl Dataset for Partly {
    fn len(&self) -> usize {
        DATA.len()
    }

    fn features(&self) -> usize {
        DATA.features()
    }

    fn targets(&self) -> usize {
        DATA.targets()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        DATA.read(index, features, target)
    }

    fn in_memory(&self, index: usize) -> Option<(&[f32], &[f32])> {
        Some((DATA.features.get(index)?.get(..self.features)?, DATA.targets.get(index)?.get(..self.targets)?))
    }
}

/// What stands in memory in another length than the dataset says is read, and a sample that is read trains as one that is not.
#[test]
fn of_what_is_in_memory() {
    for topology in topologies() {
        let train = |data: &Partly, samples| {
            let fit = Fit {
                topology,
                loss: SparseCategoricalCrossEntropy,
                optimizer: Sgd::keras(0.9).unwrap(),
                schedule: Constant::new(0.1).unwrap(),
                clock: Clock::Update,
                order: Sequential,
                batch: 5,
                epochs: 3,
            };
            let mut params = vec![0.0; topology.param_len()];
            Init::GlorotUniform.fill(&topology, 1, &mut params).unwrap();
            let mut workspace = unused(topology.workspace_len_for::<Sgd>(samples, 1));
            fit.start(&mut params, &mut workspace).unwrap().run(data, &Nothing).unwrap();
            weights_hash(&params)
        };
        for samples in 1..=5 {
            let whole = train(&Partly { features: 5, targets: 1 }, samples);
            for (features, targets) in [(6, 1), (4, 1), (0, 0), (5, 0), (5, 2)] {
                assert_eq!(train(&Partly { features, targets }, samples), whole, "{features} {targets}, {samples}");
            }
        }
    }
}

#[test]
fn of_a_prediction_and_an_evaluation() {
    for topology in topologies() {
        let params = vec![0.1; topology.param_len()];
        let network = Network::new(topology, &params).unwrap();
        let len = topology.tape_len(1);
        let short = |expected| Some(Error::BufferLength { buffer: Buffer::Tape, expected, found: expected - 1 });
        assert_eq!(network.predict(&[0.5; 5], &mut unused(len - 1)).err(), short(len));
        let mut tape = unused(len);
        assert!(network.predict(&[0.5; 5], &mut tape).unwrap().iter().all(|p| p.is_finite()));
        assert!(tape.iter().all(|value| value.to_bits() != UNUSED));
        let loss = SparseCategoricalCrossEntropy;
        let len = len + topology.outputs();
        assert_eq!(network.evaluate(&loss, &DATA, &mut unused(len - 1)).err(), short(len));
        assert!(network.evaluate(&loss, &DATA, &mut unused(len)).is_ok());
        let mut samples = 0;
        let judge = |outputs: &[f32], target: &[f32]| {
            assert_eq!((outputs.len(), target.len()), (3, 1));
            samples += 1;
            Ok(())
        };
        network.judge(&DATA, &mut unused(topology.tape_len(1) + 1), judge).unwrap();
        assert_eq!(samples, 5);
        assert_eq!(
            network.evaluate(&MeanSquaredError, &DATA, &mut unused(len)).err(),
            Some(Error::TargetCount { expected: 3, found: 1 })
        );
    }
}

/// A pre-trained body in flash, a head that is trained: the memory is the head's, and the body keeps its bits.
#[test]
fn of_a_head_on_a_frozen_body() {
    const WHOLE: Topology = Topology::new(64, &[dense(32, &Relu), dense(10, &Softmax)]);
    let mut whole = vec![0.0; WHOLE.param_len()];
    Init::HeNormal.fill(&WHOLE, 3, &mut whole).unwrap();
    let (body, head) = whole.split_at(32 * 65);
    let before = weights_hash(body);

    let layers = [frozen(32, &Relu, body), dense(10, &Softmax)];
    let topology = Topology::try_new(64, &layers).unwrap();
    let formula = 10 * 33 + (10 * 33 + 10 + 4 * (64 + 32 + 10 + 10 + 1) + 10);
    assert_eq!(topology.train_bytes::<Sgd>(), 4 * formula);
    assert_eq!(WHOLE.train_bytes::<Sgd>(), 4 * (formula + 2 * 32 * 65));
    let mut params = head.to_vec();
    let mut workspace = unused(topology.workspace_len::<Sgd>());
    let fit = Fit {
        topology,
        loss: SparseCategoricalCrossEntropy,
        optimizer: Sgd::torch(0.9).unwrap(),
        schedule: Constant::new(0.1).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 32,
        epochs: 20,
    };
    fit.start(&mut params, &mut workspace).unwrap().run(&Digits, &Nothing).unwrap();
    let mut tape = vec![0.0; topology.tape_len(1) + 10];
    let network = Network::new(topology, &params).unwrap();
    let metrics = network.evaluate(&SparseCategoricalCrossEntropy, &Digits, &mut tape).unwrap();
    assert!(metrics.accuracy() > Some(0.9), "a trained head on 32 random features: {metrics:?}");
    assert_eq!(weights_hash(body), before);
    // What the head learnt is what the whole net with this body and head predicts.
    let joined = [body, &params].concat();
    let same = Network::new(WHOLE, &joined).unwrap();
    assert_eq!(same.evaluate(&SparseCategoricalCrossEntropy, &Digits, &mut tape).unwrap(), metrics);
}
