//! What is refused, what that leaves, and the way on.

use std::cell::Cell;

use microfit::activation::{Linear, Softmax, Tanh};
use microfit::data::{Dataset, Nothing, Rows};
use microfit::loss::{BinaryCrossEntropy, Loss, MeanSquaredError, SparseCategoricalCrossEntropy};
use microfit::optimizer::{Adam, OnlineSgd, Optimizer, Sgd};
use microfit::{Activation, Buffer, Error, Learner, Requirement, Topology, dense, frozen, weights_hash};

use super::{BODY, INPUTS, PENALISED, PLAIN, SAMPLES, initial, labelled, overflowing};

#[test]
fn refuses_what_cannot_be_trained() {
    fn refused<L: Loss, O: Optimizer>(
        topology: &Topology,
        loss: &L,
        optimizer: &O,
        params: usize,
        workspace: usize,
    ) -> Error {
        let (mut params, mut workspace) = (vec![0.0; params], vec![0.0; workspace]);
        Learner::new(topology, loss, optimizer, &mut params, &mut workspace).err().unwrap()
    }
    let (sgd, len, loss) = (&Sgd::keras(0.9).unwrap(), PLAIN.param_len(), &SparseCategoricalCrossEntropy);
    let least = PLAIN.workspace_len_for::<Sgd>(1, 1);
    let short = |buffer, expected| Error::BufferLength { buffer, expected, found: expected - 1 };
    assert_eq!(refused(&PLAIN, loss, sgd, len - 1, least), short(Buffer::Parameters, len));
    assert_eq!(refused(&PLAIN, loss, sgd, len, least - 1), short(Buffer::Workspace, least));
    let activation = Error::LossActivation { expected: "Sigmoid or Linear", found: Softmax.kind() };
    assert_eq!(refused(&PLAIN, &BinaryCrossEntropy, sgd, len, least), activation);
    let all = [frozen(5, &Tanh, BODY)];
    let nothing_to_train = Topology::try_new(INPUTS as u16, &all).unwrap();
    assert_eq!(refused(&nothing_to_train, &MeanSquaredError, sgd, 0, 99), Error::AllLayersFrozen);
    assert_eq!(refused(&PENALISED, loss, &OnlineSgd, PENALISED.param_len(), 99), Error::PenaltyWithoutGradient);
    let hidden = [dense(3, &Softmax), dense(3, &Softmax)];
    let hidden = Topology::try_new(INPUTS as u16, &hidden).unwrap();
    assert_eq!(refused(&hidden, loss, sgd, hidden.param_len(), 999), Error::RowActivationHidden { layer: 0 });
}

/// A batch whose call fails with `error`, after which everything is as if it had not been made: but for the optimizer's state, where
/// `cleared` says that it is none any more. So many samples are taken together.
fn fails<O: Optimizer>(optimizer: &O, together: usize, batch: &impl Dataset, rate: f32, error: Error, cleared: bool) {
    let (features, labels) = labelled();
    let good = Rows { features: &features[..O::LANES.min(2)], targets: &labels[..O::LANES.min(2)] };
    let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len_for::<O>(together, 1)]);
    let (mut copy, mut other) = (params.clone(), workspace.clone());
    let loss = &SparseCategoricalCrossEntropy;
    let mut learner = Learner::new(&PLAIN, loss, optimizer, &mut params, &mut workspace).unwrap();
    let mut untouched = Learner::new(&PLAIN, loss, optimizer, &mut copy, &mut other).unwrap();
    for learner in [&mut learner, &mut untouched] {
        learner.train_on_batch(&good, 0.1).unwrap();
    }
    assert_eq!(learner.train_on_batch(batch, rate), Err(error));
    assert_eq!((learner.steps(), weights_hash(learner.params())), (1, weights_hash(untouched.params())), "{error}");
    let (after, otherwise) = (learner.train_on_batch(&good, 0.1), untouched.train_on_batch(&good, 0.1));
    assert_eq!(after.unwrap().to_bits(), otherwise.unwrap().to_bits());
    let same = weights_hash(learner.params()) == weights_hash(untouched.params());
    assert_eq!(same, !cleared, "{error}");
}

#[test]
fn a_sample_that_is_none_leaves_no_trace() {
    let sgd = &Sgd::keras(0.9).unwrap();
    let (features, labels) = labelled();
    for at in [0, 2, 6, SAMPLES - 1] {
        let (mut bad, mut worse) = (features.clone(), labels.clone());
        bad[at][4] = f32::INFINITY;
        worse[at] = [3.0];
        for together in [1, 4, SAMPLES] {
            let batch = Rows { features: &bad, targets: &labels };
            let error = Error::SampleNotFinite { index: at, feature: 4, found: f32::INFINITY };
            fails(sgd, together, &batch, 0.1, error, false);
            let batch = Rows { features: &features, targets: &worse };
            let error = Error::TargetInvalid { index: at, output: 0, found: 3.0 };
            fails(sgd, together, &batch, 0.1, error, false);
        }
    }
}

