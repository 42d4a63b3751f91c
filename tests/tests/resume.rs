//! Bits do not depend on where a run was interrupted, nor on how its samples were gathered.

use microfit::activation::{Linear, Relu, Sigmoid, Tanh};
use microfit::data::{Dataset, Nothing, Rows, Sequential, Shuffle};
use microfit::loss::{BinaryCrossEntropy, MeanSquaredError};
use microfit::optimizer::{Nesterov, OnlineSgd, Optimizer, Sgd};
use microfit::schedule::keras::{self, ReduceLrOnPlateauOptions};
use microfit::schedule::torch::{self, OneCycleOptions};
use microfit::schedule::{Constant, DropBased, Feedback, Schedule, TimeBased};
use microfit::{Clock, Error, Event, Fit, Init, Layer, Progress, Rng, Topology, dense, frozen, tutorial, weights_hash};

#[test]
fn interrupted_at_every_step() {
    survives_stops(TimeBased::new(0.1, 0.002).unwrap(), Clock::Update);
    survives_stops(DropBased::new(0.1, 0.5, 2.0).unwrap(), Clock::Epoch);
    // Drives the momentum too.
    survives_stops(torch::one_cycle(0.1, 18, OneCycleOptions::DEFAULT).unwrap(), Clock::Update);
}

/// Stopped after every single step, with only progress, parameters and workspace carried over.
fn survives_stops(schedule: impl Schedule + Copy, clock: Clock) {
    let (train, validation) = tutorial::split().unwrap();
    let Fit { topology, loss, optimizer, order, batch, .. } = tutorial::time_based(3);
    let fit = Fit { topology, loss, optimizer, schedule, clock, order, batch, epochs: 2 };
    let mut initial = [0.0; tutorial::NET.param_len()];
    tutorial::INIT.fill(&tutorial::NET, 3, &mut initial).unwrap();

    let (mut params, mut workspace) = (initial, [0.0; tutorial::NET.workspace_len::<Sgd>()]);
    let mut expected = Vec::new();
    for event in fit.start(&mut params, &mut workspace).unwrap().events(&train, &validation) {
        expected.push(event.unwrap());
    }

    let (mut resumed, mut workspace) = (initial, [0.0; tutorial::NET.workspace_len::<Sgd>()]);
    let mut progress = Progress::default();
    let mut found = Vec::new();
    while found.last() != Some(&Event::Done) {
        let mut trainer = fit.resume(progress, &mut resumed, &mut workspace).unwrap();
        found.push(trainer.step(&train, &validation).unwrap());
        progress = trainer.progress();
        // Nothing but the optimizer's state has to outlive a step.
        workspace[tutorial::NET.param_len()..].fill(f32::NAN);
    }
    assert_eq!(found, expected);
    assert_eq!(weights_hash(&resumed), weights_hash(&params));
    assert_eq!((progress.epochs(), progress.updates()), (2, 18));
}

/// A run that goes on with another memory takes other samples together: from one step to the next between one and twelve.
#[test]
fn goes_on_with_more_or_less_memory() {
    let (train, validation) = tutorial::split().unwrap();
    let fit = Fit { epochs: 3, ..tutorial::time_based(3) };
    let mut params = [0.0; tutorial::NET.param_len()];
    tutorial::INIT.fill(&tutorial::NET, 3, &mut params).unwrap();
    let mut expected = params;
    let mut workspace = [0.0; tutorial::NET.workspace_len_for::<Sgd>(12, 1)];
    fit.start(&mut expected, &mut workspace[..tutorial::NET.workspace_len::<Sgd>()])
        .unwrap()
        .run(&train, &validation)
        .unwrap();

    workspace.fill(0.0);
    let (mut progress, mut random) = (Progress::default(), Rng::new(1));
    let mut seen = [false; 13];
    loop {
        let samples = 1 + random.below(12) as usize;
        let len = tutorial::NET.workspace_len_for::<Sgd>(samples, 1);
        let mut trainer = fit.resume(progress, &mut params, &mut workspace[..len]).unwrap();
        assert_eq!(trainer.samples_per_step(), samples);
        seen[samples] = true;
        if trainer.step(&train, &validation).unwrap() == Event::Done {
            break;
        }
        progress = trainer.progress();
    }
    assert!(seen[1..].iter().all(|seen| *seen));
    assert_eq!(weights_hash(&params), weights_hash(&expected));
}

