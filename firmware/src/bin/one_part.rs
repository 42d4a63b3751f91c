//! An image that trains a small net with a baseline of parts and exchanges or adds the one that `MICROFIT_PART` names at
//! compile time: what it takes more than the image of `baseline` is that part's flash. `microfit bench --parts` builds and
//! measures it; nobody runs it.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit::activation::{
    Elu, Gelu, GeluTanh, HardSigmoid, LeakyRelu, Linear, Relu, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign, Tanh,
};
use microfit::checkpoint::Lengths;
use microfit::data::{
    ClassBalanced, Dataset, Nothing, Order, Rows, Scaled, Sequential, Shuffle, Standardization, Weighted,
};
use microfit::loss::{
    BinaryCrossEntropy, CategoricalCrossEntropy, ClassWeights, Hinge, Huber, Loss, MeanAbsoluteError, MeanSquaredError,
    Smoothed, SparseCategoricalCrossEntropy,
};
use microfit::metrics::{Confusion, Regression, RocAuc, Scored};
use microfit::optimizer::{
    Adadelta, Adagrad, Adam, Adamax, Clipped, GlobalNorm, Lion, Nadam, Nesterov, Norm, OnlineSgd, Optimizer, RAdam,
    RmsProp, Sgd, Value,
};
use microfit::schedule::Constant;
use microfit::storage::Store;
use microfit::{
    Clock, EarlyStopping, Error, Event, Fit, Goal, Init, Layer, Network, Topology, Trainer, Verdict, checked, dense,
    frozen,
};
use microfit_firmware::parts::{BASELINE, same};
use registers::Registers;

#[path = "../weighed/halt.rs"]
mod halt;
#[path = "one_part/registers.rs"]
mod registers;

const PART: &str = match option_env!("MICROFIT_PART") {
    Some(name) => name,
    None => BASELINE,
};

const INPUTS: usize = 4;
const OUTPUTS: usize = 3;
const ROWS: usize = 8;

#[cortex_m_rt::entry]
fn main() -> ! {
    loop {
        let _ = black_box(part());
    }
}

/// A branch for each part, of which the constant leaves one; a part without a branch does not build.
macro_rules! choose {
    ($($name:literal => $run:expr,)*) => {{
        const { assert!(same(PART, BASELINE) $(|| same(PART, $name))*, "no such part") };
        $(if const { same(PART, $name) } {
            return $run;
        })*
    }};
}

/// Flash knows every setting at compile time, as in a program whose settings are constants.
macro_rules! optimizer {
    ($optimizer:expr) => {
        fit(NET, MeanSquaredError, const { $optimizer }, Sequential, &rows::<OUTPUTS>())
    };
}

macro_rules! hidden {
    ($activation:expr) => {
        fit(net!(dense(8, $activation), dense(3, &Linear)), MeanSquaredError, SGD, Sequential, &rows::<OUTPUTS>())
    };
}