#[test]
fn a_divergence_costs_the_state_wherever_it_is() {
    let sgd = &Sgd::keras(0.9).unwrap();
    let (features, labels) = labelled();
    for (at, together) in [(2, 4), (6, 4), (1, 1), (6, SAMPLES)] {
        let mut bad = features.clone();
        bad[at] = overflowing();
        let batch = Rows { features: &bad, targets: &labels };
        fails(sgd, together, &batch, 0.1, Error::Diverged { step: 1, index: at }, true);
    }
    let large: Vec<_> = features.iter().map(|row| row.map(|x| 1e4 * x)).collect();
    let error = Error::GradientNotFinite { step: 1 };
    fails(sgd, SAMPLES, &Rows { features: &large, targets: &labels }, f32::MAX, error, true);
}

#[test]
fn what_is_no_batch() {
    let sgd = &Sgd::keras(0.9).unwrap();
    let (features, labels) = labelled();
    let batch = Rows { features: &features, targets: &labels };
    for rate in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        fails(sgd, 4, &batch, rate, Error::RateNotFinite { step: 1 }, false);
    }
    fails(sgd, 4, &Nothing, 0.1, Error::DatasetEmpty, false);
    let narrow = Rows { features: &[[0.5; 4]], targets: &[[0.0]] };
    fails(sgd, 4, &narrow, 0.1, Error::FeatureCount { expected: INPUTS, found: 4 }, false);
    let wide = Rows { features: &[[0.5; INPUTS]], targets: &[[0.0; 3]] };
    fails(sgd, 4, &wide, 0.1, Error::TargetCount { expected: 1, found: 3 }, false);
    let error = Error::Parameter { name: "batch", must_be: Requirement::One, found: SAMPLES as f32 };
    fails(&OnlineSgd, 1, &batch, 0.1, error, false);
}

/// A source whose reads go wrong from one of them on.
struct Flaky<'a> {
    data: Rows<'a, INPUTS, 1>,
    reads: Cell<usize>,
    good: usize,
    error: Option<Error>,
}

impl Dataset for Flaky<'_> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn features(&self) -> usize {
        INPUTS
    }

    fn targets(&self) -> usize {
        1
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), Error> {
        self.reads.set(self.reads.get() + 1);
        self.data.read(index, features, target)?;
        if self.reads.get() <= self.good {
            return Ok(());
        }
        features[0] = f32::NAN;
        self.error.map_or(Ok(()), Err)
    }
}

/// What reads well once need not do so again.
#[test]
fn a_source_that_fails_when_it_is_read_again() {
    let sgd = &Sgd::keras(0.9).unwrap();
    let (features, labels) = labelled();
    let (unread, diverged) = (Error::SampleRead { index: 9 }, Error::Diverged { step: 1, index: 6 });
    for (good, error, expected, cleared) in [
        (5, Some(unread), unread, false),
        (SAMPLES + 2, Some(unread), unread, true),
        (SAMPLES + 6, Some(unread), unread, true),
        (SAMPLES + 6, None, diverged, true),
    ] {
        let data = Rows { features: &features, targets: &labels };
        let flaky = Flaky { data, reads: Cell::new(0), good, error };
        fails(sgd, 4, &flaky, 0.1, expected, cleared);
    }
}

/// Then they are none that a later call could learn from.
#[test]
fn parameters_that_an_update_ruins_are_told() {
    let (features, labels) = labelled();
    let batch = Rows { features: &features, targets: &labels };
    let (adam, loss) = (Adam::torch(0.9, 0.999, 1e-8).unwrap(), SparseCategoricalCrossEntropy);
    let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len::<Adam>()]);
    let mut kept = params.clone();
    let mut learner = Learner::new(&PLAIN, &loss, &adam, &mut params, &mut workspace).unwrap();
    let first = learner.train_on_batch(&batch, 0.01).unwrap();
    learner.copy_params_to(&mut kept).unwrap();
    for rate in [f32::MAX, 0.01] {
        // By the first the parameters are large, by the next infinite.
        let error = (0..3).find_map(|_| learner.train_on_batch(&batch, rate).err());
        assert!(error.is_some_and(|error| error.is_divergence()), "{rate}: {error:?}");
    }
    learner.roll_back(Some(&kept)).unwrap();
    assert!(learner.train_on_batch(&batch, 0.01).unwrap() < first);

    let loss = MeanSquaredError;
    let one = [dense(1, &Linear)];
    let one = Topology::try_new(1, &one).unwrap();
    let (mut params, mut workspace) = ([3e38, 0.0], [0.0; 99]);
    let mut learner = Learner::new(&one, &loss, &OnlineSgd, &mut params, &mut workspace).unwrap();
    // The loss is that of the bias, the gradient of the weight is past the range.
    let batch = Rows { features: &[[1e-38]], targets: &[[1e15]] };
    let error = (0..3).find_map(|_| learner.train_on_batch(&batch, 1e38).err());
    assert!(error.is_some_and(|error| error.is_divergence()), "{error:?}");
    assert_eq!(error, Some(Error::ParametersNotFinite { step: 0 }));
}

