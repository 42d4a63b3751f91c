//! What is trained, written out naively in f64: activations, losses, and a network's mean loss.

use microfit::activation::Kind;
use microfit::{Layer, Topology};

/// Klambauer et al.'s constants.
pub const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

/// `1 / (1 + exp(-z))`.
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The normal distribution's cumulative function.
pub fn phi(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// An activation's value; leaky ReLU and ELU with PyTorch's defaults.
///
/// # Panics
/// For softmax, which is no function of one sum.
pub fn activation(kind: Kind, z: f64) -> f64 {
    match kind {
        Kind::Linear => z,
        Kind::Relu => z.max(0.0),
        Kind::LeakyRelu => {
            if z > 0.0 {
                z
            } else {
                0.01 * z
            }
        }
        Kind::Elu => {
            if z > 0.0 {
                z
            } else {
                z.exp_m1()
            }
        }
        Kind::Selu => {
            if z > 0.0 {
                SELU.0 * z
            } else {
                SELU.0 * SELU.1 * z.exp_m1()
            }
        }
        Kind::Sigmoid => sigmoid(z),
        Kind::HardSigmoid => (z / 6.0 + 0.5).clamp(0.0, 1.0),
        Kind::Tanh => z.tanh(),
        Kind::Softsign => z / (1.0 + z.abs()),
        Kind::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
        Kind::Gelu => z * phi(z),
        Kind::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            0.5 * z * (1.0 + (root * (z + 0.044_715 * z * z * z)).tanh())
        }
        Kind::Silu => z * sigmoid(z),
        other => panic!("{other:?} is no function of one sum"),
    }
}

/// How far a sum is from where the activation's derivative jumps.
pub fn distance_to_kink(kind: Kind, z: f64) -> f64 {
    match kind {
        Kind::Relu | Kind::LeakyRelu | Kind::Selu => z.abs(),
        Kind::HardSigmoid => (z.abs() - 3.0).abs(),
        _ => f64::INFINITY,
    }
}

/// A loss, with label smoothing where it takes part.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // microfit's own names
pub enum Loss {
    BinaryCrossEntropy(f64),
    MeanSquaredError,
    MeanAbsoluteError,
    Huber(f64),
    Hinge,
    CategoricalCrossEntropy(f64),
    SparseCategoricalCrossEntropy(f64),
}

impl Loss {
    /// The loss of one sample's outputs, and the distance to where its derivative jumps. `linear` are outputs without their
    /// activation, which a cross-entropy takes for logits.
    pub fn value(self, outputs: &[f64], targets: &[f32], linear: bool) -> (f64, f64) {
        let n = outputs.len() as f64;
        let pairs = || outputs.iter().zip(targets).map(|(&y, &t)| (y, f64::from(t)));
        let errors = || pairs().map(|(y, t)| (y - t).abs());
        let nearest = |distances: &mut dyn Iterator<Item = f64>| distances.fold(f64::INFINITY, f64::min);
        match self {
            Self::MeanSquaredError => (errors().map(|e| e * e).sum::<f64>() / n, f64::INFINITY),
            Self::MeanAbsoluteError => (errors().sum::<f64>() / n, nearest(&mut errors())),
            Self::Huber(delta) => {
                let of = |e: f64| if e <= delta { 0.5 * e * e } else { delta * (e - 0.5 * delta) };
                (errors().map(of).sum::<f64>() / n, f64::INFINITY)
            }
            Self::Hinge => {
                let margins = || pairs().map(|(y, t)| 1.0 - y * if t > 0.0 { 1.0 } else { -1.0 });
                (margins().map(|m| m.max(0.0)).sum::<f64>() / n, nearest(&mut margins().map(f64::abs)))
            }
            Self::BinaryCrossEntropy(smoothing) => {
                let of = |(y, t): (f64, f64)| {
                    let (p, t) = (if linear { sigmoid(y) } else { y }, t * (1.0 - smoothing) + 0.5 * smoothing);
                    -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
                };
                (pairs().map(of).sum::<f64>() / n, f64::INFINITY)
            }
            Self::CategoricalCrossEntropy(smoothing) | Self::SparseCategoricalCrossEntropy(smoothing) => {
                let sparse = matches!(self, Self::SparseCategoricalCrossEntropy(_));
                let probabilities = if linear { softmax(outputs) } else { outputs.to_vec() };
                let target =
                    |u: usize| f64::from(if sparse { f32::from(u8::from(targets[0] == u as f32)) } else { targets[u] });
                let of = |(u, p): (usize, &f64)| -(target(u) * (1.0 - smoothing) + smoothing / n) * p.ln();
                (probabilities.iter().enumerate().map(of).sum(), f64::INFINITY)
            }
        }
    }
}

fn softmax(sums: &[f64]) -> Vec<f64> {
    let total: f64 = sums.iter().map(|z| z.exp()).sum();
    sums.iter().map(|z| z.exp() / total).collect()
}

/// Mean loss over the samples, each times its weight, without penalties, and the smallest distance of anything in it from
/// where its derivative jumps. `params` are those of all layers, frozen or not.
pub fn mean_loss(
    topology: &Topology,
    loss: Loss,
    params: &[f64],
    samples: impl Iterator<Item = (Vec<f32>, Vec<f32>, f64)>,
) -> (f64, f64) {
    let (mut total, mut margin, mut count) = (0.0, f64::INFINITY, 0.0);
    for (features, targets, weight) in samples {
        let mut values: Vec<f64> = features.iter().map(|&x| f64::from(x)).collect();
        let mut at = 0;
        let mut last = Kind::Linear;
        for layer in topology.layers() {
            let (weights, biases) = params[at..].split_at(layer.units() * values.len());
            let sums: Vec<f64> = (0..layer.units())
                .map(|u| {
                    let row = &weights[u * values.len()..][..values.len()];
                    biases[u] + row.iter().zip(&values).map(|(w, x)| w * x).sum::<f64>()
                })
                .collect();
            at += Layer::units(layer) * (values.len() + 1);
            last = layer.activation().kind();
            margin = sums.iter().fold(margin, |m, &z| m.min(distance_to_kink(last, z)));
            values = match last {
                Kind::Softmax => softmax(&sums),
                kind => sums.iter().map(|&z| activation(kind, z)).collect(),
            };
        }
        let (value, distance) = loss.value(&values, &targets, last == Kind::Linear);
        margin = margin.min(distance);
        total += weight * value;
        count += 1.0;
    }
    (total / count, margin)
}
