//! `microfit checkpoint`, and a training that starts from and ends in a file.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use microfit::checkpoint::{Lengths, Model, Sink, Snapshot, save, save_model};
use microfit::data::Nothing;
use microfit::optimizer::Sgd;
use microfit::schedule::{Feedback, PlateauState, Words, keras};
use microfit::storage::{ModelStore, SimulatedFlash, Store};
use microfit::tutorial::{self, NET};
use microfit::{EarlyStopping, Event, Goal, weights_hash};
use serde_json::Value;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/models/");

fn microfit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_microfit")).args(arguments).output().unwrap()
}

fn shown(arguments: &[&str]) -> String {
    let output = microfit(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(file: &Path) -> Value {
    serde_json::from_str(&shown(&["checkpoint", "show", file.to_str().unwrap(), "--json"])).unwrap()
}

/// The status and the message, which is one line.
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = microfit(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{arguments:?}: {text}");
    (output.status.code().unwrap(), text.trim_end().to_owned())
}

struct Growing(Vec<u8>);

impl Sink for Growing {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The frame of a run in its second epoch, with all that a frame can have.
fn run_frame(sequence: u32) -> Vec<u8> {
    let mut params = [0.0; NET.param_len()];
    let mut workspace = [0.0; NET.workspace_len::<Sgd>()];
    tutorial::INIT.fill(&NET, 1, &mut params).unwrap();
    let best = params;
    let (train, _) = tutorial::split().unwrap();
    let fit = tutorial::time_based(1);
    let mut trainer = fit.start(&mut params, &mut workspace).unwrap();
    let stopping = EarlyStopping::new(Goal::Minimize, 5, 0.0).unwrap();
    let mut state = stopping.start();
    while trainer.progress().updates() < 12 {
        if let Event::Epoch(epoch) = trainer.step(&train, &Nothing).unwrap() {
            stopping.observe(&mut state, epoch.train.loss());
        }
    }
    let plateau = keras::reduce_lr_on_plateau(0.1, keras::ReduceLrOnPlateauOptions::DEFAULT).unwrap();
    let mut driven = plateau.start();
    plateau.observe(&mut driven, 0.75);
    let mut feedback = [0; PlateauState::WORDS];
    driven.to_words(&mut feedback).unwrap();
    let (shift, factor, identity) = ([0.5; 34], [2.0; 34], fit.identity());
    let snapshot = Snapshot {
        stopping: Some(&state),
        feedback: &feedback,
        best: &best,
        shift: &shift,
        factor: &factor,
        user: b"field",
        ..trainer.snapshot(&identity)
    };
    let mut sink = Growing(Vec::new());
    save(&snapshot, sequence, 7, &mut sink).unwrap();
    sink.0
}

fn model_frame(params: &[f32], sequence: u32) -> Vec<u8> {
    let mut sink = Growing(Vec::new());
    save_model(&Model::new(NET, params), sequence, 0, &mut sink).unwrap();
    sink.0
}

fn path(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_runs_frame_tells_all() {
    let folder = tempfile::tempdir().unwrap();
    let frame = run_frame(3);
    let file = path(&folder, "run.bin", &frame);
    let document = json(&file);
    let shown_frame = &document["frames"][0];
    for (key, expected) in [
        ("kind", Value::from("run")),
        ("version", 1.into()),
        ("length", frame.len().into()),
        ("sequence", 3.into()),
        ("erases", 7.into()),
        ("inputs", 34.into()),
        ("user", "6669656c64".into()),
        ("whole", true.into()),
        ("offset", 0.into()),
    ] {
        assert_eq!(shown_frame[key], expected, "{key}");
    }
    let progress = &shown_frame["progress"];
    // 235 samples are nine batches; three more have been in the second epoch.
    assert_eq!((&progress["epochs"], &progress["updates"]), (&1.into(), &12.into()));
    assert_eq!((&progress["phase"], &progress["position"]), (&"samples".into(), &84.into()));
    assert_eq!((&progress["samples"], &progress["train"]["samples"]), (&235.into(), &84.into()));
    assert!(progress["train"]["accuracy"].as_f64().unwrap() > 0.5 && progress["validation"].is_null());
    assert!((progress["rate"].as_f64().unwrap() - 0.1 / (1.0 + 0.002 * 11.0)).abs() < 1e-8);
    assert_eq!(
        (&shown_frame["early_stopping"]["epochs"], &shown_frame["early_stopping"]["best_epoch"]),
        (&1.into(), &0.into())
    );
    assert_eq!((&shown_frame["plateau"]["rate"], &shown_frame["plateau"]["best"]), (&0.1.into(), &0.75.into()));
    let sections = shown_frame["sections"].as_array().unwrap();
    let bytes: u64 = sections.iter().map(|section| 8 + section["bytes"].as_u64().unwrap()).sum();
    assert_eq!(28 + bytes + 4, frame.len() as u64);
    let shift = sections.iter().find(|section| section["name"] == "scaling's shifts").unwrap();
    assert_eq!((&shift["statistics"]["mean"], &shift["statistics"]["count"]), (&0.5.into(), &34.into()));

    let text = shown(&["checkpoint", "show", file.to_str().unwrap()]);
    for expected in
        ["84 of 235 samples", "1 epochs, 12 updates", "34 relu, 1 sigmoid", "best 0.75", "whole, the newest"]
    {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(shown(&["checkpoint", "verify", file.to_str().unwrap()]).contains("whole, checkpoint of a run 34-34-1"));

    // A model to deploy, of either weights, with the scaling.
    let model = folder.path().join("model.mfmd");
    let import = ["checkpoint", "import", file.to_str().unwrap(), "--to", model.to_str().unwrap()];
    shown(&import);
    let latest = json(&model)["frames"][0].clone();
    assert_eq!((&latest["kind"], &latest["hash"]), (&"model".into(), &shown_frame["hash"]));
    assert!(latest["sections"].as_array().unwrap().iter().any(|section| section["statistics"]["mean"] == 2.0));
    shown(&[&import[..], &["--best"]].concat());
    let mut initial = [0.0; NET.param_len()];
    tutorial::INIT.fill(&NET, 1, &mut initial).unwrap();
    assert_eq!(json(&model)["frames"][0]["hash"], format!("{:#018x}", weights_hash(&initial)));
}

/// What a power cut leaves: the older frame whole, the newer one torn, and a third of a newer format.
#[test]
fn an_image_has_its_newest_whole_frame_and_says_what_the_others_lack() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (run_frame(8), run_frame(9));
    let mut image = vec![0xff; 48 * 1024];
    image[1024..1024 + old.len()].copy_from_slice(&old);
    let half = 24 * 1024;
    // The last words were not written any more.
    image[half..half + new.len() - 100].copy_from_slice(&new[..new.len() - 100]);
    let future = image.len() - 64;
    image[future..future + 16].copy_from_slice(b"MFMD\x09\0\0\0\x20\0\0\0\x4d\0\0\0");
    let file = path(&folder, "flash.bin", &image);
    let document = json(&file);
    assert_eq!(document["newest"], 1024);
    let frames = document["frames"].as_array().unwrap();
    let offsets: Vec<u64> = frames.iter().map(|frame| frame["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [1024, half as u64, future as u64]);
    assert!(frames[1]["error"].as_str().unwrap().contains("torn or damaged"), "{}", frames[1]);
    assert_eq!((&frames[1]["sequence"], &frames[1]["whole"]), (&9.into(), &false.into()));
    let text = shown(&["checkpoint", "show", file.to_str().unwrap()]);
    assert!(text.contains("torn or damaged") && text.contains("1 epochs, 12 updates"), "{text}");
    // A store goes on from that.
    let verified = shown(&["checkpoint", "verify", file.to_str().unwrap()]);
    assert_eq!(verified.lines().count(), 3, "{verified}");
    let to = folder.path().join("out.safetensors");
    let export = ["checkpoint", "export", file.to_str().unwrap(), "--to", to.to_str().unwrap(), "--layout", "torch"];
    assert!(shown(&export).contains("34-34-1 (relu, sigmoid), inputs scaled, 1225 parameters"));
    // Best weights are others, and none of a model's.
    let best = shown(&[&export[..], &["--best"]].concat());
    assert!(best.contains("1225 parameters"));
    let at = shown(&[&export[..], &["--at", "1024"]].concat());
    assert!(at.contains("1225 parameters"));
    let (status, error) = refused(&[&export[..], &["--at", "0"]].concat());
    assert_eq!((status, error), (2, format!("microfit: {}: expected a frame at byte 0, found none", file.display())));
}

/// The flash of a store that lost power in the middle of a save: what is shown as the newest is what the store goes on from.
#[test]
fn a_store_and_the_desk_agree_on_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let mut params = [0.0; NET.param_len()];
    let mut workspace = [0.0; NET.workspace_len::<Sgd>()];
    let fit = tutorial::time_based(1);
    let trainer = fit.start(&mut params, &mut workspace).unwrap();
    let identity = fit.identity();
    let snapshot = trainer.snapshot(&identity);
    let lengths = snapshot.lengths();
    let (mut memory, mut erases) = (vec![0xff; 32 * 1024], [0; 32]);
    let (mut torn, mut agreed) = (0, 0);
    for saves in 1..8 {
        let mut flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, saves);
        if saves % 2 == 0 {
            flash.cut_after(saves * 300);
        }
        let mut store = Store::new(flash, 0, 32 * 1024, &lengths).unwrap();
        let _ = store.save(&snapshot);
        store.flash().power_on();
        let expected = store.header().unwrap().map(|header| header.sequence);
        let document = json(&path(&folder, "flash.bin", &memory));
        let frames = document["frames"].as_array().unwrap();
        let newest = frames.iter().find(|frame| frame["offset"] == document["newest"]);
        assert_eq!(newest.map(|frame| &frame["sequence"]), expected.map(Value::from).as_ref(), "{document:#}");
        torn += frames.iter().filter(|frame| frame["whole"] == false).count();
        agreed += 1;
    }
    assert!(torn >= 2 && agreed == 7, "{torn} {agreed}");
}

/// A whole flash with a run in one part and the models made of it in another: the newest of all is nobody's, and has to be named.
#[test]
fn a_flash_with_runs_and_models_asks_which() {
    let folder = tempfile::tempdir().unwrap();
    let (mut memory, mut erases) = (vec![0xff; 64 * 1024], [0; 64]);
    let models = [[0.25; NET.param_len()], [0.5; NET.param_len()]];
    let lengths = Model::new(NET, &models[0]).lengths();
    let flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    let mut store = ModelStore::new(flash, 32 * 1024, 32 * 1024, &lengths).unwrap();
    for params in &models {
        store.save(&Model::new(NET, params)).unwrap();
    }
    let run = run_frame(40);
    let to = folder.path().join("out.safetensors");
    let deployed = json(&path(&folder, "models.bin", &memory));
    memory[..run.len()].copy_from_slice(&run);
    let file = path(&folder, "flash.bin", &memory);
    let export = ["checkpoint", "export", file.to_str().unwrap(), "--to", to.to_str().unwrap(), "--layout", "torch"];
    let (status, error) = refused(&export);
    assert!(
        status == 2 && error.ends_with("expected frames of one run or model, found several; --at names one"),
        "{error}"
    );
    // The store's newest is the second one.
    let at = deployed["newest"].to_string();
    shown(&[&export[..], &["--at", &at]].concat());
    assert_eq!(json(&to)["hash"], format!("{:#018x}", weights_hash(&models[1])));
    shown(&[&export[..], &["--at", "0"]].concat());
    assert_eq!(json(&to)["hash"], json(&file)["frames"][0]["hash"]);
}

/// Bytes at random with beginnings of frames among them.
#[test]
fn nothing_in_a_file_brings_the_scan_down() {
    let mut rng = microfit::Rng::new(3);
    let mut found = 0;
    for round in 0..300 {
        let mut bytes: Vec<u8> = (0..400 + round).map(|_| rng.next_u32() as u8 & 0x0f).collect();
        for _ in 0..4 {
            let at = rng.next_u32() as usize % (bytes.len() - 16);
            let len = (rng.next_u32() % 512) as u8;
            bytes[at..at + 12].copy_from_slice(&[b'M', b'F', b'C', b'K', 1, 0, 0, 0, len, 0, 0, 0]);
        }
        for frame in microfit_sim::frame::scan(&bytes) {
            assert!(frame.contents.is_err());
            found += 1;
        }
    }
    assert!(found > 900, "{found}");
}

#[test]
fn verify_says_what_it_expected_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let params = [0.25; NET.param_len()];
    let frame = model_frame(&params, 0);
    let verify = |bytes: &[u8]| {
        let file = path(&folder, "frame.bin", bytes);
        let (status, error) = refused(&["checkpoint", "verify", file.to_str().unwrap()]);
        assert_eq!(status, 1);
        error.split_once("frame.bin: ").unwrap().1.to_owned()
    };
    let cut = verify(&frame[..3000]);
    assert!(cut.starts_with("byte 0 of 3000: ") && cut.ends_with("found one of 4992 bytes"), "{cut}");
    let mut flipped = frame.clone();
    flipped[2000] ^= 1;
    let crc = verify(&flipped);
    assert!(crc.contains("expected CRC 0x") && crc.contains(", found 0x"), "{crc}");
    let mut newer = frame.clone();
    newer[4] = 2;
    // The CRC goes first: a version is only believed of a whole frame.
    assert!(verify(&newer).contains("CRC"));
    assert!(verify(b"").ends_with("expected a frame, found none"));
    assert!(verify(&[0xff; 4096]).ends_with("expected a frame, found none"));
    let (status, error) = refused(&["checkpoint", "verify", "/no/such/file"]);
    assert!(status == 2 && error.starts_with("microfit: /no/such/file: "), "{error}");
}

/// Every byte of a frame, changed, is found.
#[test]
fn no_changed_byte_is_shown_as_whole() {
    let frame = model_frame(&[0.25; NET.param_len()], 0);
    for at in (0..frame.len()).step_by(7) {
        let mut damaged = frame.clone();
        damaged[at] ^= 0x10;
        let whole = microfit_sim::frame::scan(&damaged).iter().any(|found| found.contents.is_ok());
        assert!(!whole, "{at}");
    }
}

#[test]
fn a_model_of_pytorch_becomes_a_frame_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let frame = folder.path().join("model.mfmd");
    let source = format!("{MODELS}torch.safetensors");
    let import = ["checkpoint", "import", &source, "--to", frame.to_str().unwrap()];
    let (status, error) = refused(&import);
    let expected =
        "microfit: --activation: expected the activation of layer `fc1`, which the file does not tell, found none";
    assert_eq!((status, &*error), (2, expected));
    let text = shown(&[&import[..], &["--activation", "relu", "--output", "sigmoid"]].concat());
    assert!(
        text.contains("const NET: Topology = Topology::new(34, &[dense(34, &Relu), dense(1, &Sigmoid)]);"),
        "{text}"
    );
    let document = json(&frame);
    assert_eq!(document["frames"][0]["layers"][1]["activation"], "sigmoid");
    let hash = document["frames"][0]["hash"].as_str().unwrap().to_owned();
    assert!(text.contains(&hash));

    // What has no effect is refused.
    let one_layer = [&import[..], &["--layers", "fc2", "--activation", "relu", "--output", "sigmoid"]].concat();
    let output = microfit(&one_layer);
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = "microfit: --activation: expected none for a model without hidden layers, found some\n";
    assert!(output.status.code() == Some(2) && error.ends_with(expected), "{error}");

    let (status, error) = refused(&[&import[..], &["--best"]].concat());
    assert!(
        status == 2 && error.ends_with("expected a frame to choose from, found a file of another program"),
        "{error}"
    );

    let back = folder.path().join("back.safetensors");
    let export = ["checkpoint", "export", frame.to_str().unwrap(), "--to", back.to_str().unwrap()];
    shown(&[&export[..], &["--layout", "torch", "--layers", "fc1,fc2"]].concat());
    // safetensors of the same library would differ in nothing but the order of the header.
    let (there, here) = (json(Path::new(&source)), json(&back));
    assert_eq!((&there["hash"], &there["layers"]), (&here["hash"], &here["layers"]));
    shown(&[&export[..], &["--layout", "keras"]].concat());
    let keras = json(&back);
    assert_eq!((&keras["hash"], &keras["layers"][1]["name"]), (&there["hash"], &"dense_1".into()));
    let (status, error) = refused(&[&export[..], &["--layout", "keras", "--layers", "one"]].concat());
    assert!(status == 2 && error.ends_with(": expected 2 names, one for each layer of 34-34-1, found 1"), "{error}");
}

#[test]
fn a_model_of_keras_says_its_activations() {
    let folder = tempfile::tempdir().unwrap();
    let frame = folder.path().join("model.mfmd");
    let text = shown(&["checkpoint", "import", &format!("{MODELS}keras_mixed.keras"), "--to", frame.to_str().unwrap()]);
    assert!(text.contains("4-6-5-4-3 (leaky-relu(0.1), elu, tanh, softmax), inputs scaled, 104 parameters"), "{text}");
    let document = json(&frame);
    let activations: Vec<&str> = document["frames"][0]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["activation"].as_str().unwrap())
        .collect();
    assert_eq!(activations, ["leaky-relu(0.1)", "elu(1)", "tanh", "softmax"]);
    let shown = shown(&["checkpoint", "show", &format!("{MODELS}keras_mixed.h5")]);
    assert!(shown.contains("trained with the loss SparseCategoricalCrossentropy"), "{shown}");
    let (status, error) = refused(&["checkpoint", "show", &format!("{MODELS}refused_convolution.keras")]);
    assert!(status == 2 && error.contains("layer `conv1d`: expected Dense, "), "{error}");
}

/// From a model, and into one: a rate of 0 leaves the weights as they were.
#[test]
fn training_starts_from_a_file_and_ends_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let source = format!("{MODELS}torch.safetensors");
    let still = ["train", "--epochs", "1", "--schedule", "constant(0)", "--from", &source];
    for name in ["still.safetensors", "still.bin"] {
        shown(&[&still[..], &["--save", &file(name)]].concat());
    }
    let there = json(Path::new(&source));
    assert_eq!(json(Path::new(&file("still.safetensors")))["hash"], there["hash"]);
    assert_eq!(json(Path::new(&file("still.bin")))["frames"][0]["hash"], there["hash"]);
    // PyTorch's 20 epochs are a better start than none.
    let trained = |more: &[&str], save: &str| {
        let trace = file("trace.json");
        shown(&[&["train", "--epochs", "3", "--trace", &trace, "--save", &file(save)], more].concat());
        let trace: Value = serde_json::from_slice(&fs::read(&trace).unwrap()).unwrap();
        (trace["epochs"][0]["loss"].as_f64().unwrap(), trace["hash"].as_str().unwrap().to_owned())
    };
    let (cold, _) = trained(&[], "cold.bin");
    let (warm, hash) = trained(&["--from", &source], "warm.bin");
    assert!(warm < 0.5 * cold, "{warm} {cold}");
    let saved = json(Path::new(&file("warm.bin")));
    assert_eq!(saved["frames"][0]["hash"], Value::from(hash));
    // On from there, with its shape and activations.
    let (warmer, _) = trained(&["--from", &file("warm.bin")], "warmer.bin");
    assert!(warmer < warm, "{warmer} {warm}");

    let (status, error) = refused(&["train", "--from", &source, "--hidden", "5"]);
    let expected = format!("microfit: {source}: expected a network of the widths 34-5-1, found 34-34-1");
    assert_eq!((status, error), (2, expected));
    let (status, error) = refused(&["train", "--from", "/no/such/file"]);
    assert!(status == 2 && error.starts_with("microfit: /no/such/file: expected a readable file"), "{error}");
    let (status, error) = refused(&["train", "--save", "/no/such/folder/file"]);
    assert!(status == 1 && error.starts_with("microfit: /no/such/folder/file: "), "{error}");
    // A training that fails leaves what was there, and nothing where nothing was.
    for name in ["warm.bin", "new.bin"] {
        let before = fs::read(file(name)).ok();
        let (status, _) = refused(&["train", "--schedule", "constant(1e30)", "--save", &file(name)]);
        assert_eq!((status, fs::read(file(name)).ok()), (1, before));
    }
    let both = microfit(&["train", "--from", &source, "--init", "zeros"]);
    assert!(String::from_utf8_lossy(&both.stderr).contains("cannot be used with"));
}

