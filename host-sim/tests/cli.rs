//! The binary, as a person calls it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn microfit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_microfit")).args(arguments).output().unwrap()
}

/// Exit status 2 and one line, which is returned.
fn refusal(arguments: &[&str]) -> String {
    let output = microfit(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
    text.trim_end().to_owned()
}

/// The same, where the run has told something before.
fn refusal_behind_a_note(arguments: &[&str]) -> String {
    let output = microfit(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn bad_csv_is_one_line_and_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cases = [
        ("column.csv", "1,2,b\n3,g\n", "row 2, column 3: expected 3 columns, found the end of the row"),
        ("number.csv", "1,2,b\n3,x,g\n", "row 2, column 2: expected a finite number, found `x`"),
        ("label.csv", "1,2,b\n3,4,g\n5,6,h\n", "row 3, column 3: expected class `b` or `g`, found `h`"),
        (
            "rows.csv",
            "",
            "row 1, column 1: expected at least one row of features and a target, found the end of the file",
        ),
        ("nan.csv", "1,2,b\nnan,4,g\n", "row 2, column 1: expected a finite number, found `nan`"),
    ];
    let missing = refusal(&["train", "--csv", "/no/such.csv"]);
    assert!(missing.starts_with("microfit: /no/such.csv: ") && !missing.contains("row"), "{missing}");
    let path = write("many.csv", &(0..65_536).map(|row| format!("0,{row}")).collect::<Vec<_>>().join("\n"));
    let error = refusal_behind_a_note(&["train", "--csv", &path]);
    let expected = "expected 65535 classes at most, or a loss of numbers such as mse, found 65536 classes";
    assert_eq!(error, format!("microfit: --loss: {expected}"));
    let row = |class: &str| format!("{}{class}\n", "0,".repeat(65_536));
    let path = write("wide.csv", &[row("a"), row("b")].concat().repeat(3));
    let error = refusal(&["train", "--csv", &path]);
    assert_eq!(error, "microfit: --csv: expected 65535 features at most, found 65536");
    let path = write("long.csv", &"1,a\n2,b\n".repeat(32769));
    let expected = "expected at most 65536 samples for a stratified split, or the split last, found 65538";
    assert_eq!(refusal(&["train", "--csv", &path, "--split", "stratified"]), format!("microfit: --split: {expected}"));
    for (name, text, expected) in cases {
        let path = write(name, text);
        assert_eq!(refusal(&["train", "--csv", &path, "--loss", "bce"]), format!("microfit: {path}: {expected}"));
    }
    let path = write("classes.csv", "1,2,a\n3,4,b\n5,6,c\n7,8,d\n");
    let expected = "row 4, column 3: expected class `a`, `b` or `c`, found `d`";
    assert_eq!(refusal(&["train", "--csv", &path, "--classes", "a,b,c"]), format!("microfit: {path}: {expected}"));
    let path = write("numbers.csv", "1,2,0.5\n3,4,1.5\n5,6,2\n7,8,x\n");
    let error = refusal(&["train", "--csv", &path]);
    assert_eq!(error, format!("microfit: {path}: row 4, column 3: expected a finite number, found `x`"));
}

#[test]
fn settings_that_make_no_sense_are_one_line_and_status_2() {
    assert_eq!(refusal(&["train", "--batch", "0"]), "microfit: batch: expected at least 1, found 0");
    assert_eq!(refusal(&["train", "--epochs", "0"]), "microfit: epochs: expected at least 1, found 0");
    assert_eq!(refusal(&["train", "--momentum", "1"]), "microfit: momentum: expected at least 0 and below 1, found 1");
    assert_eq!(
        refusal(&["train", "--hidden", "0"]),
        "microfit: topology: expected at least 1 unit in layer 0, found 0"
    );
    assert_eq!(
        refusal(&["train", "--validation", "1"]),
        "microfit: validation: expected at least 0 and below 1, found 1"
    );
    assert_eq!(refusal(&["compare", "--seeds", "0"]), "microfit: --seeds: expected at least 1, found 0");
}

#[test]
fn a_run_that_diverges_is_status_1() {
    let output = microfit(&["train", "--schedule", "constant(1e30)", "--epochs", "3"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("diverged after"));
}

/// One rate too high for one schedule does not take the table from the others.
#[test]
fn runs_that_diverge_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("all.svg");
    let compare = |rate: &str| {
        shown(&["compare", "--seeds", "2", "--only", "constant, 0.8", "--rate", rate, "--svg", svg.to_str().unwrap()])
    };
    let table = compare("1e30");
    let cells: Vec<_> = table.lines().last().unwrap().split('|').map(str::trim).collect();
    assert!(table.lines().next().unwrap().contains("| diverged |"), "{table}");
    assert_eq!(cells[1..], ["constant, 0.8", "0.00%", "0.00%", "0.00%", "0.0%", "inf", "inf", "inf", "2", ""]);
    assert!(fs::read_to_string(&svg).unwrap().trim_end().ends_with("</svg>"));
    assert!(!compare("0.1").contains("diverged"));
}

fn train(arguments: &[&str], trace: &Path) -> (String, String) {
    let mut all = vec!["train", "--epochs", "3", "--trace", trace.to_str().unwrap()];
    all.extend(arguments);
    let output = microfit(&all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), fs::read_to_string(trace).unwrap())
}

/// The bundled data and the same rows from a CSV train to the same bits, with either trace.
#[test]
fn a_csv_of_the_bundled_data_gives_the_same_trace() {
    let folder = tempfile::tempdir().unwrap();
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/data/ionosphere.csv");
    for split in ["last", "stratified"] {
        let (shown, bundled) = train(&["--split", split], &folder.path().join("a.csv"));
        let (_, own) = train(&["--split", split, "--csv", csv, "--classes", "b,g"], &folder.path().join("b.csv"));
        assert_eq!(bundled, own);
        assert_eq!(bundled.lines().count(), 4);
        let (_, json) = train(&["--split", split], &folder.path().join("c.json"));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(shown.contains(json["hash"].as_str().unwrap()), "{shown}");
        assert_eq!(json["epochs"].as_array().unwrap().len(), 3);
    }
}

/// Spaces are none of the classes', and a class may be a negative number.
#[test]
fn classes_are_compared_as_cells_are() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("data.csv");
    let trained = |rows: &str, classes: &[&str]| {
        fs::write(&csv, rows.repeat(9)).unwrap();
        let arguments = [&["--csv", csv.to_str().unwrap()], classes].concat();
        train(&arguments, &folder.path().join("trace.csv")).1
    };
    let by_name = trained("1,2,b\n3,4,a\n", &["--classes", "b,a"]);
    assert_eq!(trained("1,2,b\n3,4,a\n", &["--classes", "b , a"]), by_name);
    for classes in [&["--classes", "-1,1"][..], &["--classes=-1,1"], &["--classes", "-1, 1"]] {
        assert_eq!(trained("1,2,-1\n3,4,1\n", classes), by_name, "{classes:?}");
    }
}

