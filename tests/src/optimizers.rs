//! From a library's optimizer and its arguments to ours.

use microfit::Error;
use microfit::optimizer::{
    Adadelta, Adagrad, Adam, Adamax, Clipped, GlobalNorm, Lion, Nadam, Nesterov, Norm, Optimizer, RAdam, RmsProp, Sgd,
    Value,
};

use crate::params::Params;

/// What is to be done with an optimizer whose type the arguments decide.
pub trait With {
    /// Does it.
    fn with<O: Optimizer>(self, optimizer: O);
}

/// Calls `with` with the optimizer of that library, name and arguments, clipping included.
///
/// # Panics
/// If there is no such optimizer, or an argument is out of range.
pub fn build(library: &str, name: &str, p: &Params, with: impl With) {
    let clipped = Clipping { library: library.to_owned(), clip: Clip::of(p), with };
    unclipped(library, name, p, clipped).unwrap_or_else(|error| panic!("{library}.{name}: {error}"));
}

enum Clip {
    None,
    GlobalNorm(f32),
    Norm(f32),
    Value(f32),
}

impl Clip {
    fn of(p: &Params) -> Self {
        let found = [
            p.maybe("clip_grad_norm_").map(|max| Self::GlobalNorm(max as f32)),
            p.maybe("global_clipnorm").map(|max| Self::GlobalNorm(max as f32)),
            p.maybe("clipnorm").map(|max| Self::Norm(max as f32)),
            p.maybe("clip_grad_value_").map(|max| Self::Value(max as f32)),
            p.maybe("clipvalue").map(|max| Self::Value(max as f32)),
        ];
        let mut found = found.into_iter().flatten();
        let clip = found.next().unwrap_or(Self::None);
        assert!(found.next().is_none(), "more than one clip");
        clip
    }
}

struct Clipping<W> {
    library: String,
    clip: Clip,
    with: W,
}

impl<W: With> With for Clipping<W> {
    fn with<O: Optimizer>(self, optimizer: O) {
        let with = self.with;
        match self.clip {
            Clip::None => with.with(optimizer),
            Clip::GlobalNorm(max) if self.library == "torch" => {
                with.with(Clipped { optimizer, clip: GlobalNorm::torch(max).unwrap() });
            }
            Clip::GlobalNorm(max) => with.with(Clipped { optimizer, clip: GlobalNorm::keras(max).unwrap() }),
            Clip::Norm(max) => with.with(Clipped { optimizer, clip: Norm::new(max).unwrap() }),
            Clip::Value(max) => with.with(Clipped { optimizer, clip: Value::new(max).unwrap() }),
        }
    }
}

/// The factor of that name as f32.
fn single(p: &Params, name: &str, default: f64) -> f32 {
    p.or(name, default) as f32
}

fn betas(p: &Params, default: [f64; 2]) -> [f64; 2] {
    match p.f64_list("betas") {
        [] => default,
        &[first, second] => [first, second],
        other => panic!("betas: {other:?}"),
    }
}

fn unclipped(library: &str, name: &str, p: &Params, with: impl With) -> Result<(), Error> {
    match library {
        "torch" => torch(name, p, with),
        "keras" => keras(name, p, with),
        "optax" => optax(name, p, with),
        _ => panic!("{library}: not one of torch, keras, optax"),
    }
}

fn torch(name: &str, p: &Params, with: impl With) -> Result<(), Error> {
    p.ignore(&["lr", "foreach", "fused"]);
    let l2 = single(p, "weight_decay", if name == "AdamW" { 0.01 } else { 0.0 });
    let eps = |default| single(p, "eps", default);
    let [beta1, beta2] = betas(p, [0.9, 0.999]);
    match name {
        "SGD" if p.flag("nesterov", false) => {
            assert_eq!(p.or("dampening", 0.0), 0.0, "PyTorch refuses dampening with Nesterov's momentum");
            with.with(Nesterov::torch(single(p, "momentum", 0.0))?.l2(l2)?);
        }
        "SGD" => {
            let sgd = Sgd::torch(single(p, "momentum", 0.0))?.dampening(single(p, "dampening", 0.0))?.l2(l2)?;
            with.with(if p.flag("maximize", false) { sgd.ascending() } else { sgd });
        }
        "Adam" | "AdamW" => {
            let adam = Adam::torch(beta1, beta2, eps(1e-8))?;
            let adam = if name == "AdamW" { adam.weight_decay(l2)? } else { adam.l2(l2)? };
            if p.flag("amsgrad", false) { with.with(adam.amsgrad()) } else { with.with(adam) }
        }
        "NAdam" => {
            assert_eq!(p.or("momentum_decay", 0.004), 0.004);
            with.with(Nadam::torch(beta1, beta2, eps(1e-8))?.l2(l2)?);
        }
        "RAdam" => with.with(RAdam::torch(beta1, beta2, eps(1e-8))?.l2(l2)?),
        "Adamax" => with.with(Adamax::torch(beta1, beta2, eps(1e-8))?.l2(l2)?),
        "RMSprop" => rmsprop(RmsProp::torch(p.or("alpha", 0.99), eps(1e-8))?.l2(l2)?, p, with)?,
        "Adagrad" => {
            let initial = single(p, "initial_accumulator_value", 0.0);
            with.with(Adagrad::torch(single(p, "lr_decay", 0.0), initial, eps(1e-10))?.l2(l2)?);
        }
        "Adadelta" => with.with(Adadelta::new(p.or("rho", 0.9), eps(1e-6))?.l2(l2)?),
        _ => panic!("torch.{name}: an unknown optimizer"),
    }
    Ok(())
}

