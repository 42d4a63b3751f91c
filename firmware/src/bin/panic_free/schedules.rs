//! Every public operation of `microfit::schedule`, with arguments the optimizer does not know.

use microfit::schedule::{
    Cosine, Cyclic, CyclicMode, DropBased, Exponential, Fade, Feedback, Finite, FromFn, InversePower, InverseTime,
    Knots, Mode, MultiStep, Multiplicative, Noam, Offset, Overlay, Piecewise, Polynomial, Product, Ramp, Restarts,
    Scales, Schedule, Sequential, Shape, StepDecay, Take, Then, Threshold, WithMomentum, constant, cosine, keras,
    optax, paper, timm, torch, transformers, warmup,
};
use microfit::{Error, checked};

use crate::any;

/// A real number, as far as the optimizer knows.
fn x() -> f64 {
    any(0.5)
}

/// A whole number, as far as the optimizer knows.
fn n() -> u32 {
    any(5)
}

/// Calls all of a schedule's methods.
fn ask(schedule: &dyn Schedule) -> f32 {
    schedule.rate(n()) + schedule.value(n()) as f32 + schedule.momentum(n()).unwrap_or(0.0)
}

/// Those of one with an end too.
fn ask_finite(schedule: &impl Finite) -> f32 {
    ask(schedule) + schedule.steps() as f32
}

/// Calls all of a feedback's methods.
fn ask_feedback(feedback: &impl Feedback) -> f32 {
    let mut state = any(feedback.start());
    feedback.observe(&mut state, x());
    feedback.rate(&any(state)) + feedback.value(&any(state)) as f32
}

/// All of it; what the sum is does not matter.
pub(crate) fn every_operation() -> Result<f32, Error> {
    Ok(primitives()?
        + tables()?
        + shapes()?
        + combinators()?
        + methods()?
        + from_keras()?
        + from_torch()?
        + from_optax()?
        + from_transformers()?
        + from_timm()?
        + feedbacks()?)
}

fn primitives() -> Result<f32, Error> {
    let step = FromFn(|t| any(f64::from(t)));
    Ok(ask(&constant(x())?)
        + ask_finite(&warmup(x(), n())?)
        + ask_finite(&cosine(x(), x(), n())?)
        + ask_finite(&Cosine::new(x(), x(), x())?.unclamped().half_cycles(x())?.exponent(x())?)
        + ask(&DropBased::new(x(), x(), x())?)
        + ask(&InverseTime::new(x(), x(), x())?.staircase(any(true)))
        + ask(&InversePower::new(x(), x(), x())?)
        + ask(&Noam::new(n(), n(), x())?)
        + ask(&paper::noam(n(), n(), x())?)
        + ask(&Exponential::new(x(), x(), x())?.staircase(any(true)))
        + ask_finite(&Polynomial::new(x(), x(), x(), x())?.cycling(any(true)))
        + ask(&StepDecay::new(x(), x(), x())?)
        + ask(&step)
        + ask(&Multiplicative::new(x(), |_| x())?)
        + [CyclicMode::Triangular, CyclicMode::Triangular2, CyclicMode::ExpRange { gamma: x() }]
            .into_iter()
            .try_fold(0.0, |sum, mode| Ok(sum + ask(&Cyclic::new(x(), x(), x(), x(), any(mode))?)))?)
}

fn tables() -> Result<f32, Error> {
    let (boundaries, values) = (any([3, 5]), any([0.3, 0.2, 0.1]));
    let scales = any([(3, 0.5), (5, 0.1)]);
    let (boundaries, values, scales) = (any(boundaries.as_slice()), any(values.as_slice()), any(scales.as_slice()));
    let piecewise = Piecewise::new(boundaries, values)?;
    let scaled = Scales::new(x(), scales)?;
    let knots = any([(0.0, 0.1), (3.5, 1.0), (9.0, 0.0)]);
    let (up, down) = (warmup(x(), n())?, constant(x())?);
    let parts: [&dyn Schedule; 3] = [&up, &down, &piecewise];
    let parts = any(parts.as_slice());
    Ok(ask(&piecewise)
        + ask(&piecewise.inclusive())
        + ask(&scaled)
        + ask(&scaled.interpolated(any(Shape::Linear))?)
        + ask(&MultiStep::new(x(), boundaries, x())?)
        + ask_finite(&Knots::new(knots, any(Shape::Linear))?.overshoot(n()))
        + ask(&Sequential::new(parts, boundaries)?))
}