/// A rate driven by the validation loss: its state is plain data, which a stop carries over beside the progress.
#[test]
fn a_plateau_interrupted_at_every_step() {
    let (train, validation) = tutorial::split().unwrap();
    let fit = Fit { epochs: 8, ..tutorial::constant(3) };
    let options =
        ReduceLrOnPlateauOptions { factor: 0.5, patience: 1, min_delta: 0.1, ..ReduceLrOnPlateauOptions::DEFAULT };
    let plateau = keras::reduce_lr_on_plateau(0.1, options).unwrap();
    let run = |interrupted: bool| {
        let (mut params, mut workspace) =
            ([0.0; tutorial::NET.param_len()], [0.0; tutorial::NET.workspace_len::<Sgd>()]);
        tutorial::INIT.fill(&tutorial::NET, 3, &mut params).unwrap();
        let (mut progress, mut state) = (Progress::default(), plateau.start());
        loop {
            let mut trainer = fit.resume(progress, &mut params, &mut workspace).unwrap();
            loop {
                let event = trainer.step(&train, &validation).unwrap();
                if let Event::Epoch(epoch) = event {
                    plateau.observe(&mut state, epoch.validation.unwrap().loss().into());
                    trainer.force_rate(Some(plateau.rate(&state)));
                }
                if event == Event::Done {
                    return (weights_hash(&params), state);
                }
                if interrupted {
                    break;
                }
            }
            progress = trainer.progress();
        }
    };
    let (whole, stopped) = (run(false), run(true));
    assert_eq!(whole, stopped);
    assert!(whole.1.lr < 0.05, "the rate was cut twice or more: {:?}", whole.1);
}

/// Online SGD is SGD of batch 1 without momentum, in less memory.
#[test]
fn online_equals_batches_of_one() {
    fn run<O: Optimizer>(optimizer: O) -> u64 {
        let (train, validation) = tutorial::split().unwrap();
        let plain = tutorial::constant(5);
        let fit = Fit {
            topology: plain.topology,
            loss: BinaryCrossEntropy,
            optimizer,
            schedule: TimeBased::new(0.02, 0.001).unwrap(),
            clock: Clock::Update,
            order: Shuffle::new(5),
            batch: 1,
            epochs: 3,
        };
        let mut params = [0.0; tutorial::NET.param_len()];
        tutorial::INIT.fill(&tutorial::NET, 5, &mut params).unwrap();
        let mut workspace = vec![0.0; tutorial::NET.workspace_len::<O>()];
        fit.start(&mut params, &mut workspace).unwrap().run(&train, &validation).unwrap();
        weights_hash(&params)
    }
    assert_eq!(run(OnlineSgd), run(Sgd::keras(0.0).unwrap()));
}

/// The same through a frozen layer in the middle, as wide as a vector and wider than its fan-in: its biases are no row of weights.
#[test]
fn online_through_a_frozen_layer_is_batches_of_one() {
    const BODY: &[f32; 40 * 35] = &{
        let mut body = [0.0; 40 * 35];
        let mut k = 0;
        while k < body.len() {
            body[k] = ((k * 37 % 101) as f32 - 50.0) * 0.004;
            k += 1;
        }
        body
    };
    const NET: Topology = Topology::new(34, &[dense(34, &Tanh), frozen(40, &Tanh, BODY), dense(1, &Sigmoid)]);
    fn run<O: Optimizer>(optimizer: O, train: &impl Dataset, validation: &impl Dataset) -> u64 {
        let fit = Fit {
            topology: NET,
            loss: BinaryCrossEntropy,
            optimizer,
            schedule: Constant::new(0.02).unwrap(),
            clock: Clock::Update,
            order: Sequential,
            batch: 1,
            epochs: 1,
        };
        let (mut params, mut workspace) = ([0.0; NET.param_len()], vec![0.0; NET.workspace_len::<O>()]);
        Init::GlorotUniform.fill(&NET, 5, &mut params).unwrap();
        fit.start(&mut params, &mut workspace).unwrap().run(train, validation).unwrap();
        weights_hash(&params)
    }
    let (train, validation) = tutorial::split().unwrap();
    let plain = Sgd::keras(0.0).unwrap();
    assert_eq!(run(OnlineSgd, &train, &validation), run(plain, &train, &validation));
}

