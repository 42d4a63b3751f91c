//! From a recorded class and its arguments to the named constructor.

use crate::python::evaluate;
use microfit::Error;
use microfit::schedule::{
    self, CyclicMode, DropBased, Feedback, FromFn, Mode, Schedule, Sequential, Threshold, WithMomentum, keras, optax,
    paper, timm, torch, transformers,
};
use microfit_tests::params::{Params, number};
use serde_json::Value;

type Boxed = Box<dyn Schedule>;

/// A schedule, or why there is none.
pub(crate) type Built = Result<Boxed, Error>;

fn boxed<S: Schedule + 'static>(schedule: Result<S, Error>) -> Built {
    Ok(Box::new(schedule?))
}

/// By library and class.
pub(crate) fn schedule(library: &str, name: &str, p: &Params) -> Built {
    match library {
        "seed" => seed(name, p),
        "paper" if name == "noam" => boxed(paper::noam(p.steps("d_model"), p.steps("warmup"), p.or("factor", 1.0))),
        "tf_keras_legacy" => boxed(keras::decay(p.f64("learning_rate"), p.or("decay", 0.0))),
        "keras" => from_keras(name, p),
        "torch" => from_torch(name, p, p.f64("lr0")),
        "optax" => from_optax(name, p),
        "transformers" => from_transformers(name, p, p.f64("lr0")),
        "timm" => from_timm(name, p, p.f64("lr0")),
        _ => panic!("{library}.{name}: an unknown class"),
    }
}

fn seed(name: &str, p: &Params) -> Built {
    match name {
        "drop_based" => boxed(DropBased::new(p.f64("initial_lrate"), p.f64("drop"), p.f64("epochs_drop"))),
        "time_based" => boxed(schedule::TimeBased::new(p.f64("lr0"), p.f64("decay"))),
        "time_based_recursive_table" => {
            let decay = p.f64("decay");
            boxed(torch::multiplicative(p.f64("lr0"), move |epoch| 1.0 / (1.0 + decay * f64::from(epoch))))
        }
        _ => panic!("seed.{name}: an unknown class"),
    }
}

fn from_keras(name: &str, p: &Params) -> Built {
    p.ignore(&["name"]);
    let initial = || p.f64("initial_learning_rate");
    match name {
        "ExponentialDecay" => {
            let (steps, rate) = (p.steps("decay_steps"), p.f64("decay_rate"));
            boxed(keras::exponential_decay(initial(), steps, rate, p.flag("staircase", false)))
        }
        "InverseTimeDecay" => {
            let (steps, rate) = (p.steps("decay_steps"), p.f64("decay_rate"));
            boxed(keras::inverse_time_decay(initial(), steps, rate, p.flag("staircase", false)))
        }
        "PiecewiseConstantDecay" => {
            boxed(keras::piecewise_constant_decay(p.step_list("boundaries"), p.f64_list("values")))
        }
        "PolynomialDecay" => {
            let default = keras::PolynomialDecayOptions::DEFAULT;
            let options = keras::PolynomialDecayOptions {
                end_learning_rate: p.or("end_learning_rate", default.end_learning_rate),
                power: p.or("power", default.power),
                cycle: p.flag("cycle", default.cycle),
            };
            boxed(keras::polynomial_decay(initial(), p.steps("decay_steps"), options))
        }
        "CosineDecay" => {
            let default = keras::CosineDecayOptions::DEFAULT;
            let options = keras::CosineDecayOptions {
                alpha: p.or("alpha", default.alpha),
                warmup_target: p.maybe("warmup_target"),
                warmup_steps: p.steps_or("warmup_steps", default.warmup_steps),
            };
            boxed(keras::cosine_decay(initial(), p.steps("decay_steps"), options))
        }
        "CosineDecayRestarts" => {
            let default = keras::CosineDecayRestartsOptions::DEFAULT;
            let options = keras::CosineDecayRestartsOptions {
                t_mul: p.or("t_mul", default.t_mul),
                m_mul: p.or("m_mul", default.m_mul),
                alpha: p.or("alpha", default.alpha),
            };
            boxed(keras::cosine_decay_restarts(initial(), p.steps("first_decay_steps"), options))
        }
        _ => panic!("keras.{name}: an unknown class"),
    }
}

