//! What `microfit train` offers beside the tutorial's settings.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn microfit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_microfit")).arg("train").args(arguments).output().unwrap()
}

/// What is printed, and the trace in JSON.
fn trained(arguments: &[&str]) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.json");
    let output = microfit(&[arguments, &["--trace", trace.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let trace = serde_json::from_slice(&fs::read(trace).unwrap()).unwrap();
    (String::from_utf8(output.stdout).unwrap(), trace)
}

fn hash(arguments: &[&str]) -> String {
    trained(arguments).1["hash"].as_str().unwrap().to_owned()
}

/// The message of a refusal, which has exit status 2.
fn refused(arguments: &[&str]) -> String {
    let output = microfit(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    text
}

fn last<'a>(trace: &'a Value, key: &str) -> &'a Value {
    &trace["epochs"].as_array().unwrap().last().unwrap()[key]
}

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/data/digits.csv");

/// 600 digits of 8 by 8 pixels, by default with softmax. Split by classes: on the last rows, which resemble the first less,
/// such nets have an accuracy of about 75%.
#[test]
fn digits_train_with_adam() {
    let output = microfit(&["--csv", DIGITS, "--epochs", "1"]);
    let note = String::from_utf8(output.stderr).unwrap();
    assert!(note.contains("column 65 has one of 10 classes: --loss categorical"), "{note}");
    let base = ["--csv", DIGITS, "--split", "stratified", "--hidden", "64", "--optimizer", "adam"];
    let base = [&base[..], &["--init", "glorot-uniform", "--epochs", "40"]].concat();
    let accurate = |trace: &Value| {
        assert!(last(trace, "accuracy").as_f64().unwrap() > 0.99, "{trace}");
        assert!(last(trace, "validation_accuracy").as_f64().unwrap() > 0.91, "{trace}");
    };
    let (_, trace) = trained(&base);
    accurate(&trace);
    let (_, clipped) = trained(&[&base[..], &["--global-clip-norm", "1"]].concat());
    accurate(&clipped);
    assert_ne!(trace["hash"], clipped["hash"]);
    // Adam has its gradient at hand, SGD has to gather it apart from its velocity: a float for each of 64-64-10's
    // parameters.
    assert_eq!(trace["ram_bytes"], clipped["ram_bytes"]);
    let ram = |more: &[&str]| {
        let options = ["--csv", DIGITS, "--hidden", "64", "--epochs", "1"];
        trained(&[&options[..], more].concat()).1["ram_bytes"].as_u64().unwrap()
    };
    assert_eq!(ram(&["--clip-value", "1"]) - ram(&[]), 4 * (65 * 64 + 65 * 10));
}

/// Three clouds in the plane, by name.
fn clouds(folder: &Path) -> String {
    let centres = [("north", 0.0, 2.0), ("east", 2.0, -1.0), ("west", -2.0, -1.0)];
    let rows: Vec<String> = (0..90)
        .map(|k| {
            let (name, x, y) = centres[k % 3];
            let (dx, dy) = ((k as f64 * 1.7).sin() * 0.5, (k as f64 * 2.3).cos() * 0.5);
            format!("{},{},{name}", x + dx, y + dy)
        })
        .collect();
    let path = folder.join("clouds.csv");
    fs::write(&path, rows.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_optimizer_separates_three_classes_in_either_convention() {
    let folder = tempfile::tempdir().unwrap();
    let csv = clouds(folder.path());
    let mut hashes = Vec::new();
    for optimizer in [
        "sgd", "nesterov", "adam", "adamw", "amsgrad", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam",
        "lion",
    ] {
        for convention in ["keras", "torch"] {
            let rate = match optimizer {
                "sgd" | "nesterov" | "adagrad" => "constant(0.1)",
                "adadelta" => "constant(3)",
                _ => "constant(0.01)",
            };
            let (_, trace) = trained(&[
                "--csv",
                &csv,
                "--optimizer",
                optimizer,
                "--convention",
                convention,
                "--schedule",
                rate,
                "--hidden",
                "8",
                "--init",
                "glorot-uniform",
                "--batch",
                "10",
            ]);
            assert_eq!(last(&trace, "accuracy"), 1.0, "{optimizer} {convention}");
            assert_eq!(last(&trace, "validation_accuracy"), 1.0, "{optimizer} {convention}");
            hashes.push((trace["hash"].as_str().unwrap().to_owned(), optimizer, convention));
        }
    }
    hashes.sort();
    for pair in hashes.windows(2) {
        // With a constant rate the two conventions of SGD are the same but for rounding; RAdam's and Lion's are one.
        let one = pair[0].1 == pair[1].1 && ["radam", "lion"].contains(&pair[0].1);
        // Adam's decay makes AdamW, and AMSGrad is Adam where no second moment falls; these fall.
        assert_eq!(pair[0].0 == pair[1].0, one, "{pair:?}");
    }
}

/// PyTorch's cycles drive the momentum of an RMSprop that was made without one.
#[test]
fn a_schedule_gives_rmsprop_its_momentum() {
    let with = |more: &[&str]| {
        let options = ["--optimizer", "rmsprop", "--epochs", "3"];
        hash(&[&options[..], &["--schedule", "torch.one_cycle(0.01, 48)"], more].concat())
    };
    assert_eq!(with(&[]), with(&["--momentum", "0.5"]));
    let alone = ["--schedule", "torch.one_cycle(0.01, 48, cycle_momentum=false)"];
    assert_ne!(with(&[]), hash(&[&["--optimizer", "rmsprop", "--epochs", "3"][..], &alone].concat()));
}

#[test]
fn options_change_what_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let csv = clouds(folder.path());
    let base =
        ["--csv", &csv, "--epochs", "2", "--hidden", "6,5", "--optimizer", "adam", "--schedule", "constant(0.01)"];
    let with = |more: &[&str]| hash(&[&base[..], more].concat());
    let plain = with(&[]);
    // What is the default, and what has no effect.
    for same in [
        &["--loss", "categorical", "--output", "softmax"][..],
        &["--activation", "relu,relu", "--init", "normal(0.05)"],
        &["--label-smoothing", "0", "--dropout", "0", "--l2", "0", "--weight-decay", "0"],
        &["--class-weights", "1,1,1", "--clip-value", "1e9"],
        &["--classes", "east,north,west"],
        &["--patience", "9", "--epochs", "2"],
    ] {
        assert_eq!(with(same), plain, "{same:?}");
    }
    for other in [
        &["--activation", "tanh,leaky_relu"][..],
        &["--label-smoothing", "0.1"],
        &["--class-weights", "1,2,3"],
        &["--weight-decay", "0.1"],
        &["--weight-decay", "0.1", "--convention", "torch"],
        &["--l2", "0.01"],
        &["--l1", "0.01"],
        &["--dropout", "0.2"],
        &["--dropout", "0.2,0"],
        &["--clip-norm", "0.01"],
        &["--global-clip-norm", "0.01"],
        &["--clip-value", "0.001"],
        &["--init", "lecun_normal"],
        &["--classes", "west,north,east"],
    ] {
        assert_ne!(with(other), plain, "{other:?}");
    }
}

#[test]
fn losses_of_classes_and_of_numbers() {
    for (loss, output) in [("bce", "linear"), ("hinge", "tanh"), ("categorical", "linear")] {
        let (_, trace) =
            trained(&["--loss", loss, "--output", output, "--class-weights", "balanced", "--epochs", "20"]);
        assert!(last(&trace, "validation_accuracy").as_f64().unwrap() > 0.9, "{loss}: {trace}");
    }
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("line.csv");
    let rows: Vec<_> = (0..60).map(|k| format!("{},{}", f64::from(k) / 60.0, f64::from(k) / 30.0 - 1.0)).collect();
    fs::write(&csv, rows.join("\n")).unwrap();
    let base =
        ["--csv", csv.to_str().unwrap(), "--split", "stratified", "--schedule", "constant(0.05)", "--momentum", "0"];
    let base =
        [&base[..], &["--batch", "5", "--hidden", "8", "--init", "glorot-uniform", "--activation", "tanh"]].concat();
    let loss_of = |more: &[&str]| {
        let (_, trace) = trained(&[&base[..], more].concat());
        assert!(last(&trace, "accuracy").is_null());
        last(&trace, "validation_loss").as_f64().unwrap()
    };
    let (mse, mae, huber) = (loss_of(&[]), loss_of(&["--loss", "mae"]), loss_of(&["--loss", "huber(0.5)"]));
    assert!(mse < 0.01 && mae < 0.1 && huber < 0.005, "{mse} {mae} {huber}");
    assert_eq!(mse, loss_of(&["--loss", "mse"]), "the default for numbers");
}

/// A rate that makes the validation loss rise in the end: the best weights are restored, and they are those that a run of
/// just so many epochs has.
#[test]
fn patience_restores_the_best_weights() {
    let base = ["--split", "stratified", "--optimizer", "adam", "--schedule", "constant(0.02)", "--epochs", "200"];
    let (shown, stopped) = trained(&[&base[..], &["--patience", "4"]].concat());
    let epochs = stopped["epochs"].as_array().unwrap();
    let best = stopped["restored_epoch"].as_u64().unwrap() as usize;
    assert_eq!(stopped["stopped_early"], true);
    assert_eq!(epochs.len(), best + 1 + 4);
    let loss = |epoch: &Value| epoch["validation_loss"].as_f64().unwrap();
    assert!(epochs.iter().all(|epoch| loss(epoch) >= loss(&epochs[best])));
    assert_eq!(epochs.iter().filter(|epoch| epoch["restored"] == true).count(), 1);
    let line = format!(
        "stopped after {} epochs: 4 without a lower loss; the weights and the figures are those of epoch {best}, counted from 0",
        epochs.len()
    );
    assert!(shown.contains(&line), "{shown}");
    assert!(shown.contains(&format!("{:.4}", loss(&epochs[best]))), "{shown}");
    let (_, short) = trained(&[&base[..], &["--epochs", &(best + 1).to_string()]].concat());
    assert_eq!(short["hash"], stopped["hash"]);
    // 34-34-1 has 1225 parameters.
    assert_eq!(short["ram_bytes"].as_u64().unwrap() + 4 * 1225, stopped["ram_bytes"].as_u64().unwrap());
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    for (option, name, known) in [
        (
            "--optimizer",
            "adman",
            "sgd, nesterov, adam, adamw, amsgrad, rmsprop, adagrad, adadelta, adamax, nadam, radam, lion",
        ),
        ("--activation", "relu,rel", "linear, relu, leaky-relu(slope=0.3), elu(alpha=1), selu, sigmoid"),
        ("--output", "softmaxx", "gelu, gelu-tanh, silu, softmax"),
        ("--loss", "mes", "bce, categorical, mse, mae, huber(delta=1), hinge"),
        ("--init", "glorot", "zeros, constant(value=..), uniform(limit=0.05), normal(stddev=0.05)"),
        ("--convention", "jax", "keras, torch"),
    ] {
        let text = refused(&[option, name]);
        assert!(text.contains(known) && text.contains(option), "{text}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (arguments, expected) in [
        (
            &["--momentum", "0.9", "--optimizer", "adam"][..],
            "--momentum: expected the optimizer sgd, nesterov or rmsprop, found 0.9 with adam",
        ),
        (&["--loss", "mse"], "--loss: expected bce, hinge or categorical for the bundled classes, found mse"),
        (&["--output", "tanh"], "--output: expected sigmoid or linear with bce, found tanh"),
        (
            &["--label-smoothing", "0.1", "--loss", "hinge"],
            "--label-smoothing: expected the loss bce or categorical, found hinge",
        ),
        (&["--label-smoothing", "2"], "smoothing: expected from 0 to 1, found 2"),
        (&["--class-weights", "1,2,3"], "--class-weights: expected a weight for each of the 2 classes, found 3"),
        (&["--class-weights=-1,2"], "class weight: expected a finite number of at least 0, found -1"),
        (
            &["--activation", "relu,tanh"],
            "--activation: expected 1 value, or 1 for each of the 1 hidden layers, found 2",
        ),
        (
            &["--activation", "softmax"],
            "topology: expected softmax and its like in the last layer only, found one in layer 0",
        ),
        (&["--dropout", "1"], "dropout: expected at least 0 and below 1, found 1"),
        (&["--clip-norm", "0"], "--clip-norm: expected a finite number above 0, found 0"),
        (
            &["--online", "--l2", "0.1"],
            "topology: expected no l1 or l2 with an optimizer that keeps no gradient, found one",
        ),
        (
            &["--csv", DIGITS, "--loss", "hinge", "--classes", "1,2,3"],
            "--classes: expected two different classes with a comma between them for hinge, found `1,2,3`",
        ),
        (
            &["--csv", DIGITS, "--classes", "1,1"],
            "--classes: expected two or more different classes with a comma between them, found `1,1`",
        ),
    ] {
        assert_eq!(refused(arguments).trim_end(), format!("microfit: {expected}"));
    }
    for together in [&["--clip-norm", "1", "--clip-value", "1"][..], &["--online", "--optimizer", "adam"]] {
        assert!(refused(together).contains("cannot be used with"));
    }
}

/// The file has the same keys, lists too, and the command line wins.
#[test]
fn a_config_file_has_every_key() {
    let folder = tempfile::tempdir().unwrap();
    let csv = clouds(folder.path());
    let config = folder.path().join("run.toml");
    let text = "epochs = 4\nhidden = [6, 5]\nactivation = [\"tanh\", \"elu(0.5)\"]\noutput = \"softmax\"\nloss = \"categorical\"\n\
                label-smoothing = 0.1\nclass-weights = [1, 2, 0.5]\noptimizer = \"adamw\"\nconvention = \"torch\"\n\
                weight-decay = 0.01\nl1 = 1e-5\nl2 = 1e-4\ndropout = [0.1, 0]\nclip-norm = 1.0\npatience = 3\ninit = \"he-uniform\"\n";
    fs::write(&config, text).unwrap();
    let file = ["--csv", &csv, "--config", config.to_str().unwrap()];
    let options = [
        "--csv",
        &csv,
        "--epochs",
        "4",
        "--hidden",
        "6,5",
        "--activation",
        "tanh,elu(0.5)",
        "--output",
        "softmax",
        "--loss",
        "categorical",
        "--label-smoothing",
        "0.1",
        "--class-weights",
        "1,2,0.5",
        "--optimizer",
        "adamw",
        "--convention",
        "torch",
        "--weight-decay",
        "0.01",
        "--l1",
        "1e-5",
        "--l2",
        "1e-4",
        "--dropout",
        "0.1,0",
        "--clip-norm",
        "1",
        "--patience",
        "3",
        "--init",
        "he-uniform",
    ];
    assert_eq!(trained(&file).1, trained(&options).1);
    let wins = ["--hidden", "7", "--activation", "relu", "--dropout", "0.3"];
    assert_eq!(trained(&[&file[..], &wins].concat()).1, trained(&[&options[..], &wins].concat()).1);
    assert_ne!(hash(&[&file[..], &wins].concat()), hash(&file));
    // Also over the file's clip-norm, which cannot be used with it.
    let clip = ["--clip-value", "0.1"];
    let at = options.iter().position(|option| *option == "--clip-norm").unwrap();
    let others = [&options[..at], &options[at + 2..], &clip].concat();
    assert_eq!(trained(&[&file[..], &clip].concat()).1, trained(&others).1);
}

#[test]
fn a_divergence_in_the_gradient_is_status_1() {
    let output = microfit(&["--optimizer", "nesterov", "--schedule", "constant(1e30)", "--epochs", "3"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the conventions make of one option: the same run as another option of the other convention, or not.
#[test]
fn conventions_decay_and_clip_as_their_libraries_do() {
    let run = |options: &[&str]| {
        hash(&[&["--epochs", "2", "--momentum", "0", "--schedule", "constant(0.1)"], options].concat())
    };
    // PyTorch's SGD adds the decay to the gradient, where AdamW and Keras shrink the weights: to the same value without momentum, but for
    // rounding. With Adam they differ.
    let adam = |options: &[&str]| hash(&[&["--epochs", "2", "--optimizer", "adam"], options].concat());
    let decayed = |convention| adam(&["--convention", convention, "--weight-decay", "0.1"]);
    let adamw = |convention| {
        hash(&["--epochs", "2", "--optimizer", "adamw", "--convention", convention, "--weight-decay", "0.1"])
    };
    assert_eq!(decayed("keras"), adamw("keras"));
    assert_ne!(decayed("torch"), adamw("torch"));
    // PyTorch's norm is that of all gradients together, Keras' of each variable.
    let clipped = |option, convention| run(&["--convention", convention, option, "0.01"]);
    assert_eq!(clipped("--clip-norm", "torch"), clipped("--global-clip-norm", "torch"));
    assert_ne!(clipped("--clip-norm", "keras"), clipped("--global-clip-norm", "keras"));
}
