//! An image that calls every public operation of `microfit` and has no panic handler that could be linked: if one
//! path to a panic is left, the linker names the missing symbol.
//!
//! What is not called: `Topology::new`, which is for constants and says so, and `Debug`, whose floats the standard library
//! formats, with paths to a panic; and what is async, whose futures panic when polled once too often.
//!
//! The feature `planted-panic` adds one index that can fail; the check has to fail then.

#![no_std]
#![no_main]

use core::fmt::Write as _;
use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use microfit::activation::{Activation, Kind, Linear, Relu, Sigmoid, Tanh};
use microfit::data::{Dataset, Ionosphere, Nothing, Order, Rows, Sequential, Shuffle, Subset, holdout, stratified};
use microfit::loss::{BinaryCrossEntropy, Loss, MeanSquaredError};
use microfit::optimizer::{Convention, OnlineSgd, Optimizer, Sgd, Update, Variables};
use microfit::schedule::{Constant, DropBased, Schedule, TimeBased};
use microfit::{
    Buffer, Clock, Error, Event, Fit, Init, Metrics, Network, Requirement, Rng, Topology, dense, tutorial, weights_hash,
};

#[path = "panic_free/data.rs"]
mod data;
#[path = "panic_free/schedules.rs"]
mod schedules;
#[path = "panic_free/storage.rs"]
mod storage;
#[path = "panic_free/training.rs"]
mod training;

unsafe extern "C" {
    /// Defined nowhere.
    fn a_panic_path_is_left() -> !;
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    // SAFETY: never called: an image in which it could be does not link.
    unsafe { a_panic_path_is_left() }
}

/// What the optimizer must not know.
fn any<T>(value: T) -> T {
    black_box(value)
}

#[entry]
fn main() -> ! {
    static mut PARAMS: [f32; tutorial::NET.param_len()] = [0.0; tutorial::NET.param_len()];
    static mut WORKSPACE: [f32; 2000] = [0.0; 2000];
    static mut INDICES: [u16; 351] = [0; 351];
    let _ = any(every_operation(PARAMS, WORKSPACE, INDICES));
    loop {
        core::hint::spin_loop();
    }
}

fn every_operation(params: &mut [f32], workspace: &mut [f32], indices: &mut [u16]) -> Result<f32, Error> {
    let (params_len, workspace_len, indices_len) = (any(params.len()), any(workspace.len()), any(indices.len()));
    let params = params.get_mut(..params_len).unwrap_or_default();
    let workspace = workspace.get_mut(..workspace_len).unwrap_or_default();
    let indices = indices.get_mut(..indices_len).unwrap_or_default();

    let layers = [dense(any(34), &Relu), dense(any(9), &Tanh), dense(any(2), &Linear), dense(any(1), &Sigmoid)];
    let topology = Topology::try_new(any(34), layers.get(any(0)..any(4)).unwrap_or_default())?;
    let mut sum = topology.tape_len(any(3)) + topology.workspace_len::<Sgd>() + topology.train_bytes::<OnlineSgd>();
    for layer in topology.layers() {
        sum += layer.units();
        let mut values = [any(0.5)];
        layer.activation().apply(&mut values, any(1));
        layer.activation().differentiate(&mut values);
        sum += values.len() + usize::from(layer.activation().kind() == Activation::kind(&Relu));
    }

    for init in [
        Init::Zeros,
        Init::Uniform { limit: any(0.1) },
        Init::Normal { stddev: any(0.1) },
        Init::GlorotUniform,
        Init::HeNormal,
    ] {
        init.fill(&topology, any(1), params)?;
    }
    let mut rng = Rng::new(any(1));
    let mut total = rng.unit() + rng.below(any(7)) as f32 + rng.next_u32() as f32;

    let (train, validation) = holdout(Ionosphere, any(0.33))?;
    let (left, right) = stratified(any(351), Ionosphere::class, any(0.5), any(3), indices)?;
    let (left, right) = (Subset::new(Ionosphere, left), Subset::new(Ionosphere, right));
    let rows = Rows { features: &[[any(0.0); 34]; 3], targets: &[[any(1.0)]; 3] };
    total += Shuffle::new(any(1)).index(any(1), any(2), any(3)) as f32;
    total += Sequential.index(any(1), any(2), any(3)) as f32;

    let time = TimeBased::new(any(0.1), any(0.002))?;
    let drop = DropBased::new(any(0.1), any(0.5), any(10.0))?;
    let constant = Constant::new(any(0.1))?;
    total += schedules::every_operation()?;
    total += training::every_operation(params, workspace)?;
    total += storage::every_operation(topology, params, workspace)?;
    total += data::every_operation(&topology, params, any(&mut [0; 351]))?;

    total += run(
        any(true),
        topology,
        BinaryCrossEntropy,
        Sgd::keras(any(0.9))?,
        time,
        &train,
        &validation,
        params,
        workspace,
    )?;
    total += run(any(true), topology, MeanSquaredError, Sgd::torch(any(0.9))?, drop, &left, &right, params, workspace)?;
    let optimizer = Sgd::new(any(0.9), Convention::Torch)?;
    total += run(any(false), topology, MeanSquaredError, optimizer, constant, &rows, &Nothing, params, workspace)?;
    total += run(any(true), topology, BinaryCrossEntropy, OnlineSgd, constant, &rows, &Nothing, params, workspace)?;
    total += parts(topology, &rows, params, workspace)?;
    let (tutorial_train, tutorial_validation) = tutorial::split()?;
    let mut trainer = tutorial::time_based(any(1)).start(params, workspace)?;
    trainer.run(&tutorial_train, &tutorial_validation)?;

    #[cfg(feature = "planted-panic")]
    {
        total += workspace[any(7)];
    }
    Ok(total + sum as f32)
}