fn from_torch(name: &str, p: &Params, lr: f64) -> Built {
    p.ignore(&["last_epoch", "name"]);
    match name {
        "LambdaLR" => {
            let f = p.text("lr_lambda", "").to_owned();
            boxed(torch::lambda(lr, move |t| evaluate(&f, f64::from(t))))
        }
        "MultiplicativeLR" => {
            let f = p.text("lr_lambda", "").to_owned();
            boxed(torch::multiplicative(lr, move |t| evaluate(&f, f64::from(t))))
        }
        "StepLR" => boxed(torch::step(lr, p.steps("step_size"), p.or("gamma", 0.1))),
        "MultiStepLR" => boxed(torch::multi_step(lr, p.step_list("milestones"), p.or("gamma", 0.1))),
        "ConstantLR" => boxed(torch::constant(lr, p.or("factor", 1.0 / 3.0), p.steps_or("total_iters", 5))),
        "LinearLR" => {
            let (start, end) = (p.or("start_factor", 1.0 / 3.0), p.or("end_factor", 1.0));
            boxed(torch::linear(lr, start, end, p.steps_or("total_iters", 5)))
        }
        "ExponentialLR" => boxed(torch::exponential(lr, p.f64("gamma"))),
        "PolynomialLR" => boxed(torch::polynomial(lr, p.steps_or("total_iters", 5), p.or("power", 1.0))),
        "CosineAnnealingLR" => boxed(torch::cosine_annealing(lr, p.steps("T_max"), p.or("eta_min", 0.0))),
        "CosineAnnealingWarmRestarts" => {
            let (first, mul) = (p.steps("T_0"), p.steps_or("T_mult", 1));
            boxed(torch::cosine_annealing_warm_restarts(lr, first, mul, p.or("eta_min", 0.0)))
        }
        "OneCycleLR" | "OneCycleLR.adam_beta1" => one_cycle(p),
        "CyclicLR" => cyclic(p),
        "SWALR" => boxed(torch::swa(lr, p.f64("swa_lr"), p.steps_or("anneal_epochs", 10), anneal(p))),
        "SequentialLR" => {
            let parts = parts(p, lr, true)?;
            let parts: Vec<&'static dyn Schedule> = parts.into_iter().map(|(_, part)| &*Box::leak(part)).collect();
            boxed(Sequential::new(Box::leak(parts.into_boxed_slice()), p.step_list("milestones")))
        }
        "ChainedScheduler" => chained(p, lr),
        _ => panic!("torch.{name}: an unknown class"),
    }
}

fn anneal(p: &Params) -> torch::Anneal {
    match p.text("anneal_strategy", "cos") {
        "cos" => torch::Anneal::Cos,
        "linear" => torch::Anneal::Linear,
        other => panic!("anneal_strategy {other} is not understood"),
    }
}

fn one_cycle(p: &Params) -> Built {
    let default = torch::OneCycleOptions::DEFAULT;
    let total = p.maybe_steps("total_steps");
    let (epochs, per_epoch) = (p.steps_or("epochs", 0), p.steps_or("steps_per_epoch", 0));
    let options = torch::OneCycleOptions {
        pct_start: p.or("pct_start", default.pct_start),
        anneal_strategy: anneal(p),
        cycle_momentum: p.flag("cycle_momentum", default.cycle_momentum),
        base_momentum: p.or("base_momentum", default.base_momentum),
        max_momentum: p.or("max_momentum", default.max_momentum),
        div_factor: p.or("div_factor", default.div_factor),
        final_div_factor: p.or("final_div_factor", default.final_div_factor),
        three_phase: p.flag("three_phase", default.three_phase),
    };
    boxed(torch::one_cycle(p.f64("max_lr"), total.unwrap_or(epochs * per_epoch), options))
}

