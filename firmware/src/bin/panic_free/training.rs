//! Every activation, loss, optimizer, option of a layer and judgement of a run, with arguments the optimizer does not know.

use microfit::activation::{
    Activation, Elu, Gelu, GeluTanh, HardSigmoid, LeakyRelu, Linear, Selu, Sigmoid, Silu, Slope, Softmax, Softplus,
    Softsign, Tanh,
};
use microfit::data::{Dataset, Nothing, Rows};
use microfit::loss::{
    BinaryCrossEntropy, CategoricalCrossEntropy, ClassWeights, Hinge, Huber, Loss, MeanAbsoluteError, MeanSquaredError,
    Smoothed, SparseCategoricalCrossEntropy,
};
use microfit::optimizer::{
    Adadelta, Adagrad, Adam, Adamax, Clipped, GlobalNorm, Lion, Nadam, Nesterov, Norm, OnlineSgd, Optimizer, RAdam,
    RmsProp, Sgd, Update, Value, Variables, descend,
};
use microfit::schedule::Constant;
use microfit::{EarlyStopping, Error, Goal, Learner, Network, Topology, Verdict, dense, frozen};

use crate::{any, run};

const INPUTS: usize = 34;
const OUTPUTS: usize = 2;
const BODY: &[f32] = &[0.1; 3 * 35];

/// All of it; what the sum is does not matter.
pub(crate) fn every_operation(params: &mut [f32], workspace: &mut [f32]) -> Result<f32, Error> {
    Ok(activations()? + losses()? + optimizers(params, workspace)? + layers(params, workspace)? + judgements()?)
}

fn activations() -> Result<f32, Error> {
    let (leaky, elu) = (LeakyRelu::new(any(0.1))?, Elu::new(any(1.0))?);
    let all: [&dyn Activation; 12] = [
        &leaky,
        &elu,
        &Selu,
        &HardSigmoid,
        &Softsign,
        &Softplus,
        &Softmax,
        &Gelu,
        &GeluTanh,
        &Silu,
        &LeakyRelu::KERAS,
        &LeakyRelu::TORCH,
    ];
    let mut sum = 0.0;
    for activation in all {
        let mut values = any([0.5; 6]);
        activation.apply(&mut values, any(3));
        activation.differentiate(&mut values);
        Softmax::jacobian(&mut values, &any([0.5; 5]), any(3));
        let own = activation.backpropagate(&mut values, &any([0.5; 5]), any(3));
        sum += values.iter().sum::<f32>() + f32::from(u8::from(own || activation.slope() == Slope::OfSum));
    }
    Ok(sum)
}

fn losses() -> Result<f32, Error> {
    let weights = any([0.5; 3]);
    let weights = weights.get(..any(3)).unwrap_or_default();
    let huber = Huber::new(any(0.5))?;
    let (binary, classes, labels) = (
        Smoothed::new(BinaryCrossEntropy, any(0.1))?,
        Smoothed::new(CategoricalCrossEntropy, any(0.1))?,
        Smoothed::new(SparseCategoricalCrossEntropy, any(0.1))?,
    );
    let (weighted, weighted_rows) =
        (ClassWeights::new(labels, weights)?, ClassWeights::new(CategoricalCrossEntropy, weights)?);
    let all: [&dyn Loss; 10] = [
        &MeanAbsoluteError,
        &huber,
        &Hinge,
        &binary,
        &CategoricalCrossEntropy,
        &classes,
        &SparseCategoricalCrossEntropy,
        &labels,
        &weighted,
        &weighted_rows,
    ];
    let mut sum = 0.0;
    for loss in all {
        let (inputs, mut target) = (any([0.5; 3]), any([1.0; 3]));
        let inputs = inputs.get(..any(3)).unwrap_or_default();
        let known = target.get(..loss.targets(any(3))).unwrap_or_default();
        sum += loss.value(inputs, known) + loss.weight(known) + loss.accuracy(inputs, known).unwrap_or(0.0);
        sum += f32::from(u8::from(loss.accepts(any(1.0), any(3)) && loss.input(any(&Softmax)).is_ok()));
        sum += loss.differentiate(inputs, target.get_mut(..any(3)).unwrap_or_default(), any(0.5));
    }
    Ok(sum)
}

