//! Every public operation of `microfit::data`, `microfit::metrics` and `microfit::Init` that the main file does not call,
//! with arguments the optimizer does not know.

use microfit::data::{
    ClassBalanced, Dataset, Digits, FromFn, Ionosphere, MinMax, OneHot, Quantized, Ring, Scaled, Scaling, Sequential,
    Shuffle, Standardization, StratifiedFolds, Stream, Weighted, k_fold,
};
use microfit::metrics::{Confusion, Regression, RocAuc, Scored, TopK};
use microfit::{Error, Init, Topology};

use crate::any;

/// All of a dataset's methods.
fn ask<const F: usize, const T: usize>(data: &impl Dataset) -> Result<f32, Error> {
    let (mut features, mut target) = ([0.0; F], [0.0; T]);
    let features = features.get_mut(..any(F)).unwrap_or_default();
    let target = target.get_mut(..any(T)).unwrap_or_default();
    data.read(any(1), features, target)?;
    Ok(data.weight(any(1)) + (data.len() + data.features() + data.targets()) as f32 + f32::from(data.is_empty()))
}

/// All of it; what the sum is does not matter.
pub(crate) fn every_operation(topology: &Topology, params: &mut [f32], indices: &mut [u16]) -> Result<f32, Error> {
    for init in any([
        Init::Constant { value: any(0.1) },
        Init::TruncatedNormal { stddev: any(0.1) },
        Init::GlorotNormal,
        Init::HeUniform,
        Init::LecunUniform,
        Init::LecunNormal,
        Init::TorchLinear,
    ]) {
        init.fill(topology, any(1), params)?;
    }
    Ok(sources(indices)? + scaling()? + replay()? + metrics()?)
}

fn sources(indices: &mut [u16]) -> Result<f32, Error> {
    let weights = any([1.0; 351]);
    let weights = weights.get(..any(351)).unwrap_or_default();
    let (train, validation) = k_fold(Ionosphere, Shuffle::new(any(1)), any(10), any(3))?;
    let folds = StratifiedFolds::new(any(351), Ionosphere::class, any(10), any(1), indices)?;
    let (left, right) = folds.split(Ionosphere, any(3))?;
    let computed = FromFn { len: any(9), generate: |i| ([any(i as f32)], [any(0.5)]) };
    let stream = Stream::new(any(9), core::iter::from_fn(|| any(Some(([0.5], [0.5])))));
    let (bytes, words, labels) = (any([[1_u8; 4]; 3]), any([[1_i16; 4]; 3]), any([1_u8; 3]));
    let signed = any([[1_i8; 4]; 3]);
    let mut sum = ask::<34, 1>(&Weighted::new(Ionosphere, weights)?)? + ask::<34, 1>(&train)?;
    sum += ask::<34, 1>(&validation)? + ask::<34, 1>(&left)? + ask::<34, 1>(&right)?;
    sum += ask::<1, 1>(&k_fold(computed, Sequential, any(2), any(1))?.0)? + ask::<1, 1>(&stream)?;
    sum += stream.into_inner().next().map_or(0.0, |([x], _)| x);
    sum += ask::<4, 1>(&Quantized::new(&bytes, &labels, any(0.5), any(1))?)?;
    sum += ask::<4, 1>(&Quantized::new(&words, &labels, any(0.5), any(1))?)?;
    sum += ask::<4, 1>(&Quantized::new(&signed, &labels, any(0.5), any(1))?)?;
    Ok(sum + ask::<64, 1>(&Digits)? + ask::<64, 10>(&OneHot::<_, 10>::new(Digits)?)? + f32::from(Digits::class(any(1))))
}