/// A model that scales its inputs has the data scaled, and is saved with the scaling.
#[test]
fn a_scaling_goes_with_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..40).map(|k| format!("{},{},{},{},{}", k % 7, k % 5, k % 3, k % 4, k % 3)).collect();
    let csv = path(&folder, "rows.csv", rows.join("\n").as_bytes());
    let source = format!("{MODELS}keras_mixed.keras");
    let saved = folder.path().join("saved.safetensors");
    let arguments = ["train", "--csv", csv.to_str().unwrap(), "--from", &source, "--save", saved.to_str().unwrap()];
    shown(&[&arguments[..], &["--epochs", "2"]].concat());
    let (before, after) = (json(Path::new(&source)), json(&saved));
    assert!(before["scaling"].is_object());
    assert_eq!(before["scaling"], after["scaling"]);
    assert_ne!(before["hash"], after["hash"]);
}

#[test]
fn lengths_are_what_the_format_says() {
    let frame = model_frame(&[0.0; NET.param_len()], 0);
    assert_eq!(frame.len(), Lengths::of::<Sgd>(&NET).model_len());
    let found = microfit_sim::frame::scan(&frame);
    let contents = found[0].contents.as_ref().unwrap();
    assert_eq!(contents.hash, format!("{:#018x}", weights_hash(&[0.0; NET.param_len()])));
}

