use super::*;
use microfit::schedule::{self as s, keras, optax, paper, timm, torch, transformers};

fn error(spec: &str) -> SpecError {
    parse_any(spec).err().unwrap_or_else(|| panic!("{spec}: should be refused"))
}

/// The example's constructor, called directly.
#[allow(clippy::too_many_lines, clippy::unnecessary_wraps, clippy::default_trait_access)] // one table, one line an entry
fn direct(name: &str) -> Option<Box<DynSchedule>> {
    fn ok<S: Schedule + Send + Sync + 'static>(made: Result<S, microfit::Error>) -> Option<Box<DynSchedule>> {
        Some(Box::new(made.unwrap()))
    }
    let warm = s::warmup(0.1, 5).unwrap();
    let cosine = s::cosine(0.1, 0.0, 45).unwrap();
    let slow = s::TimeBased::new(0.1, 0.01).unwrap();
    let cycle = timm::CycleOptions::DEFAULT;
    match name {
        "constant" => ok(s::constant(0.1)),
        "time_based" => ok(s::TimeBased::new(0.1, 0.002)),
        "drop_based" => ok(s::DropBased::new(0.1, 0.5, 10.0)),
        "warmup" => ok(Ok(warm)),
        "ramp" => ok(s::Ramp::new(0.1, 0.01, 20.0, s::Shape::Cosine)),
        "cosine" => ok(Ok(cosine)),
        "polynomial" => ok(s::Polynomial::new(0.1, 0.01, 50.0, 2.0)),
        "exponential" => ok(s::Exponential::new(0.1, 0.96, 100.0)),
        "inverse_time" => ok(s::InverseTime::new(0.1, 0.5, 10.0)),
        "inverse_power" => ok(s::InversePower::new(0.1, 100.0, 0.5)),
        "piecewise" => ok(s::Piecewise::new(&[10, 20], &[0.1, 0.05, 0.01])),
        "sequential" => ok(Ok(s::Then::new(
            s::warmup(0.1, 10).unwrap(),
            10,
            s::constant(0.1).unwrap().take(70).then(s::cosine(0.1, 0.0, 20).unwrap()),
        ))),
        "paper.noam" => ok(paper::noam(512, 4000, 1.0)),
        "keras.decay" => ok(keras::decay(0.1, 0.002)),
        "keras.exponential_decay" => ok(keras::exponential_decay(0.1, 100, 0.96, false)),
        "keras.inverse_time_decay" => ok(keras::inverse_time_decay(0.1, 10, 0.5, true)),
        "keras.piecewise_constant_decay" => ok(keras::piecewise_constant_decay(&[100, 150], &[1.0, 0.5, 0.1])),
        "keras.polynomial_decay" => {
            let options = keras::PolynomialDecayOptions { power: 0.5, ..Default::default() };
            ok(keras::polynomial_decay(0.1, 150, options))
        }
        "keras.cosine_decay" => {
            let options =
                keras::CosineDecayOptions { warmup_target: Some(0.1), warmup_steps: 20, ..Default::default() };
            ok(keras::cosine_decay(0.0, 150, options))
        }
        "keras.cosine_decay_restarts" => ok(keras::cosine_decay_restarts(0.1, 20, Default::default())),
        "torch.step" => ok(torch::step(0.1, 30, 0.1)),
        "torch.multi_step" => ok(torch::multi_step(0.1, &[30, 80], 0.1)),
        "torch.constant" => ok(torch::constant(0.1, 0.5, 5)),
        "torch.linear" => ok(torch::linear(0.1, 0.01, 1.0, 10)),
        "torch.exponential" => ok(torch::exponential(0.1, 0.95)),
        "torch.polynomial" => ok(torch::polynomial(0.1, 100, 2.0)),
        "torch.cosine_annealing" => ok(torch::cosine_annealing(0.1, 50, 0.0)),
        "torch.cosine_annealing_warm_restarts" => ok(torch::cosine_annealing_warm_restarts(0.1, 10, 2, 0.0)),
        "torch.one_cycle" => {
            let options = torch::OneCycleOptions { anneal_strategy: torch::Anneal::Linear, ..Default::default() };
            ok(torch::one_cycle(0.1, 450, options))
        }
        "torch.cyclic" => {
            let options =
                torch::CyclicOptions { step_size_up: 20, mode: s::CyclicMode::Triangular2, ..Default::default() };
            ok(torch::cyclic(0.001, 0.1, options))
        }
        "torch.swa" => ok(torch::swa(0.1, 0.05, 10, torch::Anneal::Cos)),
        "optax.constant_schedule" => ok(optax::constant_schedule(0.1)),
        "optax.linear_schedule" => ok(optax::linear_schedule(0.0, 0.1, 50, 0)),
        "optax.polynomial_schedule" => ok(optax::polynomial_schedule(0.1, 0.001, 2.0, 120, 0)),
        "optax.piecewise_constant_schedule" => ok(optax::piecewise_constant_schedule(0.1, &[(50, 0.5), (120, 0.1)])),
        "optax.piecewise_interpolate_schedule" => {
            let scales = &[(30, 2.0), (100, 0.1)];
            ok(optax::piecewise_interpolate_schedule(optax::Interpolate::Cosine, 0.1, scales))
        }
        "optax.exponential_decay" => {
            let options = optax::ExponentialDecayOptions { end_value: Some(0.01), ..Default::default() };
            ok(optax::exponential_decay(0.1, 20, 0.5, options))
        }
        "optax.cosine_decay_schedule" => ok(optax::cosine_decay_schedule(0.1, 150, 0.0, 1.0)),
        "optax.linear_onecycle_schedule" => ok(optax::linear_onecycle_schedule(190, 0.1, Default::default())),
        "optax.cosine_onecycle_schedule" => ok(optax::cosine_onecycle_schedule(190, 0.1, Default::default())),
        "optax.warmup_constant_schedule" => ok(optax::warmup_constant_schedule(0.0, 0.1, 30)),
        "optax.warmup_cosine_decay_schedule" => ok(optax::warmup_cosine_decay_schedule(0.0, 0.1, 20, 180, 0.0, 1.0)),
        "optax.warmup_exponential_decay_schedule" => {
            ok(optax::warmup_exponential_decay_schedule(0.0, 0.1, 20, 30, 0.7, Default::default()))
        }
        "optax.sgdr_schedule" => {
            const FIRST: optax::CosineKwargs = optax::CosineKwargs {
                init_value: 0.0,
                peak_value: 0.1,
                warmup_steps: 5,
                decay_steps: 40,
                end_value: 0.0,
                exponent: 1.0,
            };
            const CYCLES: [optax::CosineKwargs; 2] = [
                FIRST,
                optax::CosineKwargs { peak_value: 0.05, warmup_steps: 10, decay_steps: 80, end_value: 0.001, ..FIRST },
            ];
            ok(optax::sgdr_schedule(&CYCLES))
        }
        "transformers.constant" => ok(transformers::constant(0.1)),
        "transformers.constant_with_warmup" => ok(transformers::constant_with_warmup(0.1, 20)),
        "transformers.linear" => ok(transformers::linear(0.1, 20, 180)),
        "transformers.cosine" => ok(transformers::cosine(0.1, 20, 180, 0.5)),
        "transformers.cosine_with_restarts" => ok(transformers::cosine_with_restarts(0.1, 20, 180, 3.0)),
        "transformers.polynomial" => ok(transformers::polynomial(0.1, 20, 180, 1e-7, 2.0)),
        "transformers.inverse_sqrt" => ok(transformers::inverse_sqrt(0.1, 20, None)),
        "transformers.cosine_with_min_lr" => {
            ok(transformers::cosine_with_min_lr(0.1, 20, 180, 0.5, transformers::MinLr::Lr(0.01)))
        }
        "transformers.cosine_warmup_with_min_lr" => {
            ok(transformers::cosine_warmup_with_min_lr(0.1, 20, 180, 0.5, transformers::MinLr::Rate(0.1), None))
        }
        "transformers.warmup_stable_decay" => {
            let options =
                transformers::WsdOptions { decay_type: transformers::WsdType::OneMinusSqrt, ..Default::default() };
            ok(transformers::warmup_stable_decay(0.1, 20, 60, transformers::WsdLength::Training(180), options))
        }
        "timm.cosine" => {
            let warmup = timm::WarmupOptions { warmup_t: 20, ..Default::default() };
            ok(timm::cosine(0.1, 150, timm::CycleOptions { warmup, ..cycle }))
        }
        "timm.tanh" => ok(timm::tanh(0.1, 150, -7.0, 3.0, cycle)),
        "timm.poly" => ok(timm::poly(0.1, 150, 2.0, cycle)),
        "timm.step" => ok(timm::step(0.1, 2.4, 0.97, timm::WarmupOptions::PREFIX)),
        "timm.multi_step" => ok(timm::multi_step(0.1, &[50, 100], 0.3, timm::WarmupOptions::PREFIX)),
        "timm.wsd" => {
            let options =
                timm::WsdOptions { warmup_t: 15, stable_fn: timm::Stable::Rsqrt, ..timm::WsdOptions::DEFAULT };
            ok(timm::wsd(0.1, 180, 60, options))
        }
        ".then" => ok(Ok(warm.then(cosine))),
        ".overlay" => ok(Ok(s::Overlay::new(warm, 5, torch::step(0.1, 30, 0.1).unwrap()))),
        ".product" => ok(Ok(cosine.product(torch::exponential(1.0, 0.99).unwrap()))),
        ".scale" => ok(cosine.scale(0.5)),
        ".offset" => ok(cosine.offset(0.01)),
        ".clamp" => ok(s::Clamp::new(slow, 0.05, 1.0)),
        ".cycle" => ok(cosine.cycle(45)),
        ".take" => ok(Ok(slow.take(20).then(s::constant(0.01).unwrap()))),
        ".delay" => ok(Ok(cosine.delay(5))),
        ".ahead" => ok(Ok(paper::noam(64, 100, 1.0).unwrap().ahead(1))),
        ".fade" => ok(s::Fade::new(slow, 0.0, 100, 20, s::Shape::OneMinusSqrt)),
        _ => None,
    }
}

