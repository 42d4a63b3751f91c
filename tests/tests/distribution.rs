//! Many seeds through the simulator give the distribution PyTorch gave (`bench_schedules.json`, 200 seeds).

use std::collections::BTreeMap;

use microfit_sim::commands::compare::{Compare, Distribution, FIRST_SEED, quantile};
use microfit_sim::commands::train::SplitArg;
use microfit_tests::golden::load;
use serde::Deserialize;

#[derive(Deserialize)]
struct Bench {
    seed_experiments: BTreeMap<String, Stats>,
}

#[derive(Deserialize)]
struct Stats {
    acc_median: f32,
    loss_median: Option<f32>,
    frac_at_least_115: Option<f32>,
}

/// The golden file's name of each experiment.
const NAMES: [(&str, &str); 4] = [
    ("time_based(0.1, 0.002), momentum 0.8", "seed: time-based lr 0.1, decay 0.002 per batch, mom 0.8"),
    ("constant(0.1), momentum 0.8", "constant 0.1, mom 0.8"),
    ("drop_based(0.1, 0.5, 10), momentum 0.9", "seed: drop-based 0.1 x0.5 per 10, mom 0.9"),
    ("constant(0.1), momentum 0.9", "constant 0.1, mom 0.9"),
];

fn compare(split: SplitArg, kind: &str, check: impl Fn(&str, &Distribution, &Stats)) {
    let bench: Bench = load("bench_schedules.json");
    let found = Compare { seeds: 200, first_seed: FIRST_SEED, split }.distributions().unwrap();
    for (ours, theirs) in NAMES {
        let found = found.iter().find(|found| found.name == ours).unwrap();
        let expected = &bench.seed_experiments[&format!("{theirs}, {kind}")];
        assert_eq!(found.accuracy.len(), 200);
        let median = quantile(&found.accuracy, 0.5);
        assert!((median - expected.acc_median).abs() < 0.01, "{ours}: median {median}, {}", expected.acc_median);
        let loss = quantile(&found.loss, 0.5);
        let expected_loss = expected.loss_median.unwrap();
        assert!((loss / expected_loss - 1.0).abs() < 0.1, "{ours}: median loss {loss}, {expected_loss}");
        check(ours, found, expected);
    }
}

#[test]
fn the_tutorials_split() {
    compare(SplitArg::Last, "last33", |name, found, expected| {
        let share = found.share_at_least(114.5 / 116.0);
        let expected = expected.frac_at_least_115.unwrap();
        println!("{name}: {share} at 115 of 116 or better, {expected} there");
        assert!((share - expected).abs() <= 0.05, "{name}: {share} at 115 of 116 or better, {expected} there");
    });
}

#[test]
fn a_stratified_split() {
    compare(SplitArg::Stratified, "random", |_, _, _| {});
}