fn scaling() -> Result<f32, Error> {
    let (mut a, mut b, mut c, mut d) = ([0.0; 34], [0.0; 34], [0.0; 34], [0.0; 34]);
    let sample = any([0.5; 34]);
    let sample = sample.get(..any(34)).unwrap_or_default();
    let mut lost = [[0.0; 2]; 34];
    let lost = lost.get_mut(..any(34)).unwrap_or_default();
    let mut seen = Standardization::new(a.get_mut(..any(34)).unwrap_or_default(), &mut b, lost)?;
    seen.observe(sample)?;
    let mut room = [0.0; 35];
    let room = room.get_mut(..any(35)).unwrap_or_default();
    seen.observe_all(&Ionosphere, room)?;
    let mut range = MinMax::new(c.get_mut(..any(34)).unwrap_or_default(), &mut d)?;
    range.observe(sample)?;
    range.observe_all(&Ionosphere, room)?;
    let mut sum = (seen.count() + range.count()) as f32;
    for scaling in [seen.finish()?, range.finish(any(0.0), any(1.0))?] {
        let scaling = Scaling::new(scaling.shift(), scaling.factor())?;
        let mut row = any([0.5; 34]);
        scaling.invert(row.get_mut(..any(34)).unwrap_or_default())?;
        sum += row.iter().sum::<f32>();
        sum += ask::<34, 1>(&Scaled::new(Ionosphere, scaling)?)?;
    }
    Ok(sum)
}

fn replay() -> Result<f32, Error> {
    let (mut features, mut targets, mut labels) = ([[0.0; 2]; 5], [[0.0; 1]; 5], [0; 5]);
    let rows = any(5);
    let mut ring = Ring::new(features.get_mut(..rows).unwrap_or_default(), &mut targets)?;
    ring.clear();
    ring.push(any([0.5; 2]), any([0.5]))?;
    let state = any(ring.state());
    let mut sum = ask::<2, 1>(&ring)? + (ring.features().len() + ring.targets().len()) as f32;
    let mut ring = Ring::restore(features.get_mut(..rows).unwrap_or_default(), &mut targets, state)?;
    ring.push(any([0.5; 2]), any([0.5]))?;
    let features = features.get_mut(..rows).unwrap_or_default();
    let mut replay = ClassBalanced::<2, 3>::new(any(1), features, &mut labels)?;
    sum += replay.push(any([0.5; 2]), any(1))?.unwrap_or(0) as f32;
    let state = any(replay.state());
    sum += ask::<2, 1>(&replay)? + (replay.features().len() + replay.labels().len() + replay.stored(any(1))) as f32;
    let mut replay = ClassBalanced::restore(features, &mut labels, state)?;
    if any(false) {
        replay.clear();
    }
    Ok(sum + replay.push(any([0.5; 2]), any(1))?.unwrap_or(0) as f32)
}

fn metrics() -> Result<f32, Error> {
    let (outputs, target) = (any([0.5; 3]), any([0.0, 1.0, 0.0]));
    let outputs = outputs.get(..any(3)).unwrap_or_default();
    let target = target.get(..any(3)).unwrap_or_default();
    let mut top = TopK::new(any(2))?;
    top.record(outputs, target)?;
    let mut confusion = Confusion::<3>::default();
    confusion.record(outputs, target)?;
    let mut binary = Confusion::<2>::default();
    binary.record(outputs, target)?;
    binary.record_above(any(0.0), outputs, target)?;
    let mut buffer = any([Scored::default(); 3]);
    let mut auc = RocAuc::new(buffer.get_mut(..any(3)).unwrap_or_default());
    auc.record(outputs, target)?;
    let mut regression = Regression::default();
    regression.record(outputs, target)?;
    let mut sum = top.accuracy().unwrap_or(0.0) + confusion.accuracy().unwrap_or(0.0) + auc.auc().unwrap_or(0.0);
    for scores in [confusion.class(any(1)), confusion.macro_average(), confusion.micro_average(), binary.class(any(1))]
    {
        sum += scores.precision + scores.recall + scores.f1;
    }
    for value in [regression.mae(), regression.rmse(), regression.r_squared()] {
        sum += value.unwrap_or(0.0);
    }
    let samples = [top.samples(), confusion.samples(), auc.samples(), regression.samples()];
    Ok(sum + samples.iter().fold(0_u32, |a, b| a.wrapping_add(*b)) as f32 + confusion.counts().len() as f32)
}
