//! Bad input is refused with a typed error, and nothing the caller lent has changed.

use microfit::activation::{Activation, Kind, Linear, Relu, Sigmoid};
use microfit::data::{Nothing, Rows, Sequential};
use microfit::loss::{BinaryCrossEntropy, Input, Loss, MeanSquaredError};
use microfit::optimizer::{Adam, OnlineSgd, Optimizer, Sgd};
use microfit::schedule::{Constant, FromFn};
use microfit::{Buffer, Clock, Error, Event, Fit, Network, Requirement, Topology, dense};
use microfit_tests::device::a_boards_kernels;

const NET: Topology = Topology::new(2, &[dense(3, &Relu), dense(1, &Sigmoid)]);
const XOR: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
const LABELS: [[f32; 1]; 4] = [[0.0], [1.0], [1.0], [0.0]];

fn fit() -> Fit<'static, BinaryCrossEntropy, Sgd, Constant, Sequential> {
    fit_of(BinaryCrossEntropy, Sgd::keras(0.9).unwrap())
}

fn fit_of<L: Loss, O: Optimizer>(loss: L, optimizer: O) -> Fit<'static, L, O, Constant, Sequential> {
    Fit {
        topology: NET,
        loss,
        optimizer,
        schedule: Constant::new(0.1).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 4,
        epochs: 3,
    }
}

fn start_error<L: Loss, O: Optimizer>(
    fit: Fit<'_, L, O, Constant, Sequential>,
    params: usize,
    workspace: usize,
) -> Option<Error> {
    let (mut params, mut workspace) = (vec![0.5; params], vec![0.5; workspace]);
    let error = fit.start(&mut params, &mut workspace).err();
    if error.is_some() {
        assert!(params.iter().chain(&workspace).all(|&value| value == 0.5), "a refusal changed a buffer");
    }
    error
}

#[test]
fn settings_that_make_no_sense() {
    let (params, workspace) = (NET.param_len(), NET.workspace_len::<Sgd>());
    assert_eq!(start_error(fit(), params, workspace), None);
    let zero = |name| Some(Error::Parameter { name, must_be: Requirement::AtLeastOne, found: 0.0 });
    assert_eq!(start_error(Fit { batch: 0, ..fit() }, params, workspace), zero("batch"));
    assert_eq!(start_error(Fit { epochs: 0, ..fit() }, params, workspace), zero("epochs"));

    let online = Fit { batch: 2, ..fit_of(BinaryCrossEntropy, OnlineSgd) };
    let one = Some(Error::Parameter { name: "batch", must_be: Requirement::One, found: 2.0 });
    assert_eq!(start_error(online, params, NET.workspace_len::<OnlineSgd>()), one);

    let layers = [dense(1, &Relu)];
    let relu = Topology::try_new(2, &layers).unwrap();
    let wrong_loss = start_error(Fit { topology: relu, ..fit() }, relu.param_len(), relu.workspace_len::<Sgd>());
    assert_eq!(wrong_loss, Some(Error::LossActivation { expected: "Sigmoid or Linear", found: Kind::Relu }));
}

/// A squared error with a second target for each output, which says whether the first counts.
#[derive(Clone, Copy)]
struct Masked;

impl Loss for Masked {
    fn input(&self, _last: &dyn Activation) -> Result<Input, Error> {
        Ok(Input::Outputs)
    }

    fn targets(&self, outputs: usize) -> usize {
        2 * outputs
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        target[1] * (inputs[0] - target[0]).powi(2)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        let value = self.value(inputs, target);
        target[0] = scale * 2.0 * target[1] * (inputs[0] - target[0]);
        value
    }
}

#[test]
fn more_targets_than_outputs() {
    let masked = fit_of(Masked, Sgd::keras(0.9).unwrap());
    let error = start_error(masked, NET.param_len(), NET.workspace_len_for::<Sgd>(4, 2));
    assert_eq!(error, Some(Error::LossTargets { expected: 1, found: 2 }));
}

