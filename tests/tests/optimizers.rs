//! Every recorded optimizer of PyTorch, Keras and optax: gradients and rates in, weights out; and one that is none of theirs.
//!
//! Reads `optimizers.json` from the folder in `MICROFIT_GOLDEN`, or from `golden/`. An unknown optimizer or argument fails.

use microfit::activation::{Linear, Relu};
use microfit::data::{Nothing, Rows, Sequential};
use microfit::loss::MeanSquaredError;
use microfit::optimizer::{Accumulation, Gather, Optimizer, Update, Variables, descend};
use microfit::schedule::Constant;
use microfit::{Clock, Fit, Topology, dense};
use microfit_tests::golden::load;
use microfit_tests::optimizers::{With, build};
use microfit_tests::params::Params;
use serde::Deserialize;

/// Weights against the library's f64 run, after every step.
const WEIGHT: f64 = 5e-6;

#[derive(Deserialize)]
struct Golden {
    w0: Vec<f64>,
    sizes: Vec<usize>,
    grads: Vec<Vec<f64>>,
    lr: Vec<f64>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: String,
    library: String,
    name: String,
    params: serde_json::Value,
    w: Vec<Vec<f64>>,
}

struct Steps<'a> {
    golden: &'a Golden,
    run: &'a Run,
    worst: &'a mut f64,
}

impl With for Steps<'_> {
    fn with<O: Optimizer>(self, optimizer: O) {
        let Golden { w0, sizes, grads, lr, .. } = self.golden;
        let mut params: Vec<f32> = w0.iter().map(|&w| w as f32).collect();
        let state_len = O::STATE_PER_PARAM * params.len() + O::STATE_SCALARS;
        // What stands behind the state is not touched.
        let mut state = vec![0.0; state_len];
        state.push(f32::NAN);
        for (step, ((gradient, &rate), expected)) in (0..).zip(grads.iter().zip(lr).zip(&self.run.w)) {
            let update = Update { step, age: step, rate: rate as f32, momentum: None, samples: 1 };
            let gradient: Vec<f32> = gradient.iter().map(|&g| g as f32).collect();
            let variables = Variables::with_lengths(sizes);
            descend(&optimizer, &update, &variables, &mut params, &gradient, &mut state[..state_len]);
            for (&found, &expected) in params.iter().zip(expected) {
                let difference = (f64::from(found) - expected).abs();
                assert!(difference.is_finite(), "{}: step {step}: found {found}", self.run.id);
                *self.worst = self.worst.max(difference);
            }
        }
        assert!(state.pop().is_some_and(f32::is_nan));
        assert_eq!(self.run.w.len(), grads.len());
    }
}

#[test]
fn make_the_libraries_steps() {
    let golden: Golden = load("optimizers.json");
    assert!(!golden.runs.is_empty());
    let mut failures = Vec::new();
    for run in &golden.runs {
        let params = Params::new(&run.params);
        let mut worst = 0.0;
        build(&run.library, &run.name, &params, Steps { golden: &golden, run, worst: &mut worst });
        params.all_used(&run.id);
        println!("{}: weights within {worst:.1e}", run.id);
        if worst > WEIGHT {
            failures.push(format!("{} {}: {worst:e}", run.id, run.params));
        }
    }
    println!("{} cases", golden.runs.len());
    assert!(failures.is_empty(), "weights differ by more than {WEIGHT:e}:\n{}", failures.join("\n"));
}

/// An optimizer that leaves -0.0 in what the gradient is gathered in, and has all of it kept.
struct Turning;

impl Optimizer for Turning {
    const GATHER: Gather = Gather::InMomentum;
    const STATE_PER_PARAM: usize = 1;

    fn accumulation(&self, _update: &Update) -> Accumulation {
        Accumulation { keep: 1.0, decay: 0.0, scale: 1.0 }
    }

    fn apply(&self, update: &Update, _variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        for (param, state) in params.iter_mut().zip(state) {
            *param -= update.rate * state.signum();
            *state = -*state;
        }
    }
}

/// The unit that is off adds nothing to what was kept, on any kernels.
#[test]
fn what_is_kept_is_never_a_negative_zero() {
    let layers = [dense(2, &Relu), dense(1, &Linear)];
    let topology = Topology::new(1, &layers);
    let mut params = [1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let mut workspace = vec![0.0; topology.workspace_len::<Turning>()];
    let (clock, order) = (Clock::Update, Sequential);
    let schedule = Constant::new(0.125).unwrap();
    let fit = Fit { topology, loss: MeanSquaredError, optimizer: Turning, schedule, clock, order, batch: 1, epochs: 2 };
    let data = Rows { features: &[[1.0]], targets: &[[0.5]] };
    fit.start(&mut params, &mut workspace).unwrap().run(&data, &Nothing).unwrap();
    assert_eq!(params, [1.0, -1.25, 0.0, -0.25, 1.0, 0.75, 0.0]);
}