/// What a run calls inside, called from outside; and every error's message.
fn parts(topology: Topology<'_>, data: &impl Dataset, params: &mut [f32], workspace: &mut [f32]) -> Result<f32, Error> {
    let (mut inputs, mut target) = ([any(0.5); 34], [any(1.0)]);
    data.read(any(1), &mut inputs, &mut target)?;
    let mut total = (data.len() + data.features() + data.targets() + usize::from(data.is_empty())) as f32;
    total += (topology.inputs() + topology.outputs()) as f32;
    let losses: [&dyn Loss; 2] = [&BinaryCrossEntropy, &MeanSquaredError];
    for loss in losses {
        total += f32::from(u8::from(loss.input(any(&Sigmoid)) == Ok(microfit::loss::Input::Logits)));
        total += loss.value(&inputs, &target) + loss.accuracy(&inputs, &target).unwrap_or(0.0);
        total += f32::from(u8::from(loss.accepts(any(2.0), any(1))));
        total += loss.differentiate(&inputs, &mut target, any(0.5));
    }
    let update = Update { step: any(1), age: any(1), rate: any(0.1), momentum: any(None), samples: any(28) };
    let sgd = Sgd::keras(any(0.5))?;
    total += sgd.accumulation(&update).keep + OnlineSgd.accumulation(&update).scale;
    sgd.apply(&update, &Variables::of(topology), params, workspace);
    OnlineSgd.apply(&update, &Variables::of(topology), params, workspace);
    let metrics = Metrics::default();
    total += metrics.loss() + metrics.accuracy().unwrap_or(0.0) + metrics.samples() as f32;

    let mut text = heapless::String::<256>::new();
    for name in ["batch", "lr"] {
        let (index, found) = (any(7), any(0.25));
        for error in [
            Error::BufferLength { buffer: any(Buffer::Tape), expected: any(1), found: any(0) },
            Error::Parameter { name, must_be: any(Requirement::Positive), found },
            Error::FeatureCount { expected: index, found: index },
            Error::SampleNotFinite { index, feature: index, found },
            Error::TargetInvalid { index, output: index, found },
            Error::ClassInvalid { index, classes: index, found },
            Error::RateNotFinite { step: any(1) },
            Error::DatasetTooSmall { expected: index, found: index },
            Error::LossActivation { expected: name, found: any(Kind::Other) },
            Error::WeightInvalid { index, found },
            Error::OutputNotFinite { index, output: index, found },
            Error::FrozenLength { layer: index, expected: index, found: index },
            Error::GradientNotFinite { step: any(1) },
            Error::Diverged { step: any(1), index },
            any(Error::DatasetEmpty),
        ] {
            // A message that does not fit is cut: no failure of this image.
            let _ = write!(text, "{error}");
            total += text.len() as f32;
            text.clear();
        }
    }
    Ok(total)
}

#[allow(clippy::too_many_arguments)]
fn run<L: Loss + Copy, O: Optimizer + Copy, S: Schedule + Copy>(
    by_step: bool,
    topology: Topology<'_>,
    loss: L,
    optimizer: O,
    schedule: S,
    train: &impl Dataset,
    validation: &impl Dataset,
    params: &mut [f32],
    workspace: &mut [f32],
) -> Result<f32, Error> {
    let fit = Fit {
        topology,
        loss,
        optimizer,
        schedule,
        clock: any(Clock::Epoch),
        order: Shuffle::new(any(3)),
        batch: any(28),
        epochs: any(2),
    };
    let mut total = 0.0;
    let progress = {
        let mut trainer = fit.start(params, workspace)?;
        if by_step {
            while let Event::Samples { done, of } = trainer.step(train, validation)? {
                total += (done + of) as f32;
            }
        } else {
            for event in trainer.events(train, validation) {
                if let Event::Epoch(epoch) = event? {
                    total += epoch.train.loss() + epoch.train.accuracy().unwrap_or(0.0);
                }
            }
        }
        trainer.progress()
    };
    let mut trainer = fit.resume(progress, params, workspace)?;
    trainer.force_rate(any(Some(0.1)));
    trainer.scale_rate(any(0.5))?;
    trainer.roll_back(any(None))?;
    trainer.run(train, validation)?;
    total += (trainer.progress().epochs() + trainer.progress().updates()) as f32;
    total += trainer.network().params().len() as f32 + weights_hash(trainer.params()) as f32;
    let mut copy = any([0.0; 34]);
    let first = topology.layer_params(any(0)).and_then(|at| copy.get_mut(at)).unwrap_or_default();
    total += if trainer.copy_params_to(first).is_ok() { first.iter().sum() } else { 0.0 };
    let network = Network::new(topology, params)?;
    total += network.predict(&[any(0.5); 34], workspace)?.first().copied().unwrap_or(0.0);
    Ok(total + network.evaluate(&loss, validation, workspace)?.loss())
}