#[test]
fn an_export_has_a_name_for_each_layer() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (model, to) = (file("model.mfmd"), file("model.safetensors"));
    shown(&["train", "--epochs", "1", "--save", &model]);
    for (layers, expected) in [
        ("a,a", "expected a name of its own for each layer, found `a` twice"),
        ("a,", "expected a name for each layer, found none for layer 1"),
        (",", "expected a name for each layer, found none for layer 0"),
    ] {
        let (status, text) =
            refused(&["checkpoint", "export", &model, "--to", &to, "--layout", "torch", "--layers", layers]);
        assert_eq!((status, text), (2, format!("microfit: {model}: {expected}")));
    }
    assert!(!Path::new(&to).exists());
    // A PyTorch Linear by itself has the tensors `weight` and `bias`.
    let (source, single) = (format!("{MODELS}torch.safetensors"), file("single.mfmd"));
    shown(&["checkpoint", "import", &source, "--to", &single, "--layers", "fc2", "--output", "sigmoid"]);
    shown(&["checkpoint", "export", &single, "--to", &to, "--layout", "torch", "--layers", ""]);
    assert_eq!(json(Path::new(&to))["layers"][0]["name"], "");
}

/// Neither a model nor a checkpoint, which has more than a model, takes the place of what it was made of.
#[test]
fn a_model_is_not_written_over_its_source() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["torch.safetensors", "keras_mixed.keras"] {
        let bytes = fs::read(format!("{MODELS}{name}")).unwrap();
        let file = path(&folder, name, &bytes);
        let (file, to) = (file.to_str().unwrap(), folder.path().join(".").join(name));
        let to = to.to_str().unwrap();
        for command in [
            &["export", file, "--to", to, "--layout", "torch"][..],
            &["import", file, "--to", to, "--activation", "relu", "--output", "sigmoid"],
        ] {
            let (status, error) = refused(&[&["checkpoint"], command].concat());
            let expected = format!("microfit: --to: expected another file than the one that is read, found {to}");
            assert_eq!((status, error), (2, expected));
            assert_eq!(fs::read(file).unwrap(), bytes);
        }
    }
}

/// A frame tells an activation's parameter by what it makes of some numbers, of which only usual ones are known again.
#[test]
fn an_activation_that_a_frame_does_not_tell_is_not_assumed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (model, to) = (file("model.mfmd"), file("to.mfmd"));
    let hinge = ["train", "--epochs", "1", "--loss", "hinge"];
    let last = |arguments: &[&str]| {
        let output = microfit(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text.lines().last().unwrap_or_default().to_owned())
    };
    for (option, unusual, layer) in [("--activation", "leaky-relu(0.15)", 0), ("--output", "elu(0.7)", 1)] {
        shown(&[&hinge[..], &[option, unusual, "--save", &model]].concat());
        let expected = format!(
            "microfit: {option}: expected the activation of layer `{layer}`, which the file does not tell, found none"
        );
        let from = [&hinge[..], &["--from", &model, "--save", &to]].concat();
        assert_eq!(last(&from), (Some(2), expected.clone()));
        assert_eq!(last(&["checkpoint", "import", &model, "--to", &to]), (Some(2), expected));
        assert!(!Path::new(&to).exists());
        shown(&[&from[..], &[option, unusual]].concat());
        fs::remove_file(&to).unwrap();
    }
}