#[test]
fn every_example_is_its_constructor() {
    for entry in catalogue() {
        match parse_any(entry.example).unwrap_or_else(|error| panic!("{error}")) {
            Spec::Schedule(schedule) => {
                let direct = direct(entry.name).unwrap_or_else(|| panic!("{}: not in this test", entry.name));
                for step in (0..300).chain([5000, u32::MAX]) {
                    assert_eq!(schedule.rate(step), direct.rate(step), "{} at {step}", entry.name);
                    assert_eq!(schedule.momentum(step), direct.momentum(step), "{} at {step}", entry.name);
                }
            }
            Spec::Driven(mut driven) => {
                let first = driven.rate();
                let last = (0..20).map(|_| driven.observe(1.0)).last();
                assert!(last < Some(first), "{}: nothing gets better, and the rate stays", entry.name);
            }
        }
    }
}

#[test]
fn composes() {
    let rate = |spec: &str, step| parse(spec).unwrap_or_else(|error| panic!("{error}")).rate(step);
    assert_eq!(rate("0.1", 7), 0.1);
    assert_eq!(rate("2 * 0.5 * warmup(0.1, 10) + 0.1 - 0.05", 10), 0.15);
    assert_eq!(rate("(warmup(0.1, 10) + 0.1) * 0.5", 10), 0.1);
    assert_eq!(rate("cosine(0.1, 0, 10) * torch.step(1, 5, gamma=0.5)", 5), 0.025);
    assert_eq!(rate("warmup(0.1, 5).then(constant(0.1).take(5)).then(0.05)", 10), 0.05);
    assert_eq!(rate(" torch . step ( lr = 1e-1 , step_size = 3 , ) ", 3), 0.01);
}