/// A set that grows between two epochs, as a replay buffer does, is used from the next epoch on.
#[test]
fn a_set_may_grow_between_epochs() {
    const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    const FEATURES: [[f32; 1]; 6] = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]];
    let fit = Fit {
        topology: NET,
        loss: MeanSquaredError,
        optimizer: OnlineSgd,
        schedule: Constant::new(0.01).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 1,
        epochs: 2,
    };
    let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<OnlineSgd>()]);
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    let mut lens = Vec::new();
    let mut data = Rows { features: &FEATURES[..3], targets: &FEATURES };
    loop {
        match trainer.step(&data, &Nothing).unwrap() {
            Event::Samples { done: 1, .. } => data.features = &FEATURES,
            Event::Epoch(epoch) => lens.push(epoch.train.samples()),
            Event::Done => break,
            _ => {}
        }
    }
    assert_eq!(lens, [3, 6]);
    assert_eq!(data.len(), 6);
}

/// A run that is over, and one of the same settings that is not over yet.
#[test]
fn a_finished_run_is_made_longer() {
    let (train, validation) = tutorial::split().unwrap();
    let fit = Fit { epochs: 5, ..tutorial::time_based(3) };
    let mut initial = [0.0; tutorial::NET.param_len()];
    tutorial::INIT.fill(&tutorial::NET, 3, &mut initial).unwrap();
    let (mut expected, mut workspace) = (initial, [0.0; tutorial::NET.workspace_len::<Sgd>()]);
    fit.start(&mut expected, &mut workspace).unwrap().run(&train, &validation).unwrap();

    let (mut params, mut workspace) = (initial, [0.0; tutorial::NET.workspace_len::<Sgd>()]);
    let mut trainer = Fit { epochs: 2, ..fit }.start(&mut params, &mut workspace).unwrap();
    trainer.run(&train, &validation).unwrap();
    assert_eq!(trainer.step(&train, &validation), Ok(Event::Done));
    let progress = trainer.progress();
    assert!(matches!(
        Fit { epochs: 1, ..fit }.resume(progress, &mut params, &mut workspace),
        Err(Error::ProgressMismatch)
    ));
    let mut trainer = fit.resume(progress, &mut params, &mut workspace).unwrap();
    trainer.run(&train, &validation).unwrap();
    assert_eq!(trainer.progress().epochs(), 5);
    assert_eq!(weights_hash(&params), weights_hash(&expected));
}