/// A whole run, and one update from a known gradient.
fn with<O: Optimizer + Copy>(optimizer: O, params: &mut [f32], workspace: &mut [f32]) -> Result<f32, Error> {
    let layers = [dense(any(OUTPUTS as u16), &Softmax)];
    let topology = Topology::try_new(any(INPUTS as u16), layers.get(..any(1)).unwrap_or_default())?;
    let rows = Rows { features: &any([[0.5; INPUTS]; 3]), targets: &any([[1.0]; 3]) };
    let constant = Constant::new(any(0.1))?;
    let own = params.get_mut(..topology.param_len()).unwrap_or_default();
    let loss = SparseCategoricalCrossEntropy;
    let mut total = run(any(true), topology, loss, optimizer, constant, &rows, &Nothing, own, workspace)?;
    let (topology_of, loss_of, optimizer_of) = any((&topology, &loss, &optimizer));
    let mut learner = Learner::new(topology_of, loss_of, optimizer_of, own, workspace)?.starting_at(any(3));
    learner.force_momentum(any(Some(0.5)))?;
    learner.copy_params_to(any(&mut [0.0; 99]))?;
    learner.roll_back(any(Some(&[0.0; 99])))?;
    total += learner.predict(&any([0.5; INPUTS]))?.iter().sum::<f32>();
    total += learner.train_on_batch(&rows, any(0.1))? + learner.steps() as f32 + learner.params().len() as f32;
    total += learner.network().predict(&any([0.5; INPUTS]), any(&mut [0.0; 99]))?.iter().sum::<f32>();
    let update = Update { step: any(1), age: any(1), rate: any(0.1), momentum: any(None), samples: any(1) };
    let lengths = any([3, 4]);
    for variables in [
        Variables::of(topology),
        Variables::one(any(3)),
        Variables::with_lengths(lengths.get(..any(2)).unwrap_or_default()),
    ] {
        descend(&optimizer, &update, &variables, own, &any([0.5; 34]), workspace);
    }
    Ok(total)
}

fn optimizers(params: &mut [f32], workspace: &mut [f32]) -> Result<f32, Error> {
    let (beta1, beta2, eps, decay) = (any(0.9), any(0.999), any(1e-7), any(0.01));
    let adam = Adam::torch(beta1, beta2, eps)?.l2(decay)?.weight_decay(decay)?;
    let rmsprop = RmsProp::torch(beta1, eps)?.l2(decay)?.weight_decay(decay)?;
    let keras = RmsProp::keras(beta1, eps)?.centered().momentum(any(0.5))?.l2(decay)?.weight_decay(decay)?;
    let sgd = Sgd::torch(any(0.9))?.dampening(any(0.5))?.l2(decay)?.weight_decay(decay)?.ascending();
    let mut sum = with(sgd, params, workspace)?;
    sum += with(Nesterov::keras(any(0.9))?.l2(decay)?.weight_decay(decay)?, params, workspace)?;
    sum += with(Nesterov::torch(any(0.9))?, params, workspace)?;
    sum += with(adam, params, workspace)? + with(adam.amsgrad(), params, workspace)?;
    sum += with(Adam::keras(beta1, beta2, eps)?, params, workspace)?;
    sum += with(Adam::optax(beta1, beta2, eps, any(1e-6))?, params, workspace)?;
    sum += with(Nadam::torch(beta1, beta2, eps)?, params, workspace)?;
    sum += with(Nadam::keras(beta1, beta2, eps)?.l2(decay)?.weight_decay(decay)?, params, workspace)?;
    sum += with(RAdam::torch(beta1, beta2, eps)?.l2(decay)?.weight_decay(decay)?, params, workspace)?;
    sum += with(Adamax::torch(beta1, beta2, eps)?.l2(decay)?, params, workspace)?;
    sum += with(Adamax::keras(beta1, beta2, eps)?.weight_decay(decay)?, params, workspace)?;
    sum += with(rmsprop, params, workspace)? + with(rmsprop.centered(), params, workspace)?;
    sum += with(rmsprop.momentum(any(0.5))?, params, workspace)? + with(keras, params, workspace)?;
    sum += with(Adagrad::torch(any(0.1), any(0.1), eps)?.l2(decay)?, params, workspace)?;
    sum += with(Adagrad::keras(any(0.1), eps)?.weight_decay(decay)?, params, workspace)?;
    sum += with(Adadelta::new(beta1, eps)?.l2(decay)?.weight_decay(decay)?, params, workspace)?;
    sum += with(Lion::new(beta1, beta2)?.l2(decay)?.weight_decay(decay)?, params, workspace)?;
    sum += with(Clipped { optimizer: adam, clip: Norm::new(any(1.0))? }, params, workspace)?;
    sum += with(Clipped { optimizer: sgd, clip: GlobalNorm::torch(any(1.0))? }, params, workspace)?;
    sum += with(Clipped { optimizer: sgd, clip: GlobalNorm::keras(any(1.0))? }, params, workspace)?;
    sum += with(Clipped { optimizer: OnlineSgd, clip: Value::new(any(1.0))? }, params, workspace)?;
    Ok(sum)
}