fn rmsprop(plain: RmsProp, p: &Params, with: impl With) -> Result<(), Error> {
    let momentum = single(p, "momentum", 0.0);
    match (p.flag("centered", false), momentum > 0.0) {
        (false, false) => with.with(plain),
        (true, false) => with.with(plain.centered()),
        (false, true) => with.with(plain.momentum(momentum)?),
        (true, true) => with.with(plain.centered().momentum(momentum)?),
    }
    Ok(())
}

fn keras(name: &str, p: &Params, with: impl With) -> Result<(), Error> {
    p.ignore(&["learning_rate", "name"]);
    let decay = single(p, "weight_decay", if name == "AdamW" { 0.004 } else { 0.0 });
    let (beta1, eps) = (p.or("beta_1", 0.9), single(p, "epsilon", 1e-7));
    let beta2 = p.or("beta_2", if name == "Lion" { 0.99 } else { 0.999 });
    match name {
        "SGD" if p.flag("nesterov", false) => {
            with.with(Nesterov::keras(single(p, "momentum", 0.0))?.weight_decay(decay)?);
        }
        "SGD" => with.with(Sgd::keras(single(p, "momentum", 0.0))?.weight_decay(decay)?),
        "Adam" | "AdamW" => {
            let adam = Adam::keras(beta1, beta2, eps)?.weight_decay(decay)?;
            if p.flag("amsgrad", false) { with.with(adam.amsgrad()) } else { with.with(adam) }
        }
        "RMSprop" => rmsprop(RmsProp::keras(p.or("rho", 0.9), eps)?.weight_decay(decay)?, p, with)?,
        "Adagrad" => {
            let initial = single(p, "initial_accumulator_value", 0.1);
            with.with(Adagrad::keras(initial, eps)?.weight_decay(decay)?);
        }
        "Adadelta" => with.with(Adadelta::new(p.or("rho", 0.95), eps)?.weight_decay(decay)?),
        "Adamax" => with.with(Adamax::keras(beta1, beta2, eps)?.weight_decay(decay)?),
        "Nadam" => with.with(Nadam::keras(beta1, beta2, eps)?.weight_decay(decay)?),
        "Lion" => with.with(Lion::new(beta1, beta2)?.weight_decay(decay)?),
        _ => panic!("keras.{name}: an unknown optimizer"),
    }
    Ok(())
}

fn optax(name: &str, p: &Params, with: impl With) -> Result<(), Error> {
    p.ignore(&["learning_rate"]);
    let beta2 = p.or("b2", if name == "lion" { 0.99 } else { 0.999 });
    let (beta1, eps) = (p.or("b1", 0.9), |default| single(p, "eps", default));
    match name {
        "sgd" if p.flag("nesterov", false) => with.with(Nesterov::torch(single(p, "momentum", 0.0))?),
        "sgd" => with.with(Sgd::torch(single(p, "momentum", 0.0))?),
        "adam" => with.with(Adam::optax(beta1, beta2, eps(1e-8), single(p, "eps_root", 0.0))?),
        "adamw" => {
            let adam = Adam::optax(beta1, beta2, eps(1e-8), single(p, "eps_root", 0.0))?;
            with.with(adam.weight_decay(single(p, "weight_decay", 1e-4))?);
        }
        "rmsprop" => {
            assert_eq!(p.or("initial_scale", 0.0), 0.0);
            rmsprop(RmsProp::keras(p.or("decay", 0.9), eps(1e-8))?, p, with)?;
        }
        "adagrad" => with.with(Adagrad::keras(single(p, "initial_accumulator_value", 0.1), eps(1e-7))?),
        "lion" => with.with(Lion::new(beta1, beta2)?.weight_decay(single(p, "weight_decay", 1e-3))?),
        _ => panic!("optax.{name}: an unknown optimizer"),
    }
    Ok(())
}