fn shapes() -> Result<f32, Error> {
    let all = [
        Shape::Linear,
        Shape::Cosine,
        Shape::Waves { half_cycles: x() },
        Shape::HardRestarts { cycles: x() },
        Shape::OneMinusSqrt,
        Shape::Power { exponent: x() },
        Shape::Polynomial { power: x() },
        Shape::Exponential { ratio: x() },
        Shape::Tanh { lower: x(), upper: any(2.0) },
    ];
    let mut sum = 0.0;
    for shape in any(all) {
        let cycles = Restarts::new(x(), x(), any(2.0), shape)?.mul(any(2.0))?.decay(x())?.amplitude(x())?;
        sum += ask_finite(&Ramp::new(x(), x(), x(), shape)?) + ask(&cycles.k(x())?.limit(n()));
    }
    Ok(sum)
}

fn combinators() -> Result<f32, Error> {
    let (a, b) = (warmup(x(), n())?, cosine(x(), x(), n())?);
    Ok(ask_finite(&Then::new(a, n(), b))
        + ask(&Overlay::new(a, n(), b))
        + ask(&Product::new(a, b))
        + ask_finite(&Offset::new(a, x())?)
        + ask_finite(&Fade::new(a, x(), n(), n(), any(Shape::Cosine))?)
        + ask_finite(&WithMomentum::new(a, any(Some(b))))
        + ask_finite(&Take::new(a, n())))
}

/// Those of the trait, and the reference that is a schedule.
fn methods() -> Result<f32, Error> {
    let a = warmup(x(), n())?;
    Ok(ask_finite(&a.then(a))
        + ask(&a.product(a))
        + ask_finite(&a.scale(x())?)
        + ask_finite(&Schedule::offset(a, x())?)
        + ask_finite(&Schedule::clamp(a, x(), x())?)
        + ask(&a.cycle(n())?)
        + ask_finite(&a.take(n()))
        + ask_finite(&a.delay(n()))
        + ask_finite(&a.ahead(n()))
        + ask_finite(&&a))
}

fn from_keras() -> Result<f32, Error> {
    let polynomial = keras::PolynomialDecayOptions { end_learning_rate: x(), power: x(), cycle: any(true) };
    let cosine = keras::CosineDecayOptions { alpha: x(), warmup_target: any(Some(0.5)), warmup_steps: n() };
    let restarts = keras::CosineDecayRestartsOptions { t_mul: any(2.0), m_mul: x(), alpha: x() };
    Ok(ask(&keras::decay(x(), x())?)
        + ask(&keras::exponential_decay(x(), n(), x(), any(true))?)
        + ask(&keras::inverse_time_decay(x(), n(), x(), any(true))?)
        + ask(&keras::piecewise_constant_decay(any(&[3, 5]), any(&[0.3, 0.2, 0.1]))?)
        + ask(&keras::polynomial_decay(x(), n(), polynomial)?)
        + ask(&keras::cosine_decay(x(), n(), cosine)?)
        + ask(&keras::cosine_decay_restarts(x(), n(), restarts)?)
        + ask(&keras::learning_rate_scheduler(|t| any(f64::from(t)))))
}