fn cyclic(p: &Params) -> Built {
    let default = torch::CyclicOptions::DEFAULT;
    let gamma = p.or("gamma", 1.0);
    let options = torch::CyclicOptions {
        step_size_up: p.steps_or("step_size_up", default.step_size_up),
        step_size_down: p.maybe_steps("step_size_down"),
        mode: match p.text("mode", "triangular") {
            "triangular" => CyclicMode::Triangular,
            "triangular2" => CyclicMode::Triangular2,
            "exp_range" => CyclicMode::ExpRange { gamma },
            other => panic!("mode {other} is not understood"),
        },
        cycle_momentum: p.flag("cycle_momentum", default.cycle_momentum),
        base_momentum: p.or("base_momentum", default.base_momentum),
        max_momentum: p.or("max_momentum", default.max_momentum),
    };
    let (base, max) = (p.f64("base_lr"), p.f64("max_lr"));
    let by_cycle = p.text("scale_mode", "cycle") == "cycle";
    let Some(scale) = p.raw("scale_fn").and_then(Value::as_str).map(str::to_owned) else {
        return boxed(torch::cyclic(base, max, options));
    };
    // A scale of the user's own: a unit triangle, scaled, stretched and shifted.
    let size = options.step_size_up + options.step_size_down.unwrap_or(options.step_size_up);
    let triangle = torch::cyclic(0.0, 1.0, torch::CyclicOptions { mode: CyclicMode::Triangular, ..options })?;
    let scale = move |t: u32| evaluate(&scale, f64::from(if by_cycle { 1 + t / size } else { t }));
    let height = std::rc::Rc::new(move |t: u32| triangle.value(t) * scale(t));
    let rate = {
        let height = height.clone();
        FromFn(move |t| base + (max - base) * height(t))
    };
    let span = options.max_momentum - options.base_momentum;
    let momentum = FromFn(move |t| options.max_momentum - span * height(t));
    boxed(Ok(WithMomentum::new(rate, options.cycle_momentum.then_some(momentum))))
}

/// The parts of a composition by their class.
fn parts(p: &Params, lr: f64, local_clocks: bool) -> Result<Vec<(String, Boxed)>, Error> {
    let list = p.raw("schedulers").and_then(Value::as_array).expect("schedulers");
    let part = |(index, value): (usize, &Value)| {
        let part = Params::new(value);
        let name = part.text("name", "").to_owned();
        // The sequence starts its later parts by their closed form, in which a constant of no length is over.
        let over = local_clocks && index > 0 && name == "ConstantLR" && part.maybe("total_iters") == Some(0.0);
        let lr = if index == 0 || local_clocks || overwrites(&name) { lr } else { 1.0 };
        let schedule = if over {
            boxed(torch::constant(lr, part.or("factor", 1.0), 0).and(schedule::constant(lr)))?
        } else {
            from_torch(&name, &part, lr)?
        };
        part.all_used(&name);
        Ok((name, schedule))
    };
    list.iter().enumerate().map(part).collect()
}

/// Classes that set the rate instead of multiplying it.
fn overwrites(name: &str) -> bool {
    ["LambdaLR", "OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts"].contains(&name)
}

fn chained(p: &Params, lr: f64) -> Built {
    let mut parts = parts(p, lr, false)?;
    if parts.last().is_some_and(|(name, _)| overwrites(name)) {
        return Ok(parts.pop().expect("a last part").1);
    }
    for (name, _) in &parts {
        let multiplies = !overwrites(name) && !name.starts_with("Cosine") && name != "SWALR";
        assert!(multiplies, "ChainedScheduler: the chain of {name} has no closed form");
    }
    let product = |first: Boxed, (_, second): (String, Boxed)| -> Boxed {
        // One Box on another: the combinators take sized schedules.
        let (first, second): (&'static dyn Schedule, &'static dyn Schedule) = (Box::leak(first), Box::leak(second));
        Box::new(first.product(second))
    };
    Ok(parts.into_iter().fold(boxed(schedule::constant(1.0))?, product))
}