macro_rules! net {
    ($($layer:expr),*) => {
        const {
            const LAYERS: &[Layer<'static>] = &[$($layer),*];
            Topology::new(INPUTS as u16, LAYERS)
        }
    };
}

const SGD: Sgd = checked!(Sgd::keras(0.9));
const NET: Topology<'static> = net!(dense(8, &Relu), dense(3, &Linear));
const CLASSES: Topology<'static> = net!(dense(8, &Relu), dense(3, &Softmax));
const LABELS: SparseCategoricalCrossEntropy = SparseCategoricalCrossEntropy;
const WEIGHTS: &[f32] = &[1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0];

fn part() -> Result<f32, Error> {
    choose! {
        "linear" => hidden!(&Linear),
        "leaky ReLU" => hidden!(&LeakyRelu::KERAS),
        "ELU" => hidden!(&checked!(Elu::new(1.0))),
        "SELU" => hidden!(&Selu),
        "sigmoid" => hidden!(&Sigmoid),
        "tanh" => hidden!(&Tanh),
        "softsign" => hidden!(&Softsign),
        "softplus" => hidden!(&Softplus),
        "hard sigmoid" => hidden!(&HardSigmoid),
        "GELU" => hidden!(&Gelu),
        "GELU, tanh's" => hidden!(&GeluTanh),
        "SiLU" => hidden!(&Silu),
        "mean absolute error" => fit(NET, MeanAbsoluteError, SGD, Sequential, &rows::<OUTPUTS>()),
        "Huber" => fit(NET, checked!(Huber::new(1.0)), SGD, Sequential, &rows::<OUTPUTS>()),
        "hinge" => fit(NET, Hinge, SGD, Sequential, &rows::<OUTPUTS>()),
        "binary cross-entropy" => fit(
            net!(dense(8, &Relu), dense(3, &Sigmoid)), BinaryCrossEntropy, SGD, Sequential, &rows::<OUTPUTS>(),
        ),
        "cross-entropy, softmax" => fit(CLASSES, CategoricalCrossEntropy, SGD, Sequential, &rows::<OUTPUTS>()),
        "sparse cross-entropy" => fit(CLASSES, LABELS, SGD, Sequential, &rows::<1>()),
        "sparse, smoothed" => fit(CLASSES, checked!(Smoothed::new(LABELS, 0.1)), SGD, Sequential, &rows::<1>()),
        "sparse, class weights" => fit(
            CLASSES, checked!(ClassWeights::new(LABELS, &[1.0, 2.0, 3.0])), SGD, Sequential, &rows::<1>(),
        ),
        "sample weights" => {
            fit(NET, MeanSquaredError, SGD, Sequential, &Weighted::new(rows::<OUTPUTS>(), WEIGHTS)?)
        },
        "online SGD" => optimizer!(OnlineSgd),
        "SGD, all options" => optimizer!(checked!(
            checked!(checked!(checked!(Sgd::torch(0.9)).dampening(0.5)).l2(0.1)).weight_decay(0.1)
        )),
        "Nesterov" => optimizer!(checked!(Nesterov::keras(0.9))),
        "Adam" => optimizer!(checked!(Adam::torch(0.9, 0.999, 1e-8))),
        "AdamW" => optimizer!(checked!(checked!(Adam::torch(0.9, 0.999, 1e-8)).weight_decay(0.01))),
        "Adam, AMSGrad" => optimizer!(checked!(Adam::torch(0.9, 0.999, 1e-8)).amsgrad()),
        "Nadam" => optimizer!(checked!(Nadam::torch(0.9, 0.999, 1e-8))),
        "RAdam" => optimizer!(checked!(RAdam::torch(0.9, 0.999, 1e-8))),
        "Adamax" => optimizer!(checked!(Adamax::torch(0.9, 0.999, 1e-8))),
        "RMSprop" => optimizer!(checked!(RmsProp::torch(0.9, 1e-8))),
        "Adagrad" => optimizer!(checked!(Adagrad::keras(0.1, 1e-8))),
        "Adadelta" => optimizer!(checked!(Adadelta::new(0.9, 1e-8))),
        "Lion" => optimizer!(checked!(Lion::new(0.9, 0.99))),
        "clip by value" => optimizer!(Clipped { optimizer: SGD, clip: checked!(Value::new(1.0)) }),
        "clip by norm" => optimizer!(Clipped { optimizer: SGD, clip: checked!(Norm::new(1.0)) }),
        "clip by global norm" => optimizer!(Clipped { optimizer: SGD, clip: checked!(GlobalNorm::torch(1.0)) }),
        "dropout" => fit(
            net!(dense(8, &Relu).dropout(0.2, 1), dense(3, &Linear)),
            MeanSquaredError, SGD, Sequential, &rows::<OUTPUTS>(),
        ),
        "L1 and L2 penalties" => fit(
            net!(dense(8, &Relu).l1(0.1).l2(0.1), dense(3, &Linear)),
            MeanSquaredError, SGD, Sequential, &rows::<OUTPUTS>(),
        ),
        "frozen layer" => fit(
            net!(frozen(8, &Relu, &[0.1; 40]), dense(3, &Linear)),
            MeanSquaredError, SGD, Sequential, &rows::<OUTPUTS>(),
        ),
        "early stopping, roll back" => stop_early(),
        "shuffle" => fit(NET, MeanSquaredError, SGD, Shuffle::new(1), &rows::<OUTPUTS>()),
        "Glorot, uniform" => initialised(Init::GlorotUniform),
        "He, truncated normal" => initialised(Init::HeNormal),
        "standardization" => standardized(),
        "replay buffer" => replayed(),
        "confusion matrix" => judged(Confusion::<OUTPUTS>::default(), Confusion::record, Confusion::accuracy),
        "ROC-AUC" => {
            let mut scores = [Scored::default(); ROWS];
            judged(RocAuc::new(&mut scores), RocAuc::record, RocAuc::auc)
        },
        "MAE, RMSE, R2" => judged(Regression::default(), Regression::record, |r| {
            Some(r.mae()? + r.rmse()? + r.r_squared()?)
        }),
        "checkpoints in flash" => checkpointed(),
    }
    fit(NET, MeanSquaredError, SGD, Sequential, &rows::<OUTPUTS>())
}

fn rows<const T: usize>() -> Rows<'static, INPUTS, T> {
    Rows { features: black_box(&[[0.5; INPUTS]; ROWS]), targets: black_box(&[[1.0; T]; ROWS]) }
}