/// Layers with all that can be attached, trained in both ways.
fn layers(params: &mut [f32], workspace: &mut [f32]) -> Result<f32, Error> {
    let (dropout, l1, l2) = (any(0.2), any(0.01), any(0.01));
    let plain =
        [dense(any(2), &Gelu).dropout(dropout, any(1)), frozen(any(35), &Tanh, any(BODY)), dense(any(1), &Silu)];
    let penalised =
        [dense(any(2), &Gelu).dropout(dropout, any(1)).l1(l1).l2(l2), dense(any(1), &Sigmoid).l2(l2).l1(l1)];
    let plain = Topology::try_new(any(INPUTS as u16), plain.get(..any(3)).unwrap_or_default())?;
    let penalised = Topology::try_new(any(INPUTS as u16), penalised.get(..any(2)).unwrap_or_default())?;
    let rows = Rows { features: &any([[0.5; INPUTS]; 3]), targets: &any([[1.0]; 3]) };
    let constant = Constant::new(any(0.1))?;
    let mut sum = 0.0;
    let own = params.get_mut(..plain.param_len()).unwrap_or_default();
    sum += run(any(true), plain, MeanSquaredError, OnlineSgd, constant, &rows, &rows, own, workspace)?;
    sum += run(any(true), plain, MeanSquaredError, Sgd::keras(any(0.5))?, constant, &rows, &rows, own, workspace)?;
    let own = params.get_mut(..penalised.param_len()).unwrap_or_default();
    sum += run(any(true), penalised, MeanSquaredError, Sgd::keras(any(0.5))?, constant, &rows, &rows, own, workspace)?;
    let network = Network::new(penalised, own)?;
    network.judge(&rows, workspace, |outputs, target| {
        sum += outputs.iter().chain(target).sum::<f32>();
        any(Ok(()))
    })?;
    sum += penalised.state_len::<OnlineSgd>() as f32 + rows.weight(any(1));
    for layer in plain.layers() {
        sum += f32::from(u8::from(layer.is_frozen()));
    }
    let _ = Linear.kind();
    Ok(sum)
}

fn judgements() -> Result<f32, Error> {
    let goal = any(Goal::Maximize);
    let stopping = EarlyStopping::new(goal, any(3), any(0.1))?.baseline(any(0.5))?.start_from(any(1));
    let mut state = stopping.start();
    let stopped = stopping.observe(&mut state, any(0.5)) == Verdict::Stop || stopping.has_stopped(&any(state));
    Ok(state.best() + (state.best_epoch() + state.epochs()) as f32 + f32::from(u8::from(stopped)))
}