fn optax_exponential(p: &Params) -> optax::ExponentialDecayOptions {
    optax::ExponentialDecayOptions {
        transition_begin: p.steps_or("transition_begin", 0),
        staircase: p.flag("staircase", false),
        end_value: p.maybe("end_value"),
    }
}

fn onecycle(p: &Params) -> (u32, f64, optax::OnecycleOptions) {
    let default = optax::OnecycleOptions::DEFAULT;
    let options = optax::OnecycleOptions {
        pct_start: p.or("pct_start", default.pct_start),
        pct_final: p.or("pct_final", default.pct_final),
        div_factor: p.or("div_factor", default.div_factor),
        final_div_factor: p.or("final_div_factor", default.final_div_factor),
    };
    (p.steps("transition_steps"), p.f64("peak_value"), options)
}

fn cosine_kwargs(p: &Params) -> optax::CosineKwargs {
    optax::CosineKwargs {
        init_value: p.f64("init_value"),
        peak_value: p.f64("peak_value"),
        warmup_steps: p.steps("warmup_steps"),
        decay_steps: p.steps("decay_steps"),
        end_value: p.or("end_value", 0.0),
        exponent: p.or("exponent", 1.0),
    }
}

fn from_optax(name: &str, p: &Params) -> Built {
    let (init, end) = (|| p.f64("init_value"), || p.f64("end_value"));
    let (steps, begin) = (|| p.steps("transition_steps"), || p.steps_or("transition_begin", 0));
    match name {
        "constant_schedule" => boxed(optax::constant_schedule(p.f64("value"))),
        "linear_schedule" => boxed(optax::linear_schedule(init(), end(), steps(), begin())),
        "polynomial_schedule" => boxed(optax::polynomial_schedule(init(), end(), p.f64("power"), steps(), begin())),
        "piecewise_constant_schedule" => {
            boxed(optax::piecewise_constant_schedule(init(), p.scales("boundaries_and_scales")))
        }
        "piecewise_interpolate_schedule" => {
            let kind = match p.text("interpolate_type", "") {
                "linear" => optax::Interpolate::Linear,
                "cosine" => optax::Interpolate::Cosine,
                other => panic!("interpolate_type {other} is not understood"),
            };
            boxed(optax::piecewise_interpolate_schedule(kind, init(), p.scales("boundaries_and_scales")))
        }
        "exponential_decay" => {
            boxed(optax::exponential_decay(init(), steps(), p.f64("decay_rate"), optax_exponential(p)))
        }
        "cosine_decay_schedule" => {
            let (alpha, exponent) = (p.or("alpha", 0.0), p.or("exponent", 1.0));
            boxed(optax::cosine_decay_schedule(init(), p.steps("decay_steps"), alpha, exponent))
        }
        "linear_onecycle_schedule" => {
            let (steps, peak, options) = onecycle(p);
            boxed(optax::linear_onecycle_schedule(steps, peak, options))
        }
        "cosine_onecycle_schedule" => {
            let (steps, peak, options) = onecycle(p);
            boxed(optax::cosine_onecycle_schedule(steps, peak, options))
        }
        "warmup_constant_schedule" => {
            boxed(optax::warmup_constant_schedule(init(), p.f64("peak_value"), p.steps("warmup_steps")))
        }
        "warmup_cosine_decay_schedule" => {
            let k = cosine_kwargs(p);
            boxed(optax::warmup_cosine_decay_schedule(
                k.init_value,
                k.peak_value,
                k.warmup_steps,
                k.decay_steps,
                k.end_value,
                k.exponent,
            ))
        }
        "warmup_exponential_decay_schedule" => {
            let (peak, warmup, rate) = (p.f64("peak_value"), p.steps("warmup_steps"), p.f64("decay_rate"));
            let options = optax_exponential(p);
            boxed(optax::warmup_exponential_decay_schedule(init(), peak, warmup, steps(), rate, options))
        }
        "sgdr_schedule" => {
            let cycle = |value: &Value| {
                let cycle = Params::new(value);
                let kwargs = cosine_kwargs(&cycle);
                cycle.all_used("sgdr_schedule");
                kwargs
            };
            boxed(optax::sgdr_schedule(p.list("cosine_kwargs", cycle)))
        }
        "join_schedules" => {
            let part = |value: &Value| -> Result<&'static dyn Schedule, Error> {
                let [name, arguments] = value.as_array().expect("a pair").as_slice() else { panic!("a pair") };
                let arguments = Params::new(arguments);
                let name = name.as_str().expect("a name");
                let part = from_optax(name, &arguments)?;
                arguments.all_used(name);
                Ok(Box::leak(part))
            };
            let list = p.raw("schedules").and_then(Value::as_array).expect("schedules");
            let parts = list.iter().map(part).collect::<Result<Vec<_>, _>>()?;
            boxed(Sequential::new(Box::leak(parts.into_boxed_slice()), p.step_list("boundaries")))
        }
        _ => panic!("optax.{name}: an unknown class"),
    }
}