/// Trains, with what is to be done while training.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // every one is a part
fn train<'t, L: Loss, O: Optimizer, R: Order, D: Dataset>(
    topology: Topology<'t>,
    loss: L,
    optimizer: O,
    order: R,
    data: &D,
    init: Init,
    follow: impl FnOnce(&mut Trainer<'t, '_, L, O, Constant, R>, &D) -> Result<(), Error>,
    finish: impl FnOnce(Network<'_>, &mut [f32]) -> Result<f32, Error>,
) -> Result<f32, Error> {
    let (mut params, mut workspace) = (black_box([0.0; 80]), black_box([0.0; 480]));
    let params = params.get_mut(..topology.param_len()).unwrap_or_default();
    init.fill(&topology, 1, params)?;
    let schedule = checked!(Constant::new(0.1));
    let fit = Fit { topology, loss, optimizer, schedule, clock: Clock::Update, order, batch: batch::<O>(), epochs: 9 };
    follow(&mut fit.start(params, &mut workspace)?, data)?;
    finish(Network::new(topology, params)?, &mut workspace)
}

/// An optimizer that keeps no gradient takes one sample at a time.
const fn batch<O: Optimizer>() -> u32 {
    O::LANES as u32
}

fn fit<L: Loss, O: Optimizer, R: Order, D: Dataset>(
    topology: Topology<'_>,
    loss: L,
    optimizer: O,
    order: R,
    data: &D,
) -> Result<f32, Error> {
    train(topology, loss, optimizer, order, data, Init::Zeros, |trainer, data| trainer.run(data, &Nothing), predicted)
}

fn predicted(network: Network<'_>, tape: &mut [f32]) -> Result<f32, Error> {
    Ok(network.predict(&black_box([0.5; INPUTS]), tape)?.iter().sum())
}

fn initialised(init: Init) -> Result<f32, Error> {
    let run = |trainer: &mut Trainer<'_, '_, _, _, _, _>, data: &_| trainer.run(data, &Nothing);
    train(NET, MeanSquaredError, SGD, Sequential, &rows::<OUTPUTS>(), init, run, predicted)
}

