//! `microfit bench --training`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::COUNTING;
use crate::device::{BOARDS, Board, DeviceError, Fields, Image, run, workspace_root};
use crate::error::Error;
use crate::output;
use crate::progress::bar;
use crate::table::table;

/// A core, and how its code is built.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// What the table calls it, and the committed figures.
    pub name: &'static str,
    board: Board,
    opt_level: &'static str,
    cpu: Option<&'static str>,
    /// With the feature of core.
    small: bool,
}

pub(super) const M3: Board = BOARDS[1];
/// A Cortex-M3 runs what is built for a Cortex-M0, instruction for instruction, and its machine has the timer that counts.
pub(super) const M0: Board = Board { core: "Cortex-M0", target: "thumbv6m-none-eabi", ..M3 };

/// What is measured; of the M4Fs the second and third are the size profiles, the fourth is built for just that core.
pub const SETTINGS: [Setting; 7] = [
    Setting { name: "M0", board: M0, opt_level: "3", cpu: None, small: false },
    Setting { name: "M3", board: M3, opt_level: "3", cpu: None, small: false },
    Setting { name: "M4F", board: BOARDS[0], opt_level: "3", cpu: None, small: false },
    Setting { name: "M4F, s", board: BOARDS[0], opt_level: "s", cpu: None, small: false },
    Setting { name: "M4F, small, s", board: BOARDS[0], opt_level: "s", cpu: None, small: true },
    Setting { name: "M4F, cortex-m4", board: BOARDS[0], opt_level: "3", cpu: Some("cortex-m4"), small: false },
    Setting { name: "M7", board: BOARDS[2], opt_level: "3", cpu: None, small: false },
];

/// One network's training on one core.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The network: see `firmware/src/nets.rs`.
    pub net: String,
    /// A sample's instructions: forward, backward, and its share of the update.
    pub instructions: f64,
    /// A sample's modelled cycles, where the core is an M4F and the plugin could be loaded.
    pub cycles: Option<f64>,
    /// Bytes of parameters and workspace.
    pub ram: u32,
    /// The deepest the stack has been in an epoch, in bytes.
    pub stack: u32,
    /// Of the weights after three epochs.
    pub hash: u64,
}

impl Setting {
    /// Whether the code is for just one core.
    pub const fn is_for_one_core(&self) -> bool {
        self.cpu.is_some()
    }

    fn build(&self, binary: &str, features: &str) -> Result<Image, DeviceError> {
        let cpu = self.cpu.map(|cpu| format!("-C target-cpu={cpu}"));
        let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", self.board.target.to_uppercase().replace('-', "_"));
        let mut variables = vec![("CARGO_PROFILE_FIRMWARE_OPT_LEVEL", self.opt_level)];
        if let Some(cpu) = &cpu {
            variables.push((&flags, cpu));
        }
        let features = if self.small { format!("{features},small") } else { features.to_owned() };
        Image::build_with(self.board, binary, &features, &variables)
    }

    /// Builds and runs the networks' training.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn measure(&self, plugin: Option<&Path>) -> Result<Vec<Figure>, DeviceError> {
        let image = self.build("bench_training", "bench")?;
        let mut figures = Vec::new();
        let take = |line: &str, figures: &mut Vec<Figure>| -> Result<(), DeviceError> {
            let Some(pairs) = line.strip_prefix("training ") else { return Ok(()) };
            let fields = Fields::parse(line, pairs.split_whitespace())?;
            let (instructions, samples): (f64, f64) = (fields.take("instructions")?, fields.take("samples")?);
            let hash = fields.text("hash")?;
            figures.push(Figure {
                net: fields.text("name")?.to_owned(),
                instructions: instructions / samples,
                cycles: None,
                ram: fields.take("ram")?,
                stack: fields.take("stack")?,
                hash: u64::from_str_radix(hash, 16)
                    .map_err(|_| DeviceError::Log { expected: "a hash", found: line.to_owned() })?,
            });
            Ok(())
        };
        run(self.board, &image, &COUNTING, |line| take(line, &mut figures))?;
        let Some(plugin) = plugin.filter(|_| self.board == BOARDS[0]) else { return Ok(figures) };
        // With the plugin in place the timer's count is another, so it is a run of its own.
        let out = image.path().with_extension("cycles");
        let argument = format!("{},out={}", plugin.display(), out.display());
        run(self.board, &image, &["-plugin", &argument], |_| Ok(()))?;
        let counts = fs::read_to_string(&out).unwrap_or_default();
        for (figure, line) in figures.iter_mut().zip(counts.lines()) {
            let cycles = line.split_whitespace().nth(1).and_then(|cycles| cycles.parse::<f64>().ok());
            figure.cycles = cycles.map(|cycles| cycles / microfit_firmware::nets::SAMPLES as f64);
        }
        Ok(figures)
    }

    /// Bytes of flash that training W2 takes: `.text` and `.rodata` of an image that does nothing else and logs nothing. By a `Fit`, and by
    /// a `Learner`.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn flash(&self) -> Result<[u64; 2], DeviceError> {
        let of = |binary| self.build(binary, "one-net")?.sections(&[".text", ".rodata"]);
        Ok([of("one_net")?, of("one_batch")?])
    }
}

