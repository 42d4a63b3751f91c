//! Every name of the grammar: parameters, defaults, formula, example, and what it makes.

// The table's builders end in one of a few calls; a `Result` from these keeps each of its lines one expression.
#![allow(clippy::unnecessary_wraps)]

use super::arguments::{Arguments, Made, Node, Refused, Result};
use super::{Driven, Entry, Parameter, Running};
use microfit::schedule::{
    self as s, Feedback, Finite, Mode, Schedule, Sequential, Shape, Threshold, keras, optax, paper, timm, torch,
    transformers,
};

/// From the schedule a method is called on, and the arguments.
pub(super) type Build = fn(Option<Node>, &Arguments) -> Result<Made>;

macro_rules! table {
    ($($name:literal ($($parameter:ident $(= $default:literal)?),*) $formula:literal, $example:literal,
       |$this:pat_param, $a:ident| $build:expr;)*) => {
        pub(super) static TABLE: &[Entry] = &[$(Entry {
            name: $name,
            parameters: &[$(Parameter { name: stringify!($parameter), default: table!(@default $($default)?) }),*],
            formula: $formula,
            example: $example,
            build: {
                fn build($this: Option<Node>, $a: &Arguments) -> Result<Made> {
                    $build
                }
                build
            },
        }),*];
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

fn endless<S: Schedule + Send + Sync + 'static>(schedule: S) -> Result<Made> {
    Ok(Made::Schedule(Node::endless(schedule)))
}

fn finite<S: Finite + Send + Sync + 'static>(schedule: S) -> Result<Made> {
    Ok(Made::Schedule(Node::finite(schedule)))
}

fn driven<F: Feedback + Send + 'static>(settings: F) -> Result<Made>
where
    F::State: Send,
{
    let state = settings.start();
    let running: Box<dyn Driven> = Box::new(Running { settings, state });
    Ok(Made::Driven(running))
}

/// The schedule a method is called on.
fn on(this: Option<Node>) -> Result<Node> {
    this.ok_or(Refused::Kind { parameter: "", expected: "a schedule before the method".to_owned() })
}

fn same_end(node: Node, schedule: impl Schedule + Send + Sync + 'static) -> Result<Made> {
    Ok(Made::Schedule(Node { steps: node.steps, ..Node::endless(schedule) }))
}

const MODES: &[(&str, Mode)] = &[("min", Mode::Min), ("max", Mode::Max)];
const ANNEAL: &[(&str, torch::Anneal)] = &[("cos", torch::Anneal::Cos), ("linear", torch::Anneal::Linear)];
const SHAPES: &[(&str, Shape)] =
    &[("linear", Shape::Linear), ("cosine", Shape::Cosine), ("1-sqrt", Shape::OneMinusSqrt)];
const WSD: &[(&str, transformers::WsdType)] = &[
    ("linear", transformers::WsdType::Linear),
    ("cosine", transformers::WsdType::Cosine),
    ("1-sqrt", transformers::WsdType::OneMinusSqrt),
];

fn threshold(a: &Arguments) -> Result<Threshold> {
    let by = a.number("threshold")?;
    Ok(if a.word("threshold_mode", &[("rel", true), ("abs", false)])? {
        Threshold::Relative(by)
    } else {
        Threshold::Absolute(by)
    })
}

fn min_lr(a: &Arguments) -> Result<transformers::MinLr> {
    match (a.maybe("min_lr")?, a.maybe("min_lr_rate")?) {
        (Some(lr), None) => Ok(transformers::MinLr::Lr(lr)),
        (None, Some(rate)) if rate >= 0.0 => Ok(transformers::MinLr::Rate(rate)),
        // The constructor would name the product with the rate.
        (None, Some(_)) => {
            Err(Refused::Kind { parameter: "min_lr_rate", expected: "a number of at least 0".to_owned() })
        }
        _ => Err(Refused::Kind { parameter: "min_lr", expected: "one of min_lr and min_lr_rate".to_owned() }),
    }
}

fn onecycle(a: &Arguments, pct_final: f64) -> Result<optax::OnecycleOptions> {
    Ok(optax::OnecycleOptions {
        pct_start: a.number("pct_start")?,
        pct_final,
        div_factor: a.number("div_factor")?,
        final_div_factor: a.number("final_div_factor")?,
    })
}

fn optax_exponential(a: &Arguments) -> Result<optax::ExponentialDecayOptions> {
    Ok(optax::ExponentialDecayOptions {
        transition_begin: a.steps("transition_begin")?,
        staircase: a.flag("staircase")?,
        end_value: a.maybe("end_value")?,
    })
}

fn warmup(a: &Arguments) -> Result<timm::WarmupOptions> {
    Ok(timm::WarmupOptions {
        warmup_t: a.steps("warmup_t")?,
        warmup_lr_init: a.number("warmup_lr_init")?,
        warmup_prefix: a.flag("warmup_prefix")?,
    })
}