#[test]
fn errors_point_at_their_place() {
    let at = |spec: &str| {
        let error = error(spec);
        (error.column, error.expected, error.found)
    };
    let (column, expected, found) = at("warmup(0.1, 5).then(cosin(0.1, 0, 45))");
    assert_eq!((column, found.as_str()), (21, "`cosin`"));
    assert!(expected.contains("cosine"));
    assert_eq!(at("warmup(0.1, fast)"), (13, "a whole number of at least 0".into(), "`fast`".into()));
    assert_eq!(at("warmup(0.1, 0)"), (13, "steps: at least 1".into(), "`0`".into()));
    assert_eq!(at("warmup(0.1)"), (11, "the argument `steps`".into(), "none".into()));
    assert_eq!(at("warmup(0.1, 5").0, 14);
    assert_eq!(at("torch.one_cycle(0.1, 100, anneal_strategy=wild)").0, 43);
    assert_eq!(at("torch.one_cycle(0.1, 100, pct=0.5)").0, 27);
    assert_eq!(at("torch.stepp(0.1, 3)").0, 1);
    assert_eq!(at("constant(0.1).then(0.2)").0, 15);
    assert_eq!(at("constant(0.1).melt()").0, 15);
    assert_eq!(at("constant(0.1) constant(0.1)").0, 15);
    assert_eq!(at("constant(lr=0.1, lr=0.2)").0, 18);
    assert_eq!(at("cosine(to=0.1, 5)").0, 16);
    assert_eq!(at("0.1.2").0, 1);
    assert_eq!(at("größe(1)").0, 1);
    assert_eq!(at("1 + §").0, 5);
    assert_eq!(at("").0, 1);
    assert_eq!(at("-1").0, 1);
    assert_eq!(at(&"(".repeat(9999)).1, "fewer parentheses");
    for link in ["*1", " + 0", ".offset(0)"] {
        let of = |links| format!("constant(0.1){}", link.repeat(links));
        assert_eq!(at(&of(99_999)).1, "a shorter schedule", "{link}");
    }
    assert_eq!(parse(&format!("constant(0.1){}", "*1".repeat(1000))).unwrap().rate(0), 0.1);
    // A column that is no width of a format.
    let far = parse(&format!("{}x", " ".repeat(70_000))).err().unwrap();
    assert!(far.to_string().ends_with(&format!("\n  {}^", " ".repeat(70_000))));
    assert_eq!(at(&format!("piecewise({}", "[".repeat(9999))).1, "fewer brackets");
    assert_eq!(parse("transformers.greedy(0.1)").err().unwrap().column, 1);
}

