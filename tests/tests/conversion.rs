//! Models that PyTorch and Keras saved predict here what they predicted there, and go back to the bit.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use microfit::data::Nothing;
use microfit::optimizer::Sgd;
use microfit::{Fit, Layer, Network, Topology, dense, tutorial, weights_hash};
use microfit_firmware::SEED;
use microfit_sim::cli::Cli;
use microfit_sim::commands::train::ActivationArg;
use microfit_sim::device::{Board, Image, run};
use microfit_sim::exchange::{Layout, Model, Selection, to_safetensors};
use microfit_tests::device::available;
use serde::Deserialize;
use serde_json::json;

/// See `tests/golden/models.py`.
#[derive(Deserialize)]
struct Golden {
    models: BTreeMap<String, Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    activations: Vec<String>,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    loss: Option<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/models"))
}

fn golden() -> Golden {
    serde_json::from_str(&fs::read_to_string(folder().join("models.json")).unwrap()).unwrap()
}

/// The outputs for each input, scaled first if the model says so.
fn predictions(model: &Model, activations: &[String], inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let functions: Vec<ActivationArg> = activations.iter().map(|name| name.parse().unwrap()).collect();
    let layers: Vec<Layer> = model
        .layers
        .iter()
        .zip(&functions)
        .map(|(layer, activation)| dense(layer.units.try_into().unwrap(), activation.function()))
        .collect();
    let topology = Topology::try_new(model.inputs().try_into().unwrap(), &layers).unwrap();
    let params = model.params();
    let network = Network::new(topology, &params).unwrap();
    let mut tape = vec![0.0; topology.tape_len(1)];
    let predict = |input: &Vec<f32>| {
        let mut input = input.clone();
        if let Some(scaling) = &model.scaling {
            microfit::data::Scaling::new(&scaling.shift, &scaling.factor).unwrap().transform(&mut input).unwrap();
        }
        network.predict(&input, &mut tape).unwrap().to_vec()
    };
    inputs.iter().map(predict).collect()
}

fn worst(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).flat_map(|(found, expected)| {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).map(|(found, expected)| (found - expected).abs())
    });
    differences.fold(0.0, f32::max)
}

#[test]
fn every_file_predicts_what_its_library_predicted() {
    let golden = golden();
    assert!(golden.models.len() >= 12);
    for (name, recorded) in &golden.models {
        let model =
            Model::read(&folder().join(name), &Selection::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(model.layers.len(), recorded.activations.len(), "{name}");
        let worst = worst(&predictions(&model, &recorded.activations, &recorded.inputs), &recorded.outputs);
        println!("{name}: {} and {:?}, off by {worst:e}", model.widths(), model.notes);
        assert!(worst <= 1e-6, "{name}: {worst:e}");
        for (layer, expected) in model.layers.iter().zip(&recorded.activations) {
            assert!(layer.activation.as_ref().is_none_or(|found| found == expected), "{name}: {:?}", layer.activation);
        }
        assert_eq!(model.loss, recorded.loss, "{name}");
        let says_activations = !name.contains(".safetensors") && !name.contains(".weights.");
        assert_eq!(model.layers[0].activation.is_some(), says_activations, "{name}");
    }
}

/// Out of a library, through microfit's layout, and back into a file: no bit is lost, and the names are those that were there.
#[test]
fn tensors_go_back_to_the_bit() {
    for (name, layout) in [("torch.safetensors", Layout::Torch), ("keras.safetensors", Layout::Keras)] {
        let original = fs::read(folder().join(name)).unwrap();
        let model = Model::from_bytes(original.clone(), &Selection::default()).unwrap();
        let names: Vec<String> = model.layers.iter().map(|layer| layer.name.clone()).collect();
        let back = to_safetensors(&model, layout, Some(&names)).unwrap();
        assert_eq!(tensors(&back), tensors(&original), "{name}");
        // By way of the other layout too.
        let other = if layout == Layout::Torch { Layout::Keras } else { Layout::Torch };
        let there = Model::from_bytes(to_safetensors(&model, other, None).unwrap(), &Selection::default()).unwrap();
        assert_eq!(there.params(), model.params());
        assert_eq!(tensors(&to_safetensors(&there, layout, Some(&names)).unwrap()), tensors(&original), "{name}");
    }
}

/// Names, shapes and bytes, sorted.
fn tensors(file: &[u8]) -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let file = safetensors::SafeTensors::deserialize(file).unwrap();
    let mut tensors: Vec<_> =
        file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec(), view.data().to_vec())).collect();
    tensors.sort();
    tensors
}

