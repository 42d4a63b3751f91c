//! `cargo +nightly fuzz run model` in `tests/fuzz`; seed it with `tests/golden/models`.
//!
//! A file of another program is read, or refused with words; what is read can be written, and read again as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use microfit_sim::exchange::{Layout, Model, Selection, to_safetensors};

fuzz_target!(|bytes: &[u8]| {
    match Model::from_bytes(bytes.to_vec(), &Selection::default()) {
        Ok(model) => {
            assert_eq!(model.params().len(), parameters(&model), "{}", model.summary());
            let written = to_safetensors(&model, Layout::Torch, None).expect("what was read can be written");
            let again = Model::from_bytes(written, &Selection::default()).expect("what was written can be read");
            let bits = |model: &Model| model.params().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&again), bits(&model));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn parameters(model: &Model) -> usize {
    let mut fan_in = model.inputs();
    let mut sum = 0;
    for layer in &model.layers {
        sum += layer.units * (fan_in + 1);
        fan_in = layer.units;
    }
    sum
}
