//! burn as a rival of `microfit bench --host`: the training loop of burn's book on the Flex backend, one thread, f32.
//!
//! It prints `ready burn VERSION`, then answers each line `W1` or `W2` with the ns that a sample's training took.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::nn::loss::{BinaryCrossEntropyLoss, BinaryCrossEntropyLossConfig, CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};

/// Samples of an epoch.
const SAMPLES: usize = 224;
const RATE: f64 = 0.01;
/// As Cargo.toml pins it.
const VERSION: &str = "0.22.1 (Flex)";
/// Epochs of a training, which begins with fresh weights and no velocity.
const EPOCHS: usize = 16;
/// How long a measurement lasts at least.
const MEASUREMENT: Duration = Duration::from_millis(50);

/// Two dense layers, the second without its activation, which is in the loss.
#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    output: Linear,
}

impl Net {
    fn new(inputs: usize, hidden: usize, outputs: usize, device: &Device) -> Self {
        Self {
            hidden: LinearConfig::new(inputs, hidden).init(device),
            output: LinearConfig::new(hidden, outputs).init(device),
        }
    }

    fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        self.output.forward(relu(self.hidden.forward(features)))
    }
}

/// The loss, with what each batch is compared with.
enum Targets {
    Binary(BinaryCrossEntropyLoss, Vec<Tensor<2, Int>>),
    Classes(CrossEntropyLoss, Vec<Tensor<1, Int>>),
}

impl Targets {
    fn loss(&self, batch: usize, logits: Tensor<2>) -> Tensor<1> {
        match self {
            Self::Binary(loss, targets) => loss.forward(logits, targets[batch].clone()),
            Self::Classes(loss, targets) => loss.forward(logits, targets[batch].clone()),
        }
    }
}

/// A net, to be trained again and again.
struct Training {
    initial: Net,
    momentum: f64,
    features: Vec<Tensor<2>>,
    targets: Targets,
}

impl Training {
    fn w1(device: &Device) -> Self {
        let targets = batches::<34>(28, device)
            .map(|_| Tensor::<2>::random([28, 1], Distribution::Bernoulli(0.5), device).int())
            .collect();
        Self {
            initial: Net::new(34, 34, 1, device),
            momentum: 0.8,
            features: batches::<34>(28, device).collect(),
            targets: Targets::Binary(BinaryCrossEntropyLossConfig::new().with_logits(true).init(device), targets),
        }
    }

    fn w2(device: &Device) -> Self {
        let targets = batches::<64>(32, device)
            .map(|_| Tensor::<1, Int>::random([32], Distribution::Uniform(0.0, 10.0), device))
            .collect();
        Self {
            initial: Net::new(64, 32, 10, device),
            momentum: 0.9,
            features: batches::<64>(32, device).collect(),
            targets: Targets::Classes(CrossEntropyLossConfig::new().init(device), targets),
        }
    }

    fn train(&self) -> Net {
        let mut net = self.initial.clone();
        let mut optimizer = sgd(self.momentum);
        for _ in 0..EPOCHS {
            for (batch, features) in self.features.iter().enumerate() {
                let loss = self.targets.loss(batch, net.forward(features.clone()));
                let gradients = GradientsParams::from_grads(loss.backward(), &net);
                net = optimizer.step(RATE, net, gradients);
            }
        }
        net
    }

    /// The ns that a sample takes, in as many trainings as last long enough.
    fn measure(&self) -> f64 {
        let start = Instant::now();
        let mut samples = 0;
        while start.elapsed() < MEASUREMENT {
            black_box(self.train());
            samples += EPOCHS * SAMPLES;
        }
        start.elapsed().as_nanos() as f64 / samples as f64
    }
}

/// The epoch's batches of `batch` samples with `F` features.
fn batches<const F: usize>(batch: usize, device: &Device) -> impl Iterator<Item = Tensor<2>> {
    let device = device.clone();
    (0..SAMPLES / batch).map(move |_| Tensor::random([batch, F], Distribution::Uniform(-1.0, 1.0), &device))
}

/// With momentum as PyTorch has it, without dampening.
fn sgd(momentum: f64) -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(momentum).with_dampening(0.0);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

fn main() -> io::Result<()> {
    let device = Device::flex().autodiff();
    let (w1, w2) = (Training::w1(&device), Training::w2(&device));
    w1.measure();
    w2.measure();
    let mut out = io::stdout().lock();
    writeln!(out, "ready burn {VERSION}")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let ns = match line?.as_str() {
            "W1" => w1.measure(),
            "W2" => w2.measure(),
            other => return Err(io::Error::other(format!("expected W1 or W2, found {other}"))),
        };
        writeln!(out, "{ns:.1}")?;
        out.flush()?;
    }
    Ok(())
}