fn from_torch() -> Result<f32, Error> {
    let one_cycle = torch::OneCycleOptions {
        pct_start: x(),
        anneal_strategy: any(torch::Anneal::Cos),
        cycle_momentum: any(true),
        base_momentum: x(),
        max_momentum: x(),
        div_factor: x(),
        final_div_factor: x(),
        three_phase: any(true),
    };
    let cyclic = torch::CyclicOptions {
        step_size_up: n(),
        step_size_down: any(Some(5)),
        mode: any(CyclicMode::Triangular2),
        cycle_momentum: any(true),
        base_momentum: x(),
        max_momentum: x(),
    };
    Ok(ask(&torch::lambda(x(), |t| any(f64::from(t)))?)
        + ask(&torch::multiplicative(x(), |_| x())?)
        + ask(&torch::step(x(), n(), x())?)
        + ask(&torch::multi_step(x(), any(&[3, 5]), x())?)
        + ask(&torch::constant(x(), x(), n())?)
        + ask(&torch::linear(x(), x(), x(), n())?)
        + ask(&torch::exponential(x(), x())?)
        + ask(&torch::polynomial(x(), n(), x())?)
        + ask(&torch::cosine_annealing(x(), n(), x())?)
        + ask(&torch::cosine_annealing_warm_restarts(x(), n(), n(), x())?)
        + ask(&torch::one_cycle(x(), n(), one_cycle)?)
        + ask(&torch::cyclic(x(), x(), cyclic)?)
        + ask(&torch::swa(x(), x(), n(), any(torch::Anneal::Linear))?))
}

fn from_optax() -> Result<f32, Error> {
    let scales = any(&[(3, 0.5), (5, 0.1)]);
    let exponential =
        optax::ExponentialDecayOptions { transition_begin: n(), staircase: any(true), end_value: any(Some(0.5)) };
    let onecycle = optax::OnecycleOptions { pct_start: x(), pct_final: x(), div_factor: x(), final_div_factor: x() };
    let cycles = any([optax::CosineKwargs {
        init_value: x(),
        peak_value: x(),
        warmup_steps: n(),
        decay_steps: any(9),
        end_value: x(),
        exponent: x(),
    }; 2]);
    Ok(ask(&optax::constant_schedule(x())?)
        + ask(&optax::linear_schedule(x(), x(), n(), n())?)
        + ask(&optax::polynomial_schedule(x(), x(), x(), n(), n())?)
        + ask(&optax::piecewise_constant_schedule(x(), scales)?)
        + ask(&optax::piecewise_interpolate_schedule(any(optax::Interpolate::Cosine), x(), scales)?)
        + ask(&optax::exponential_decay(x(), n(), x(), exponential)?)
        + ask(&optax::cosine_decay_schedule(x(), n(), x(), x())?)
        + ask(&optax::linear_onecycle_schedule(n(), x(), onecycle)?)
        + ask(&optax::cosine_onecycle_schedule(n(), x(), onecycle)?)
        + ask(&optax::warmup_constant_schedule(x(), x(), n())?)
        + ask(&optax::warmup_cosine_decay_schedule(x(), x(), n(), any(9), x(), x())?)
        + ask(&optax::warmup_exponential_decay_schedule(x(), x(), n(), n(), x(), exponential)?)
        + ask(&optax::sgdr_schedule(any(cycles.as_slice()))?))
}

fn from_transformers() -> Result<f32, Error> {
    use transformers::{MinLr, WsdLength, WsdOptions, WsdType};

    let min_lr = any(MinLr::Rate(0.5));
    let mut sum = 0.0;
    for length in any([WsdLength::Training(50), WsdLength::Stable(5)]) {
        for kind in any([WsdType::Linear, WsdType::Cosine, WsdType::OneMinusSqrt]) {
            let options = WsdOptions { warmup_type: kind, decay_type: kind, min_lr_ratio: x(), num_cycles: x() };
            sum += ask(&transformers::warmup_stable_decay(x(), n(), n(), length, options)?);
        }
    }
    Ok(sum
        + ask(&transformers::constant(x())?)
        + ask(&transformers::constant_with_warmup(x(), n())?)
        + ask(&transformers::linear(x(), n(), n())?)
        + ask(&transformers::cosine(x(), n(), n(), x())?)
        + ask(&transformers::cosine_with_restarts(x(), n(), n(), x())?)
        + ask(&transformers::polynomial(x(), n(), n(), x(), x())?)
        + ask(&transformers::inverse_sqrt(x(), n(), any(Some(5)))?)
        + ask(&transformers::cosine_with_min_lr(x(), n(), n(), x(), min_lr)?)
        + ask(&transformers::cosine_warmup_with_min_lr(x(), n(), n(), x(), min_lr, any(Some(0.5)))?))
}

