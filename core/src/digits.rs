//! The experiment on handwritten digits, as constants for the firmware and the simulator alike.

use crate::activation::{Relu, Softmax};
use crate::checked;
use crate::data::Sequential;
use crate::fit::{Clock, Fit};
use crate::init::Init;
use crate::layer::dense;
use crate::loss::SparseCategoricalCrossEntropy;
use crate::optimizer::Sgd;
use crate::schedule::{Cosine, torch};
use crate::topology::Topology;

/// 64-32-10, ReLU and softmax: 2,410 parameters.
pub const NET: Topology = Topology::new(64, &[dense(32, &Relu), dense(10, &Softmax)]);

const _: () = assert!(NET.train_bytes::<Sgd>() <= 22_000, "digits train in 22,000 bytes");

/// PyTorch's default.
pub const INIT: Init = Init::TorchLinear;

/// 5 epochs over the 600 [`Digits`](crate::data::Digits), in order, in batches of 32, momentum 0.9, the rate falling from 0.2
/// to 0 by a cosine over the 95 updates.
pub const fn experiment() -> Fit<'static, SparseCategoricalCrossEntropy, Sgd, Cosine, Sequential> {
    const RATE: Cosine = checked!(torch::cosine_annealing(0.2, 95, 0.0));
    const MOMENTUM: Sgd = checked!(Sgd::torch(0.9));
    Fit {
        topology: NET,
        loss: SparseCategoricalCrossEntropy,
        optimizer: MOMENTUM,
        schedule: RATE,
        clock: Clock::Update,
        order: Sequential,
        batch: 32,
        epochs: 5,
    }
}