#[test]
fn the_demo_shows_both_experiments_and_the_baseline() {
    let output = microfit(&[]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for expected in ["time_based(0.1, 0.002)", "drop_based(0.1, 0.5, 10)", "constant(0.1)", "92.24%", "10944"] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
}

#[test]
fn regression_trains_online() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.csv");
    let rows: Vec<_> = (0..40).map(|k| format!("{},{}", f64::from(k) / 40.0, f64::from(k) / 20.0 - 0.5)).collect();
    fs::write(&path, rows.join("\n")).unwrap();
    let arguments = [
        "--csv",
        path.to_str().unwrap(),
        "--loss",
        "mse",
        "--online",
        "--hidden",
        "4",
        "--init",
        "glorot-uniform",
        "--schedule",
        "constant(0.05)",
        "--validation",
        "0",
    ];
    let (_, trace) = train(&arguments, &folder.path().join("trace.csv"));
    let losses: Vec<f32> = trace.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().parse().unwrap()).collect();
    assert!(losses[2] < losses[0], "{losses:?}");
}

fn shown(arguments: &[&str]) -> String {
    let output = microfit(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_schedule_is_printed_in_every_format() {
    let spec = "warmup(0.1, 2).then(cosine(0.1, 0.0, 2))";
    assert_eq!(shown(&["schedule", spec, "--steps", "5"]), "step,rate\n0,0\n1,0.05\n2,0.1\n3,0.05\n4,0\n");
    let bits = shown(&["schedule", spec, "--steps", "3", "--bits"]);
    assert_eq!(bits, "step,rate\n0,00000000\n1,3d4ccccd\n2,3dcccccd\n");
    let json: serde_json::Value =
        serde_json::from_str(&shown(&["schedule", "torch.one_cycle(0.1, 10)", "--steps", "4", "--format", "json"]))
            .unwrap();
    assert_eq!(json["rate"].as_array().unwrap().len(), 4);
    assert_eq!(json["momentum"][0].as_f64().unwrap() as f32, 0.95);
    assert!(shown(&["schedule", spec, "--format", "svg"]).starts_with("<svg"));
    assert!(shown(&["schedule", spec, "--format", "chart"]).contains("50 steps"));
    let metric = shown(&["schedule", "keras.reduce_lr_on_plateau(0.1, patience=1)", "--steps", "3", "--metric", "1,1"]);
    assert_eq!(metric, "step,rate\n0,0.1\n1,0.1\n2,0.01\n");
}

#[test]
fn the_list_names_every_library() {
    let list = shown(&["schedule", "--list"]);
    for name in
        ["cosine(", "torch.one_cycle(", "keras.cosine_decay(", "optax.sgdr_schedule(", "timm.wsd(", "paper.noam("]
    {
        assert!(list.contains(name), "{name}");
    }
}

#[test]
fn a_wrong_schedule_is_pointed_at() {
    let output = microfit(&["schedule", "warmup(0.1, 5).then(cosin(0.1, 0.0, 45))"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("microfit: schedule: column 21: expected "), "{text}");
    let caret = text.lines().last().unwrap();
    let spec = text.lines().nth(1).unwrap();
    assert_eq!(&spec[caret.find('^').unwrap()..][..5], "cosin", "{text}");
}

/// The file of a run is the command line by another way, with the same grammar.
#[test]
fn a_config_file_trains_to_the_same_trace() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("run.toml");
    fs::write(&config, "schedule = \"cosine(0.1, 0, 27)\"\nmomentum = 0.9\nhidden = [16, 8]\nepochs = 9\n").unwrap();
    let (_, by_file) = train(&["--config", config.to_str().unwrap()], &folder.path().join("a.csv"));
    let options = ["--schedule", "cosine(0.1, 0, 27)", "--momentum", "0.9", "--hidden", "16,8"];
    let (_, by_options) = train(&options, &folder.path().join("b.csv"));
    assert_eq!(by_file, by_options);
    assert_eq!(by_file.lines().count(), 4, "the command line's epochs win");

    fs::write(&config, "schedul = \"constant(0.1)\"\n").unwrap();
    let error = refusal(&["train", "--config", config.to_str().unwrap()]);
    assert!(error.contains("run.toml: expected keys of ") && error.ends_with(", found `schedul`"), "{error}");
}

/// A rate driven by the validation loss trains, and falls.
#[test]
fn a_plateau_drives_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "keras.reduce_lr_on_plateau(0.1, factor=0.5, patience=1, min_delta=10)";
    let (_, trace) = train(&["--schedule", spec], &folder.path().join("a.csv"));
    let rates: Vec<_> = trace.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
    assert_eq!(rates, ["0.1", "0.1", "0.05"]);
}

/// What fails, or is refused, leaves every file as it was, and what a run had shown before it failed is kept.
#[test]
fn a_run_that_fails_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, trace, model) = (file("data.csv"), file("trace.csv"), file("model.mfmd"));
    let rows = "1,2,b\n3,4,g\n".repeat(9);
    fs::write(&data, &rows).unwrap();
    fs::write(&trace, "kept").unwrap();
    for bad in [["--schedule", "constant(0.1"], ["--momentum", "5"], ["--csv", "/no/such.csv"], ["--epochs", "0"]] {
        let output = microfit(&[&["train", "--trace", &trace][..], &bad].concat());
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert_eq!(fs::read_to_string(&trace).unwrap(), "kept", "{bad:?}");
    }
    let refused = [
        (["--trace", &data], format!("microfit: --trace: expected another file than --csv's, found {data}")),
        (["--save", &data], format!("microfit: --save: expected another file than --csv's, found {data}")),
    ];
    for (output, expected) in refused {
        assert_eq!(refusal(&[&["train", "--csv", &data][..], &output].concat()), expected);
        assert_eq!(fs::read_to_string(&data).unwrap(), rows);
    }
    let config = file("run.toml");
    fs::write(&config, "epochs = 1\n").unwrap();
    for option in ["--trace", "--save"] {
        let error = refusal(&["train", "--config", &config, option, &config]);
        assert_eq!(error, format!("microfit: {option}: expected another file than --config's, found {config}"));
        assert_eq!(fs::read_to_string(&config).unwrap(), "epochs = 1\n");
    }
    let error = refusal(&["train", "--trace", &model, "--save", &file("./model.mfmd")]);
    assert_eq!(error, format!("microfit: --trace: expected another file than --save's, found {model}"));
    assert!(!Path::new(&model).exists());
    // A model that is trained on may take its own place.
    let run = |more: &[&str]| microfit(&[&["train", "--epochs", "1"], more].concat()).status.success();
    assert!(run(&["--save", &model]) && run(&["--from", &model, "--save", &model]));
    // Epochs before a divergence.
    let output = microfit(&["train", "--schedule", "piecewise([27], [0.1, 1e30])", "--trace", &trace]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let kept = fs::read_to_string(&trace).unwrap();
    assert!(kept.starts_with("epoch,step,rate,") && kept.lines().count() == 4, "{kept}");
}

