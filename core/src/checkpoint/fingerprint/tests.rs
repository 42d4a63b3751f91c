//! What a run and its feedback are told apart by, and what not.

extern crate std;
use super::*;
use crate::activation::{LeakyRelu, Linear, Relu, Sigmoid, Softmax};
use crate::data::{Sequential, Shuffle};
use crate::layer::{dense, frozen};
use crate::loss::{
    BinaryCrossEntropy, CategoricalCrossEntropy, ClassWeights, Huber, MeanAbsoluteError, MeanSquaredError, Smoothed,
    SparseCategoricalCrossEntropy,
};
use crate::optimizer::{
    Adadelta, Adagrad, Adam, Adamax, Clip, Clipped, GlobalNorm, Lion, Nadam, Nesterov, Norm, OnlineSgd, RAdam, RmsProp,
    Sgd, Value,
};
use crate::schedule::{Constant, Mode, Threshold, constant, keras, optax, torch, transformers};

fn fit<'a, L>(layers: &'a [Layer<'a>], loss: L) -> Fit<'a, L, Sgd, Constant, Shuffle> {
    Fit {
        topology: Topology::try_new(2, layers).unwrap(),
        loss,
        optimizer: Sgd::keras(0.9).unwrap(),
        schedule: Constant::new(0.5).unwrap(),
        clock: Clock::Update,
        order: Shuffle::new(1),
        batch: 4,
        epochs: 9,
    }
}

/// Keeps much, and uses a factor.
struct Hoarder(f32);

impl Optimizer for Hoarder {
    const STATE_PER_PARAM: usize = 2;
    const STATE_SCALARS: usize = 60;

    fn apply(&self, update: &Update, _: &Variables, params: &mut [f32], state: &mut [f32]) {
        crate::kernels::add_scaled(params, state.get(..params.len()).unwrap(), -self.0 * update.rate);
    }
}

#[test]
fn sees_an_optimizer_that_keeps_much() {
    assert_ne!(of_optimizer(Ok(Hoarder(0.5))), of_optimizer(Ok(Hoarder(0.9))));
}

fn of_optimizer<O: Optimizer>(optimizer: Result<O, crate::Error>) -> u64 {
    let layers = [dense(1, &Sigmoid)];
    let Fit { topology, loss, schedule, clock, order, batch, epochs, .. } = fit(&layers, MeanSquaredError);
    Fit { topology, loss, optimizer: optimizer.unwrap(), schedule, clock, order, batch, epochs }.fingerprint()
}

/// Names those that are seen as one.
fn all_differ<N: core::fmt::Debug>(seen: &[(N, u64)]) {
    for (index, (name, one)) in seen.iter().enumerate() {
        for (other_name, other) in seen.iter().skip(index + 1) {
            assert_ne!(one, other, "{name:?} and {other_name:?}");
        }
    }
}

macro_rules! all_differ {
    ($($optimizer:expr),* $(,)?) => { all_differ(&[$((stringify!($optimizer), of_optimizer($optimizer))),*]) };
}

/// Every parameter of every optimizer of the crate, a little changed; and those with as much state from each other.
#[test]
fn sees_every_parameter_of_every_optimizer() {
    all_differ!(
        Ok(OnlineSgd),
        Sgd::keras(0.0),
        Sgd::torch(0.0),
        Sgd::keras(0.9),
        Sgd::torch(0.9),
        Sgd::torch(0.901),
        Sgd::torch(0.9).map(Sgd::ascending),
        Sgd::keras(0.9).and_then(|sgd| sgd.dampening(0.1)),
        Sgd::torch(0.9).and_then(|sgd| sgd.dampening(0.1)),
        Sgd::torch(0.9).and_then(|sgd| sgd.dampening(0.101)),
        Lion::new(0.9, 0.99),
        Lion::new(0.9, 0.9901),
        Nesterov::keras(0.9),
        Nesterov::torch(0.9),
        Nesterov::torch(0.901),
        Adagrad::torch(0.0, 0.0, 1e-10),
        Adagrad::torch(0.0, 0.0, 1.1e-10),
        Adagrad::torch(1e-4, 0.0, 1e-10),
        Adagrad::torch(1.01e-4, 0.0, 1e-10),
        Adagrad::torch(0.0, 0.1, 1e-10),
        Adagrad::torch(0.0, 0.101, 1e-10),
        Adagrad::keras(0.1, 1e-7),
        Adagrad::keras(0.101, 1e-7),
        Adagrad::keras(0.1, 2e-7),
        RmsProp::keras(0.9, 1e-7),
        RmsProp::torch(0.9, 1e-7),
        RmsProp::torch(0.9, 1.01e-7),
        RmsProp::torch(0.9, 1e-8),
        RmsProp::torch(0.901, 1e-8),
        RmsProp::keras(0.901, 1e-7),
        RmsProp::keras(0.9, 1.01e-7),
        RmsProp::keras(0.9, 1e-8),
        Adam::torch(0.9, 0.999, 1e-8),
        Adam::torch(0.901, 0.999, 1e-8),
        Adam::torch(0.9, 0.9991, 1e-8),
        Adam::torch(0.9, 0.999, 1.01e-8),
        Adam::torch(0.9, 0.999, 1e-7),
        Adam::keras(0.9, 0.999, 1e-8),
        Adam::keras(0.901, 0.999, 1e-8),
        Adam::keras(0.9, 0.9991, 1e-8),
        Adam::keras(0.9, 0.999, 1.01e-8),
        Adam::keras(0.9, 0.999, 1e-7),
        Adam::optax(0.9, 0.999, 1e-8, 0.0),
        Adam::optax(0.9, 0.999, 1e-8, 1e-16),
        Adam::optax(0.9, 0.999, 1e-8, 1e-10),
        Adam::optax(0.9, 0.999, 1e-8, 1.01e-10),
        Adam::optax(0.9, 0.999, 1e-8, 1e-8),
        Adam::torch(0.9, 0.999, 1e-8).map(Adam::amsgrad),
        Adam::keras(0.9, 0.999, 1e-8).map(Adam::amsgrad),
        Adam::optax(0.9, 0.999, 1e-8, 0.0).map(Adam::amsgrad),
        RAdam::torch(0.9, 0.999, 1e-8),
        RAdam::torch(0.901, 0.999, 1e-8),
        RAdam::torch(0.9, 0.9991, 1e-8),
        RAdam::torch(0.9, 0.9, 1e-8),
        RAdam::torch(0.9, 0.9, 1.01e-8),
        RAdam::torch(0.9, 0.999, 1.01e-8),
        RAdam::torch(0.9, 0.999, 1e-3),
        RAdam::torch(0.9, 0.999, 1.01e-3),
        Nadam::torch(0.9, 0.999, 1e-8),
        Nadam::torch(0.901, 0.999, 1e-8),
        Nadam::torch(0.9, 0.9991, 1e-8),
        Nadam::torch(0.9, 0.999, 1.01e-8),
        Nadam::keras(0.9, 0.999, 1e-8),
        Nadam::keras(0.9, 0.999, 1e-7),
        Nadam::keras(0.9, 0.999, 1.01e-7),
        Adamax::torch(0.9, 0.999, 1e-8),
        Adamax::torch(0.901, 0.999, 1e-8),
        Adamax::torch(0.9, 0.9991, 1e-8),
        Adamax::torch(0.9, 0.999, 1.01e-8),
        Adamax::keras(0.9, 0.999, 1e-8),
        Adamax::keras(0.901, 0.999, 1e-8),
        Adamax::keras(0.9, 0.9991, 1e-8),
        Adamax::keras(0.9, 0.999, 1.01e-8),
        Adadelta::new(0.9, 1e-6),
        Adadelta::new(0.901, 1e-6),
        Adadelta::new(0.9, 1.01e-6),
        Adadelta::new(0.9, 1e-7),
        Adadelta::new(0.9, 1.01e-7),
        RmsProp::torch(0.9, 1e-8).map(RmsProp::centered),
        RmsProp::keras(0.9, 1e-8).map(RmsProp::centered),
        RmsProp::torch(0.9, 1e-8).and_then(|rms| rms.momentum(0.5)),
        RmsProp::keras(0.9, 1e-8).and_then(|rms| rms.momentum(0.5)),
        RmsProp::keras(0.9, 1e-8).and_then(|rms| rms.momentum(0.501)),
        RmsProp::keras(0.9, 1e-8).and_then(|rms| rms.momentum(0.5)).map(RmsProp::centered),
    );
}

#[test]
fn sees_every_optimizers_weight_decay() {
    macro_rules! decays {
        ($($optimizer:expr),* $(,)?) => {
            $(all_differ!(
                $optimizer,
                $optimizer.and_then(|one| one.l2(1e-6)),
                $optimizer.and_then(|one| one.l2(1e-4)),
                $optimizer.and_then(|one| one.l2(1.01e-4)),
                $optimizer.and_then(|one| one.weight_decay(1e-6)),
                $optimizer.and_then(|one| one.weight_decay(1e-4)),
                $optimizer.and_then(|one| one.weight_decay(1.01e-4)),
                $optimizer.and_then(|one| one.weight_decay(1e-2)),
            );)*
        };
    }
    decays!(
        Sgd::keras(0.9),
        Sgd::torch(0.0),
        Nesterov::keras(0.9),
        Nesterov::torch(0.9),
        Lion::new(0.9, 0.99),
        Adagrad::torch(0.0, 0.0, 1e-10),
        Adagrad::keras(0.1, 1e-7),
        RmsProp::torch(0.99, 1e-8),
        RmsProp::keras(0.9, 1e-7),
        RmsProp::keras(0.9, 1e-7).map(RmsProp::centered),
        Adam::torch(0.9, 0.999, 1e-8),
        Adam::keras(0.9, 0.999, 1e-7),
        Adam::torch(0.9, 0.999, 1e-8).map(Adam::amsgrad),
        RAdam::torch(0.9, 0.999, 1e-8),
        Nadam::torch(0.9, 0.999, 1e-8),
        Nadam::keras(0.9, 0.999, 1e-7),
        Adamax::torch(0.9, 0.999, 1e-8),
        Adamax::keras(0.9, 0.999, 1e-7),
        Adadelta::new(0.95, 1e-7),
    );
}

/// Its `beta1` shows in a sign only, and so as far as the gradients looked at turn it.
#[test]
fn sees_lions_first_beta_nearly() {
    for beta2 in [0.98, 0.99, 0.999] {
        let beta1s = [0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.98];
        let seen = beta1s.map(|beta1| ("Lion", of_optimizer(Lion::new(beta1, beta2))));
        all_differ(&seen);
    }
}

/// As [`Fit::identity`] says.
#[test]
fn does_not_see_what_does_not_show() {
    let same = |one, other| assert_eq!(one, other);
    same(of_optimizer(Lion::new(0.9, 0.99)), of_optimizer(Lion::new(0.905, 0.99)));
    same(of_optimizer(Adam::torch(0.9, 0.999, 1e-14)), of_optimizer(Adam::torch(0.9, 0.999, 2e-14)));
    same(of_optimizer(Adagrad::torch(0.0, 0.1, 1e-10)), of_optimizer(Adagrad::torch(0.0, 0.1, 1e-9)));
    same(of_optimizer(RAdam::torch(0.9, 0.5, 1e-8)), of_optimizer(RAdam::torch(0.9, 0.5, 1e-3)));
    let decays = |by| of_optimizer(Sgd::keras(0.9).and_then(|sgd| sgd.weight_decay(by)));
    same(decays(0.0), decays(1e-8));
    assert_ne!(decays(0.0), decays(0.5_f32.powi(22)));
    let optimizer = Sgd::keras(0.9).unwrap();
    let clipped = |clip: Result<GlobalNorm, _>| of_optimizer(clip.map(|clip| Clipped { optimizer, clip }));
    same(clipped(GlobalNorm::keras(32.0)), clipped(GlobalNorm::torch(32.0)));
    same(clipped(GlobalNorm::keras(2100.0)), clipped(GlobalNorm::keras(3000.0)));
}

#[test]
fn sees_whose_clip_it_is() {
    let sgd = Sgd::torch(0.9);
    for max in [0.1, 1.0, 5.0, 10.0] {
        all_differ!(
            sgd.map(|optimizer| Clipped { optimizer, clip: Value::new(max).unwrap() }),
            sgd.map(|optimizer| Clipped { optimizer, clip: Norm::new(max).unwrap() }),
            sgd.map(|optimizer| Clipped { optimizer, clip: GlobalNorm::keras(max).unwrap() }),
            sgd.map(|optimizer| Clipped { optimizer, clip: GlobalNorm::torch(max).unwrap() }),
            sgd.map(|optimizer| Clipped { optimizer, clip: GlobalNorm::torch(1.01 * max).unwrap() }),
        );
    }
}

#[test]
fn sees_a_dropouts_seed_and_rate() {
    let of =
        |rate, seed| fit(&[dense(3, &Relu).dropout(rate, seed), dense(1, &Sigmoid)], BinaryCrossEntropy).fingerprint();
    for rate in [0.05, 0.1, 0.2, 0.5] {
        let settings = (0..100).map(|seed| (rate, seed)).chain([(1.01 * rate, 0)]);
        all_differ(&settings.map(|(rate, seed)| ((rate, seed), of(rate, seed))).collect::<std::vec::Vec<_>>());
    }
}

#[test]
fn sees_what_changes_training() {
    let plain = [dense(3, &Relu), dense(1, &Sigmoid)];
    let own = fit(&plain, BinaryCrossEntropy).fingerprint();
    let leaky = LeakyRelu::new(0.01).unwrap();
    let body = [0.5; 9];
    let other_body = [0.5, 0.5, 0.5, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5];
    let hidden = [
        dense(3, &Relu).dropout(0.1, 1),
        dense(3, &Relu).dropout(0.1, 2),
        dense(3, &Relu).dropout(0.3, 1),
        dense(3, &Relu).l1(0.1),
        dense(3, &Relu).l2(0.1),
        dense(3, &leaky),
        dense(4, &Relu),
        frozen(3, &Relu, &body),
        frozen(3, &Relu, &other_body),
    ];
    let mut seen = std::vec![own];
    for hidden in hidden {
        seen.push(fit(&[hidden, dense(1, &Sigmoid)], BinaryCrossEntropy).fingerprint());
    }
    let smoothed = Smoothed::new(BinaryCrossEntropy, 0.1).unwrap();
    seen.push(fit(&plain, smoothed).fingerprint());
    seen.push(fit(&plain, MeanSquaredError).fingerprint());
    seen.push(fit(&plain, MeanAbsoluteError).fingerprint());
    seen.push(fit(&plain, Huber::new(0.1).unwrap()).fingerprint());
    seen.push(Fit { batch: 5, ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
    seen.push(Fit { clock: Clock::Epoch, ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
    seen.push(Fit { schedule: Constant::new(0.25).unwrap(), ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
    seen.push(Fit { order: Shuffle::new(2), ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
    all_differ(&seen.into_iter().enumerate().collect::<std::vec::Vec<_>>());
    assert_eq!(Fit { epochs: 90, ..fit(&plain, BinaryCrossEntropy) }.fingerprint(), own);
    let sequential = Fit { order: Sequential, ..fit_with_order(&plain) };
    assert_ne!(sequential.fingerprint(), own);
}

/// Of both penalties each: `2 * l1 + 2.5 * l2` is the same for all of these, and so are other sums of two for others.
#[test]
fn sees_both_penalties() {
    let mut seen = std::vec::Vec::new();
    for turn in 0..9 {
        let (l1, l2) = (1.25 * (8 - turn) as f32 / 128.0, turn as f32 / 128.0);
        let layers = [dense(3, &Relu).l1(l1).l2(l2), dense(1, &Sigmoid)];
        seen.push(((l1, l2), fit(&layers, BinaryCrossEntropy).fingerprint()));
    }
    all_differ(&seen);
}

/// Whether runs that differ in one thing are told apart.
fn differ<L: Loss, O: Optimizer, S: Schedule>(outputs: &[Layer<'_>], [a, b]: [(L, O, S); 2]) -> bool {
    let of = |(loss, optimizer, schedule)| Fit {
        topology: Topology::try_new(2, outputs).unwrap(),
        loss,
        optimizer,
        schedule,
        clock: Clock::Update,
        order: Sequential,
        batch: 4,
        epochs: 9,
    };
    of(a).fingerprint() != of(b).fingerprint()
}

#[test]
fn sees_clips_and_large_residuals() {
    fn clips<C: Clip>(clips: [C; 2]) -> bool {
        let adam = Adam::keras(0.9, 0.999, 1e-7).unwrap();
        let [a, b] = clips.map(|clip| (MeanSquaredError, Clipped { optimizer: adam, clip }, constant(0.5).unwrap()));
        differ(&[dense(1, &Linear)], [a, b])
    }
    for (low, high) in [(1.0, 5.0), (5.0, 100.0), (100.0, 500.0)] {
        assert!(clips([low, high].map(|max| GlobalNorm::torch(max).unwrap())), "{low} {high}");
        assert!(clips([low, high].map(|max| Norm::new(max).unwrap())), "{low} {high}");
        assert!(clips([low, high].map(|max| Value::new(max).unwrap())), "{low} {high}");
        let huber = |delta| (Huber::new(delta).unwrap(), Sgd::keras(0.9).unwrap(), constant(0.5).unwrap());
        assert!(differ(&[dense(1, &Linear)], [huber(low), huber(high)]), "{low} {high}");
    }
}

#[test]
fn sees_the_weight_of_every_class() {
    fn weights<L: Loss + Copy>(loss: L, layer: Layer<'_>, classes: usize) {
        let even = [1.0; 40];
        for class in 0..classes {
            let mut other = even;
            other[class] = 9.0;
            let of =
                |weights| (ClassWeights::new(loss, weights).unwrap(), Sgd::keras(0.9).unwrap(), constant(0.5).unwrap());
            let seen = differ(core::slice::from_ref(&layer), [of(&even), of(&other)]);
            assert_eq!(seen, class < CLASSES, "{class}");
        }
    }
    weights(BinaryCrossEntropy, dense(1, &Sigmoid), 2);
    weights(SparseCategoricalCrossEntropy, dense(3, &Softmax), 3);
    weights(CategoricalCrossEntropy, dense(3, &Softmax), 3);
    weights(SparseCategoricalCrossEntropy, dense(40, &Softmax), 40);
    weights(CategoricalCrossEntropy, dense(40, &Softmax), 40);
}

#[test]
fn sees_boundaries_that_move() {
    fn schedules<S: Schedule>(schedules: [S; 2]) -> bool {
        let [a, b] = schedules.map(|schedule| (MeanSquaredError, Sgd::keras(0.9).unwrap(), schedule));
        differ(&[dense(1, &Linear)], [a, b])
    }
    let steps: [[&[u32]; 2]; 5] =
        [[&[20, 40], &[18, 60]], [&[33, 65], &[60, 120]], [&[10], &[15]], [&[62], &[63]], [&[20_000], &[40_000]]];
    for boundaries in steps {
        assert!(schedules(boundaries.map(|at| torch::multi_step(0.1, at, 0.1).unwrap())), "{boundaries:?}");
        // An eighth later there is a step that is looked at.
        for boundary in [64, 100, 1000, 10_000] {
            let moved = [&[boundary][..], &[boundary + boundary / 8][..]];
            let [a, b] = moved.map(|at| keras::piecewise_constant_decay(at, &[0.1, 0.01]).unwrap());
            assert!(schedules([a, b]), "{boundary}");
        }
    }
    let decay = |at| keras::piecewise_constant_decay(at, &[0.1, 0.01]).unwrap();
    assert!(schedules([decay(&[40]), decay(&[60])]));
}

#[test]
fn a_rate_without_a_closed_form_is_tried_as_far_as_it_is_fast() {
    let calls = core::cell::Cell::new(0_u32);
    let schedule = torch::multiplicative(0.1, |_| {
        calls.set(calls.get() + 1);
        0.999
    });
    let layers = [dense(1, &Linear)];
    let plain = fit(&layers, MeanSquaredError);
    let Fit { topology, loss, optimizer, clock, order, batch, epochs, .. } = plain;
    Fit { topology, loss, optimizer, schedule: &schedule.unwrap(), clock, order, batch, epochs }.identity();
    assert!(calls.get() < 12_000, "{}", calls.get());
}

fn fit_with_order<'a>(layers: &'a [Layer<'a>]) -> Fit<'a, BinaryCrossEntropy, Sgd, Constant, Sequential> {
    let Fit { topology, loss, optimizer, schedule, clock, batch, epochs, .. } = fit(layers, BinaryCrossEntropy);
    Fit { topology, loss, optimizer, schedule, clock, order: Sequential, batch, epochs }
}

#[test]
fn a_caller_adds_what_it_likes() {
    let layers = [dense(1, &Linear)];
    let own = fit(&layers, MeanSquaredError).identity();
    assert_ne!(own.tagged(1).fingerprint(), own.tagged(2).fingerprint());
    assert_ne!(own.tagged(1).fingerprint(), own.tagged(1 << 32).fingerprint());
    let options = keras::ReduceLrOnPlateauOptions { patience: 2, ..keras::ReduceLrOnPlateauOptions::DEFAULT };
    let patient = keras::ReduceLrOnPlateauOptions { patience: 3, ..options };
    let [a, b] = [options, patient].map(|options| keras::reduce_lr_on_plateau(0.1, options).unwrap());
    let found = [own, own.with_feedback(&a), own.with_feedback(&b)].map(|identity| identity.fingerprint());
    assert!(found[0] != found[1] && found[1] != found[2], "{found:x?}");
}

/// The fingerprints of the default options, and of each with one of them changed.
macro_rules! options {
    ($seen:expr, $default:expr, $($option:ident = $value:expr),* $(,)?) => {
        all_differ(&[
            ("default", $seen($default)),
            $((stringify!($option = $value), {
                let mut options = $default;
                options.$option = $value;
                $seen(options)
            })),*
        ])
    };
}

#[test]
fn sees_every_option_of_a_rate_driven_by_a_metric() {
    let layers = [dense(1, &Linear)];
    let identity = fit(&layers, MeanSquaredError).identity();
    // In Keras a cool-down of 1 is none.
    let seen = |options| identity.with_feedback(&keras::reduce_lr_on_plateau(0.1, options).unwrap()).fingerprint();
    let default = keras::ReduceLrOnPlateauOptions::DEFAULT;
    options!(
        seen,
        default,
        factor = 0.101,
        factor = 0.5,
        patience = 9,
        patience = 11,
        patience = 40,
        patience = 41,
        patience = 126,
        patience = 127,
        mode = Mode::Max,
        min_delta = 0.0,
        min_delta = 5e-5,
        min_delta = 2e-4,
        min_delta = 1e-3,
        min_delta = 1e-2,
        cooldown = 2,
        cooldown = 3,
        cooldown = 30,
        cooldown = 100,
        min_lr = 1e-6,
        min_lr = 1e-3,
        min_lr = 0.05,
    );
    let default = keras::ReduceLrOnPlateauOptions { mode: Mode::Max, ..default };
    options!(seen, default, patience = 11, min_delta = 0.0, min_delta = 2e-4, min_delta = 1e-2);
    let seen = |options| identity.with_feedback(&torch::reduce_lr_on_plateau(0.1, options).unwrap()).fingerprint();
    let default = torch::ReduceLrOnPlateauOptions::DEFAULT;
    options!(
        seen,
        default,
        factor = 0.101,
        factor = 0.5,
        patience = 9,
        patience = 11,
        patience = 40,
        patience = 41,
        patience = 125,
        patience = 126,
        mode = Mode::Max,
        threshold = Threshold::Absolute(1e-4),
        threshold = Threshold::Relative(0.0),
        threshold = Threshold::Relative(5e-5),
        threshold = Threshold::Relative(2e-4),
        threshold = Threshold::Relative(1e-3),
        cooldown = 1,
        cooldown = 2,
        cooldown = 100,
        min_lr = 1e-6,
        min_lr = 1e-3,
        min_lr = 0.05,
        eps = 0.0,
        eps = 1e-7,
    );
    let seen = |options| identity.with_feedback(&optax::reduce_on_plateau(0.1, options).unwrap()).fingerprint();
    options!(
        seen,
        optax::ReduceOnPlateauOptions::DEFAULT,
        factor = 0.101,
        patience = 0,
        patience = 9,
        patience = 40,
        rtol = 1e-3,
        rtol = 1e-5,
        atol = 1e-4,
        cooldown = 1,
        accumulation_size = 2,
        min_scale = 1e-6,
        min_scale = 0.5,
    );
    let seen = |options| identity.with_feedback(&transformers::greedy::<50>(0.1, options).unwrap()).fingerprint();
    options!(
        seen,
        transformers::GreedyOptions::DEFAULT,
        mode = Mode::Max,
        factor = 0.951,
        patience = 9,
        patience = 40,
        threshold = Threshold::Absolute(1e-5),
        cooldown = 1,
        warmup = 1,
        min_lr = 0.09,
        max_lr = 0.11,
        eps = 0.01,
        smooth = true,
    );
    let smooth = transformers::GreedyOptions { smooth: true, ..transformers::GreedyOptions::DEFAULT };
    options!(seen, smooth, window_size = 40, window_size = 10);
    let short = transformers::GreedyOptions { factor: 0.5, patience: 1, ..transformers::GreedyOptions::DEFAULT };
    options!(seen, short, reset_start = 2, reset_start = 3);
}
