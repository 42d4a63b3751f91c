//! A [`Learner`] comes to the weights of a [`Fit`](microfit::Fit) that sees the same batches at the same rates, and what it refuses leaves the
//! caller's parameters as they were.

mod beside_fit;
mod refusals;

use microfit::activation::{Gelu, Relu, Softmax, Tanh};
use microfit::data::{Rows, batches};
use microfit::loss::SparseCategoricalCrossEntropy;
use microfit::optimizer::Sgd;
use microfit::schedule::{Schedule, TimeBased};
use microfit::{Buffer, Error, Init, Learner, Rng, Topology, checked, dense, frozen, weights_hash};

const INPUTS: usize = 9;
const CLASSES: u32 = 3;
/// No multiple of any batch below, nor of four.
const SAMPLES: usize = 23;
const BODY: &[f32; 5 * 10] = &[0.1; 5 * 10];
const RATE: TimeBased = checked!(TimeBased::new(0.05, 0.1));

const PLAIN: Topology = Topology::new(INPUTS as u16, &[dense(7, &Relu), dense(3, &Softmax)]);
const PENALISED: Topology =
    Topology::new(INPUTS as u16, &[dense(7, &Gelu).l1(0.01), dense(6, &Tanh), dense(3, &Softmax).l2(0.02)]);
const HEAD: Topology = Topology::new(INPUTS as u16, &[frozen(5, &Relu, BODY), dense(6, &Tanh), dense(3, &Softmax)]);

/// Features, of which a quarter is 0, with labels.
fn labelled() -> (Vec<[f32; INPUTS]>, Vec<[f32; 1]>) {
    let mut rng = Rng::new(7);
    let features = std::iter::repeat_with(|| {
        std::array::from_fn(|_| if rng.below(4) == 0 { 0.0 } else { 2.0 * rng.unit() - 1.0 })
    });
    let features = features.take(SAMPLES).collect();
    (features, (0..SAMPLES).map(|_| [rng.below(CLASSES) as f32]).collect())
}

/// Features, with a target an output.
fn measured() -> (Vec<[f32; INPUTS]>, Vec<[f32; CLASSES as usize]>) {
    let (features, labels) = labelled();
    let targets = labels.iter().map(|&[label]| std::array::from_fn(|output| 0.3 * label - 0.1 * output as f32));
    (features, targets.collect())
}

/// Features that take the first unit of `PLAIN`, as it is initialised, past f32's range, and then every output.
fn overflowing() -> [f32; INPUTS] {
    let params = initial(&PLAIN);
    std::array::from_fn(|input| 3e38_f32.copysign(params[input]))
}

fn initial(topology: &Topology) -> Vec<f32> {
    let mut params = vec![0.0; topology.param_len()];
    Init::GlorotUniform.fill(topology, 5, &mut params).unwrap();
    params
}
/// After a reset: dropout goes on where it was, as does what is computed from the steps.
#[test]
fn starts_at_a_later_step() {
    const DROPPED: Topology = Topology::new(INPUTS as u16, &[dense(7, &Relu).dropout(0.4, 3), dense(3, &Softmax)]);
    let (features, labels) = labelled();
    let batch = Rows { features: &features, targets: &labels };
    let (sgd, loss) = (Sgd::keras(0.0).unwrap(), SparseCategoricalCrossEntropy);
    let (mut params, mut workspace) = (initial(&DROPPED), vec![0.0; DROPPED.workspace_len::<Sgd>()]);
    let mut kept = params.clone();
    let mut learner = Learner::new(&DROPPED, &loss, &sgd, &mut params, &mut workspace).unwrap();
    for step in 0..4 {
        assert_eq!(learner.steps(), step);
        if step == 2 {
            learner.copy_params_to(&mut kept).unwrap();
        }
        learner.train_on_batch(&batch, RATE.rate(step)).unwrap();
    }
    let resumed = |steps| {
        let (mut params, mut workspace) = (kept.clone(), vec![0.0; DROPPED.workspace_len::<Sgd>()]);
        let learner = Learner::new(&DROPPED, &loss, &sgd, &mut params, &mut workspace).unwrap();
        let mut learner = learner.starting_at(steps);
        for step in 2..4 {
            learner.train_on_batch(&batch, RATE.rate(step)).unwrap();
        }
        weights_hash(&params)
    };
    assert_eq!(resumed(2), weights_hash(&params));
    assert_ne!(resumed(0), weights_hash(&params));
}

#[test]
fn predicts_in_its_workspace() {
    let (features, labels) = labelled();
    let (sgd, loss) = (Sgd::keras(0.9).unwrap(), SparseCategoricalCrossEntropy);
    for together in [1, 4] {
        let mut workspace = vec![0.0; PLAIN.workspace_len_for::<Sgd>(together, 1)];
        let (mut params, mut other) = (initial(&PLAIN), workspace.clone());
        let mut copy = params.clone();
        let mut learner = Learner::new(&PLAIN, &loss, &sgd, &mut params, &mut workspace).unwrap();
        let mut undisturbed = Learner::new(&PLAIN, &loss, &sgd, &mut copy, &mut other).unwrap();
        for batch in batches(Rows { features: &features, targets: &labels }, 5) {
            for row in &features {
                let mut tape = vec![0.0; PLAIN.tape_len(1)];
                let expected = learner.network().predict(row, &mut tape).unwrap().to_vec();
                assert_eq!(learner.predict(row), Ok(&*expected));
            }
            learner.train_on_batch(&batch, 0.1).unwrap();
            undisturbed.train_on_batch(&batch, 0.1).unwrap();
        }
        let length = Error::BufferLength { buffer: Buffer::Input, expected: INPUTS, found: 3 };
        assert_eq!(learner.predict(&[0.0; 3]), Err(length));
        assert_eq!(weights_hash(learner.params()), weights_hash(undisturbed.params()));
    }
}
