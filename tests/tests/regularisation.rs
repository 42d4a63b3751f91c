//! Dropout and penalties in a whole run, and what a divergence leaves.

use microfit::activation::{Gelu, Linear, Relu, Sigmoid, Tanh};
use microfit::data::{Dataset, Nothing, Rows, Sequential, Shuffle};
use microfit::loss::{BinaryCrossEntropy, MeanSquaredError};
use microfit::optimizer::{Adam, Clipped, GlobalNorm, OnlineSgd, Optimizer, Sgd};
use microfit::schedule::Constant;
use microfit::{
    Clock, EarlyStopping, Error, Event, Fit, Goal, Init, Network, Progress, Topology, Verdict, dense, tutorial,
    weights_hash,
};

const DATA: Rows<3, 1> = Rows {
    features: &[[0.5, -1.0, 0.25], [1.0, 0.5, -0.5], [-0.75, 0.25, 1.0], [0.1, 0.9, -1.0], [0.3, -0.2, 0.6]],
    targets: &[[1.0], [-0.5], [0.25], [0.75], [-1.0]],
};

fn fit<O>(topology: Topology<'_>, optimizer: O, batch: u32) -> Fit<'_, MeanSquaredError, O, Constant, Sequential> {
    let (schedule, clock, order) = (Constant::new(1.0).unwrap(), Clock::Update, Sequential);
    Fit { topology, loss: MeanSquaredError, optimizer, schedule, clock, order, batch, epochs: 1 }
}

fn first_loss<O: Optimizer>(fit: Fit<'_, MeanSquaredError, O, Constant, Sequential>, params: &mut [f32]) -> f32 {
    let mut workspace = vec![0.0; fit.topology.workspace_len::<O>()];
    for event in fit.start(params, &mut workspace).unwrap().events(&DATA, &Nothing) {
        if let Event::Update { loss, .. } = event.unwrap() {
            return loss;
        }
    }
    unreachable!("a run has an update")
}

/// The mask is fixed by seed, epoch and sample, so the loss with dropout is a function of the parameters, and the gradient
/// has to be its derivative.
#[test]
fn a_gradient_goes_through_dropout() {
    const NET: Topology =
        Topology::new(3, &[dense(8, &Tanh).dropout(0.4, 5), dense(6, &Gelu).dropout(0.3, 7), dense(1, &Linear)]);
    const WITHOUT: Topology = Topology::new(3, &[dense(8, &Tanh), dense(6, &Gelu), dense(1, &Linear)]);
    let mut params = vec![0.0; NET.param_len()];
    Init::GlorotNormal.fill(&NET, 2, &mut params).unwrap();
    for batch in [1, 5] {
        let mut after = params.clone();
        first_loss(fit(NET, Sgd::torch(0.0).unwrap(), batch), &mut after);
        let mut zeros = 0;
        for k in 0..params.len() {
            let h = 1.0 / 128.0;
            let at = |offset: f32| {
                let mut moved = params.clone();
                moved[k] += offset;
                first_loss(fit(NET, Sgd::torch(0.0).unwrap(), batch), &mut moved)
            };
            let (found, expected) = (params[k] - after[k], (at(h) - at(-h)) / (2.0 * h));
            assert!((found - expected).abs() < 2e-3, "batch {batch}, parameter {k}: {found} {expected}");
            zeros += usize::from(found == 0.0);
        }
        // What was dropped for the only sample of a batch has no gradient.
        assert_eq!(zeros > 0, batch == 1);
    }
    // Dropping changes the training loss and nothing else.
    let mut tape = vec![0.0; NET.tape_len(1) + 1];
    let evaluated = |net, tape: &mut [f32]| {
        Network::new(net, &params).unwrap().evaluate(&MeanSquaredError, &DATA, tape).unwrap().loss()
    };
    assert_eq!(evaluated(NET, &mut tape), evaluated(WITHOUT, &mut tape));
    let trained = |net| first_loss(fit(net, Sgd::torch(0.0).unwrap(), 5), &mut params.clone());
    assert_ne!(trained(NET), trained(WITHOUT));
    // Without a gradient buffer the same bits.
    let (mut online, mut kept) = (params.clone(), params.clone());
    first_loss(fit(NET, OnlineSgd, 1), &mut online);
    first_loss(fit(NET, Sgd::keras(0.0).unwrap(), 1), &mut kept);
    assert_eq!(weights_hash(&online), weights_hash(&kept));
}

/// A run with everything that has state, stopped after every step.
#[test]
fn interrupted_at_every_step() {
    const NET: Topology =
        Topology::new(34, &[dense(6, &Relu).dropout(0.25, 1).l2(0.001), dense(1, &Sigmoid).l1(0.0001)]);
    type Optimizer = Clipped<Adam<true>, GlobalNorm>;
    let (train, validation) = tutorial::split().unwrap();
    let fit = Fit {
        topology: NET,
        loss: BinaryCrossEntropy,
        optimizer: Clipped {
            optimizer: Adam::torch(0.9, 0.999, 1e-8).unwrap().amsgrad(),
            clip: GlobalNorm::torch(0.5).unwrap(),
        },
        schedule: Constant::new(0.01).unwrap(),
        clock: Clock::Update,
        order: Shuffle::new(4),
        batch: 28,
        epochs: 2,
    };
    let run = |interrupted: bool| {
        let (mut params, mut workspace) = (vec![0.0; NET.param_len()], vec![0.0; NET.workspace_len::<Optimizer>()]);
        Init::HeUniform.fill(&NET, 4, &mut params).unwrap();
        let (mut progress, mut events) = (Progress::default(), Vec::new());
        while events.last() != Some(&Event::Done) {
            let mut trainer = fit.resume(progress, &mut params, &mut workspace).unwrap();
            loop {
                events.push(trainer.step(&train, &validation).unwrap());
                if interrupted || events.last() == Some(&Event::Done) {
                    break;
                }
            }
            progress = trainer.progress();
            if interrupted {
                // Nothing but the optimizer's state has to outlive a step.
                workspace[NET.state_len::<Optimizer>()..].fill(f32::NAN);
            }
        }
        (weights_hash(&params), events)
    };
    assert_eq!(run(true), run(false));
}

/// Keras reports its regularisers in the loss, of training and of validation.
#[test]
fn penalties_are_in_the_loss() {
    const NET: Topology = Topology::new(3, &[dense(2, &Tanh).l1(0.5), dense(1, &Linear).l2(0.25)]);
    const WITHOUT: Topology = Topology::new(3, &[dense(2, &Tanh), dense(1, &Linear)]);
    let params: Vec<f32> = (0..NET.param_len()).map(|k| 0.25 * (k as f32 - 5.0)).collect();
    // 6 weights and 2 biases, then 2 weights and a bias.
    let penalty = 0.5 * params[..6].iter().map(|w| w.abs()).sum::<f32>()
        + 0.25 * params[8..10].iter().map(|w| w * w).sum::<f32>();
    let run = |topology| {
        let (mut params, mut workspace) = (params.clone(), vec![0.0; NET.workspace_len::<Sgd>()]);
        let mut trainer = fit(topology, Sgd::torch(0.0).unwrap(), 5).start(&mut params, &mut workspace).unwrap();
        trainer.force_rate(Some(0.0));
        let epoch = trainer.events(&DATA, &DATA).find_map(|event| match event.unwrap() {
            Event::Epoch(epoch) => Some(epoch),
            _ => None,
        });
        let epoch = epoch.unwrap();
        let mut tape = vec![0.0; NET.tape_len(1) + 1];
        let network = Network::new(topology, &params).unwrap();
        let evaluated = network.evaluate(&MeanSquaredError, &DATA, &mut tape).unwrap();
        [epoch.train.loss(), epoch.validation.unwrap().loss(), evaluated.loss()]
    };
    for (with, without) in run(NET).into_iter().zip(run(WITHOUT)) {
        assert!((with - without - penalty).abs() < 1e-6, "{with} {without} {penalty}");
    }
    let refused = fit(NET, OnlineSgd, 1).start(&mut params.clone(), &mut vec![0.0; 100]).err();
    assert_eq!(refused, Some(Error::PenaltyWithoutGradient));
}

/// A rate far too high: the weights of the last update are kept, and the run goes on with a lower one.
#[test]
fn a_divergence_is_an_event_and_no_loss() {
    const NET: Topology = Topology::new(3, &[dense(4, &Relu), dense(1, &Linear)]);
    let fit = Fit { schedule: Constant::new(1e20).unwrap(), epochs: 20, ..fit(NET, Sgd::keras(0.9).unwrap(), 2) };
    let (mut params, mut workspace) = (vec![0.0; NET.param_len()], vec![0.0; NET.workspace_len::<Sgd>()]);
    Init::GlorotUniform.fill(&NET, 1, &mut params).unwrap();
    let mut kept = params.clone();
    let initial = weights_hash(&kept);
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    let (mut divergences, mut epochs) = (0, 0);
    loop {
        let before = (weights_hash(trainer.params()), trainer.progress());
        match trainer.step(&DATA, &DATA) {
            Ok(Event::Done) => break,
            // Validated after its last update, so these weights are good.
            Ok(Event::Epoch(_)) => {
                kept.copy_from_slice(trainer.params());
                epochs += 1;
            }
            Ok(_) => {}
            Err(error) => {
                assert!(error.is_divergence(), "{error}");
                assert_eq!((weights_hash(trainer.params()), trainer.progress()), before);
                assert_eq!(trainer.step(&DATA, &DATA), Err(error), "it stays so until something is done");
                divergences += 1;
                assert!(divergences < 20, "{error}");
                trainer.scale_rate(1e-3).unwrap();
                trainer.roll_back(Some(&kept)).unwrap();
                assert_eq!(trainer.params(), &kept[..]);
                if epochs == 0 {
                    assert_eq!(weights_hash(&kept), initial);
                }
            }
        }
    }
    assert!(divergences >= 5 && epochs == 20, "{divergences} {epochs}");
    let wrong = trainer.roll_back(Some(&kept[1..]));
    assert!(matches!(wrong, Err(Error::BufferLength { .. })));
    let poisoned = vec![f32::NAN; kept.len()];
    assert!(matches!(trainer.roll_back(Some(&poisoned)), Err(Error::ParametersNotFinite { .. })));
    assert!(params.iter().all(|w| w.is_finite()));
}

/// A gradient that overflows though every loss is finite.
#[test]
fn an_infinite_gradient_changes_no_weight() {
    const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    let data = Rows { features: &[[3e38], [3e38]], targets: &[[0.0], [0.0]] };
    let optimizer = Clipped { optimizer: Sgd::keras(0.5).unwrap(), clip: GlobalNorm::keras(1.0).unwrap() };
    let fit = Fit {
        topology: NET,
        loss: microfit::loss::MeanAbsoluteError,
        optimizer,
        schedule: Constant::new(0.1).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 2,
        epochs: 1,
    };
    let (mut params, mut workspace) = (vec![0.5, 0.0], vec![0.0; NET.workspace_len::<Clipped<Sgd, GlobalNorm>>()]);
    let mut weighted = fit.start(&mut params, &mut workspace).unwrap();
    let data = microfit::data::Weighted::new(&data, &[2.0, 2.0]).unwrap();
    assert_eq!(data.len(), 2);
    assert!(matches!(weighted.step(&data, &Nothing), Ok(Event::Samples { .. }) | Err(Error::Diverged { .. })));
    let event = weighted.step(&data, &Nothing);
    assert!(matches!(event, Err(Error::GradientNotFinite { step: 0 } | Error::Diverged { .. })), "{event:?}");
    assert_eq!(weighted.params(), [0.5, 0.0]);
}

#[test]
fn stops_early_with_the_best_weights() {
    let (train, validation) = tutorial::split().unwrap();
    let stopping = EarlyStopping::new(Goal::Minimize, 3, 0.0).unwrap();
    let fit = Fit { schedule: Constant::new(0.3).unwrap(), epochs: 200, ..tutorial::constant(3) };
    let (mut params, mut workspace) =
        (vec![0.0; tutorial::NET.param_len()], vec![0.0; tutorial::NET.workspace_len::<Sgd>()]);
    tutorial::INIT.fill(&tutorial::NET, 3, &mut params).unwrap();
    let (mut state, mut best) = (stopping.start(), params.clone());
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    let stopped = loop {
        match trainer.step(&train, &validation).unwrap() {
            Event::Epoch(epoch) => match stopping.observe(&mut state, epoch.validation.unwrap().loss()) {
                Verdict::Improved => best.copy_from_slice(trainer.params()),
                Verdict::Waiting => {}
                Verdict::Stop => break epoch.epoch,
            },
            Event::Done => panic!("not stopped in 200 epochs"),
            _ => {}
        }
    };
    assert_eq!(stopped, state.best_epoch() + 3);
    let mut tape = vec![0.0; tutorial::NET.tape_len(1) + 1];
    let network = Network::new(tutorial::NET, &best).unwrap();
    let evaluated = network.evaluate(&BinaryCrossEntropy, &validation, &mut tape).unwrap().loss();
    assert!((evaluated - state.best()).abs() < 1e-6, "{evaluated} {}", state.best());
}
