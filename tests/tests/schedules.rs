//! Every recorded learning-rate trace of Keras, PyTorch, optax, transformers and timm, in every f32 bit.
//!
//! Reads `schedules_shared.json` from the directory in `MICROFIT_GOLDEN`, or from `golden/` beside this package's
//! manifest, and builds each schedule by its named constructor from the trace's own parameters. An unknown class or
//! parameter fails. Where the library raises there is nothing to compare; these places are printed
//! (`cargo test -- --nocapture`), as are traces of random jitter.

#[path = "golden_schedules/build.rs"]
mod build;
#[path = "golden_schedules/python.rs"]
mod python;

use microfit_firmware::schedules::SCHEDULES;
use microfit_tests::golden::load;
use microfit_tests::params::{self, Params};
use serde_json::Value;

/// What a library's refusal looks like among the recorded bits.
const RAISED: u32 = 0x7fc0_0000;

/// `3dcccccd3dcccccd` or `3dcccccd*2`.
fn words(text: &str) -> Vec<u32> {
    let word = |hex: &str| u32::from_str_radix(hex, 16).expect("hexadecimal bits");
    if !text.contains([' ', '*']) {
        return text.as_bytes().chunks(8).map(|hex| word(str::from_utf8(hex).expect("ASCII"))).collect();
    }
    let run = |part: &str| match part.split_once('*') {
        Some((hex, times)) => vec![word(hex); times.parse().expect("a count")],
        None => vec![word(part)],
    };
    text.split(' ').flat_map(run).collect()
}

/// The recorded momentum as bits, from bits or from f64.
fn momenta(trace: &Value) -> Option<Vec<u32>> {
    if let Some(text) = trace["momentum_f32"].as_str() {
        return Some(words(text));
    }
    let list = trace["momentum"].as_array()?;
    Some(list.iter().map(|m| params::number(m).map_or(RAISED, |m| (m as f32).to_bits())).collect())
}

#[derive(Default)]
struct Report {
    points: usize,
    mismatches: Vec<String>,
    listed: Vec<String>,
}

impl Report {
    fn compare(&mut self, id: &str, what: &str, first: u32, want: &[u32], have: impl Fn(u32) -> u32) {
        let mut wrong = Vec::new();
        for (t, &want) in (first..).zip(want) {
            if want == RAISED {
                self.listed.push(format!("{id}: the library raises at {t}"));
                continue;
            }
            self.points += 1;
            let have = have(t);
            if have != want {
                wrong.push((t, want, have));
            }
        }
        if let Some((t, want, have)) = wrong.first() {
            let (w, h) = (f32::from_bits(*want), f32::from_bits(*have));
            let count = wrong.len();
            self.mismatches
                .push(format!("{id}: {count} wrong {what}, first at {t}: {w:e} ({want:08x}), is {h:e} ({have:08x})"));
        }
    }

    fn trace(&mut self, trace: &Value) {
        let text = |key: &str| trace[key].as_str().unwrap_or_else(|| panic!("{key}: missing"));
        let (id, library, name) = (text("id"), text("library"), text("name"));
        let params = Params::new(&trace["params"]);
        if params.raw("noise_range_t").is_some() {
            self.listed.push(format!("{id}: random jitter from torch's generator, not portable"));
            return;
        }
        let first = u32::try_from(trace["t"].as_u64().unwrap_or(0)).expect("a step");
        let want = words(text("f32"));
        assert_eq!(Some(want.len() as u64), trace["n"].as_u64(), "{id}: its length");
        if let Some(raised) = trace["raises"].as_str() {
            self.listed.push(format!("{id}: {raised}"));
        }
        let refused = |report: &mut Self, error| {
            if want.iter().all(|&bits| bits == RAISED) {
                report.listed.push(format!("{id}: refused by the library and by us ({error})"));
            } else {
                report.mismatches.push(format!("{id}: refused: {error}"));
            }
        };
        if trace["metric"].is_array() {
            match build::feedback(library, name, &params, &trace["metric"]) {
                Ok(rates) => {
                    assert_eq!(rates.len(), want.len(), "{id}");
                    let at = |t: u32| rates.get((t - first) as usize).map_or(0, |rate| rate.to_bits());
                    self.compare(id, "rates", first, &want, at);
                }
                Err(error) => refused(self, error),
            }
        } else {
            match build::schedule(library, name, &params) {
                Ok(schedule) => {
                    self.compare(id, "rates", first, &want, |t| schedule.rate(t).to_bits());
                    if let Some(want) = momenta(trace) {
                        let have = |t| schedule.momentum(t).map_or(0, f32::to_bits);
                        self.compare(id, "momenta", first, &want, have);
                    }
                }
                Err(error) => refused(self, error),
            }
        }
        params.all_used(id);
    }
}

#[test]
fn every_recorded_bit() {
    let golden: Value = load("schedules_shared.json");
    let traces = golden["traces"].as_array().expect("traces");
    assert!(!traces.is_empty());
    let mut report = Report::default();
    for trace in traces {
        report.trace(trace);
    }
    for line in &report.listed {
        println!("listed: {line}");
    }
    println!("{} traces, {} points compared", traces.len(), report.points);
    assert!(
        report.mismatches.is_empty(),
        "{} traces differ:\n{}",
        report.mismatches.len(),
        report.mismatches.join("\n")
    );
}

/// What the boards agree on is what the libraries recorded.
///
/// Of the bundled traces, whatever `MICROFIT_GOLDEN` says: another set may have other parameters by the same names.
#[test]
fn the_firmwares_schedules_are_the_recorded_ones() {
    let bundled = include_str!("../golden/schedules_shared.json");
    let golden: Value = serde_json::from_str(bundled).expect("JSON");
    let traces = golden["traces"].as_array().expect("traces");
    let mut compared = 0;
    for entry in &SCHEDULES {
        let Some(id) = entry.trace else { continue };
        let trace = traces.iter().find(|trace| trace["id"].as_str() == Some(id));
        let trace = trace.unwrap_or_else(|| panic!("{id}: no such trace"));
        let (points, (rates, momenta_here)) = (entry.curve.points(), entry.curve.values());
        let same = |what: &str, here: &[f32], recorded: &[u32]| {
            let recorded = recorded.get(..points).unwrap_or_else(|| panic!("{id}: fewer than {points} {what}"));
            let wrong = here.iter().zip(recorded).position(|(here, recorded)| here.to_bits() != *recorded);
            assert_eq!(wrong, None, "{}, {id}: the first of the {what} that differs", entry.name);
        };
        same("rates", &rates, &words(trace["f32"].as_str().expect("bits")));
        match momenta(trace) {
            Some(recorded) => same("momenta", &momenta_here, &recorded),
            None => assert!(momenta_here.iter().all(|momentum| momentum.is_nan()), "{id}: no momentum"),
        }
        compared += 1;
    }
    println!("{compared} of {} schedules of the firmware compared", SCHEDULES.len());
    assert!(compared > 0);
}