/// As the documentation of `EarlyStopping` and of `Trainer::roll_back` has it.
fn stop_early() -> Result<f32, Error> {
    const PATIENCE: EarlyStopping = checked!(EarlyStopping::new(Goal::Minimize, 5, 0.001));
    let (mut state, mut best) = (PATIENCE.start(), [0.0; NET.param_len()]);
    let data = rows::<OUTPUTS>();
    let run = |trainer: &mut Trainer<'_, '_, _, _, _, _>, data: &_| {
        while !PATIENCE.has_stopped(&state) {
            match trainer.step(data, &Nothing) {
                Ok(Event::Epoch(epoch)) => {
                    if PATIENCE.observe(&mut state, epoch.train.loss()) == Verdict::Improved {
                        trainer.copy_params_to(&mut best)?;
                    }
                }
                Ok(Event::Done) => break,
                Ok(_) => {}
                Err(error) if error.is_divergence() => {
                    trainer.scale_rate(0.1)?;
                    trainer.roll_back(Some(&best))?;
                }
                Err(error) => return Err(error),
            }
        }
        trainer.roll_back(Some(&best))
    };
    train(NET, MeanSquaredError, SGD, Sequential, &data, Init::Zeros, run, predicted)
}

fn standardized() -> Result<f32, Error> {
    let (mut mean, mut squares, mut lost) = ([0.0; INPUTS], [0.0; INPUTS], [[0.0; 2]; INPUTS]);
    let data = rows::<OUTPUTS>();
    let mut seen = Standardization::new(&mut mean, &mut squares, &mut lost)?;
    for features in data.features {
        seen.observe(features)?;
    }
    fit(NET, MeanSquaredError, SGD, Sequential, &Scaled::new(data, seen.finish()?)?)
}

/// Labels as targets, for it stores no others.
fn replayed() -> Result<f32, Error> {
    const ONE: Topology<'static> = net!(dense(8, &Relu), dense(1, &Linear));
    let (mut features, mut labels) = ([[0.0; INPUTS]; ROWS], [0; ROWS]);
    let mut replay = ClassBalanced::<INPUTS, OUTPUTS>::new(1, &mut features, &mut labels)?;
    for features in rows::<1>().features {
        replay.push(*features, black_box(1))?;
    }
    fit(ONE, MeanSquaredError, SGD, Sequential, &replay)
}

fn judged<M>(
    mut metric: M,
    record: impl Fn(&mut M, &[f32], &[f32]) -> Result<(), Error>,
    result: impl FnOnce(&M) -> Option<f32>,
) -> Result<f32, Error> {
    let data = rows::<OUTPUTS>();
    let run = |trainer: &mut Trainer<'_, '_, _, _, _, _>, data: &_| trainer.run(data, &Nothing);
    train(NET, MeanSquaredError, SGD, Sequential, &data, Init::Zeros, run, |network, tape| {
        network.judge(&data, tape, |outputs, target| record(&mut metric, outputs, target))?;
        Ok(result(&metric).unwrap_or(0.0) + predicted(network, tape)?)
    })
}

/// Looks for a checkpoint and goes on, or begins; saves after every step that changed the parameters.
fn checkpointed() -> Result<f32, Error> {
    let (mut params, mut workspace) = (black_box([0.0; NET.param_len()]), black_box([0.0; NET.workspace_len::<Sgd>()]));
    let (loss, order, schedule) = (MeanSquaredError, Sequential, checked!(Constant::new(0.1)));
    let fit = Fit {
        topology: NET,
        loss,
        optimizer: SGD,
        schedule,
        clock: Clock::Update,
        order,
        batch: batch::<Sgd>(),
        epochs: 9,
    };
    let lengths = const { Lengths::of::<Sgd>(&NET) };
    let Ok(mut store) = Store::new(Registers, black_box(0), black_box(8192), &lengths) else { return Ok(0.0) };
    let identity = fit.identity();
    let mut trainer = fit.start(&mut params, &mut workspace)?;
    // Whatever is wrong with it, this program begins then; a real one asks `is_of_another`, as `App::resume` does.
    let _ = store.load(&mut trainer.target(&identity));
    let data = rows::<OUTPUTS>();
    loop {
        match trainer.step(&data, &Nothing)? {
            Event::Done => break,
            Event::Update { .. } if store.save(&trainer.snapshot(&identity)).is_err() => break,
            _ => {}
        }
    }
    predicted(Network::new(NET, &params)?, &mut workspace)
}
