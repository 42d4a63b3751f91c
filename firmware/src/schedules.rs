//! One schedule of each kind, by name: what a board computes, the desk compares, and `microfit bench` counts.
//!
//! Where a library has recorded what it gives for the same parameters, the entry names the trace, so that the bits a
//! board agrees on are the library's.

use core::f32::consts::PI;

use microfit::schedule::{
    Ahead, Clamp, Cosine, CyclicMode, Delay, DropBased, Exponential, Fade, Feedback, FromFn, InversePower, InverseTime,
    Offset, Overlay, Product, Ramp, Repeat, Scale, Schedule, Sequential, Shape, Take, Then, Threshold, TimeBased,
    WithMomentum, constant, cosine, keras, optax, paper, timm, torch, transformers, warmup,
};
use microfit::{checked, weights_hash};

/// Points of each curve; as many as the libraries have recorded of most.
pub const POINTS: usize = 200;

/// A schedule with the name it is reported by.
#[derive(Clone, Copy)]
pub struct Named {
    /// What it is here.
    pub name: &'static str,
    /// The recorded trace with these parameters, in `tests/golden/schedules_shared.json`.
    pub trace: Option<&'static str>,
    /// What it computes.
    pub curve: Curve,
}

/// What gives a rate point by point.
#[derive(Clone, Copy)]
pub enum Curve {
    /// A schedule, from the step its trace begins at.
    Steps(u32, &'static dyn Schedule),
    /// What answers to a metric, here to [`METRIC`].
    Metrics(&'static dyn Replay),
}

/// A [`Feedback`], whatever its state is.
pub trait Replay {
    /// Observes the metrics and hands out the rate after each.
    fn replay(&self, metrics: &[f64], take: &mut dyn FnMut(f32));
}

impl<F: Feedback> Replay for F {
    fn replay(&self, metrics: &[f64], take: &mut dyn FnMut(f32)) {
        let mut state = self.start();
        for &metric in metrics {
            self.observe(&mut state, metric);
            take(self.rate(&state));
        }
    }
}

impl Curve {
    /// Hands out the rate of each point and, where the schedule drives it, the momentum.
    pub fn follow(&self, take: &mut dyn FnMut(f32, Option<f32>)) {
        match *self {
            Self::Steps(first, schedule) => {
                for step in (first..).take(POINTS) {
                    take(schedule.rate(step), schedule.momentum(step));
                }
            }
            Self::Metrics(feedback) => feedback.replay(&METRIC, &mut |rate| take(rate, None)),
        }
    }

    /// How many points that are.
    pub const fn points(&self) -> usize {
        match self {
            Self::Steps(..) => POINTS,
            Self::Metrics(_) => METRIC.len(),
        }
    }

    /// The rates and the momenta, a momentum the schedule does not drive as NaN.
    pub fn values(&self) -> ([f32; POINTS], [f32; POINTS]) {
        let (mut rates, mut momenta) = ([f32::NAN; POINTS], [f32::NAN; POINTS]);
        let mut slots = rates.iter_mut().zip(&mut momenta);
        self.follow(&mut |rate, momentum| {
            if let Some((rate_slot, momentum_slot)) = slots.next() {
                *rate_slot = rate;
                *momentum_slot = momentum.unwrap_or(f32::NAN);
            }
        });
        (rates, momenta)
    }
}

/// What two machines compare: equal where they computed the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many points there are.
    pub points: usize,
    /// [`weights_hash`] of the rates.
    pub rates: u64,
    /// [`weights_hash`] of the momenta.
    pub momenta: u64,
}

impl Named {
    /// Computes all points.
    pub fn fingerprint(&self) -> Fingerprint {
        let (points, (rates, momenta)) = (self.curve.points(), self.curve.values());
        let hash = |values: &[f32]| weights_hash(values.get(..points).unwrap_or_default());
        Fingerprint { points, rates: hash(&rates), momenta: hash(&momenta) }
    }
}

/// The entry of that name; for a `const`, where an unknown one does not build.
///
/// # Panics
/// If there is none.
pub const fn named(name: &str) -> Named {
    let mut rest: &[Named] = &SCHEDULES;
    while let [first, tail @ ..] = rest {
        if same(first.name.as_bytes(), name.as_bytes()) {
            return *first;
        }
        rest = tail;
    }
    panic!("no schedule of that name")
}

const fn same(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([x, a_tail @ ..], [y, b_tail @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (a_tail, b_tail);
    }
    a.is_empty() && b.is_empty()
}

/// The metric of the traces named below: it falls, stands still, falls once more and stands still.
pub const METRIC: [f64; 120] = {
    let falling = [
        1.0, 0.769231, 0.625, 0.526316, 0.454545, 0.4, 0.357143, 0.322581, 0.294118, 0.27027, 0.25, 0.232558, 0.217391,
        0.204082, 0.192308, 0.181818, 0.172414, 0.163934, 0.15625, 0.149254, 0.142857,
    ];
    let mut metric = [0.142857; 120];
    let (start, end) = metric.split_at_mut(71);
    start.split_at_mut(falling.len()).0.copy_from_slice(&falling);
    let mut rest: &mut [f64] = end;
    while let [first, tail @ ..] = rest {
        *first = 0.092857;
        rest = tail;
    }
    metric
};

/// An entry by its trace.
const fn recorded(name: &'static str, trace: &'static str, schedule: &'static dyn Schedule) -> Named {
    Named { name, trace: Some(trace), curve: Curve::Steps(0, schedule) }
}

/// An entry no library has recorded.
const fn own(name: &'static str, schedule: &'static dyn Schedule) -> Named {
    Named { name, trace: None, curve: Curve::Steps(0, schedule) }
}

/// An entry that answers to [`METRIC`].
const fn feedback(name: &'static str, trace: &'static str, feedback: &'static dyn Replay) -> Named {
    Named { name, trace: Some(trace), curve: Curve::Metrics(feedback) }
}

const fn ramp(shape: Shape) -> Result<Ramp, microfit::Error> {
    Ramp::new(0.1, 0.001, 150.0, shape)
}

const WARMUP: Ramp = checked!(warmup(0.1, 20));
const COSINE: Cosine = checked!(cosine(0.1, 0.001, 150));
const EXPONENTIAL: Exponential = checked!(torch::exponential(0.1, 0.95));

/// At least one of each primitive, shape and combinator of `microfit::schedule`.
pub const SCHEDULES: [Named; 55] = [
    // Primitives.
    recorded("constant", "optax.constant_schedule/0", &checked!(constant(0.1))),
    recorded("time_based", "seed.time_based/1", &checked!(TimeBased::new(0.1, 0.002))),
    recorded("drop_based", "seed.drop_based/0", &checked!(DropBased::new(0.1, 0.5, 10.0))),
    recorded("inverse_time", "keras.InverseTimeDecay/2", &checked!(InverseTime::new(0.1, 0.5, 10.0))),
    recorded(
        "inverse_time staircase",
        "keras.InverseTimeDecay/1",
        &checked!(keras::inverse_time_decay(0.1, 9, 0.002, true)),
    ),
    recorded("exponential", "keras.ExponentialDecay/0", &checked!(keras::exponential_decay(0.1, 100, 0.96, false))),
    recorded("step", "torch.StepLR/0", &checked!(torch::step(0.1, 30, 0.1))),
    recorded("multi_step", "torch.MultiStepLR/3", &checked!(torch::multi_step(0.1, &[80, 30, 150], 0.3))),
    recorded(
        "piecewise",
        "keras.PiecewiseConstantDecay/0",
        &checked!(keras::piecewise_constant_decay(&[100, 150], &[1.0, 0.5, 0.1])),
    ),
    recorded(
        "scales",
        "optax.piecewise_constant_schedule/0",
        &checked!(optax::piecewise_constant_schedule(0.1, &[(50, 0.5), (120, 0.1)])),
    ),
    recorded(
        "scales interpolated",
        "optax.piecewise_interpolate_schedule/1",
        &checked!(optax::piecewise_interpolate_schedule(
            optax::Interpolate::Cosine,
            0.1,
            &[(30, 2.0), (100, 0.1), (150, 0.5)]
        )),
    ),
    recorded(
        "scale_table",
        "optax.cosine_onecycle_schedule/0",
        &checked!(optax::cosine_onecycle_schedule(190, 0.1, optax::OnecycleOptions::DEFAULT)),
    ),
    recorded("polynomial", "torch.PolynomialLR/2", &checked!(torch::polynomial(0.1, 150, 0.5))),
    recorded(
        "polynomial cycling",
        "keras.PolynomialDecay/2",
        &checked!(keras::polynomial_decay(
            0.1,
            40,
            keras::PolynomialDecayOptions { end_learning_rate: 0.01, power: 2.0, cycle: true }
        )),
    ),
    recorded("cosine", "torch.CosineAnnealingLR/1", &checked!(torch::cosine_annealing(0.1, 200, 0.001))),
    recorded(
        "cosine exponent",
        "optax.cosine_decay_schedule/1",
        &checked!(optax::cosine_decay_schedule(0.1, 100, 0.1, 2.0)),
    ),
    recorded(
        "restarts equal",
        "torch.CosineAnnealingWarmRestarts/0",
        &checked!(torch::cosine_annealing_warm_restarts(0.1, 10, 1, 0.0)),
    ),
    recorded(
        "restarts growing",
        "torch.CosineAnnealingWarmRestarts/1",
        &checked!(torch::cosine_annealing_warm_restarts(0.1, 10, 2, 0.001)),
    ),
    recorded("inverse_power", "transformers.inverse_sqrt/1", &checked!(InversePower::new(0.1, 100.0, 0.5))),
    Named {
        name: "noam",
        trace: Some("paper.noam/1"),
        // The paper counts updates from 1.
        curve: Curve::Steps(1, &checked!(paper::noam(64, 50, 1.0))),
    },
    recorded(
        "cyclic",
        "torch.CyclicLR/0",
        &checked!(torch::cyclic(
            0.001,
            0.1,
            torch::CyclicOptions { step_size_up: 20, ..torch::CyclicOptions::DEFAULT }
        )),
    ),
    recorded(
        "cyclic exp_range",
        "torch.CyclicLR/2",
        &checked!(torch::cyclic(
            0.001,
            0.1,
            torch::CyclicOptions {
                step_size_up: 15,
                step_size_down: Some(45),
                mode: CyclicMode::ExpRange { gamma: 0.99 },
                ..torch::CyclicOptions::DEFAULT
            }
        )),
    ),
    recorded(
        "knots (one-cycle)",
        "torch.OneCycleLR/0",
        &checked!(torch::one_cycle(0.1, 200, torch::OneCycleOptions::DEFAULT)),
    ),
    recorded(
        "closure",
        "torch.LambdaLR/1",
        // `torch::lambda` is this, but no `const fn`: a closure may own something.
        &Product::new(checked!(constant(0.1)), FromFn(|t| 1.0 / (1.0 + 0.002 * f64::from(t)))),
    ),
    // What a variant in f32 throughout would cost; `exponential` and `cosine` are the same in f64.
    own("exponential in f32", &FromFn(|t| f64::from(0.1 * libm::powf(0.96, t as f32 / 100.0)))),
    own("cosine in f32", &FromFn(|t| f64::from(0.001 + 0.099 * 0.5 * (1.0 + libm::cosf(PI * t as f32 / 200.0))))),
    recorded(
        "multiplicative",
        "torch.MultiplicativeLR/0",
        // As above. It is as slow as the step is large.
        &FromFn(|t| torch::multiplicative(0.1, |_| 0.95).map_or(f64::NAN, |schedule| schedule.value(t))),
    ),
    // Shapes of a ramp.
    recorded("ramp linear", "torch.LinearLR/1", &checked!(torch::linear(0.1, 0.01, 1.0, 100))),
    recorded("ramp cosine", "torch.SWALR/0", &checked!(torch::swa(0.1, 0.05, 10, torch::Anneal::Cos))),
    own("ramp waves", &checked!(ramp(Shape::Waves { half_cycles: 3.0 }))),
    recorded(
        "ramp hard_restarts",
        "transformers.cosine_with_restarts/0",
        &checked!(transformers::cosine_with_restarts(0.1, 20, 180, 3.0)),
    ),
    own("ramp 1-sqrt", &checked!(ramp(Shape::OneMinusSqrt))),
    own("ramp power", &checked!(ramp(Shape::Power { exponent: 0.7 }))),
    own("ramp polynomial", &checked!(ramp(Shape::Polynomial { power: 0.5 }))),
    own("ramp exponential", &checked!(ramp(Shape::Exponential { ratio: 0.1 }))),
    recorded(
        "restarts tanh",
        "timm.TanhLRScheduler/0",
        &checked!(timm::tanh(0.1, 150, -7.0, 3.0, timm::CycleOptions { lr_min: 0.001, ..timm::CycleOptions::DEFAULT })),
    ),
    // Combinators.
    recorded(
        "then",
        "keras.CosineDecay/1",
        &checked!(keras::cosine_decay(
            0.0,
            150,
            keras::CosineDecayOptions { alpha: 0.1, warmup_target: Some(0.1), warmup_steps: 20 }
        )),
    ),
    own("overlay", &Overlay::new(WARMUP, 20, COSINE)),
    recorded(
        "product",
        "torch.ChainedScheduler/0",
        &Product::new(checked!(torch::constant(0.1, 0.1, 20)), checked!(torch::exponential(1.0, 0.9))),
    ),
    own("scale", &checked!(Scale::new(EXPONENTIAL, 0.3))),
    own("offset", &checked!(Offset::new(EXPONENTIAL, -0.01))),
    recorded(
        "clamp, delay",
        "optax.exponential_decay/1",
        &checked!(optax::exponential_decay(
            0.1,
            20,
            0.5,
            optax::ExponentialDecayOptions { transition_begin: 30, staircase: true, end_value: Some(0.01) }
        )),
    ),
    own("clamp", &checked!(Clamp::new(EXPONENTIAL, 0.01, 0.05))),
    own("cycle", &checked!(Repeat::new(EXPONENTIAL, 30))),
    own("take", &Then::new(Take::new(EXPONENTIAL, 30), 60, Delay::new(COSINE, 7))),
    recorded(
        "ahead",
        "transformers.cosine_warmup_with_min_lr/0",
        &Then::new(
            Ahead::new(WARMUP, 1),
            20,
            Ahead::new(checked!(checked!(Cosine::new(0.1, 0.01, 160.0)).unclamped().half_cycles(1.0)), 1),
        ),
    ),
    recorded(
        "fade",
        "transformers.warmup_stable_decay/0",
        &Then::new(
            WARMUP,
            20,
            checked!(Fade::new(checked!(constant(0.1)), 0.0, 100, 60, Shape::Waves { half_cycles: 1.0 })),
        ),
    ),
    recorded(
        "sequential",
        "optax.join_schedules/0",
        &checked!(Sequential::new(
            const {
                &[
                    &checked!(optax::linear_schedule(0.0, 0.1, 20, 0)) as &dyn Schedule,
                    &checked!(optax::constant_schedule(0.1)),
                    &checked!(optax::linear_schedule(0.1, 0.0, 50, 0)),
                ]
            },
            &[20, 120]
        )),
    ),
    own("with_momentum", &WithMomentum::new(COSINE, Some(EXPONENTIAL))),
    recorded(
        "timm's warm-up",
        "timm.CosineLRScheduler/1",
        &checked!(timm::cosine(
            0.1,
            150,
            timm::CycleOptions {
                lr_min: 0.001,
                warmup: timm::WarmupOptions { warmup_t: 20, warmup_lr_init: 1e-5, warmup_prefix: false },
                ..timm::CycleOptions::DEFAULT
            }
        )),
    ),
    recorded(
        "sgdr",
        "optax.sgdr_schedule/0",
        &checked!(optax::sgdr_schedule(&[
            optax::CosineKwargs {
                init_value: 0.0,
                peak_value: 0.1,
                warmup_steps: 5,
                decay_steps: 40,
                end_value: 0.0,
                exponent: 1.0
            },
            optax::CosineKwargs {
                init_value: 0.0,
                peak_value: 0.05,
                warmup_steps: 10,
                decay_steps: 80,
                end_value: 0.001,
                exponent: 1.0
            },
        ])),
    ),
    // What answers to a metric.
    feedback(
        "plateau, torch",
        "torch.ReduceLROnPlateau/1",
        &checked!(torch::reduce_lr_on_plateau(
            0.1,
            torch::ReduceLrOnPlateauOptions { factor: 0.5, patience: 5, ..torch::ReduceLrOnPlateauOptions::DEFAULT }
        )),
    ),
    feedback(
        "plateau, keras",
        "keras.ReduceLROnPlateau/1",
        &checked!(keras::reduce_lr_on_plateau(
            0.1,
            keras::ReduceLrOnPlateauOptions { factor: 0.5, patience: 5, ..keras::ReduceLrOnPlateauOptions::DEFAULT }
        )),
    ),
    feedback(
        "plateau, optax",
        "optax.contrib.reduce_on_plateau/0",
        &checked!(optax::reduce_on_plateau(
            0.1,
            optax::ReduceOnPlateauOptions { factor: 0.5, patience: 5, ..optax::ReduceOnPlateauOptions::DEFAULT }
        )),
    ),
    feedback(
        "greedy",
        "transformers.greedy/1",
        &checked!(transformers::greedy::<0>(
            0.1,
            transformers::GreedyOptions {
                patience: 3,
                factor: 0.8,
                cooldown: 2,
                warmup: 2,
                min_lr: 0.001,
                max_lr: 0.5,
                threshold: Threshold::Absolute(1e-6),
                ..transformers::GreedyOptions::DEFAULT
            }
        )),
    ),
];