#[test]
fn an_error_is_drawn_with_a_caret() {
    let text = error("warmup(0.1, fast)").to_string();
    let want = "column 13: expected a whole number of at least 0, found `fast`\n  warmup(0.1, fast)\n              ^";
    assert_eq!(text, want);
}

#[test]
fn entries_are_listed_as_they_are_called() {
    let entry = catalogue().iter().find(|entry| entry.name == "torch.step").unwrap();
    assert_eq!(entry.to_string(), "torch.step(lr, step_size, gamma=0.1)");
}

/// The arguments of the call of `name` in a spec, as text.
fn arguments_of<'a>(name: &str, spec: &'a str) -> Vec<&'a str> {
    let begin = spec.find(&format!("{name}(")).unwrap() + name.len() + 1;
    let (mut depth, mut from, mut found) = (0, begin, Vec::new());
    for (at, c) in spec[begin..].char_indices().map(|(at, c)| (begin + at, c)) {
        match c {
            '(' | '[' => depth += 1,
            ',' | ')' if depth == 0 => {
                found.push(spec[from..at].trim());
                from = at + 1;
                if c == ')' {
                    break;
                }
            }
            ')' | ']' => depth -= 1,
            _ => {}
        }
    }
    found
}

/// An entry's example with every argument named, one of them replaced; and the column of that.
fn example_with(entry: &Entry, parameter: usize, value: &str) -> (String, usize) {
    let given = arguments_of(entry.name, entry.example);
    let before = &entry.example[..entry.example.find(entry.name).unwrap()];
    let (mut spec, mut column) = (format!("{before}{}(", entry.name), 0);
    for (index, Parameter { name, default }) in entry.parameters.iter().enumerate() {
        let named = given.iter().find_map(|argument| {
            let (own, value) = argument.split_once('=')?;
            own.eq_ignore_ascii_case(name).then_some(value)
        });
        let positional = given.get(index).copied().filter(|argument| !argument.contains('='));
        spec.push_str(if index == 0 { "" } else { ", " });
        spec.push_str(name);
        spec.push('=');
        if index == parameter {
            column = spec.len() + 1;
        }
        let own = named.or(positional).or(*default).unwrap();
        spec.push_str(if index == parameter { value } else { own });
    }
    (spec + ")", column)
}

#[test]
fn a_refused_value_is_pointed_at_and_named_as_it_is_listed() {
    let mut wrong = Vec::new();
    let mut pointed = 0;
    for entry in catalogue() {
        for (index, parameter) in entry.parameters.iter().enumerate() {
            for value in ["-1", "-0.5", "0", "0.5", "1", "7", "1e9", "1e300", "wild"] {
                let (spec, column) = example_with(entry, index, value);
                let Err(error) = parse_any(&spec) else { continue };
                pointed += 1;
                let named = |name: &str| error.expected.starts_with(&format!("{name}: "));
                // What does not fit together is the fault of several.
                let several = error.expected.contains(" before") && entry.parameters.iter().any(|own| named(own.name));
                if error.column != column && !error.expected.contains(parameter.name) && !several {
                    wrong.push(format!("{}: {value}\n{error}", parameter.name));
                }
            }
        }
    }
    assert!(wrong.is_empty() && pointed > 999, "{pointed} {}", wrong.join("\n"));
    for (spec, column, name) in [
        ("cosine(0.1, 0, 0)", 16, "steps"),
        ("timm.wsd(0.1, 180, 60, stable_fn=power, warmup_t=1, stable_power=-1)", 66, "stable_power"),
        ("timm.wsd(0.1, 180, 60, decay_fn=power, decay_power=0)", 52, "decay_power"),
        ("timm.wsd(0.1, 180, 60, decay_fn=exp, decay_ratio=2)", 50, "decay_ratio"),
        ("timm.tanh(0.1, 150, lb=-1, ub=-2)", 31, "ub"),
        ("optax.warmup_cosine_decay_schedule(0, -1, 20, 180)", 39, "peak_value"),
        ("optax.warmup_cosine_decay_schedule(0, 1, 20, 180, -1)", 51, "end_value"),
    ] {
        let error = error(spec);
        assert!(error.column == column && error.expected.starts_with(&format!("{name}: ")), "{error}");
    }
}