#[test]
fn buffers_one_float_short() {
    let (params, workspace) = (NET.param_len(), NET.workspace_len::<Sgd>());
    let short = |buffer, expected| Some(Error::BufferLength { buffer, expected, found: expected - 1 });
    assert_eq!(start_error(fit(), params - 1, workspace), short(Buffer::Parameters, params));
    assert_eq!(start_error(fit(), params, workspace + 1), None);
    // Room for one sample is enough, and no less.
    let least = NET.workspace_len_for::<Sgd>(1, 1);
    assert_eq!(start_error(fit(), params, least), None);
    assert_eq!(start_error(fit(), params, least - 1), short(Buffer::Workspace, least));
    // Parameters are exact: a longer slice is some other network's.
    let long = Error::BufferLength { buffer: Buffer::Parameters, expected: params, found: params + 1 };
    assert_eq!(start_error(fit(), params + 1, workspace), Some(long));

    let params = vec![0.1; params];
    let network = Network::new(NET, &params).unwrap();
    let mut tape = vec![0.0; NET.tape_len(1)];
    assert!(network.predict(&[0.0, 1.0], &mut tape).is_ok());
    let found = tape.len() - 1;
    let error = network.predict(&[0.0, 1.0], &mut tape[..found]).unwrap_err();
    assert_eq!(error, Error::BufferLength { buffer: Buffer::Tape, expected: found + 1, found });
    let error = network.predict(&[0.0], &mut tape).unwrap_err();
    assert_eq!(error, Error::BufferLength { buffer: Buffer::Input, expected: 2, found: 1 });
    let data = Rows { features: &XOR, targets: &LABELS };
    let error = network.evaluate(&BinaryCrossEntropy, &data, &mut tape).unwrap_err();
    assert_eq!(error, Error::BufferLength { buffer: Buffer::Tape, expected: found + 2, found: found + 1 });
}

/// Every float of the workspace is used: with exactly its length, training leaves none as it was.
#[test]
fn no_float_too_many() {
    fn untouched<O: Optimizer>(optimizer: O, batch: u32) -> usize {
        const MARK: f32 = 1e30;
        let fit = Fit { batch, ..fit_of(BinaryCrossEntropy, optimizer) };
        let (mut params, mut workspace) = (vec![0.1; NET.param_len()], vec![MARK; NET.workspace_len::<O>()]);
        let data = Rows { features: &XOR, targets: &LABELS };
        fit.start(&mut params, &mut workspace).unwrap().run(&data, &Nothing).unwrap();
        workspace.iter().filter(|&&value| value == MARK).count()
    }
    let row = if a_boards_kernels() { 0 } else { NET.outputs() };
    assert_eq!(untouched(Sgd::keras(0.9).unwrap(), 4), row);
    assert_eq!(untouched(OnlineSgd, 1), 0);
}