#[test]
fn other_kinds_of_networks_are_refused() {
    for (name, expected) in [
        ("refused_branches.keras", "layer `add`: expected a chain of layers, found 2 layers before it"),
        ("refused_convolution.keras", "layer `conv1d`: expected Dense, Activation, ReLU"),
        ("refused_pickle.pt", "expected safetensors, found a pickle"),
    ] {
        let error = Model::read(&folder().join(name), &Selection::default()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{name}: {error}");
    }
}

/// Cut off anywhere, or with a byte changed: an error or a model, but no panic, and a cut file is no model.
#[test]
fn no_damaged_file_brings_the_reader_down() {
    let mut refused = 0;
    let mut taken = 0;
    for name in golden().models.keys() {
        let whole = fs::read(folder().join(name)).unwrap();
        for len in (0..whole.len()).step_by(whole.len() / 150 + 1) {
            assert!(Model::from_bytes(whole[..len].to_vec(), &Selection::default()).is_err(), "{name} cut at {len}");
        }
        let mut rng = microfit::Rng::new(7);
        for _ in 0..400 {
            let mut damaged = whole.clone();
            for _ in 0..=rng.next_u32() % 3 {
                let at = rng.next_u32() as usize % damaged.len();
                damaged[at] = rng.next_u32() as u8;
            }
            match Model::from_bytes(damaged, &Selection::default()) {
                Ok(_) => taken += 1,
                Err(_) => refused += 1,
            }
        }
    }
    println!("{refused} damaged files refused, {taken} damaged where it is another number or does not matter");
    assert!(refused > 500 && taken > 500);
}

fn microfit(arguments: &[&str]) {
    let cli = Cli::parse_from([&["microfit"], arguments].concat());
    cli.run().unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// PyTorch's model as a frame, in a folder.
fn frame_of_torch(folder: &Path) -> PathBuf {
    let (source, frame) = (self::folder().join("torch.safetensors"), folder.join("model.mfmd"));
    let activations = ["--activation", "relu", "--output", "sigmoid"];
    microfit(&[&["checkpoint", "import", text(&source), "--to", text(&frame)], &activations[..]].concat());
    frame
}

/// From PyTorch to the board and back: an emulated Cortex-M4F loads the frame, predicts what PyTorch predicted, gives the frame
/// back, which becomes PyTorch's file again, and trains on from there to the desk's bits.
#[test]
fn a_board_predicts_what_pytorch_predicted_and_gives_the_model_back() {
    let board = Board::named("mps2-an386").unwrap();
    if !available("a_board_predicts_what_pytorch_predicted", &[board.target], true) {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    let (frame, back, trained) = (frame_of_torch(temporary.path()), at("back.bin"), at("trained.bin"));
    let image = Image::build(board, "mps2_model", "model").unwrap_or_else(|error| panic!("{error}"));
    let files = [&frame, &back, &trained].map(|path| text(path)).join(",arg=");
    let semihosting = format!("enable=on,target=native,arg=model,arg={files}");
    let (mut outputs, mut hash) = (Vec::new(), None);
    run(board, &image, &["-semihosting-config", &semihosting], |line| {
        println!("{line}");
        let last = line.rsplit('=').next().unwrap_or_default();
        if line.starts_with("prediction ") {
            outputs.push(vec![f32::from_bits(last.parse().unwrap())]);
        } else if line.starts_with("trained ") {
            hash = Some(last.to_owned());
        }
        Ok(())
    })
    .unwrap_or_else(|error| panic!("{error}"));

    let golden = golden();
    let recorded = &golden.models["torch.safetensors"];
    let off = worst(&outputs, &recorded.outputs);
    assert!(outputs.len() == 16 && off <= 1e-6, "{} predictions, off by {off:e}", outputs.len());
    println!("{} predictions of PyTorch's on a Cortex-M4F, off by {off:e} at most", outputs.len());
    let original = fs::read(folder().join("torch.safetensors")).unwrap();
    let model = Model::from_bytes(original.clone(), &Selection::default()).unwrap();
    assert_eq!(outputs, predictions(&model, &recorded.activations, &recorded.inputs), "other bits than on the desk");

    let returned = at("back.safetensors");
    let export = ["checkpoint", "export", text(&back), "--to", text(&returned), "--layout", "torch"];
    microfit(&[&export[..], &["--layers", "fc1,fc2"]].concat());
    assert_eq!(tensors(&fs::read(&returned).unwrap()), tensors(&original));

    let mut params = model.params();
    let mut workspace = vec![0.0; tutorial::NET.workspace_len::<Sgd>()];
    let (train, _) = tutorial::split().unwrap();
    let fit = Fit { epochs: 1, ..tutorial::time_based(SEED) };
    fit.start(&mut params, &mut workspace).unwrap().run(&train, &Nothing).unwrap();
    let expected = format!("{:#018x}", weights_hash(&params));
    assert_eq!(hash, Some(expected));
    let left = Model::read(&trained, &Selection::default()).unwrap();
    assert_eq!(left.params(), params);
}

/// What the desk trained is loaded by PyTorch and Keras themselves, and predicts the same there. Needs a Python that has them:
/// `python3`, or the one that `MICROFIT_PYTHON` names.
#[test]
fn libraries_load_what_was_trained_here() {
    let golden = golden();
    let recorded = &golden.models["torch.safetensors"];
    let temporary = tempfile::tempdir().unwrap();
    let at = |name: &str| temporary.path().join(name);
    let trained = at("trained.bin");
    let source = folder().join("torch.safetensors");
    microfit(&["train", "--from", text(&source), "--epochs", "2", "--save", text(&trained)]);
    let model = Model::read(&trained, &Selection::default()).unwrap();
    let expected = predictions(&model, &recorded.activations, &recorded.inputs);
    assert!(worst(&expected, &recorded.outputs) > 1e-3, "two epochs change something");
    fs::write(at("inputs.json"), json!(recorded.inputs).to_string()).unwrap();
    for library in ["torch", "keras"] {
        let file = at(&format!("{library}.safetensors"));
        microfit(&["checkpoint", "export", text(&trained), "--to", text(&file), "--layout", library]);
        let Some(found) = in_python(library, &file, &at("inputs.json")) else { continue };
        let off = worst(&found, &expected);
        println!("{library}: off by {off:e}");
        assert!(off <= 1e-6, "{library}: {off:e}");
    }
}

/// The library's predictions with a file of ours; `None`, said past the harness's capture, where Python has no such library.
fn in_python(library: &str, file: &Path, inputs: &Path) -> Option<Vec<Vec<f32>>> {
    let python = std::env::var("MICROFIT_PYTHON").unwrap_or_else(|_| "python3".into());
    // The one of its backends that is known to be installed, unless another one is wished for.
    let backend = std::env::var("KERAS_BACKEND").unwrap_or_else(|_| "torch".into());
    let command = || {
        let mut command = Command::new(&python);
        command.env("KERAS_BACKEND", &backend);
        command
    };
    let imports = format!("import {library}, safetensors");
    let has = command().args(["-c", &imports]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        let test = "libraries_load_what_was_trained_here";
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(io::stderr(), "SKIPPED {test}: {python} has no {library} with safetensors (MICROFIT_PYTHON)");
        return None;
    }
    let script = folder().join("../load.py");
    let output = command().arg(script).arg(library).args([file, inputs]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
