//! The experiments microfit began from, as constants for the firmware and the simulator alike.
//!
//! The tutorial *Using Learning Rate Schedules for Deep Learning Models with Keras* trains a 34-34-1 network on UCI
//! Ionosphere: ReLU and sigmoid, weights from a normal distribution, binary cross-entropy, batches of 28, 50 epochs,
//! the last 33% of the rows for validation.

use crate::activation::{Relu, Sigmoid};
use crate::checked;
use crate::data::{Ionosphere, Shuffle, Window, holdout};
use crate::error::Error;
use crate::fit::{Clock, Fit};
use crate::init::Init;
use crate::layer::dense;
use crate::loss::BinaryCrossEntropy;
use crate::optimizer::{OnlineSgd, Sgd};
use crate::schedule::{Constant, DropBased, Schedule, TimeBased};
use crate::topology::Topology;

/// 34-34-1, ReLU and sigmoid: 1,225 parameters.
pub const NET: Topology = Topology::new(34, &[dense(34, &Relu), dense(1, &Sigmoid)]);

const _: () = assert!(NET.train_bytes::<Sgd>() <= 11_000, "with momentum the tutorial's net trains in 11,000 bytes");
const _: () = assert!(NET.train_bytes::<OnlineSgd>() <= 5_700, "in batches of one, without it, in 5,700");

/// Keras 1's `init="normal"`.
pub const INIT: Init = Init::Normal { stddev: 0.05 };

/// The share of rows, from the end, that the tutorial validates on.
pub const VALIDATION: f64 = 0.33;

/// One of the tutorial's runs.
pub type Experiment<S> = Fit<'static, BinaryCrossEntropy, Sgd, S, Shuffle>;

/// Time-based decay: rate 0.1, decay 0.1 / 50 an **update**, momentum 0.8.
pub const fn time_based(seed: u32) -> Experiment<TimeBased> {
    const RATE: TimeBased = checked!(TimeBased::new(0.1, 0.002));
    const MOMENTUM: Sgd = checked!(Sgd::keras(0.8));
    experiment(RATE, Clock::Update, MOMENTUM, seed)
}

/// Drop-based decay: rate 0.1, halved every 10 epochs, momentum 0.9.
pub const fn drop_based(seed: u32) -> Experiment<DropBased> {
    const RATE: DropBased = checked!(DropBased::new(0.1, 0.5, 10.0));
    experiment(RATE, Clock::Epoch, MOMENTUM, seed)
}

/// What both are to be compared with: rate 0.1, momentum 0.9.
pub const fn constant(seed: u32) -> Experiment<Constant> {
    const RATE: Constant = checked!(Constant::new(0.1));
    experiment(RATE, Clock::Update, MOMENTUM, seed)
}

const MOMENTUM: Sgd = checked!(Sgd::keras(0.9));

const fn experiment<S: Schedule + Copy>(schedule: S, clock: Clock, optimizer: Sgd, seed: u32) -> Experiment<S> {
    Fit {
        topology: NET,
        loss: BinaryCrossEntropy,
        optimizer,
        schedule,
        clock,
        order: Shuffle::new(seed),
        batch: 28,
        epochs: 50,
    }
}

/// The tutorial's split: the first 235 rows and the last 116, which are 107 good to 9 bad.
///
/// # Errors
/// None with this dataset.
pub fn split() -> Result<(Window<Ionosphere>, Window<Ionosphere>), Error> {
    holdout(Ionosphere, VALIDATION)
}
