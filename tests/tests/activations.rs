//! Activations and their derivatives: against the recorded values of PyTorch, and against f64 over a dense grid, within the
//! errors that the documentation of `microfit::activation` states.
//!
//! `cargo test -p microfit-tests --test activations -- --nocapture` prints the table.

use microfit::activation::{
    Activation, Elu, Gelu, GeluTanh, HardSigmoid, LeakyRelu, Linear, Relu, Selu, Sigmoid, Silu, Slope, Softplus,
    Softsign, Tanh,
};
use microfit_tests::golden::{Misc, activation, load};
use microfit_tests::truth::{SELU, phi, sigmoid};

/// A row of the documentation's table: the value's error in ulp, the derivative's in 2^-24, and in ulp.
struct Stated {
    name: &'static str,
    activation: &'static dyn Activation,
    truth: fn(f64) -> (f64, f64),
    value_ulp: f64,
    slope: f64,
    slope_ulp: f64,
}

/// The derivative is not held to ulp: it is small where the output has lost its digits.
const ABSOLUTE: f64 = f64::INFINITY;

fn gelu_inner(z: f64) -> (f64, f64) {
    let root = (2.0 / std::f64::consts::PI).sqrt();
    (2.0 * root * (z + 0.044_715 * z * z * z), 2.0 * root * (1.0 + 3.0 * 0.044_715 * z * z))
}

fn stated() -> Vec<Stated> {
    let row = |name, activation, truth, [value_ulp, slope, slope_ulp]: [f64; 3]| Stated {
        name,
        activation,
        truth,
        value_ulp,
        slope,
        slope_ulp,
    };
    vec![
        row("linear", &Linear, |z| (z, 1.0), [0.0, 0.0, 0.0]),
        row("ReLU", &Relu, |z| (z.max(0.0), if z > 0.0 { 1.0 } else { 0.0 }), [0.0, 0.0, 0.0]),
        row("leaky ReLU", &LeakyRelu::TORCH, |z| if z > 0.0 { (z, 1.0) } else { (0.01 * z, 0.01) }, [1.0, 0.1, 0.4]),
        row(
            "hard sigmoid",
            &HardSigmoid,
            |z| ((z / 6.0 + 0.5).clamp(0.0, 1.0), if z.abs() < 3.0 { 1.0 / 6.0 } else { 0.0 }),
            [1.0, 0.1, 0.4],
        ),
        row("sigmoid", &Sigmoid, |z| (sigmoid(z), sigmoid(z) * sigmoid(-z)), [2.5, 1.5, ABSOLUTE]),
        row("tanh", &Tanh, |z| (z.tanh(), 1.0 / z.cosh().powi(2)), [2.2, 2.0, ABSOLUTE]),
        row("softsign", &Softsign, |z| (z / (1.0 + z.abs()), (1.0 + z.abs()).powi(-2)), [1.5, 2.0, ABSOLUTE]),
        row("softplus", &Softplus, |z| (z.exp().ln_1p(), sigmoid(z)), [1.7, 1.3, 2.4]),
        row("ELU", &Elu::DEFAULT, |z| if z > 0.0 { (z, 1.0) } else { (z.exp_m1(), z.exp()) }, [0.8, 0.8, ABSOLUTE]),
        row(
            "SELU",
            &Selu,
            |z| {
                let alpha = SELU.0 * SELU.1;
                if z > 0.0 { (SELU.0 * z, SELU.0) } else { (alpha * z.exp_m1(), alpha * z.exp()) }
            },
            [1.9, 2.5, ABSOLUTE],
        ),
        row("SiLU", &Silu, |z| (z * sigmoid(z), sigmoid(z) * (1.0 + z * sigmoid(-z))), [3.4, 3.8, ABSOLUTE]),
        row(
            "GELU",
            &Gelu,
            |z| {
                let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
                (z * phi(z), phi(z) + z * density)
            },
            [200.0, 2.5, ABSOLUTE],
        ),
        row(
            "GELU, tanh",
            &GeluTanh,
            |z| {
                let (x, slope) = gelu_inner(z);
                (z * sigmoid(x), sigmoid(x) + z * sigmoid(x) * sigmoid(-x) * slope)
            },
            [240.0, 3.8, ABSOLUTE],
        ),
    ]
}