fn min_lr(p: &Params) -> transformers::MinLr {
    match (p.maybe("min_lr"), p.maybe("min_lr_rate")) {
        (Some(lr), None) => transformers::MinLr::Lr(lr),
        (None, Some(rate)) => transformers::MinLr::Rate(rate),
        _ => panic!("one of min_lr and min_lr_rate"),
    }
}

fn wsd_type(p: &Params, name: &str, default: &str) -> transformers::WsdType {
    match p.text(name, default) {
        "linear" => transformers::WsdType::Linear,
        "cosine" => transformers::WsdType::Cosine,
        "1-sqrt" => transformers::WsdType::OneMinusSqrt,
        other => panic!("{name} {other} is not understood"),
    }
}

fn from_transformers(name: &str, p: &Params, lr: f64) -> Built {
    // `get_scheduler` takes both for every schedule and uses what it needs.
    let warmup = p.steps_or("num_warmup_steps", 0);
    let training = p.maybe_steps("num_training_steps");
    let total = || training.expect("num_training_steps");
    match name {
        "constant" => boxed(transformers::constant(lr)),
        "constant_with_warmup" => boxed(transformers::constant_with_warmup(lr, warmup)),
        "linear" => boxed(transformers::linear(lr, warmup, total())),
        "cosine" => boxed(transformers::cosine(lr, warmup, total(), p.or("num_cycles", 0.5))),
        "cosine_with_restarts" => {
            boxed(transformers::cosine_with_restarts(lr, warmup, total(), p.or("num_cycles", 1.0)))
        }
        "polynomial" => boxed(transformers::polynomial(lr, warmup, total(), p.or("lr_end", 1e-7), p.or("power", 1.0))),
        "inverse_sqrt" => boxed(transformers::inverse_sqrt(lr, warmup, p.maybe_steps("timescale"))),
        "cosine_with_min_lr" => {
            boxed(transformers::cosine_with_min_lr(lr, warmup, total(), p.or("num_cycles", 0.5), min_lr(p)))
        }
        "cosine_warmup_with_min_lr" => {
            let (cycles, rate) = (p.or("num_cycles", 0.5), p.maybe("warmup_lr_rate"));
            boxed(transformers::cosine_warmup_with_min_lr(lr, warmup, total(), cycles, min_lr(p), rate))
        }
        "warmup_stable_decay" => {
            let length = match p.maybe_steps("num_stable_steps") {
                Some(steps) => transformers::WsdLength::Stable(steps),
                None => transformers::WsdLength::Training(total()),
            };
            let options = transformers::WsdOptions {
                warmup_type: wsd_type(p, "warmup_type", "linear"),
                decay_type: wsd_type(p, "decay_type", "cosine"),
                min_lr_ratio: p.or("min_lr_ratio", 0.0),
                num_cycles: p.or("num_cycles", 0.5),
            };
            boxed(transformers::warmup_stable_decay(lr, warmup, p.steps("num_decay_steps"), length, options))
        }
        _ => panic!("transformers.{name}: an unknown class"),
    }
}

