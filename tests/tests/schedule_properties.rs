//! What holds for every schedule, whatever its parameters and the step.

use microfit::schedule::{
    Cosine, Cyclic, CyclicMode, DropBased, Exponential, Fade, Finite, InversePower, InverseTime, Knots, MultiStep,
    Noam, Overlay, Piecewise, Polynomial, Ramp, Restarts, Scales, Schedule, Shape, StepDecay, Then, TimeBased,
    constant, keras, optax, timm, torch, transformers,
};
use proptest::prelude::*;

/// From 0 to what makes everything overflow.
fn anything() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(1.0),
        0.0..2.0_f64,
        0.0..1e4_f64,
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
        (-300.0..300.0_f64).prop_map(|exponent| 10_f64.powf(exponent)),
    ]
}

fn steps() -> impl Strategy<Value = u32> {
    prop_oneof![0..5_u32, 0..1000_u32, any::<u32>(), Just(u32::MAX)]
}

fn shape() -> impl Strategy<Value = Shape> {
    (0..9_u8, anything(), 0.01..0.99_f64).prop_map(|(kind, x, part)| match kind {
        0 => Shape::Linear,
        1 => Shape::Cosine,
        2 => Shape::Waves { half_cycles: x },
        3 => Shape::HardRestarts { cycles: x },
        4 => Shape::OneMinusSqrt,
        5 => Shape::Power { exponent: x },
        6 => Shape::Polynomial { power: x },
        7 => Shape::Exponential { ratio: part },
        _ => Shape::Tanh { lower: -x, upper: x },
    })
}