fn from_timm() -> Result<f32, Error> {
    use timm::{CycleOptions, Decay, Stable, WarmupOptions, WsdOptions};

    let warmup = WarmupOptions { warmup_t: n(), warmup_lr_init: x(), warmup_prefix: any(true) };
    let cycle =
        CycleOptions { lr_min: x(), cycle_mul: any(2.0), cycle_decay: x(), cycle_limit: n(), warmup, k_decay: x() };
    let mut sum = 0.0;
    for stable_fn in any([Stable::Constant, Stable::Rsqrt, Stable::Power { power: x() }]) {
        for decay_fn in any([
            Decay::Linear,
            Decay::OneMinusSqrt,
            Decay::Cosine,
            Decay::Power { power: x() },
            Decay::Exp { ratio: x() },
        ]) {
            let options = WsdOptions {
                lr_min: x(),
                stable_fn,
                stable_timescale: any(Some(0.5)),
                decay_fn,
                warmup_t: n(),
                warmup_lr_init: x(),
            };
            sum += ask(&timm::wsd(x(), n(), n(), options)?);
        }
    }
    Ok(sum
        + ask(&timm::cosine(x(), n(), cycle)?)
        + ask(&timm::tanh(x(), n(), any(-7.0), any(3.0), cycle)?)
        + ask(&timm::poly(x(), n(), x(), cycle)?)
        + ask(&timm::step(x(), x(), x(), warmup)?)
        + ask(&timm::multi_step(x(), any(&[3, 5]), x(), warmup)?))
}

fn feedbacks() -> Result<f32, Error> {
    let mut sum = 0.0;
    for mode in any([Mode::Min, Mode::Max]) {
        let keras = keras::ReduceLrOnPlateauOptions {
            factor: x(),
            patience: n(),
            mode,
            min_delta: x(),
            cooldown: n(),
            min_lr: x(),
        };
        sum += ask_feedback(&keras::reduce_lr_on_plateau(x(), keras)?);
        for threshold in any([Threshold::Relative(0.5), Threshold::Absolute(0.5)]) {
            let torch = torch::ReduceLrOnPlateauOptions {
                mode,
                factor: x(),
                patience: n(),
                threshold,
                cooldown: n(),
                min_lr: x(),
                eps: x(),
            };
            let greedy = transformers::GreedyOptions {
                mode,
                factor: x(),
                patience: n(),
                threshold,
                cooldown: n(),
                warmup: n(),
                min_lr: x(),
                max_lr: x(),
                eps: x(),
                smooth: any(true),
                window_size: n(),
                reset_start: n(),
            };
            sum += ask_feedback(&torch::reduce_lr_on_plateau(x(), torch)?);
            sum += ask_feedback(&transformers::greedy::<8>(x(), greedy)?);
            sum += ask_feedback(&transformers::greedy::<0>(x(), greedy)?);
        }
    }
    let optax = optax::ReduceOnPlateauOptions {
        factor: x(),
        patience: n(),
        rtol: x(),
        atol: x(),
        cooldown: n(),
        accumulation_size: n(),
        min_scale: x(),
    };
    Ok(sum + ask_feedback(&optax::reduce_on_plateau(x(), optax)?) + ask(&checked!(constant(0.1))))
}