fn timm_warmup(p: &Params, default: timm::WarmupOptions) -> timm::WarmupOptions {
    timm::WarmupOptions {
        warmup_t: p.steps_or("warmup_t", default.warmup_t),
        warmup_lr_init: p.or("warmup_lr_init", default.warmup_lr_init),
        warmup_prefix: p.flag("warmup_prefix", default.warmup_prefix),
    }
}

fn timm_cycle(p: &Params) -> timm::CycleOptions {
    let default = timm::CycleOptions::DEFAULT;
    timm::CycleOptions {
        lr_min: p.or("lr_min", default.lr_min),
        cycle_mul: p.or("cycle_mul", default.cycle_mul),
        cycle_decay: p.or("cycle_decay", default.cycle_decay),
        cycle_limit: p.steps_or("cycle_limit", default.cycle_limit),
        warmup: timm_warmup(p, default.warmup),
        k_decay: p.or("k_decay", default.k_decay),
    }
}

fn from_timm(name: &str, p: &Params, lr: f64) -> Built {
    p.ignore(&["t_in_epochs", "initialize", "noise_pct", "noise_std", "noise_seed", "noise_range_t"]);
    match name {
        "CosineLRScheduler" => boxed(timm::cosine(lr, p.steps("t_initial"), timm_cycle(p))),
        "TanhLRScheduler" => {
            let (lb, ub) = (p.or("lb", -7.0), p.or("ub", 3.0));
            boxed(timm::tanh(lr, p.steps("t_initial"), lb, ub, timm_cycle(p)))
        }
        "PolyLRScheduler" => boxed(timm::poly(lr, p.steps("t_initial"), p.or("power", 0.5), timm_cycle(p))),
        "StepLRScheduler" => {
            let warmup = timm_warmup(p, timm::WarmupOptions::PREFIX);
            boxed(timm::step(lr, p.f64("decay_t"), p.or("decay_rate", 1.0), warmup))
        }
        "MultiStepLRScheduler" => {
            let warmup = timm_warmup(p, timm::WarmupOptions::PREFIX);
            boxed(timm::multi_step(lr, p.step_list("decay_t"), p.or("decay_rate", 1.0), warmup))
        }
        "WSDLRScheduler" => {
            let (stable_power, decay_power) = (p.or("stable_power", 0.5), p.or("decay_power", 0.5));
            let decay_ratio = p.or("decay_ratio", 0.1);
            let options = timm::WsdOptions {
                lr_min: p.or("lr_min", 0.0),
                stable_fn: match p.text("stable_fn", "constant") {
                    "constant" => timm::Stable::Constant,
                    "rsqrt" => timm::Stable::Rsqrt,
                    "power" => timm::Stable::Power { power: stable_power },
                    other => panic!("stable_fn {other} is not understood"),
                },
                stable_timescale: p.maybe("stable_timescale"),
                decay_fn: match p.text("decay_fn", "1-sqrt") {
                    "linear" => timm::Decay::Linear,
                    "1-sqrt" => timm::Decay::OneMinusSqrt,
                    "cosine" => timm::Decay::Cosine,
                    "power" => timm::Decay::Power { power: decay_power },
                    "exp" => timm::Decay::Exp { ratio: decay_ratio },
                    other => panic!("decay_fn {other} is not understood"),
                },
                warmup_t: p.steps_or("warmup_t", 0),
                warmup_lr_init: p.or("warmup_lr_init", 0.0),
            };
            boxed(timm::wsd(lr, p.steps("t_initial"), p.steps("decay_t"), options))
        }
        _ => panic!("timm.{name}: an unknown class"),
    }
}

fn mode(p: &Params) -> Mode {
    match p.text("mode", "min") {
        "max" => Mode::Max,
        "auto" if p.text("monitor", "val_loss").contains("acc") => Mode::Max,
        "min" | "auto" => Mode::Min,
        other => panic!("mode {other} is not understood"),
    }
}