fn cycles(a: &Arguments, k_decay: f64) -> Result<timm::CycleOptions> {
    Ok(timm::CycleOptions {
        lr_min: a.number("lr_min")?,
        cycle_mul: a.number("cycle_mul")?,
        cycle_decay: a.number("cycle_decay")?,
        cycle_limit: a.steps("cycle_limit")?,
        warmup: warmup(a)?,
        k_decay,
    })
}

table! {
    "constant"(lr) "lr", "constant(0.1)", |_, a| endless(s::constant(a.number("lr")?)?);
    "time_based"(lr0, decay) "lr0 / (1 + decay t)", "time_based(0.1, decay=0.002)",
        |_, a| endless(s::TimeBased::new(a.number("lr0")?, a.number("decay")?)?);
    "drop_based"(lr0, drop, epochs_drop) "lr0 drop^floor((1 + t) / epochs_drop)", "drop_based(0.1, 0.5, 10)",
        |_, a| endless(s::DropBased::new(a.number("lr0")?, a.number("drop")?, a.number("epochs_drop")?)?);
    "warmup"(lr, steps) "lr min(t / steps, 1)", "warmup(0.1, 5)",
        |_, a| finite(s::warmup(a.number("lr")?, a.steps("steps")?)?);
    "ramp"(from, to, over, shape = "linear") "to + (from - to) shape(min(t / over, 1))", "ramp(0.1, 0.01, 20, cosine)",
        |_, a| finite(s::Ramp::new(a.number("from")?, a.number("to")?, a.number("over")?, a.word("shape", SHAPES)?)?);
    "cosine"(from, to, steps) "to + (from - to) (1 + cos(pi min(t / steps, 1))) / 2", "cosine(0.1, 0.0, 45)",
        |_, a| finite(s::cosine(a.number("from")?, a.number("to")?, a.steps("steps")?)?);
    "polynomial"(from, to, over, power = "1", cycle = "false") "to + (from - to) (1 - min(t / over, 1))^power",
        "polynomial(0.1, 0.01, 50, power=2)", |_, a| finite(
            s::Polynomial::new(a.number("from")?, a.number("to")?, a.number("over")?, a.number("power")?)?
                .cycling(a.flag("cycle")?),
        );
    "exponential"(lr, decay_rate, period = "1", staircase = "false") "lr decay_rate^(t / period)",
        "exponential(0.1, 0.96, 100)", |_, a| endless(
            s::Exponential::new(a.number("lr")?, a.number("decay_rate")?, a.number("period")?)?
                .staircase(a.flag("staircase")?),
        );
    "inverse_time"(lr, decay_rate, period = "1", staircase = "false") "lr / (1 + decay_rate t / period)",
        "inverse_time(0.1, 0.5, 10)", |_, a| endless(
            s::InverseTime::new(a.number("lr")?, a.number("decay_rate")?, a.number("period")?)?
                .staircase(a.flag("staircase")?),
        );
    "inverse_power"(lr, timescale, power = "0.5") "lr (1 + t / timescale)^-power", "inverse_power(0.1, 100)",
        |_, a| endless(s::InversePower::new(a.number("lr")?, a.number("timescale")?, a.number("power")?)?);
    "piecewise"(boundaries, values) "values[i] once i boundaries have been passed",
        "piecewise([10, 20], [0.1, 0.05, 0.01])",
        |_, a| endless(s::Piecewise::new(a.step_list("boundaries")?, a.number_list("values")?)?);
    "sequential"(parts, boundaries) "part i from boundary i - 1 on, each on its own clock",
        "sequential([warmup(0.1, 10), constant(0.1), cosine(0.1, 0, 20)], [10, 80])",
        |_, a| endless(Sequential::new(a.schedules("parts")?, a.step_list("boundaries")?)?);

    "paper.noam"(d_model, warmup, factor = "1") "factor d_model^-0.5 min(t^-0.5, t warmup^-1.5), t from 1",
        "paper.noam(512, 4000)",
        |_, a| endless(paper::noam(a.steps("d_model")?, a.steps("warmup")?, a.number("factor")?)?);

    "keras.decay"(lr, decay = "0") "lr / (1 + decay t)", "keras.decay(0.1, 0.002)",
        |_, a| endless(keras::decay(a.number("lr")?, a.number("decay")?)?);
    "keras.exponential_decay"(initial_learning_rate, decay_steps, decay_rate, staircase = "false")
        "initial decay_rate^(t / decay_steps)", "keras.exponential_decay(0.1, 100, 0.96)",
        |_, a| endless(keras::exponential_decay(a.number("initial_learning_rate")?, a.steps("decay_steps")?,
            a.number("decay_rate")?, a.flag("staircase")?)?);
    "keras.inverse_time_decay"(initial_learning_rate, decay_steps, decay_rate, staircase = "false")
        "initial / (1 + decay_rate t / decay_steps)", "keras.inverse_time_decay(0.1, 10, 0.5, staircase=True)",
        |_, a| endless(keras::inverse_time_decay(a.number("initial_learning_rate")?, a.steps("decay_steps")?,
            a.number("decay_rate")?, a.flag("staircase")?)?);
    "keras.piecewise_constant_decay"(boundaries, values) "values[i] while t <= boundaries[i]",
        "keras.piecewise_constant_decay([100, 150], [1.0, 0.5, 0.1])",
        |_, a| endless(keras::piecewise_constant_decay(a.step_list("boundaries")?, a.number_list("values")?)?);
    "keras.polynomial_decay"(initial_learning_rate, decay_steps, end_learning_rate = "0.0001", power = "1", cycle = "false")
        "end + (initial - end) (1 - min(t, decay_steps) / decay_steps)^power",
        "keras.polynomial_decay(0.1, 150, power=0.5)", |_, a| {
            let options = keras::PolynomialDecayOptions {
                end_learning_rate: a.number("end_learning_rate")?, power: a.number("power")?, cycle: a.flag("cycle")?,
            };
            finite(keras::polynomial_decay(a.number("initial_learning_rate")?, a.steps("decay_steps")?, options)?)
        };
    "keras.cosine_decay"(initial_learning_rate, decay_steps, alpha = "0", warmup_target = "none", warmup_steps = "0")
        "warm-up, then a (alpha + (1 - alpha) (1 + cos(pi min(t / decay_steps, 1))) / 2)",
        "keras.cosine_decay(0.0, 150, warmup_target=0.1, warmup_steps=20)", |_, a| {
            let options = keras::CosineDecayOptions {
                alpha: a.number("alpha")?, warmup_target: a.maybe("warmup_target")?, warmup_steps: a.steps("warmup_steps")?,
            };
            finite(keras::cosine_decay(a.number("initial_learning_rate")?, a.steps("decay_steps")?, options)?)
        };
    "keras.cosine_decay_restarts"(initial_learning_rate, first_decay_steps, t_mul = "2", m_mul = "1", alpha = "0")
        "cosine in cycles of first_decay_steps t_mul^i, each m_mul as high", "keras.cosine_decay_restarts(0.1, 20)",
        |_, a| {
            let options = keras::CosineDecayRestartsOptions {
                t_mul: a.number("t_mul")?, m_mul: a.number("m_mul")?, alpha: a.number("alpha")?,
            };
            endless(keras::cosine_decay_restarts(a.number("initial_learning_rate")?, a.steps("first_decay_steps")?, options)?)
        };
    "keras.reduce_lr_on_plateau"(lr, factor = "0.1", patience = "10", mode = "min", min_delta = "0.0001", cooldown = "0", min_lr = "0")
        "lr factor^cuts, a cut when patience epochs were not better", "keras.reduce_lr_on_plateau(0.1, patience=5)",
        |_, a| {
            let options = keras::ReduceLrOnPlateauOptions {
                factor: a.number("factor")?, patience: a.steps("patience")?, mode: a.word("mode", MODES)?,
                min_delta: a.number("min_delta")?, cooldown: a.steps("cooldown")?, min_lr: a.number("min_lr")?,
            };
            driven(keras::reduce_lr_on_plateau(a.number("lr")?, options)?)
        };

    "torch.step"(lr, step_size, gamma = "0.1") "lr gamma^floor(t / step_size)", "torch.step(0.1, 30)",
        |_, a| endless(torch::step(a.number("lr")?, a.steps("step_size")?, a.number("gamma")?)?);
    "torch.multi_step"(lr, milestones, gamma = "0.1") "lr gamma^(milestones <= t)", "torch.multi_step(0.1, [30, 80])",
        |_, a| endless(torch::multi_step(a.number("lr")?, a.step_list("milestones")?, a.number("gamma")?)?);
    "torch.constant"(lr, factor = "0.3333333333333333", total_iters = "5") "lr factor before total_iters, then lr",
        "torch.constant(0.1, 0.5)",
        |_, a| {
            let total = a.steps("total_iters")?;
            let made = torch::constant(a.number("lr")?, a.number("factor")?, total)?;
            Ok(Made::Schedule(Node { steps: Some(total), ..Node::endless(made) }))
        };
    "torch.linear"(lr, start_factor = "0.3333333333333333", end_factor = "1", total_iters = "5")
        "lr (s + (e - s) min(t / total_iters, 1))", "torch.linear(0.1, 0.01, total_iters=10)",
        |_, a| finite(torch::linear(a.number("lr")?, a.number("start_factor")?, a.number("end_factor")?,
            a.steps("total_iters")?)?);
    "torch.exponential"(lr, gamma) "lr gamma^t", "torch.exponential(0.1, 0.95)",
        |_, a| endless(torch::exponential(a.number("lr")?, a.number("gamma")?)?);
    "torch.polynomial"(lr, total_iters = "5", power = "1") "lr (1 - min(t / total_iters, 1))^power",
        "torch.polynomial(0.1, 100, 2)",
        |_, a| finite(torch::polynomial(a.number("lr")?, a.steps("total_iters")?, a.number("power")?)?);
    "torch.cosine_annealing"(lr, t_max, eta_min = "0") "eta_min + (lr - eta_min) (1 + cos(pi t / t_max)) / 2",
        "torch.cosine_annealing(0.1, T_max=50)",
        |_, a| finite(torch::cosine_annealing(a.number("lr")?, a.steps("t_max")?, a.number("eta_min")?)?);
    "torch.cosine_annealing_warm_restarts"(lr, t_0, t_mult = "1", eta_min = "0") "cosine in cycles of t_0 t_mult^i",
        "torch.cosine_annealing_warm_restarts(0.1, 10, 2)",
        |_, a| endless(torch::cosine_annealing_warm_restarts(a.number("lr")?, a.steps("t_0")?, a.steps("t_mult")?,
            a.number("eta_min")?)?);
    "torch.one_cycle"(max_lr, total_steps, pct_start = "0.3", anneal_strategy = "cos", cycle_momentum = "true",
        base_momentum = "0.85", max_momentum = "0.95", div_factor = "25", final_div_factor = "10000", three_phase = "false")
        "up from max_lr / div_factor to max_lr, down to that / final_div_factor; momentum the other way",
        "torch.one_cycle(max_lr=0.1, total_steps=450, anneal_strategy=\"linear\")", |_, a| {
            let options = torch::OneCycleOptions {
                pct_start: a.number("pct_start")?, anneal_strategy: a.word("anneal_strategy", ANNEAL)?,
                cycle_momentum: a.flag("cycle_momentum")?, base_momentum: a.number("base_momentum")?,
                max_momentum: a.number("max_momentum")?, div_factor: a.number("div_factor")?,
                final_div_factor: a.number("final_div_factor")?, three_phase: a.flag("three_phase")?,
            };
            finite(torch::one_cycle(a.number("max_lr")?, a.steps("total_steps")?, options)?)
        };
    "torch.cyclic"(base_lr, max_lr, step_size_up = "2000", step_size_down = "none", mode = "triangular", gamma = "1",
        cycle_momentum = "true", base_momentum = "0.8", max_momentum = "0.9")
        "base_lr + (max_lr - base_lr) triangle(t) scale; momentum the other way",
        "torch.cyclic(0.001, 0.1, step_size_up=20, mode=triangular2)", |_, a| {
            let gamma = a.number("gamma")?;
            let options = torch::CyclicOptions {
                step_size_up: a.steps("step_size_up")?, step_size_down: a.maybe_steps("step_size_down")?,
                mode: a.word("mode", &[("triangular", s::CyclicMode::Triangular),
                    ("triangular2", s::CyclicMode::Triangular2), ("exp_range", s::CyclicMode::ExpRange { gamma })])?,
                cycle_momentum: a.flag("cycle_momentum")?, base_momentum: a.number("base_momentum")?,
                max_momentum: a.number("max_momentum")?,
            };
            endless(torch::cyclic(a.number("base_lr")?, a.number("max_lr")?, options)?)
        };
    "torch.swa"(lr, swa_lr, anneal_epochs = "10", anneal_strategy = "cos") "from lr to swa_lr, then swa_lr",
        "torch.swa(0.1, 0.05)",
        |_, a| finite(torch::swa(a.number("lr")?, a.number("swa_lr")?, a.steps("anneal_epochs")?,
            a.word("anneal_strategy", ANNEAL)?)?);
    "torch.reduce_lr_on_plateau"(lr, mode = "min", factor = "0.1", patience = "10", threshold = "0.0001",
        threshold_mode = "rel", cooldown = "0", min_lr = "0", eps = "1e-8")
        "lr factor^cuts, a cut when more than patience epochs were not better",
        "torch.reduce_lr_on_plateau(0.1, factor=0.5, patience=5)", |_, a| {
            let options = torch::ReduceLrOnPlateauOptions {
                mode: a.word("mode", MODES)?, factor: a.number("factor")?, patience: a.steps("patience")?,
                threshold: threshold(a)?, cooldown: a.steps("cooldown")?, min_lr: a.number("min_lr")?,
                eps: a.number("eps")?,
            };
            driven(torch::reduce_lr_on_plateau(a.number("lr")?, options)?)
        };

    "optax.constant_schedule"(value) "value", "optax.constant_schedule(0.1)",
        |_, a| endless(optax::constant_schedule(a.number("value")?)?);
    "optax.linear_schedule"(init_value, end_value, transition_steps, transition_begin = "0")
        "end + (init - end) (1 - clip(t - begin, 0, T) / T)", "optax.linear_schedule(0.0, 0.1, 50)",
        |_, a| finite(optax::linear_schedule(a.number("init_value")?, a.number("end_value")?,
            a.steps("transition_steps")?, a.steps("transition_begin")?)?);
    "optax.polynomial_schedule"(init_value, end_value, power, transition_steps, transition_begin = "0")
        "end + (init - end) (1 - clip(t - begin, 0, T) / T)^power", "optax.polynomial_schedule(0.1, 0.001, 2, 120)",
        |_, a| finite(optax::polynomial_schedule(a.number("init_value")?, a.number("end_value")?, a.number("power")?,
            a.steps("transition_steps")?, a.steps("transition_begin")?)?);
    "optax.piecewise_constant_schedule"(init_value, boundaries_and_scales = "[]")
        "init times the scales whose boundary is <= t", "optax.piecewise_constant_schedule(0.1, [[50, 0.5], [120, 0.1]])",
        |_, a| endless(optax::piecewise_constant_schedule(a.number("init_value")?, a.pairs("boundaries_and_scales")?)?);
    "optax.piecewise_interpolate_schedule"(interpolate_type, init_value, boundaries_and_scales = "[]")
        "from one product of scales to the next", "optax.piecewise_interpolate_schedule(cosine, 0.1, [[30, 2.0], [100, 0.1]])",
        |_, a| {
            let kind = a.word("interpolate_type",
                &[("linear", optax::Interpolate::Linear), ("cosine", optax::Interpolate::Cosine)])?;
            endless(optax::piecewise_interpolate_schedule(kind, a.number("init_value")?, a.pairs("boundaries_and_scales")?)?)
        };
    "optax.exponential_decay"(init_value, transition_steps, decay_rate, transition_begin = "0", staircase = "false",
        end_value = "none") "init decay_rate^((t - begin) / T), not past end_value",
        "optax.exponential_decay(0.1, 20, 0.5, end_value=0.01)",
        |_, a| endless(optax::exponential_decay(a.number("init_value")?, a.steps("transition_steps")?,
            a.number("decay_rate")?, optax_exponential(a)?)?);
    "optax.cosine_decay_schedule"(init_value, decay_steps, alpha = "0", exponent = "1")
        "init (alpha + (1 - alpha) ((1 + cos(pi min(t / decay_steps, 1))) / 2)^exponent)",
        "optax.cosine_decay_schedule(0.1, 150)",
        |_, a| finite(optax::cosine_decay_schedule(a.number("init_value")?, a.steps("decay_steps")?, a.number("alpha")?,
            a.number("exponent")?)?);
    "optax.linear_onecycle_schedule"(transition_steps, peak_value, pct_start = "0.3", pct_final = "0.85",
        div_factor = "25", final_div_factor = "10000") "straight lines through four knots",
        "optax.linear_onecycle_schedule(190, 0.1)",
        |_, a| endless(optax::linear_onecycle_schedule(a.steps("transition_steps")?, a.number("peak_value")?,
            onecycle(a, a.number("pct_final")?)?)?);
    "optax.cosine_onecycle_schedule"(transition_steps, peak_value, pct_start = "0.3", div_factor = "25",
        final_div_factor = "10000") "half cosines through three knots", "optax.cosine_onecycle_schedule(190, 0.1)",
        |_, a| endless(optax::cosine_onecycle_schedule(a.steps("transition_steps")?, a.number("peak_value")?,
            onecycle(a, optax::OnecycleOptions::DEFAULT.pct_final)?)?);
    "optax.warmup_constant_schedule"(init_value, peak_value, warmup_steps) "linear to peak_value, then constant",
        "optax.warmup_constant_schedule(0.0, 0.1, 30)",
        |_, a| finite(optax::warmup_constant_schedule(a.number("init_value")?, a.number("peak_value")?,
            a.steps("warmup_steps")?)?);
    "optax.warmup_cosine_decay_schedule"(init_value, peak_value, warmup_steps, decay_steps, end_value = "0", exponent = "1")
        "linear to peak_value, then a cosine; decay_steps include the warm-up",
        "optax.warmup_cosine_decay_schedule(0.0, 0.1, 20, 180)",
        |_, a| finite(optax::warmup_cosine_decay_schedule(a.number("init_value")?, a.number("peak_value")?,
            a.steps("warmup_steps")?, a.steps("decay_steps")?, a.number("end_value")?, a.number("exponent")?)?);
    "optax.warmup_exponential_decay_schedule"(init_value, peak_value, warmup_steps, transition_steps, decay_rate,
        transition_begin = "0", staircase = "false", end_value = "none") "linear to peak_value, then exponential",
        "optax.warmup_exponential_decay_schedule(0.0, 0.1, 20, 30, 0.7)",
        |_, a| endless(optax::warmup_exponential_decay_schedule(a.number("init_value")?, a.number("peak_value")?,
            a.steps("warmup_steps")?, a.steps("transition_steps")?, a.number("decay_rate")?, optax_exponential(a)?)?);
    "optax.sgdr_schedule"(cosine_kwargs)
        "rows [init_value, peak_value, warmup_steps, decay_steps, end_value, exponent], one after the other",
        "optax.sgdr_schedule([[0, 0.1, 5, 40, 0, 1], [0, 0.05, 10, 80, 0.001, 1]])", |_, a| {
            let kwargs = a.rows("cosine_kwargs")?.iter().map(|&[init_value, peak_value, warmup, decay, end_value, exponent]| {
                optax::CosineKwargs { init_value, peak_value, warmup_steps: warmup as u32, decay_steps: decay as u32,
                    end_value, exponent }
            });
            endless(optax::sgdr_schedule(Box::leak(kwargs.collect::<Vec<_>>().into_boxed_slice()))?)
        };
    "optax.reduce_on_plateau"(lr, factor = "0.1", patience = "10", rtol = "0.0001", atol = "0", cooldown = "0",
        accumulation_size = "1", min_scale = "0") "lr factor^cuts, a cut when patience averages were not better",
        "optax.reduce_on_plateau(0.1, factor=0.5, patience=5)", |_, a| {
            let options = optax::ReduceOnPlateauOptions {
                factor: a.number("factor")?, patience: a.steps("patience")?, rtol: a.number("rtol")?,
                atol: a.number("atol")?, cooldown: a.steps("cooldown")?,
                accumulation_size: a.steps("accumulation_size")?, min_scale: a.number("min_scale")?,
            };
            driven(optax::reduce_on_plateau(a.number("lr")?, options)?)
        };

    "transformers.constant"(lr) "lr", "transformers.constant(0.1)",
        |_, a| endless(transformers::constant(a.number("lr")?)?);
    "transformers.constant_with_warmup"(lr, num_warmup_steps) "warm-up, then lr",
        "transformers.constant_with_warmup(0.1, 20)",
        |_, a| endless(transformers::constant_with_warmup(a.number("lr")?, a.steps("num_warmup_steps")?)?);
    "transformers.linear"(lr, num_warmup_steps, num_training_steps) "warm-up, then lr (1 - u)",
        "transformers.linear(0.1, 20, 180)",
        |_, a| finite(transformers::linear(a.number("lr")?, a.steps("num_warmup_steps")?, a.steps("num_training_steps")?)?);
    "transformers.cosine"(lr, num_warmup_steps, num_training_steps, num_cycles = "0.5")
        "warm-up, then lr (1 + cos(2 pi num_cycles u)) / 2", "transformers.cosine(0.1, 20, 180)",
        |_, a| finite(transformers::cosine(a.number("lr")?, a.steps("num_warmup_steps")?,
            a.steps("num_training_steps")?, a.number("num_cycles")?)?);
    "transformers.cosine_with_restarts"(lr, num_warmup_steps, num_training_steps, num_cycles = "1")
        "warm-up, then lr (1 + cos(pi (num_cycles u mod 1))) / 2", "transformers.cosine_with_restarts(0.1, 20, 180, 3)",
        |_, a| finite(transformers::cosine_with_restarts(a.number("lr")?, a.steps("num_warmup_steps")?,
            a.steps("num_training_steps")?, a.number("num_cycles")?)?);
    "transformers.polynomial"(lr, num_warmup_steps, num_training_steps, lr_end = "1e-7", power = "1")
        "warm-up, then lr_end + (lr - lr_end) (1 - u)^power", "transformers.polynomial(0.1, 20, 180, power=2)",
        |_, a| finite(transformers::polynomial(a.number("lr")?, a.steps("num_warmup_steps")?,
            a.steps("num_training_steps")?, a.number("lr_end")?, a.number("power")?)?);
    "transformers.inverse_sqrt"(lr, num_warmup_steps, timescale = "none")
        "warm-up, then lr / sqrt(1 + (t - w) / timescale)", "transformers.inverse_sqrt(0.1, 20)",
        |_, a| endless(transformers::inverse_sqrt(a.number("lr")?, a.steps("num_warmup_steps")?, a.maybe_steps("timescale")?)?);
    "transformers.cosine_with_min_lr"(lr, num_warmup_steps, num_training_steps, num_cycles = "0.5", min_lr = "none",
        min_lr_rate = "none") "warm-up, then min + (lr - min) (1 + cos(2 pi num_cycles u)) / 2",
        "transformers.cosine_with_min_lr(0.1, 20, 180, min_lr=0.01)",
        |_, a| finite(transformers::cosine_with_min_lr(a.number("lr")?, a.steps("num_warmup_steps")?,
            a.steps("num_training_steps")?, a.number("num_cycles")?, min_lr(a)?)?);
    "transformers.cosine_warmup_with_min_lr"(lr, num_warmup_steps, num_training_steps, num_cycles = "0.5",
        min_lr = "none", min_lr_rate = "none", warmup_lr_rate = "none") "the same, both halves one step early",
        "transformers.cosine_warmup_with_min_lr(0.1, 20, 180, min_lr_rate=0.1)",
        |_, a| endless(transformers::cosine_warmup_with_min_lr(a.number("lr")?, a.steps("num_warmup_steps")?,
            a.steps("num_training_steps")?, a.number("num_cycles")?, min_lr(a)?, a.maybe("warmup_lr_rate")?)?);
    "transformers.warmup_stable_decay"(lr, num_warmup_steps, num_decay_steps, num_training_steps = "none",
        num_stable_steps = "none", warmup_type = "linear", decay_type = "cosine", min_lr_ratio = "0", num_cycles = "0.5")
        "up to lr, there for a while, down to min_lr_ratio lr",
        "transformers.warmup_stable_decay(0.1, 20, 60, 180, decay_type=\"1-sqrt\")", |_, a| {
            let length = match (a.maybe_steps("num_stable_steps")?, a.maybe_steps("num_training_steps")?) {
                (Some(steps), _) => transformers::WsdLength::Stable(steps),
                (None, Some(steps)) => transformers::WsdLength::Training(steps),
                (None, None) => return Err(Refused::Kind { parameter: "num_training_steps",
                    expected: "num_training_steps or num_stable_steps".to_owned() }),
            };
            let options = transformers::WsdOptions {
                warmup_type: a.word("warmup_type", WSD)?, decay_type: a.word("decay_type", WSD)?,
                min_lr_ratio: a.number("min_lr_ratio")?, num_cycles: a.number("num_cycles")?,
            };
            finite(transformers::warmup_stable_decay(a.number("lr")?, a.steps("num_warmup_steps")?,
                a.steps("num_decay_steps")?, length, options)?)
        };
    "transformers.greedy"(lr, mode = "min", factor = "0.95", patience = "10", threshold = "1e-6", threshold_mode = "abs",
        cooldown = "0", warmup = "0", min_lr = "0.001", max_lr = "1", eps = "1e-8", smooth = "false", window_size = "50",
        reset_start = "500") "lr / factor while it gets better, lr factor while it does not",
        "transformers.greedy(0.1, patience=3)", |_, a| {
            let options = transformers::GreedyOptions {
                mode: a.word("mode", MODES)?, factor: a.number("factor")?, patience: a.steps("patience")?,
                threshold: threshold(a)?, cooldown: a.steps("cooldown")?, warmup: a.steps("warmup")?,
                min_lr: a.number("min_lr")?, max_lr: a.number("max_lr")?, eps: a.number("eps")?,
                smooth: a.flag("smooth")?, window_size: a.steps("window_size")?, reset_start: a.steps("reset_start")?,
            };
            driven(transformers::greedy::<1024>(a.number("lr")?, options)?)
        };

    "timm.cosine"(lr, t_initial, lr_min = "0", cycle_mul = "1", cycle_decay = "1", cycle_limit = "1", warmup_t = "0",
        warmup_lr_init = "0", warmup_prefix = "false", k_decay = "1")
        "lr_min + (lr cycle_decay^i - lr_min) (1 + cos(pi u^k)) / 2", "timm.cosine(0.1, 150, warmup_t=20)",
        |_, a| endless(timm::cosine(a.number("lr")?, a.steps("t_initial")?, cycles(a, a.number("k_decay")?)?)?);
    "timm.tanh"(lr, t_initial, lb = "-7", ub = "3", lr_min = "0", cycle_mul = "1", cycle_decay = "1", cycle_limit = "1",
        warmup_t = "0", warmup_lr_init = "0", warmup_prefix = "false")
        "lr_min + (lr cycle_decay^i - lr_min) (1 - tanh(lb (1 - u) + ub u)) / 2", "timm.tanh(0.1, 150)",
        |_, a| endless(timm::tanh(a.number("lr")?, a.steps("t_initial")?, a.number("lb")?, a.number("ub")?, cycles(a, 1.0)?)?);
    "timm.poly"(lr, t_initial, power = "0.5", lr_min = "0", cycle_mul = "1", cycle_decay = "1", cycle_limit = "1",
        warmup_t = "0", warmup_lr_init = "0", warmup_prefix = "false", k_decay = "1")
        "lr_min + (lr cycle_decay^i - lr_min) (1 - u^k)^power", "timm.poly(0.1, 150, 2.0)",
        |_, a| endless(timm::poly(a.number("lr")?, a.steps("t_initial")?, a.number("power")?, cycles(a, a.number("k_decay")?)?)?);
    "timm.step"(lr, decay_t, decay_rate = "1", warmup_t = "0", warmup_lr_init = "0", warmup_prefix = "true")
        "lr decay_rate^(t // decay_t)", "timm.step(0.1, 2.4, 0.97)",
        |_, a| endless(timm::step(a.number("lr")?, a.number("decay_t")?, a.number("decay_rate")?, warmup(a)?)?);
    "timm.multi_step"(lr, decay_t, decay_rate = "1", warmup_t = "0", warmup_lr_init = "0", warmup_prefix = "true")
        "lr decay_rate^(milestones <= t + 1)", "timm.multi_step(0.1, [50, 100], 0.3)",
        |_, a| endless(timm::multi_step(a.number("lr")?, a.step_list("decay_t")?, a.number("decay_rate")?, warmup(a)?)?);
    "timm.wsd"(lr, t_initial, decay_t, lr_min = "0", stable_fn = "constant", stable_timescale = "none",
        stable_power = "0.5", decay_fn = "\"1-sqrt\"", decay_power = "0.5", decay_ratio = "0.1", warmup_t = "0",
        warmup_lr_init = "0") "warm-up, lr stable(t), then down to lr_min in the last decay_t of t_initial",
        "timm.wsd(0.1, 180, 60, warmup_t=15, stable_fn=rsqrt)", |_, a| {
            let (stable, decay, ratio) = (a.number("stable_power")?, a.number("decay_power")?, a.number("decay_ratio")?);
            let options = timm::WsdOptions {
                lr_min: a.number("lr_min")?,
                stable_fn: a.word("stable_fn", &[("constant", timm::Stable::Constant), ("rsqrt", timm::Stable::Rsqrt),
                    ("power", timm::Stable::Power { power: stable })])?,
                stable_timescale: a.maybe("stable_timescale")?,
                decay_fn: a.word("decay_fn", &[("linear", timm::Decay::Linear), ("1-sqrt", timm::Decay::OneMinusSqrt),
                    ("cosine", timm::Decay::Cosine), ("power", timm::Decay::Power { power: decay }),
                    ("exp", timm::Decay::Exp { ratio })])?,
                warmup_t: a.steps("warmup_t")?, warmup_lr_init: a.number("warmup_lr_init")?,
            };
            endless(timm::wsd(a.number("lr")?, a.steps("t_initial")?, a.steps("decay_t")?, options)?)
        };

    ".then"(next) "this to its end, then next on its own clock", "warmup(0.1, 5).then(cosine(0.1, 0.0, 45))",
        |this, a| {
            let (this, next) = (on(this)?, a.schedule("next")?);
            let Some(begin) = this.steps else {
                return Err(Refused::Kind { parameter: "",
                    expected: "a schedule that ends before `then`: `.take(steps)` ends one".to_owned() });
            };
            let steps = next.steps.map(|steps| steps.saturating_add(begin));
            Ok(Made::Schedule(Node { steps, ..Node::endless(s::Then::new(this.schedule, begin, next.schedule)) }))
        };
    ".overlay"(until, next) "this before step until, then next, on one clock",
        "warmup(0.1, 5).overlay(5, torch.step(0.1, 30))", |this, a| {
            let (this, next) = (on(this)?, a.schedule("next")?);
            same_end(next, s::Overlay::new(this.schedule, a.steps("until")?, next.schedule))
        };
    ".product"(other) "this times other", "cosine(0.1, 0.0, 45).product(torch.exponential(1, 0.99))", |this, a| {
            let (this, other) = (on(this)?, a.schedule("other")?);
            let steps = this.steps.zip(other.steps).map(|(a, b)| a.max(b));
            Ok(Made::Schedule(Node { steps, ..Node::endless(s::Product::new(this.schedule, other.schedule)) }))
        };
    ".scale"(factor) "this times factor", "cosine(0.1, 0.0, 45).scale(0.5)", |this, a| {
            let this = on(this)?;
            same_end(this, this.schedule.scale(a.number("factor")?)?)
        };
    ".offset"(offset) "this plus offset, not below 0", "cosine(0.1, 0.0, 45).offset(0.01)", |this, a| {
            let this = on(this)?;
            same_end(this, this.schedule.offset(a.number("offset")?)?)
        };
    ".clamp"(low, high) "this, not below low and not above high", "time_based(0.1, 0.01).clamp(0.05, 1)", |this, a| {
            let this = on(this)?;
            same_end(this, s::Clamp::new(this.schedule, a.number("low")?, a.number("high")?)?)
        };
    ".cycle"(period) "the first period steps again and again", "cosine(0.1, 0.0, 45).cycle(45)",
        |this, a| endless(on(this)?.schedule.cycle(a.steps("period")?)?);
    ".take"(steps) "this for some steps, then the value reached", "time_based(0.1, 0.01).take(20).then(constant(0.01))",
        |this, a| finite(s::Take::new(on(this)?.schedule, a.steps("steps")?));
    ".delay"(steps) "this, later; the first value until then", "cosine(0.1, 0.0, 45).delay(5)", |this, a| {
            let (this, steps) = (on(this)?, a.steps("steps")?);
            let end = this.steps.map(|end| end.saturating_add(steps));
            Ok(Made::Schedule(Node { steps: end, ..Node::endless(this.schedule.delay(steps)) }))
        };
    ".ahead"(steps) "this, earlier", "paper.noam(64, 100).ahead(1)", |this, a| {
            let (this, steps) = (on(this)?, a.steps("steps")?);
            let end = this.steps.map(|end| end.saturating_sub(steps));
            Ok(Made::Schedule(Node { steps: end, ..Node::endless(this.schedule.ahead(steps)) }))
        };
    ".fade"(to, begin, over, shape = "linear") "led to the rate `to` in `over` steps from `begin` on",
        "time_based(0.1, 0.01).fade(0, 100, 20, \"1-sqrt\")", |this, a| finite(
            s::Fade::new(on(this)?.schedule, a.number("to")?, a.steps("begin")?, a.steps("over")?, a.word("shape", SHAPES)?)?,
        );
}