/// Every primitive and every composition of a library that these parameters make; refused ones are left out.
#[allow(clippy::too_many_lines)]
fn every(n: [f64; 6], s: [u32; 4], shape: Shape) -> Vec<(&'static str, Box<dyn Schedule>)> {
    let [a, b, c, d, e, f] = n;
    let [i, j, k, l] = s;
    let mut all: Vec<(&'static str, Box<dyn Schedule>)> = Vec::new();
    macro_rules! add {
        ($($name:literal: $made:expr;)*) => {
            $(if let Ok(schedule) = $made {
                all.push(($name, Box::new(schedule)));
            })*
        };
    }
    let milestones: &'static [u32] = Box::leak(Box::new([i, j, k]));
    let scales: &'static [(u32, f64)] = Box::leak(Box::new([(i.min(j), c), (i.max(j), d)]));
    let values: &'static [f64] = Box::leak(Box::new([a, b, c]));
    let boundaries: &'static [u32] = Box::leak(Box::new([i.min(j), i.max(j)]));
    let cycle = timm::CycleOptions {
        lr_min: b,
        cycle_mul: c,
        cycle_decay: d,
        cycle_limit: j,
        warmup: timm::WarmupOptions { warmup_t: k, warmup_lr_init: e, warmup_prefix: l % 2 == 0 },
        k_decay: f,
    };
    let cyclic = torch::CyclicOptions {
        step_size_up: i,
        step_size_down: Some(j),
        mode: CyclicMode::ExpRange { gamma: c },
        ..torch::CyclicOptions::DEFAULT
    };
    let exponential = optax::ExponentialDecayOptions { transition_begin: j, staircase: k % 2 == 0, end_value: Some(c) };
    add! {
        "constant": constant(a);
        "time_based": TimeBased::new(a, b);
        "drop_based": DropBased::new(a, b, c);
        "ramp": Ramp::new(a, b, c, shape);
        "cosine": Cosine::new(a, b, c).and_then(|cosine| cosine.half_cycles(d)?.exponent(e));
        "cosine unclamped": Cosine::new(a, b, c).map(Cosine::unclamped);
        "polynomial": Polynomial::new(a, b, c, d);
        "polynomial cycling": Polynomial::new(a, b, c, d).map(|decay| decay.cycling(true));
        "exponential": Exponential::new(a, b, c);
        "exponential staircase": Exponential::new(a, b, c).map(|decay| decay.staircase(true));
        "inverse_time": InverseTime::new(a, b, c);
        "inverse_time staircase": InverseTime::new(a, b, c).map(|decay| decay.staircase(true));
        "inverse_power": InversePower::new(a, b, c);
        "noam": Noam::new(i, j, a);
        "step": StepDecay::new(a, b, c);
        "multi_step": MultiStep::new(a, milestones, b);
        "piecewise": Piecewise::new(boundaries, values);
        "scales": Scales::new(a, scales);
        "scales interpolated": Scales::new(a, scales).and_then(|scales| scales.interpolated(shape));
        "restarts": Restarts::new(a, b, c, shape)
            .and_then(|cycles| cycles.mul(d)?.decay(e)?.amplitude(f)?.k(1.5));
        "knots": Knots::new([(0.0, a), (c, b), (c + d, e)], shape).map(|knots| knots.overshoot(i % 3));
        "cyclic": Cyclic::new(a, b, c, d, CyclicMode::ExpRange { gamma: e });
        "fade": constant(a).and_then(|inner| Fade::new(inner, b, i, j, shape));
        "torch.constant": torch::constant(a, b, i);
        "torch.linear": torch::linear(a, b, c, i);
        "torch.cyclic": torch::cyclic(a, b, cyclic);
        "torch.warm_restarts": torch::cosine_annealing_warm_restarts(a, i, j, b);
        "keras.restarts": keras::cosine_decay_restarts(a, i, keras::CosineDecayRestartsOptions { t_mul: b, m_mul: c, alpha: d });
        "optax.exponential": optax::exponential_decay(a, i, b, exponential);
        "optax.warmup_exponential": optax::warmup_exponential_decay_schedule(a, b, j, i, c, exponential);
        "optax.onecycle": optax::linear_onecycle_schedule(i, a, optax::OnecycleOptions::DEFAULT);
        "transformers.cosine": transformers::cosine(a, i, j, b);
        "transformers.cosine_with_restarts": transformers::cosine_with_restarts(a, i, j, b);
        "transformers.inverse_sqrt": transformers::inverse_sqrt(a, i, Some(j));
        "transformers.cosine_with_min_lr":
            transformers::cosine_warmup_with_min_lr(a, i, j, b, transformers::MinLr::Rate(c), Some(d));
        "timm.cosine": timm::cosine(a, i, cycle);
        "timm.tanh": timm::tanh(a, i, -7.0, 3.0, cycle);
        "timm.poly": timm::poly(a, i, 0.5, cycle);
        "timm.step": timm::step(a, b, c, cycle.warmup);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_nan_and_never_negative(
        n in prop::array::uniform6(anything()), s in prop::array::uniform4(steps()), shape in shape(), step in steps(),
    ) {
        for (name, schedule) in every(n, s, shape) {
            for step in [0, 1, step, u32::MAX] {
                let value = schedule.value(step);
                prop_assert!(value.is_finite(), "{name} is {value} at {step}");
                // An overshoot is there to overshoot.
                prop_assert!(value >= 0.0 || name == "knots", "{name} is {value} at {step}");
                prop_assert_eq!(schedule.rate(step), value as f32);
                if let Some(momentum) = schedule.momentum(step) {
                    prop_assert!(!momentum.is_nan());
                }
            }
        }
    }

    #[test]
    fn one_cycle_is_below_zero_only_where_torch_overshoots(
        max_lr in 0.0..10.0_f64, total in 1..1000_u32, pct_start in 0.0..=1.0_f64, linear: bool, three_phase: bool, step in steps(),
    ) {
        let anneal_strategy = if linear { torch::Anneal::Linear } else { torch::Anneal::Cos };
        let options = torch::OneCycleOptions { pct_start, anneal_strategy, three_phase, ..torch::OneCycleOptions::DEFAULT };
        if let Ok(schedule) = torch::one_cycle(max_lr, total, options) {
            let value = schedule.value(step);
            prop_assert!(value.is_finite());
            prop_assert!(value >= 0.0 || step == total || three_phase, "{value}");
            prop_assert!(schedule.momentum(step).is_some_and(f32::is_finite));
        }
    }

    #[test]
    fn then_is_the_first_before_and_the_second_after(
        lr in 0.0..1.0_f64, first in 1..500_u32, second in 1..500_u32, step in 0..1200_u32,
    ) {
        let (up, down) = (torch::linear(lr, 0.1, 1.0, first).unwrap(), keras::polynomial_decay(lr, second, keras::PolynomialDecayOptions::DEFAULT).unwrap());
        let both = up.then(down);
        let want = if step < first { up.value(step) } else { down.value(step - first) };
        prop_assert_eq!(both.value(step), want);
        prop_assert_eq!(both.steps(), first + second);
        // Association does not matter.
        let (left, right) = (up.then(down).then(up), up.then(down.then(up)));
        prop_assert_eq!(left.value(step), right.value(step));
        prop_assert_eq!(left.steps(), right.steps());
    }

    #[test]
    fn combinators_keep_their_laws(lr in 0.0..1.0_f64, n in 1..300_u32, step in 0..1000_u32, by in 0..300_u32) {
        let inner = Exponential::new(lr, 0.99, 7.0).unwrap();
        let other = Cosine::new(1.0, 0.5, f64::from(n)).unwrap();
        prop_assert_eq!(Then::new(other, 0, inner).value(step), inner.value(step));
        prop_assert_eq!(Overlay::new(other, n, inner).value(step), if step < n { other.value(step) } else { inner.value(step) });
        prop_assert_eq!(inner.product(other).value(step), other.product(inner).value(step));
        prop_assert_eq!(inner.scale(1.0).unwrap().value(step), inner.value(step));
        prop_assert_eq!(inner.delay(by).ahead(by).value(step), inner.value(step));
        prop_assert_eq!(inner.take(n).value(step), inner.value(step.min(n)));
        prop_assert_eq!(inner.cycle(n).unwrap().value(step), inner.cycle(n).unwrap().value(step + n));
        let held = Schedule::clamp(inner, 0.25, 0.5).unwrap().value(step);
        prop_assert!((0.25..=0.5).contains(&held));
    }

    #[test]
    fn a_dynamic_schedule_is_the_same(lr in 0.0..1.0_f64, step in steps()) {
        let one_cycle = torch::one_cycle(lr, 100, torch::OneCycleOptions::DEFAULT).unwrap();
        let dynamic: &dyn Schedule = &one_cycle;
        prop_assert_eq!(dynamic.rate(step).to_bits(), one_cycle.rate(step).to_bits());
        prop_assert_eq!((&dynamic).momentum(step), one_cycle.momentum(step));
    }
}
