//! Every activation with every loss, with frozen layers, penalties and weights: the gradient against central differences of a
//! forward pass written out naively in f64, over random shapes; and without a gradient buffer the same bits.

use microfit::activation::{
    Activation, Elu, Gelu, GeluTanh, HardSigmoid, Kind, LeakyRelu, Linear, Relu, Selu, Sigmoid, Silu, Softmax,
    Softplus, Softsign, Tanh,
};
use microfit::data::{Nothing, Sequential};
use microfit::loss::{
    BinaryCrossEntropy, CategoricalCrossEntropy, ClassWeights, Hinge, Huber, Loss, MeanAbsoluteError, MeanSquaredError,
    Smoothed, SparseCategoricalCrossEntropy,
};
use microfit::optimizer::{OnlineSgd, Optimizer, Sgd};
use microfit::schedule::Constant;
use microfit::{Clock, Fit, Layer, Rng, Topology, dense, frozen};
use microfit_tests::truth::{self, mean_loss};
use proptest::prelude::*;

/// The first is for the last layer only.
const ACTIVATIONS: [&dyn Activation; 14] = [
    &Softmax,
    &Linear,
    &Relu,
    &LeakyRelu::TORCH,
    &Elu::DEFAULT,
    &Selu,
    &Sigmoid,
    &HardSigmoid,
    &Tanh,
    &Softsign,
    &Softplus,
    &Gelu,
    &GeluTanh,
    &Silu,
];

const SMOOTHING: f32 = 0.125;