/// The model would take the place of the trace, or the other way round, once both are written.
#[test]
#[cfg(unix)]
fn two_names_of_one_file_that_is_not_there_yet_are_refused() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(file("folder")).unwrap();
    symlink("folder", file("other")).unwrap();
    symlink("new.csv", file("link.csv")).unwrap();
    symlink(file("link.csv"), file("folder/links.csv")).unwrap();
    for (trace, save) in [
        ("link.csv", "new.csv"),
        ("new.csv", "link.csv"),
        ("other/links.csv", "new.csv"),
        ("other/new.csv", "folder/new.csv"),
        ("folder/../new.csv", "new.csv"),
    ] {
        let error = refusal(&["train", "--trace", &file(trace), "--save", &file(save)]);
        assert_eq!(error, format!("microfit: --trace: expected another file than --save's, found {}", file(trace)));
    }
    assert!(!Path::new(&file("new.csv")).exists());
    // Links in a ring lead to no file, and are no reason to wait.
    symlink("ring.csv", file("ring.csv")).unwrap();
    let output = microfit(&["train", "--trace", &file("ring.csv"), "--save", &file("new.csv")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn what_would_be_ignored_is_refused() {
    let error = refusal(&["schedule", "constant(0.1)", "--bits", "--format", "chart"]);
    assert_eq!(error, "microfit: --bits: expected the format csv or json, found a picture");
    let error = refusal(&["compare", "--threshold", "5"]);
    assert_eq!(error, "microfit: --threshold: expected an accuracy from 0 to 1, found 5");
    let error = refusal(&["schedule", "constant(1e30) * 1e20"]);
    assert_eq!(error, "microfit: the schedule: expected rates that an f32 can hold, found inf at step 0");
    let error = refusal(&["train", "--csv", "any.csv", "--classes", "1,1.0"]);
    let expected = "expected two or more different classes with a comma between them, found `1,1.0`";
    assert_eq!(error, format!("microfit: --classes: {expected}"));
    let error = refusal(&["train", "--csv", "any.csv", "--classes", "1,2", "--loss", "mse"]);
    assert_eq!(error, "microfit: --classes: expected a loss of classes: bce, categorical or hinge, found mse");
    for optimizer in [&["--optimizer", "adagrad"][..], &["--optimizer", "adadelta"], &["--online"]] {
        let error = refusal(&[&["train", "--schedule", "torch.cyclic(0.001, 0.1, 20)"], optimizer].concat());
        let expected = "expected a rate alone, as the optimizer has no momentum (torch's cycles: cycle_momentum=false)";
        assert_eq!(error, format!("microfit: --schedule: {expected}, found a momentum as well"));
    }
    for options in [["device", "--kills", "0"], ["schedule", "constant(0.1)", "--steps=4000000000"]] {
        assert_eq!(microfit(&options).status.code(), Some(2), "{options:?}");
    }
}

/// Before it measures, which takes minutes.
#[test]
fn figures_that_cannot_be_written_are_found_at_once() {
    let output = microfit(&["bench", "--training", "--figures", "/no/such/folder/figures.csv"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("microfit: /no/such/folder/figures.csv: ") && output.stdout.is_empty(), "{error}");
}

/// As on a medium that is full.
#[test]
#[cfg(unix)]
fn what_cannot_be_written_whole_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.mfmd");
    let train = |limit: &str| {
        let command = format!("trap '' XFSZ; {limit} exec \"$0\" train --epochs 1 --save \"$1\"");
        let script = ["-c", &command, env!("CARGO_BIN_EXE_microfit"), model.to_str().unwrap()];
        Command::new("sh").args(script).output().unwrap().status.code()
    };
    assert_eq!(train(""), Some(0));
    let before = fs::read(&model).unwrap();
    assert_eq!(train("ulimit -f 2;"), Some(1));
    assert_eq!(fs::read(&model).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // Through a link the file it leads to is written.
    let link = folder.path().join("link.mfmd");
    std::os::unix::fs::symlink("target.mfmd", &link).unwrap();
    let output = microfit(&["train", "--epochs", "1", "--save", link.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert!(link.is_symlink());
    assert_eq!(fs::read(folder.path().join("target.mfmd")).unwrap(), before);
}

/// The tutorial's drop-based decay counts epochs, scaled or not.
#[test]
fn drop_based_counts_epochs_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for spec in [
        "drop_based(0.1, 0.5, 2)",
        "0.5 * drop_based(0.2, 0.5, 2)",
        "5e-1 * drop_based(0.2, 0.5, 2)",
        "(drop_based(0.2, 0.5, 2) * 0.5)",
        "constant(0.5).product(drop_based(0.2, 0.5, 2))",
    ] {
        let (_, trace) = train(&["--schedule", spec], &folder.path().join("trace.csv"));
        let rates: Vec<_> = trace.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
        assert_eq!(rates, ["0.1", "0.05", "0.05"], "{spec}");
    }
}

#[test]
fn a_config_file_in_front_of_its_command_and_two_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("run.toml");
    fs::write(&config, "epochs = 1\n").unwrap();
    let config = config.to_str().unwrap();
    assert!(microfit(&["--config", config, "train"]).status.success());
    let error = refusal(&["train", "--config", config, "--config", config]);
    assert_eq!(error, format!("microfit: {config}: expected one --config, found another"));
}

/// Either way, and with a path that is no Unicode.
#[test]
#[cfg(target_os = "linux")]
fn a_config_file_may_have_any_name() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join(OsStr::from_bytes(b"run\xff.toml"));
    fs::write(&config, "epochs = 0\n").unwrap();
    let mut attached = OsString::from("--config=");
    attached.push(&config);
    for arguments in [&[attached][..], &["--config".into(), config.into()]] {
        let output = Command::new(env!("CARGO_BIN_EXE_microfit")).arg("train").args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error, "microfit: epochs: expected at least 1, found 0\n");
    }
}

/// As in `microfit schedule .. | head`.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    use std::io::Read as _;
    use std::process::Stdio;
    let mut child = Command::new(env!("CARGO_BIN_EXE_microfit"))
        .args(["schedule", "constant(0.1)", "--steps", "500000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 9];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((&first, output.stderr.as_slice()), (b"step,rate", &b""[..]));
}

/// The index that pandas writes without a name.
#[test]
fn a_column_without_a_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("data.csv");
    fs::write(&csv, format!(",x,class\n{}", "0,1,b\n1,2,g\n".repeat(9))).unwrap();
    let output = microfit(&["train", "--csv", csv.to_str().unwrap(), "--epochs", "1"]);
    assert!(output.status.success(), "{output:?}");
    let path = csv.display();
    let expected = format!(
        "microfit: {path}: row 1 has no numbers and is taken for a header\n\
         microfit: {path}: column 1 has no name and is taken for a feature\n"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}