#[test]
fn a_momentum_that_is_none() {
    let (sgd, loss) = (Sgd::keras(0.9).unwrap(), SparseCategoricalCrossEntropy);
    let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len::<Sgd>()]);
    let mut learner = Learner::new(&PLAIN, &loss, &sgd, &mut params, &mut workspace).unwrap();
    for momentum in [1.0, -0.1, f32::NAN, f32::INFINITY] {
        let refused = learner.force_momentum(Some(momentum));
        assert!(matches!(refused, Err(Error::Parameter { name: "momentum", .. })), "{momentum}");
    }
    assert_eq!(learner.force_momentum(Some(0.0)), Ok(()));
    assert_eq!(learner.force_momentum(None), Ok(()));
}

/// A divergence shows late, and the way back is to what was kept.
#[test]
fn rolls_back_to_what_was_kept() {
    let (features, labels) = labelled();
    let batch = Rows { features: &features, targets: &labels };
    let (sgd, loss) = (Sgd::keras(0.9).unwrap(), SparseCategoricalCrossEntropy);
    let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len::<Sgd>()]);
    let mut learner = Learner::new(&PLAIN, &loss, &sgd, &mut params, &mut workspace).unwrap();
    learner.train_on_batch(&batch, 0.1).unwrap();
    let mut kept = vec![0.0; PLAIN.param_len()];
    learner.copy_params_to(&mut kept).unwrap();
    let before = weights_hash(&kept);
    let error = (0..9).find_map(|_| learner.train_on_batch(&batch, 1e30).err()).unwrap();
    assert!(error.is_divergence(), "{error}");
    assert_ne!(weights_hash(learner.params()), before);
    let length = |found| Error::BufferLength { buffer: Buffer::Parameters, expected: PLAIN.param_len(), found };
    assert_eq!(learner.roll_back(Some(&kept[1..])), Err(length(PLAIN.param_len() - 1)));
    assert_eq!(learner.copy_params_to(&mut [0.0; 3]), Err(length(3)));
    let (steps, mut copy) = (learner.steps(), kept.clone());
    copy[3] = f32::NAN;
    assert_eq!(learner.roll_back(Some(&copy)), Err(Error::ParametersNotFinite { step: steps }));
    learner.roll_back(Some(&kept)).unwrap();
    assert_eq!((learner.steps(), weights_hash(learner.params())), (steps, before));
    let mut other = vec![0.0; PLAIN.workspace_len::<Sgd>()];
    let mut anew = Learner::new(&PLAIN, &loss, &sgd, &mut kept, &mut other).unwrap();
    for learner in [&mut learner, &mut anew] {
        learner.train_on_batch(&batch, 0.1).unwrap();
    }
    assert_eq!(weights_hash(learner.params()), weights_hash(anew.params()));
}

/// After a failure the optimizer counts its age from there: Adam's corrections are those of a first update again.
#[test]
fn a_state_that_was_cleared_is_as_new() {
    let (features, labels) = labelled();
    let batch = Rows { features: &features, targets: &labels };
    let adam = Adam::torch(0.9, 0.999, 1e-8).unwrap();
    let (mut params, mut workspace) = (initial(&PLAIN), vec![0.0; PLAIN.workspace_len::<Adam>()]);
    let loss = &SparseCategoricalCrossEntropy;
    let mut learner = Learner::new(&PLAIN, loss, &adam, &mut params, &mut workspace).unwrap();
    learner.train_on_batch(&batch, 0.01).unwrap();
    let mut worse = features.clone();
    worse[20] = overflowing();
    let error = learner.train_on_batch(&Rows { features: &worse, targets: &labels }, 0.01).unwrap_err();
    assert!(error.is_divergence(), "{error}");
    let (mut copy, mut other) = (learner.params().to_vec(), vec![0.0; PLAIN.workspace_len::<Adam>()]);
    learner.train_on_batch(&batch, 0.01).unwrap();
    let mut anew = Learner::new(&PLAIN, loss, &adam, &mut copy, &mut other).unwrap();
    anew.train_on_batch(&batch, 0.01).unwrap();
    assert_eq!((learner.steps(), anew.steps()), (2, 1));
    assert_eq!(weights_hash(learner.params()), weights_hash(anew.params()));
}

/// What the penalties add is in the loss, and makes it none.
#[test]
fn penalties_that_are_too_large() {
    let (features, labels) = labelled();
    let batch = Rows { features: &features, targets: &labels };
    let layers = [dense(3, &Softmax).l1(f32::MAX)];
    let topology = Topology::try_new(INPUTS as u16, &layers).unwrap();
    let (mut params, sgd) = (vec![0.0; topology.param_len()], Sgd::keras(0.0).unwrap());
    params[..INPUTS].fill(1.0);
    let before = weights_hash(&params);
    let mut workspace = vec![0.0; topology.workspace_len::<Sgd>()];
    let mut learner =
        Learner::new(&topology, &SparseCategoricalCrossEntropy, &sgd, &mut params, &mut workspace).unwrap();
    assert_eq!(learner.train_on_batch(&batch, 1e-30), Err(Error::LossNotFinite { step: 0 }));
    assert_eq!((learner.steps(), weights_hash(learner.params())), (0, before));
}