/// The error of the first step, and proof that it changed nothing.
fn step_error<const F: usize, const T: usize>(features: &[[f32; F]], targets: &[[f32; T]]) -> Error {
    let (mut params, mut workspace) = (vec![0.1; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    let data = Rows { features, targets };
    let error = trainer.step(&data, &Nothing).unwrap_err();
    assert_eq!(trainer.step(&data, &Nothing), Err(error), "calling again tries again");
    assert_eq!(trainer.progress().updates(), 0);
    // Mended data go on from there, to the result of a run that never saw the others.
    trainer.run(&Rows { features: &XOR, targets: &LABELS }, &Nothing).unwrap();
    let (mut expected, mut other) = (vec![0.1; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let good = Rows { features: &XOR, targets: &LABELS };
    fit().start(&mut expected, &mut other).unwrap().run(&good, &Nothing).unwrap();
    assert_eq!(params, expected);
    error
}

#[test]
fn samples_that_are_no_numbers() {
    let mut features = XOR;
    features[2][1] = f32::INFINITY;
    let infinite = Error::SampleNotFinite { index: 2, feature: 1, found: f32::INFINITY };
    assert_eq!(step_error(&features, &LABELS), infinite);
    let mut labels = LABELS;
    labels[3] = [2.0];
    assert_eq!(step_error(&XOR, &labels), Error::TargetInvalid { index: 3, output: 0, found: 2.0 });

    // NaN is not equal to itself, so this one is compared by its parts.
    let mut features = XOR;
    features[0][0] = f32::NAN;
    let (mut params, mut workspace) = (vec![0.1; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    let error = trainer.step(&Rows { features: &features, targets: &LABELS }, &Nothing).unwrap_err();
    assert!(matches!(error, Error::SampleNotFinite { index: 0, feature: 0, found } if found.is_nan()));
}

#[test]
fn datasets_of_another_shape() {
    assert_eq!(step_error::<2, 1>(&[], &[]), Error::DatasetEmpty);
    assert_eq!(step_error(&[[0.0; 3]], &LABELS), Error::FeatureCount { expected: 2, found: 3 });
    assert_eq!(step_error(&XOR, &[[0.0; 2]; 4]), Error::TargetCount { expected: 1, found: 2 });

    let (mut params, mut workspace) = (vec![0.1; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    let (good, wide) = (Rows { features: &XOR, targets: &LABELS }, Rows { features: &[[0.0; 3]], targets: &LABELS });
    assert_eq!(trainer.step(&good, &wide), Err(Error::FeatureCount { expected: 2, found: 3 }));
}

/// A rate far too high: the run stops with an error at the first loss that is no number, and the parameters are still
/// those of the last update.
#[test]
fn divergence_is_an_error_and_keeps_the_last_update() {
    const LINE: Topology = Topology::new(1, &[dense(1, &Linear)]);
    let fit = Fit {
        topology: LINE,
        loss: MeanSquaredError,
        optimizer: Sgd::keras(0.0).unwrap(),
        schedule: Constant::new(1e6).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 2,
        epochs: 100,
    };
    let (mut params, mut workspace) = ([0.0; LINE.param_len()], [0.0; LINE.workspace_len::<Sgd>()]);
    let data = Rows { features: &[[1.0], [2.0]], targets: &[[1.0], [0.0]] };
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    let mut last = Vec::new();
    let error = loop {
        match trainer.step(&data, &Nothing) {
            Ok(Event::Update { .. }) => last = trainer.params().to_vec(),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Diverged { step: 1.., .. }), "{error}");
    assert_eq!(trainer.params(), last);
    assert_eq!(trainer.step(&data, &Nothing), Err(error));
}

/// An epoch that could not begin has not begun: the set may be mended, and be another length, before it does.
#[test]
fn a_set_that_is_mended_by_dropping_a_sample() {
    let (mut params, mut workspace) = (vec![0.1; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    let before = trainer.progress();
    let torn = [[f32::NAN, 0.0], [0.0, 1.0], [1.0, 0.0]];
    assert!(trainer.step(&Rows { features: &torn, targets: &LABELS }, &Nothing).is_err());
    assert_eq!(trainer.progress(), before);
    trainer.run(&Rows { features: &torn[1..], targets: &LABELS }, &Nothing).unwrap();
    assert_eq!(trainer.progress().updates(), 3);
}

/// What an epoch's last update did is seen by no training loss, and still no run ends well on it.
#[test]
fn the_last_update_may_diverge_too() {
    const LINE: Topology = Topology::new(1, &[dense(1, &Linear)]);
    let start = |rate| Fit {
        topology: LINE,
        loss: MeanSquaredError,
        optimizer: OnlineSgd,
        schedule: Constant::new(rate).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 1,
        epochs: 1,
    };
    let (mut params, mut workspace) = ([0.0; LINE.param_len()], [0.0; LINE.workspace_len::<OnlineSgd>()]);
    let data = Rows { features: &[[1.0]], targets: &[[1e10]] };
    let mut trainer = start(1e30).start(&mut params, &mut workspace).unwrap();
    assert_eq!(trainer.run(&data, &Nothing), Err(Error::ParametersNotFinite { step: 1 }));

    let (mut params, mut workspace) = ([0.0; LINE.param_len()], [0.0; LINE.workspace_len::<OnlineSgd>()]);
    let mut trainer = start(1e15).start(&mut params, &mut workspace).unwrap();
    assert_eq!(trainer.run(&data, &data), Err(Error::Diverged { step: 1, index: 0 }));
}

#[test]
fn progress_of_another_run() {
    let (mut params, mut workspace) = (vec![0.1; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = Fit { batch: 8, ..fit() }.start(&mut params, &mut workspace).unwrap();
    let eight = Rows { features: &[[0.0, 1.0]; 8], targets: &[[1.0]; 8] };
    trainer.step(&eight, &Nothing).unwrap();
    let progress = trainer.progress();
    assert!(Fit { batch: 8, ..fit() }.resume(progress, &mut params, &mut workspace).is_ok());
    let other = Fit { batch: 2, ..fit() };
    assert_eq!(other.resume(progress, &mut params, &mut workspace).err(), Some(Error::ProgressMismatch));
}

#[test]
fn errors_name_what_was_expected_and_what_was_found() {
    let text = |error: Error| error.to_string();
    let short = Error::BufferLength { buffer: Buffer::Workspace, expected: 10, found: 9 };
    assert_eq!(text(short), "workspace: expected a buffer of 10, found 9");
    let batch = Error::Parameter { name: "batch", must_be: Requirement::AtLeastOne, found: 0.0 };
    assert_eq!(text(batch), "batch: expected at least 1, found 0");
    let nan = Error::SampleNotFinite { index: 7, feature: 3, found: f32::NAN };
    assert_eq!(text(nan), "sample 7, feature 3: expected a finite number, found NaN");
    let small = Error::DatasetTooSmall { expected: 4, found: 3 };
    assert_eq!(text(small), "samples: expected at least 4, found 3");
    let class = Error::ClassInvalid { index: 5, classes: 3, found: 7.0 };
    assert_eq!(text(class), "sample 5: expected a class from 0 and below 3, found 7");
    let fold = Error::Parameter { name: "fold", must_be: Requirement::BelowFolds, found: 3.0 };
    assert_eq!(text(fold), "fold: expected below the number of folds, found 3");
}

/// Above 0, and still every quotient by it overflows.
const TINY: f64 = 1e-320;

/// A schedule by a library's name refuses by the names of its own arguments, whatever primitive it is made of.
fn names_its_argument(refusals: &[(Option<Error>, &str)]) {
    for &(error, expected) in refusals {
        assert!(
            matches!(error, Some(Error::Parameter { name, .. }) if name == expected),
            "expected {expected}, found {error:?}"
        );
    }
}

#[test]
fn a_schedule_of_keras_or_torch_that_is_refused() {
    use microfit::schedule::keras::{self, CosineDecayOptions};
    use microfit::schedule::torch::{self, OneCycleOptions};

    let floor = keras::ReduceLrOnPlateauOptions { min_lr: -1.0, ..Default::default() };
    let high = |warmup_target| CosineDecayOptions { alpha: 1e300, warmup_target, ..CosineDecayOptions::DEFAULT };
    names_its_argument(&[
        (keras::decay(-0.1, 0.1).err(), "lr"),
        (keras::decay(0.1, -0.1).err(), "decay"),
        (keras::cosine_decay(1e300, 10, high(None)).err(), "alpha * initial_learning_rate"),
        (keras::cosine_decay(0.1, 10, high(Some(1e300))).err(), "alpha * warmup_target"),
        (keras::reduce_lr_on_plateau(0.1, floor).err(), "min_lr"),
    ]);

    let floor = torch::ReduceLrOnPlateauOptions { min_lr: -1.0, ..Default::default() };
    let first = OneCycleOptions { div_factor: TINY, ..OneCycleOptions::DEFAULT };
    let last = OneCycleOptions { final_div_factor: TINY, ..OneCycleOptions::DEFAULT };
    names_its_argument(&[
        (torch::constant(-0.1, 0.0, 0).err(), "lr"),
        (torch::exponential(-0.1, 0.5).err(), "lr"),
        (torch::exponential(0.1, -1.0).err(), "gamma"),
        (torch::polynomial(-0.1, 5, 1.0).err(), "lr"),
        (torch::polynomial(-0.1, 0, 1.0).err(), "lr"),
        (torch::polynomial(0.1, 5, -1.0).err(), "power"),
        (torch::one_cycle(0.1, 3, first).err(), "max_lr / div_factor"),
        (torch::one_cycle(0.1, 3, last).err(), "max_lr / div_factor / final_div_factor"),
        (
            torch::one_cycle(0.1, 3, OneCycleOptions { pct_start: 1.0, ..last }).err(),
            "max_lr / div_factor / final_div_factor",
        ),
        (torch::reduce_lr_on_plateau(0.1, floor).err(), "min_lr"),
    ]);
}

#[test]
fn a_schedule_of_optax_that_is_refused() {
    use microfit::schedule::optax::{self, ExponentialDecayOptions, OnecycleOptions};

    let floor = optax::ReduceOnPlateauOptions { min_scale: -1.0, ..Default::default() };
    let first = OnecycleOptions { div_factor: TINY, ..OnecycleOptions::DEFAULT };
    let last = OnecycleOptions { final_div_factor: TINY, ..OnecycleOptions::DEFAULT };
    let back = OnecycleOptions { pct_start: 0.9, pct_final: 0.5, ..OnecycleOptions::DEFAULT };
    let decay = ExponentialDecayOptions::DEFAULT;
    names_its_argument(&[
        (optax::constant_schedule(-0.1).err(), "value"),
        (optax::cosine_decay_schedule(1e300, 10, 1e300, 1.0).err(), "alpha * init_value"),
        (optax::linear_onecycle_schedule(10, 0.1, back).err(), "pct_final"),
        (optax::linear_onecycle_schedule(10, 1.0, first).err(), "peak_value / div_factor"),
        (optax::linear_onecycle_schedule(10, 0.0, first).err(), "1 / div_factor"),
        (optax::linear_onecycle_schedule(10, 0.1, last).err(), "1 / final_div_factor"),
        (optax::cosine_onecycle_schedule(10, 0.1, last).err(), "1 / (div_factor * final_div_factor)"),
        (optax::warmup_constant_schedule(-0.1, 0.1, 5).err(), "init_value"),
        (optax::warmup_constant_schedule(0.0, -0.1, 5).err(), "peak_value"),
        (optax::warmup_cosine_decay_schedule(0.0, -0.1, 5, 10, 0.0, 1.0).err(), "peak_value"),
        (optax::warmup_exponential_decay_schedule(0.0, -0.1, 5, 10, 0.5, decay).err(), "peak_value"),
        (optax::sgdr_schedule(&[]).err(), "cosine_kwargs"),
        (optax::reduce_on_plateau(0.1, floor).err(), "min_scale"),
    ]);
}

#[test]
fn a_schedule_of_timm_or_transformers_that_is_refused() {
    use microfit::schedule::timm::{self, CycleOptions, Decay, Stable};
    use microfit::schedule::transformers::{self, MinLr, WsdLength};

    let default = timm::WsdOptions { warmup_t: 5, ..timm::WsdOptions::DEFAULT };
    let stable = timm::WsdOptions { stable_fn: Stable::Power { power: -1.0 }, ..default };
    let power = timm::WsdOptions { decay_fn: Decay::Power { power: -1.0 }, ..default };
    let ratio = timm::WsdOptions { decay_fn: Decay::Exp { ratio: 1.0 }, ..default };
    names_its_argument(&[
        (timm::tanh(0.1, 10, f64::NAN, 1.0, CycleOptions::DEFAULT).err(), "lb"),
        (timm::tanh(0.1, 10, 3.0, 1.0, CycleOptions::DEFAULT).err(), "ub"),
        (timm::tanh(0.1, 10, 3.0, f64::NAN, CycleOptions::DEFAULT).err(), "ub"),
        (timm::wsd(0.1, 10, 5, stable).err(), "stable_power"),
        (timm::wsd(0.1, 10, 5, power).err(), "decay_power"),
        (timm::wsd(0.1, 10, 5, ratio).err(), "decay_ratio"),
    ]);

    let waves = transformers::WsdOptions { num_cycles: 1e308, ..transformers::WsdOptions::DEFAULT };
    names_its_argument(&[
        (transformers::cosine(0.1, 5, 10, 1e308).err(), "2 * num_cycles"),
        (transformers::cosine_with_min_lr(-0.1, 5, 10, 0.5, MinLr::Rate(0.2)).err(), "lr"),
        (transformers::warmup_stable_decay(0.1, 5, 5, WsdLength::Stable(5), waves).err(), "2 * num_cycles"),
    ]);
}

#[test]
fn a_rate_that_is_no_number() {
    fn check<O: Optimizer + Copy>(optimizer: O, batch: u32) {
        let data = Rows { features: &XOR, targets: &LABELS };
        let start = |rate: f64| Fit {
            topology: NET,
            loss: BinaryCrossEntropy,
            optimizer,
            schedule: FromFn(move |step| if step < 1 { 0.1 } else { rate }),
            clock: Clock::Update,
            order: Sequential,
            batch,
            epochs: 9,
        };
        for (rate, forced, scale) in
            [(1e300, None, 1.0), (0.1, Some(f32::NAN), 1.0), (0.1, Some(f32::NEG_INFINITY), 1.0), (1e30, None, 1e30)]
        {
            let (mut params, mut workspace) = (vec![0.5; NET.param_len()], vec![0.0; NET.workspace_len::<O>()]);
            let mut trainer = start(rate).start(&mut params, &mut workspace).unwrap();
            while !matches!(trainer.step(&data, &Nothing), Ok(Event::Update { .. })) {}
            trainer.force_rate(forced);
            trainer.scale_rate(scale).unwrap();
            let (params, progress) = (trainer.params().to_vec(), trainer.progress());
            for _ in 0..2 {
                let error = trainer.step(&data, &Nothing).expect_err(&format!("{rate} {forced:?} {scale}"));
                assert_eq!(error, Error::RateNotFinite { step: 1 });
                assert_eq!(
                    error.to_string(),
                    "after 1 updates: expected a finite learning rate, found NaN or infinity"
                );
            }
            assert_eq!(trainer.params(), params);
            // As text, in which NaN is NaN.
            assert_eq!(format!("{:?}", trainer.progress()), format!("{progress:?}"));
            // Another rate leads on.
            trainer.scale_rate(1.0 / trainer.rate_factor()).unwrap();
            trainer.force_rate(Some(0.1));
            trainer.step(&data, &Nothing).unwrap();
        }
    }
    check(Sgd::keras(0.9).unwrap(), 2);
    check(Adam::torch(0.9, 0.999, 1e-8).unwrap(), 2);
    check(OnlineSgd, 1);
}

/// No factor can be given that none takes back.
#[test]
fn a_factor_on_the_rate_that_leads_nowhere() {
    let (mut params, mut workspace) = (vec![0.5; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    for found in [0.0, -1.0, f32::INFINITY, f32::NAN] {
        let refused = trainer.scale_rate(found).unwrap_err();
        assert!(
            matches!(refused, Error::Parameter { name: "factor", must_be: Requirement::Positive, .. }),
            "{refused}"
        );
        assert_eq!(trainer.rate_factor(), 1.0);
    }
    for (factor, end) in [(1e-10, f32::MIN_POSITIVE), (1e10, f32::MAX)] {
        for _ in 0..10 {
            trainer.scale_rate(factor).unwrap();
        }
        assert_eq!(trainer.rate_factor(), end);
        trainer.scale_rate(1.0 / trainer.rate_factor()).unwrap();
        assert!((trainer.rate_factor() - 1.0).abs() < 1e-6, "{}", trainer.rate_factor());
    }
}

/// A validation set that is another one than when the epoch began is looked at again.
#[test]
fn a_validation_set_exchanged_within_an_epoch() {
    let (train, wide) =
        (Rows { features: &XOR, targets: &LABELS }, Rows { features: &[[0.5; 3]; 4], targets: &LABELS });
    let two_targets = Rows { features: &XOR, targets: &[[1.0; 2]; 4] };
    let (mut params, mut workspace) = (vec![0.5; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    while !matches!(trainer.step(&train, &train), Ok(Event::Update { .. })) {}
    assert_eq!(trainer.step(&train, &wide), Err(Error::FeatureCount { expected: 2, found: 3 }));
    assert_eq!(trainer.step(&train, &two_targets), Err(Error::TargetCount { expected: 1, found: 2 }));
    assert_eq!(trainer.step(&train, &train), Ok(Event::Validation { done: 4, of: 4 }));
}

#[test]
fn a_copy_of_another_length() {
    let (mut params, mut workspace) = (vec![0.5; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    let trainer = fit().start(&mut params, &mut workspace).unwrap();
    let expected = NET.param_len();
    for found in [0, expected - 1, expected + 1] {
        let mut copy = vec![7.0; found];
        let refused = Error::BufferLength { buffer: Buffer::Parameters, expected, found };
        assert_eq!(trainer.copy_params_to(&mut copy), Err(refused));
        assert!(copy.iter().all(|value| *value == 7.0));
    }
    let mut copy = vec![7.0; expected];
    trainer.copy_params_to(&mut copy).unwrap();
    assert_eq!(copy, trainer.params());
}