fn threshold(p: &Params, by: f64, mode: &str) -> Threshold {
    let by = p.or("threshold", by);
    match p.text("threshold_mode", mode) {
        "rel" => Threshold::Relative(by),
        "abs" => Threshold::Absolute(by),
        other => panic!("threshold_mode {other} is not understood"),
    }
}

fn observe<F: Feedback>(feedback: Result<F, Error>, metrics: &[f64]) -> Result<Vec<f32>, Error> {
    let feedback = feedback?;
    let mut state = feedback.start();
    let rate = |metric: &f64| {
        // As a checkpoint would: the settings and a copy of the state are all there is.
        let mut resumed = state;
        feedback.observe(&mut resumed, *metric);
        state = resumed;
        feedback.rate(&state)
    };
    Ok(metrics.iter().map(rate).collect())
}

/// The rates after each metric.
pub(crate) fn feedback(library: &str, name: &str, p: &Params, metric: &Value) -> Result<Vec<f32>, Error> {
    let metrics: Vec<f64> = metric.as_array().expect("metrics").iter().map(|m| number(m).unwrap_or(f64::NAN)).collect();
    let lr = p.f64("lr0");
    p.ignore(&["verbose", "monitor"]);
    match (library, name) {
        ("torch", "ReduceLROnPlateau") | ("transformers", "reduce_lr_on_plateau") => {
            let default = torch::ReduceLrOnPlateauOptions::DEFAULT;
            let options = torch::ReduceLrOnPlateauOptions {
                mode: mode(p),
                factor: p.or("factor", default.factor),
                patience: p.steps_or("patience", default.patience),
                threshold: threshold(p, 1e-4, "rel"),
                cooldown: p.steps_or("cooldown", default.cooldown),
                min_lr: p.or("min_lr", default.min_lr),
                eps: p.or("eps", default.eps),
            };
            observe(torch::reduce_lr_on_plateau(lr, options), &metrics)
        }
        ("keras", "ReduceLROnPlateau") => {
            let default = keras::ReduceLrOnPlateauOptions::DEFAULT;
            let options = keras::ReduceLrOnPlateauOptions {
                factor: p.or("factor", default.factor),
                patience: p.steps_or("patience", default.patience),
                mode: mode(p),
                min_delta: p.or("min_delta", default.min_delta),
                cooldown: p.steps_or("cooldown", default.cooldown),
                min_lr: p.or("min_lr", default.min_lr),
            };
            observe(keras::reduce_lr_on_plateau(lr, options), &metrics)
        }
        ("optax", "contrib.reduce_on_plateau") => {
            let default = optax::ReduceOnPlateauOptions::DEFAULT;
            let options = optax::ReduceOnPlateauOptions {
                factor: p.or("factor", default.factor),
                patience: p.steps_or("patience", default.patience),
                rtol: p.or("rtol", default.rtol),
                atol: p.or("atol", default.atol),
                cooldown: p.steps_or("cooldown", default.cooldown),
                accumulation_size: p.steps_or("accumulation_size", default.accumulation_size),
                min_scale: p.or("min_scale", default.min_scale),
            };
            observe(optax::reduce_on_plateau(lr, options), &metrics)
        }
        ("transformers", "greedy") => {
            let default = transformers::GreedyOptions::DEFAULT;
            let options = transformers::GreedyOptions {
                mode: mode(p),
                factor: p.or("factor", default.factor),
                patience: p.steps_or("patience", default.patience),
                threshold: threshold(p, 1e-6, "abs"),
                cooldown: p.steps_or("cooldown", default.cooldown),
                warmup: p.steps_or("warmup", default.warmup),
                min_lr: p.or("min_lr", default.min_lr),
                max_lr: p.or("max_lr", default.max_lr),
                eps: p.or("eps", default.eps),
                smooth: p.flag("smooth", default.smooth),
                window_size: p.steps_or("window_size", default.window_size),
                reset_start: p.steps_or("reset_start", default.reset_start),
            };
            observe(transformers::greedy::<256>(lr, options), &metrics)
        }
        _ => panic!("{library}.{name}: an unknown class"),
    }
}
