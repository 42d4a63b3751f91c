//! Our side: the networks of `bench --training`, with its data, batches, losses and optimizers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use microfit::data::{Nothing, Rows, Sequential};
use microfit::loss::{BinaryCrossEntropy, Loss, SparseCategoricalCrossEntropy};
use microfit::optimizer::{OnlineSgd, Optimizer, Sgd};
use microfit::schedule::Constant;
use microfit::{Clock, Error, Fit, Init, Topology, checked};
use microfit_firmware::SEED;
use microfit_firmware::nets::{BATCH, DEEP, SAMPLES, W1, W1_BATCH, W2, WIDE, random_data};

/// A training runs so many epochs, the rivals' too, and begins with fresh weights and no velocity: nobody gains or loses
/// by what a longer one may come to, such as units that no longer answer or velocities too small to be normal floats.
const EPOCHS: u32 = 16;
/// A measurement is as many trainings as last that long.
const MEASUREMENT: Duration = Duration::from_millis(50);

const RATE: Constant = checked!(Constant::new(0.01));

/// One network's training, to be measured again and again.
pub(super) struct Training {
    /// As firmware/src/nets.rs calls it.
    pub(super) net: &'static str,
    train: Box<dyn FnMut() -> Result<(), Error>>,
}

impl Training {
    fn new<const F: usize>(
        name: &'static str,
        topology: Topology<'static>,
        loss: impl Loss + Copy + 'static,
        optimizer: impl Optimizer + Copy + 'static,
        batch: u32,
        classes: u32,
    ) -> Result<Self, Error> {
        let mut features = vec![[0.0; F]; SAMPLES];
        let mut labels = vec![[0.0]; SAMPLES];
        random_data(&mut features, &mut labels, classes);
        let mut initial = vec![0.0; topology.param_len()];
        Init::GlorotUniform.fill(&topology, SEED, &mut initial)?;
        let mut params = initial.clone();
        let targets = loss.targets(topology.outputs());
        let mut workspace = vec![0.0; workspace_len(&topology, &optimizer, batch, targets)];
        let fit = Fit {
            topology,
            loss,
            optimizer,
            schedule: RATE,
            clock: Clock::Epoch,
            order: Sequential,
            batch,
            epochs: EPOCHS,
        };
        let train = move || {
            params.copy_from_slice(&initial);
            let data = Rows { features: &features[..], targets: &labels[..] };
            fit.start(&mut params, &mut workspace)?.run(&data, &Nothing)?;
            black_box(&params);
            Ok(())
        };
        Ok(Self { net: name, train: Box::new(train) })
    }

    /// The ns that a sample takes: forward, backward, and its share of the update.
    ///
    /// # Errors
    /// Those of [`microfit::Trainer::run`].
    pub(super) fn measure(&mut self) -> Result<f64, Error> {
        let (start, mut samples) = (Instant::now(), 0);
        loop {
            (self.train)()?;
            samples += EPOCHS as usize * SAMPLES;
            let passed = start.elapsed();
            if passed >= MEASUREMENT {
                return Ok(1e9 * passed.as_secs_f64() / samples as f64);
            }
        }
    }
}

/// Room for a whole batch.
fn workspace_len<O: Optimizer>(topology: &Topology, _: &O, batch: u32, targets: usize) -> usize {
    topology.workspace_len_for::<O>(batch as usize, targets)
}

/// All of them, warmed up.
///
/// # Errors
/// As [`Training::measure`].
pub(super) fn trainings() -> Result<[Training; 5], Error> {
    let momentum = const { checked!(Sgd::keras(0.9)) };
    let classes = SparseCategoricalCrossEntropy;
    let mut all = [
        Training::new::<34>("W1", W1, BinaryCrossEntropy, const { checked!(Sgd::keras(0.8)) }, W1_BATCH, 2)?,
        Training::new::<64>("W2", W2, classes, momentum, BATCH, 10)?,
        Training::new::<64>("W3", W2, classes, OnlineSgd, 1, 10)?,
        Training::new::<64>("deep", DEEP, classes, momentum, BATCH, 10)?,
        Training::new::<196>("wide", WIDE, classes, momentum, BATCH, 10)?,
    ];
    for training in &mut all {
        training.measure()?;
    }
    Ok(all)
}