/// An epoch that leaves the parameters as they are.
fn unmoved(topology: Topology<'_>, batch: u32) -> Fit<'_, MeanSquaredError, Sgd, Constant, Sequential> {
    Fit {
        topology,
        loss: MeanSquaredError,
        optimizer: Sgd::keras(0.0).unwrap(),
        schedule: Constant::new(0.0).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch,
        epochs: 1,
    }
}

/// A validation set counts with what it has when its turn comes; the penalty once for each sample that was seen.
#[test]
fn a_validation_set_may_change_meanwhile() {
    const LAYERS: &[Layer] = &[dense(1, &Linear).l2(0.5)];
    const NET: Topology = Topology::new(1, LAYERS);
    let fit = unmoved(NET, 1);
    let train = Rows { features: &[[1.0]], targets: &[[1.0]] };
    let (features, targets) = ([[1.0]; 16], [[2.0]; 16]);
    // A penalty of 2, and no loss beside it.
    for (samples, expected) in [(8, Some((8, 2.0))), (2, Some((4, 2.0))), (16, Some((16, 2.0))), (0, None)] {
        let (mut params, mut workspace) = ([2.0, 0.0], [0.0; NET.workspace_len::<Sgd>()]);
        let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
        let (mut len, mut found) = (8, None);
        loop {
            let validation = Rows { features: &features[..len], targets: &targets[..len] };
            match trainer.step(&train, &validation).unwrap() {
                Event::Validation { done, of } => {
                    assert!(done <= of, "{done} of {of}");
                    len = samples;
                }
                Event::Epoch(epoch) => found = epoch.validation.map(|seen| (seen.samples(), seen.loss())),
                Event::Done => break,
                _ => {}
            }
        }
        assert_eq!(found, expected, "{samples}");
    }
}

/// A penalty that is no number, and an epoch's losses that are none together: found before the update, which is then not done.
#[test]
fn what_overflows_behind_the_samples_is_divergence() {
    const LAYERS: &[Layer] = &[dense(1, &Linear).l2(1.0)];
    const PENALISED: Topology = Topology::new(1, LAYERS);
    const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    let zeros = Rows { features: &[[0.0]; 3], targets: &[[0.0]; 3] };
    let (mut params, mut workspace) = ([3e19, 0.0], [0.0; PENALISED.workspace_len::<Sgd>()]);
    let mut trainer = unmoved(PENALISED, 3).start(&mut params, &mut workspace).unwrap();
    assert_eq!(trainer.run(&zeros, &Nothing), Err(Error::LossNotFinite { step: 0 }));
    assert_eq!(trainer.params(), [3e19, 0.0]);

    // Each loss is 2.25e38, and each batch has one.
    let large = Rows { features: &[[0.0]; 3], targets: &[[1.5e19]; 3] };
    let (mut params, mut workspace) = ([0.0; 2], [0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = unmoved(NET, 1).start(&mut params, &mut workspace).unwrap();
    assert_eq!(trainer.run(&large, &Nothing), Err(Error::LossNotFinite { step: 1 }));

    // After an update that the penalty does not see.
    let (mut params, mut workspace) = ([1.0, 0.0], [0.0; PENALISED.workspace_len::<Sgd>()]);
    let mut trainer = Fit { schedule: FAR, ..unmoved(PENALISED, 3) }.start(&mut params, &mut workspace).unwrap();
    assert_eq!(trainer.run(&zeros, &zeros), Err(Error::LossNotFinite { step: 1 }));
}

/// A rate that makes a weight 1 a weight -2e19.
const FAR: Constant = microfit::checked!(Constant::new(1e19));

/// What the state holds beside what gradients are gathered in is carried over to the bit, -0.0 too.
#[test]
fn a_negative_zero_in_the_state() {
    const NET: Topology = Topology::new(1, &[dense(1, &Relu), dense(1, &Linear)]);
    let data = Rows { features: &[[1.0]; 2], targets: &[[-30.0]; 2] };
    let fit = Fit {
        topology: NET,
        loss: MeanSquaredError,
        optimizer: Nesterov::keras(0.5).unwrap(),
        schedule: Constant::new(0.1).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: 2,
        epochs: 400,
    };
    let start = [0.5; NET.param_len()];
    let state = NET.state_len::<Nesterov>();
    let bits = |workspace: &[f32]| workspace[..state].iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let (mut straight, mut workspace) = (start, [0.0; NET.workspace_len::<Nesterov>()]);
    fit.start(&mut straight, &mut workspace).unwrap().run(&data, &Nothing).unwrap();
    let expected = bits(&workspace);
    assert!(expected.contains(&(-0.0_f32).to_bits()), "{expected:?}");

    let (mut resumed, mut workspace) = (start, [0.0; NET.workspace_len::<Nesterov>()]);
    let mut progress = Progress::default();
    loop {
        let mut trainer = fit.resume(progress, &mut resumed, &mut workspace).unwrap();
        if trainer.step(&data, &Nothing) == Ok(Event::Done) {
            break;
        }
        progress = trainer.progress();
    }
    assert_eq!((bits(&workspace), resumed), (expected, straight));
}

/// Losses that are numbers, and their sum is none.
#[test]
fn losses_that_overflow_together_are_divergence() {
    const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    let fit = unmoved(NET, 4);
    // Each loss is 2.25e38.
    let (large, small) = ([[1.5e19]; 4], [[0.0]; 4]);
    let rows = |targets| Rows { features: &[[1.0]; 4], targets };
    for (train, validation) in [(&large, &small), (&small, &large)] {
        let (mut params, mut workspace) = ([0.0; 2], [0.0; NET.workspace_len::<Sgd>()]);
        let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
        let ended = trainer.run(&rows(train), &rows(validation));
        assert!(matches!(ended, Err(Error::Diverged { index: 1, .. })), "{ended:?}");
    }
}