/// Builds the plugin that counts cycles, or says on standard error why there are none: QEMU may be built without plugins.
pub fn plugin() -> Option<PathBuf> {
    let root = workspace_root();
    let folder = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    let built = Command::new("cargo")
        .args(["build", "--locked", "--release", "--quiet", "-p", "microfit-cycles", "--target-dir"])
        .arg(&folder)
        .current_dir(&root)
        .status();
    let path = folder.join("release/libmicrofit_cycles.so");
    let help = Command::new("qemu-system-arm").arg("--help").output();
    let supported = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("-plugin"));
    let loaded = built.is_ok_and(|status| status.success()) && path.is_file() && supported;
    if !loaded {
        output::note("no cycles: the plugin in host-sim/cycles could not be built, or this QEMU takes none");
    }
    loaded.then_some(path)
}

/// Prints the table; writes the instructions and cycles to `figures` if it is given.
///
/// # Errors
/// [`Error`].
pub(super) fn bench(figures: Option<&Path>) -> Result<(), Error> {
    figures.map_or(Ok(()), output::check)?;
    let plugin = plugin();
    let progress = bar(2 * SETTINGS.len() as u64, "images");
    let mut measured = Vec::new();
    let mut flash = ["flash of training W2", "flash of training W2 by a learner"].map(|title| vec![title.to_owned()]);
    for setting in SETTINGS {
        measured.push(setting.measure(plugin.as_deref())?);
        progress.inc(1);
        for (row, bytes) in flash.iter_mut().zip(setting.flash()?) {
            row.push(bytes.to_string());
        }
        progress.inc(1);
    }
    progress.finish_and_clear();

    let mut titles = vec!["instructions a sample"];
    titles.extend(SETTINGS.map(|setting| setting.name));
    let mut instructions = table(&titles);
    titles[0] = "modelled cycles a sample";
    let mut cycles = table(&titles);
    titles[0] = "bytes";
    let mut bytes = table(&titles);
    for (k, first) in measured.first().into_iter().flatten().enumerate() {
        let row = |title: String, text: &dyn Fn(&Figure) -> String| {
            let cells = measured.iter().map(|figures| figures.get(k).map_or("-".into(), text));
            std::iter::once(title).chain(cells).collect::<Vec<_>>()
        };
        instructions.add_row(row(first.net.clone(), &|figure| format!("{:.0}", figure.instructions)));
        cycles.add_row(row(first.net.clone(), &|figure| figure.cycles.map_or("-".into(), |c| format!("{c:.0}"))));
        bytes.add_row(row(format!("{}: parameters and workspace", first.net), &|figure| figure.ram.to_string()));
        bytes.add_row(row(format!("{}: stack", first.net), &|figure| figure.stack.to_string()));
    }
    bytes.add_rows(flash);
    output::line(instructions)?;
    if plugin.is_some() {
        output::line(cycles)?;
    }
    output::line(bytes)?;
    if let Some(path) = figures {
        let mut text = String::from("setting;net;instructions;cycles\n");
        for (setting, figures) in SETTINGS.iter().zip(&measured) {
            for figure in figures {
                let cycles = figure.cycles.map_or_else(String::new, |cycles| format!("{cycles:.0}"));
                let _ = writeln!(text, "{};{};{:.0};{cycles}", setting.name, figure.net, figure.instructions);
            }
        }
        output::file(path, text.as_bytes())?;
    }
    Ok(())
}