/// Loss, what it is in f64, and what its targets are.
fn losses() -> Vec<(Box<dyn Loss>, truth::Loss, Targets)> {
    use truth::Loss as Truth;
    let smoothing = f64::from(SMOOTHING);
    vec![
        (Box::new(MeanSquaredError), Truth::MeanSquaredError, Targets::Numbers),
        (Box::new(MeanAbsoluteError), Truth::MeanAbsoluteError, Targets::Numbers),
        (Box::new(Huber::new(0.5).unwrap()), Truth::Huber(0.5), Targets::Numbers),
        (Box::new(Hinge), Truth::Hinge, Targets::Signs),
        (Box::new(BinaryCrossEntropy), Truth::BinaryCrossEntropy(0.0), Targets::Fractions),
        (
            Box::new(Smoothed::new(BinaryCrossEntropy, SMOOTHING).unwrap()),
            Truth::BinaryCrossEntropy(smoothing),
            Targets::Fractions,
        ),
        (Box::new(CategoricalCrossEntropy), Truth::CategoricalCrossEntropy(0.0), Targets::OneHot),
        (
            Box::new(Smoothed::new(CategoricalCrossEntropy, SMOOTHING).unwrap()),
            Truth::CategoricalCrossEntropy(smoothing),
            Targets::OneHot,
        ),
        (Box::new(SparseCategoricalCrossEntropy), Truth::SparseCategoricalCrossEntropy(0.0), Targets::Label),
        (
            Box::new(Smoothed::new(SparseCategoricalCrossEntropy, SMOOTHING).unwrap()),
            Truth::SparseCategoricalCrossEntropy(smoothing),
            Targets::Label,
        ),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Targets {
    Numbers,
    Fractions,
    Signs,
    OneHot,
    Label,
}

impl Targets {
    fn draw(self, outputs: usize, rng: &mut Rng) -> Vec<f32> {
        let class = rng.below(outputs as u32);
        let mut each = |value: &dyn Fn(&mut Rng) -> f32| (0..outputs).map(|_| value(rng)).collect();
        match self {
            Self::Numbers => each(&|rng| 2.0 * rng.unit() - 1.0),
            Self::Fractions => each(&Rng::unit),
            Self::Signs => each(&|rng| if rng.below(2) == 0 { -1.0 } else { 1.0 }),
            Self::OneHot => (0..outputs as u32).map(|u| if u == class { 1.0 } else { 0.0 }).collect(),
            Self::Label => vec![class as f32],
        }
    }
}

/// Any number of samples, each with its weight.
struct Samples {
    features: Vec<Vec<f32>>,
    targets: Vec<Vec<f32>>,
    weights: Vec<f32>,
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

    fn weight(&self, index: usize) -> f32 {
        self.weights[index]
    }

    fn read(&self, index: usize, features: &mut [f32], target: &mut [f32]) -> Result<(), microfit::Error> {
        features.copy_from_slice(&self.features[index]);
        target.copy_from_slice(&self.targets[index]);
        Ok(())
    }
}

/// One update at rate 1 without momentum: the parameters after it, and the workspace.
fn update<L: Loss, O: Optimizer>(
    topology: Topology,
    loss: L,
    optimizer: O,
    params: &[f32],
    samples: &Samples,
) -> (Vec<f32>, Vec<f32>) {
    let mut workspace = vec![0.0; topology.workspace_len::<O>()];
    let mut after = params.to_vec();
    let fit = Fit {
        topology,
        loss,
        optimizer,
        schedule: Constant::new(1.0).unwrap(),
        clock: Clock::Update,
        order: Sequential,
        batch: samples.features.len() as u32,
        epochs: 1,
    };
    fit.start(&mut after, &mut workspace).unwrap().run(samples, &Nothing).unwrap();
    (after, workspace)
}

struct Case<'a> {
    inputs: u16,
    widths: &'a [u16],
    /// Of the hidden layers; the last one's is the last.
    activations: &'a [usize],
    loss: usize,
    /// Which layers are frozen, by bit; the last never is.
    frozen: u32,
    penalty: (f32, f32),
    weighted: bool,
    n: usize,
    seed: u32,
}

impl Case<'_> {
    /// Whether something was compared: not where a kink is within reach of the differences, or of f32.
    fn check(&self) -> bool {
        let (loss, truth, targets) = losses().swap_remove(self.loss);
        let mut rng = Rng::new(self.seed);
        let outputs = usize::from(*self.widths.last().unwrap());
        let mut draw = |n: usize| (0..n).map(|_| 2.0 * rng.unit() - 1.0).collect::<Vec<f32>>();
        let mut fan_in = usize::from(self.inputs);
        let mut blocks = Vec::new();
        for &units in self.widths {
            blocks.push(draw(usize::from(units) * (fan_in + 1)));
            fan_in = units.into();
        }
        let features: Vec<_> = (0..self.n).map(|_| draw(self.inputs.into())).collect();
        let weights = (0..self.n).map(|_| if self.weighted { 2.0 * rng.unit() } else { 1.0 }).collect();
        let targets = (0..self.n).map(|_| targets.draw(outputs, &mut rng)).collect();
        let samples = Samples { features, targets, weights };

        let is_frozen = |k: usize| k + 1 < blocks.len() && self.frozen >> k & 1 == 1;
        let layers: Vec<Layer> = (0..blocks.len())
            .map(|k| {
                let activation = ACTIVATIONS[self.activations[k]];
                let layer = if is_frozen(k) {
                    frozen(self.widths[k], activation, &blocks[k])
                } else {
                    dense(self.widths[k], activation)
                };
                let (l1, l2) = self.penalty;
                if l1 + l2 > 0.0 { layer.l1(l1).l2(l2) } else { layer }
            })
            .collect();
        let topology = Topology::try_new(self.inputs, &layers).unwrap();
        if loss.input(ACTIVATIONS[*self.activations.last().unwrap()]).is_err() {
            return false;
        }
        let params: Vec<f32> = (0..blocks.len()).filter(|&k| !is_frozen(k)).flat_map(|k| blocks[k].clone()).collect();
        assert_eq!(params.len(), topology.param_len());

        let wide: Vec<f64> = blocks.iter().flatten().map(|&p| f64::from(p)).collect();
        // Which parameters are trained, and which of them are weights.
        let mut fan_in = usize::from(self.inputs);
        let mut kinds = Vec::new();
        for (k, block) in blocks.iter().enumerate() {
            let weights = block.len() - usize::from(self.widths[k]);
            kinds.extend((0..block.len()).map(|at| (!is_frozen(k), at < weights)));
            fan_in = self.widths[k].into();
        }
        assert_eq!(fan_in, outputs);
        let penalty = |params: &[f64]| {
            let of = |w: f64| f64::from(self.penalty.0) * w.abs() + f64::from(self.penalty.1) * w * w;
            params.iter().zip(&kinds).filter(|(_, (_, weight))| *weight).map(|(&w, _)| of(w)).sum::<f64>()
        };
        let mean = |params: &[f64]| {
            let rows = samples.features.iter().zip(&samples.targets).zip(&samples.weights);
            let rows = rows.map(|((x, y), &weight)| (x.clone(), y.clone(), f64::from(weight)));
            mean_loss(&topology, truth, params, rows)
        };
        if mean(&wide).1 < 1e-4 {
            return false;
        }

        let (after, workspace) = update(topology, &*loss, Sgd::torch(0.0).unwrap(), &params, &samples);
        // With momentum 0 the state array, which stands first in the workspace, is the gradient itself.
        let gradient = &workspace[..params.len()];
        for ((before, after), gradient) in params.iter().zip(&after).zip(gradient) {
            assert_eq!(before - gradient, *after);
        }
        let h = 1e-6;
        let trained = kinds.iter().enumerate().filter(|(_, (trained, _))| *trained).map(|(at, _)| at);
        for (at, &found) in trained.zip(gradient) {
            if wide[at].abs() < 1e-4 && self.penalty.0 > 0.0 {
                continue; // the kink of |w|
            }
            let moved = |offset: f64| {
                let mut moved = wide.clone();
                moved[at] += offset;
                mean(&moved).0 + penalty(&moved)
            };
            let expected = (moved(h) - moved(-h)) / (2.0 * h);
            let tolerance = 1e-5 * (1.0 + expected.abs());
            assert!(
                (f64::from(found) - expected).abs() < tolerance,
                "parameter {at}: expected {expected}, found {found}; {topology:?}, {truth:?}"
            );
        }
        if self.n == 1 && self.penalty == (0.0, 0.0) {
            // Without a gradient the same bits.
            let (online, _) = update(topology, &*loss, OnlineSgd, &params, &samples);
            let (kept, _) = update(topology, &*loss, Sgd::keras(0.0).unwrap(), &params, &samples);
            assert_eq!(bits(&online), bits(&kept), "{topology:?}, {truth:?}");
        }
        true
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn agree_with_central_differences(
        inputs in 1..9_u16,
        widths in prop::collection::vec(1..9_u16, 1..4),
        hidden in prop::array::uniform3(1..ACTIVATIONS.len()),
        last in 0..ACTIVATIONS.len(),
        loss in 0..10_usize,
        frozen in 0..8_u32,
        penalty in prop::option::of((0.0..0.1_f32, 0.0..0.1_f32)),
        weighted in any::<bool>(),
        n in prop_oneof![Just(1_usize), 1..11_usize],
        seed in any::<u32>(),
    ) {
        let mut activations = hidden[..widths.len()].to_vec();
        // A cross-entropy stands behind its own activation, or computes it.
        *activations.last_mut().unwrap() = match loss {
            4 | 5 => [position(Kind::Sigmoid), position(Kind::Linear)][last % 2],
            6..10 => [position(Kind::Softmax), position(Kind::Linear)][last % 2],
            _ => last,
        };
        let penalty = penalty.unwrap_or_default();
        Case { inputs, widths: &widths, activations: &activations, loss, frozen, penalty, weighted, n, seed }.check();
    }
}

fn position(kind: Kind) -> usize {
    ACTIVATIONS.iter().position(|activation| activation.kind() == kind).unwrap()
}

/// The property test may miss a pair; this does not.
#[test]
fn every_activation_with_every_loss() {
    let mut pairs = 0;
    for loss in 0..losses().len() {
        for hidden in 1..ACTIVATIONS.len() {
            for last in 0..ACTIVATIONS.len() {
                let compared = (0..4).filter(|&seed| {
                    let n = if seed == 0 { 1 } else { 7 };
                    let activations = &[hidden, hidden, last];
                    let case = Case {
                        inputs: 5,
                        widths: &[6, 4, 3],
                        activations,
                        loss,
                        frozen: seed & 1,
                        penalty: (0.0, 0.0),
                        weighted: seed > 1,
                        n,
                        seed,
                    };
                    case.check()
                });
                pairs += usize::from(compared.count() > 0);
            }
        }
    }
    // Four losses behind any activation, two behind sigmoid or nothing, four behind softmax or nothing.
    assert_eq!(pairs, 13 * (4 * 14 + 2 * 2 + 4 * 2));
}

/// A class's weight is that of each of its samples.
#[test]
fn class_weights_are_sample_weights() {
    let layers = [dense(4, &Tanh), dense(3, &Softmax)];
    let topology = Topology::try_new(2, &layers).unwrap();
    let params: Vec<f32> = (0..topology.param_len()).map(|k| (k as f32 * 0.37).sin()).collect();
    let targets = vec![vec![0.0], vec![2.0], vec![1.0], vec![2.0]];
    let features: Vec<Vec<f32>> = (0..4).map(|k| vec![k as f32 * 0.5, 1.0 - k as f32]).collect();
    let by_class = [0.5, 1.0, 2.0];
    let weights = targets.iter().map(|target| by_class[target[0] as usize]).collect();
    let weighted = Samples { features: features.clone(), targets: targets.clone(), weights };
    let plain = Samples { features, targets, weights: vec![1.0; 4] };
    let sgd = Sgd::keras(0.0).unwrap();
    let loss = ClassWeights::new(SparseCategoricalCrossEntropy, &by_class).unwrap();
    let (a, _) = update(topology, loss, sgd, &params, &plain);
    let (b, _) = update(topology, SparseCategoricalCrossEntropy, sgd, &params, &weighted);
    assert_eq!(bits(&a), bits(&b));
}