fn value(f: &dyn Activation, z: f32) -> f32 {
    let mut values = [z];
    f.apply(&mut values, 1);
    values[0]
}

fn slope(f: &dyn Activation, z: f32) -> f32 {
    let mut values = [if f.slope() == Slope::OfSum { z } else { value(f, z) }];
    f.differentiate(&mut values);
    values[0]
}

/// The distance of neighbouring f32 at that value, at least that of the smallest normal one.
fn ulp(truth: f64) -> f64 {
    let nearest = (truth.abs() as f32).max(f32::MIN_POSITIVE);
    f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest)
}

fn in_ulp(found: f32, truth: f64) -> f64 {
    let error = (f64::from(found) - truth).abs();
    if error == 0.0 { 0.0 } else { error / ulp(truth) }
}

/// Where one of them is off most, of all f32 from -30 to 30 (of the GELUs' every thirteenth).
const WORST: [f32; 10] = [
    -4.157_294,
    0.233_295_62,
    0.645_945_1,
    0.566_251_1,
    -0.325_302_12,
    -7.577_998,
    2.071_217,
    -13.095_51,
    0.954_464_44,
    -9.471_01,
];

const UNIT: f64 = 1.0 / (1 << 24) as f64;

#[test]
fn are_as_exact_as_stated() {
    let mut failures = Vec::new();
    println!("| | value, ulp | derivative, 2^-24 | derivative, ulp |");
    for of in stated() {
        let (mut values, mut slopes, mut slope_ulps) = (0.0_f64, 0.0_f64, 0.0_f64);
        // Not on a grid that floats like, and more of them where it is steep.
        let grid = (-300_000..=300_000).map(|k| if k % 3 == 0 { k as f32 * 1.000_1e-4 } else { k as f32 * 1.618e-5 });
        for z in grid.chain(WORST) {
            let (true_value, true_slope) = (of.truth)(f64::from(z));
            values = values.max(in_ulp(value(of.activation, z), true_value));
            let found = slope(of.activation, z);
            slopes = slopes.max((f64::from(found) - true_slope).abs() / UNIT);
            slope_ulps = slope_ulps.max(in_ulp(found, true_slope));
        }
        println!("| {} | {values:.2} | {slopes:.2} | {slope_ulps:.2} |", of.name);
        if values > of.value_ulp || slopes > of.slope || slope_ulps > of.slope_ulp {
            failures.push(of.name);
        }
    }
    assert!(failures.is_empty(), "less exact than stated: {failures:?}");
}

#[test]
fn are_the_recorded_ones() {
    let misc: Misc = load("train_misc.json");
    let stated = stated();
    assert!(!misc.activations.is_empty());
    for (name, table) in &misc.activations {
        let f = activation(name);
        let kind = f.kind();
        let bounds = stated.iter().find(|row| row.activation.kind() == kind).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((table.f.len(), table.df.len()), (misc.activation_x.len(), misc.activation_x.len()));
        for ((&x, &expected), &expected_slope) in misc.activation_x.iter().zip(&table.f).zip(&table.df) {
            // The nearest f32 to a point moves the value by its slope, and the slope by no more than as much.
            let moved = (f64::from(x as f32) - x).abs() * 2.0;
            let (found, found_slope) = (value(f, x as f32), slope(f, x as f32));
            let error = (f64::from(found) - expected).abs() - moved;
            assert!(error <= bounds.value_ulp * ulp(expected), "{name}({x}): expected {expected}, found {found}");
            let error = (f64::from(found_slope) - expected_slope).abs() - moved;
            let bound = bounds.slope * UNIT;
            assert!(error <= bound, "{name}'({x}): expected {expected_slope}, found {found_slope}");
        }
    }
}
