//! Every activation with every loss: the gradient against central differences of a forward pass written out naively in
//! f64, over random shapes.

use microfit::activation::{Activation, Kind, Linear, Relu, Sigmoid, Tanh};
use microfit::data::{Nothing, Sequential};
use microfit::loss::{BinaryCrossEntropy, Loss, MeanSquaredError};
use microfit::optimizer::Sgd;
use microfit::schedule::Constant;
use microfit::{Clock, Fit, Layer, Rng, Topology, dense};
use proptest::prelude::*;

const ACTIVATIONS: [&dyn Activation; 4] = [&Linear, &Relu, &Sigmoid, &Tanh];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Which {
    Bce,
    Mse,
}

/// Any number of samples with any number of targets.
struct Samples {
    features: Vec<Vec<f32>>,
    targets: Vec<Vec<f32>>,
}

impl microfit::data::Dataset for Samples {
    fn len(&self) -> usize {
        self.features.len()
    }

    fn features(&self) -> usize {
        self.features[0].len()
    }

    fn targets(&self) -> usize {
        self.targets[0].len()
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), microfit::Error> {
        features.copy_from_slice(&self.features[index]);
        target.copy_from_slice(&self.targets[index]);
        Ok(())
    }
}

fn apply(kind: Kind, z: f64) -> f64 {
    match kind {
        Kind::Linear => z,
        Kind::Relu => z.max(0.0),
        Kind::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Kind::Tanh => z.tanh(),
        other => panic!("{other:?}"),
    }
}

/// Mean loss over the samples, in f64, and the smallest distance of a ReLU's sum from its kink.
fn naive_loss(layers: &[Layer], which: Which, params: &[f64], samples: &Samples) -> (f64, f64) {
    let (mut total, mut margin) = (0.0, f64::INFINITY);
    for (features, targets) in samples.features.iter().zip(&samples.targets) {
        let mut values: Vec<f64> = features.iter().map(|&x| f64::from(x)).collect();
        let mut at = 0;
        for layer in layers {
            let (weights, biases) = params[at..].split_at(layer.units() * values.len());
            let sums: Vec<f64> = (0..layer.units())
                .map(|u| {
                    let row = &weights[u * values.len()..][..values.len()];
                    biases[u] + row.iter().zip(&values).map(|(w, x)| w * x).sum::<f64>()
                })
                .collect();
            at += layer.units() * (values.len() + 1);
            let kind = layer.activation().kind();
            if kind == Kind::Relu {
                margin = sums.iter().fold(margin, |m, z| m.min(z.abs()));
            }
            values = sums.iter().map(|&z| apply(kind, z)).collect();
        }
        let linear = layers.last().unwrap().activation().kind() == Kind::Linear;
        let losses = values.iter().zip(targets).map(|(&y, &t)| {
            let t = f64::from(t);
            match which {
                Which::Mse => (y - t) * (y - t),
                Which::Bce => {
                    let p = if linear { apply(Kind::Sigmoid, y) } else { y };
                    -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
                }
            }
        });
        total += losses.sum::<f64>() / values.len() as f64;
    }
    (total / samples.features.len() as f64, margin)
}

/// The gradient as training computes it: what one update at rate 1 without momentum subtracts.
fn trained_gradient<L: Loss>(topology: Topology, loss: L, params: &[f32], samples: &Samples) -> Vec<f32> {
    let mut workspace = vec![0.0; topology.workspace_len::<Sgd>()];
    let mut after = params.to_vec();
    let fit = Fit {
        topology,
        loss,
        optimizer: Sgd::torch(0.0).unwrap(),
        schedule: Constant::new(1.0).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: samples.features.len() as u32,
        epochs: 1,
    };
    fit.start(&mut after, &mut workspace).unwrap().run(samples, &Nothing).unwrap();
    // With momentum 0 the state array, which stands first in the workspace, is the gradient itself.
    workspace.truncate(params.len());
    for ((before, after), gradient) in params.iter().zip(&after).zip(&workspace) {
        assert_eq!(before - gradient, *after);
    }
    workspace
}

fn check(inputs: u16, widths: &[u16], activations: &[usize], last: usize, which: Which, n: usize, seed: u32) {
    let mut layers: Vec<Layer> =
        widths.iter().zip(activations).map(|(&units, &a)| dense(units, ACTIVATIONS[a])).collect();
    let outputs = *widths.last().unwrap();
    *layers.last_mut().unwrap() = dense(outputs, ACTIVATIONS[last]);
    let topology = Topology::try_new(inputs, &layers).unwrap();
    let mut rng = Rng::new(seed);
    let mut draw = |n: usize| (0..n).map(|_| 2.0 * rng.unit() - 1.0).collect::<Vec<f32>>();
    let params = draw(topology.param_len());
    let features = (0..n).map(|_| draw(inputs.into())).collect();
    let targets = (0..n).map(|_| draw(outputs.into()).iter().map(|t| t.abs()).collect()).collect();
    let samples = Samples { features, targets };

    let wide: Vec<f64> = params.iter().map(|&p| f64::from(p)).collect();
    let h = 1e-6;
    if naive_loss(&layers, which, &wide, &samples).1 < 1e-4 {
        return; // a ReLU's kink within reach of the differences, or of f32
    }
    let gradient = match which {
        Which::Bce => trained_gradient(topology, BinaryCrossEntropy, &params, &samples),
        Which::Mse => trained_gradient(topology, MeanSquaredError, &params, &samples),
    };
    for (k, &found) in gradient.iter().enumerate() {
        let at = |offset: f64| {
            let mut moved = wide.clone();
            moved[k] += offset;
            naive_loss(&layers, which, &moved, &samples).0
        };
        let expected = (at(h) - at(-h)) / (2.0 * h);
        let tolerance = 1e-5 * (1.0 + expected.abs());
        assert!((f64::from(found) - expected).abs() < tolerance, "parameter {k}: expected {expected}, found {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn agree_with_central_differences(
        inputs in 1..9_u16,
        widths in prop::collection::vec(1..9_u16, 1..4),
        activations in prop::array::uniform3(0..4_usize),
        last in 0..4_usize,
        bce in any::<bool>(),
        n in 1..11_usize,
        seed in any::<u32>(),
    ) {
        // Binary cross-entropy stands behind a sigmoid, or computes it.
        let (which, last) = if bce { (Which::Bce, [0, 2][last % 2]) } else { (Which::Mse, last) };
        check(inputs, &widths, &activations, last, which, n, seed);
    }
}

/// The property test may miss a pair; this does not.
#[test]
fn every_activation_with_every_loss() {
    for hidden in 0..4 {
        for last in 0..4 {
            for seed in 0..5 {
                check(5, &[6, 3], &[hidden, hidden], last, Which::Mse, 7, seed);
                if last % 2 == 0 {
                    check(5, &[6, 2], &[hidden, hidden], last, Which::Bce, 7, seed);
                }
            }
        }
    }
}
