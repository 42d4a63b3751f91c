//! Runs that lose their power: on emulated boards whose emulator is killed or which reset themselves, and on the desk, each
//! with flash that outlives it, so that one goes on where another one was cut off.

use std::convert::Infallible;
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use microfit::data::{Dataset, Shuffle};
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Sgd;
use microfit::schedule::TimeBased;
use microfit::storage::{SimulatedFault, SimulatedFlash, Store};
use microfit::{Fit, Rng, tutorial};
use microfit_firmware::{App, Interruption, Run, SEED, checkpoint_lengths};
use tempfile::TempDir;

use super::DeviceError;
use super::board::Board;
use super::boot::{Boot, Session, Start};
use super::desk::{NoDelay, NoLed};
use super::emulator::{Emulator, End, SEMIHOSTING, table};
use super::image::Image;
use super::log::{Log, same_bits, wrong};
use super::monitor::Monitor;

/// The flash all of them have for checkpoints, in bytes: that of firmware/boards/microbit.x.
const LEN: usize = 20 * 1024;
const PAGE: usize = 1024;
const WORD: usize = 4;
/// What an mps2 calls it, see firmware/src/bin/mps2_checkpoint.rs.
const FILE: &str = "flash.bin";
/// A save takes about so long in the emulator: to a file, and to the micro:bit's flash.
const SAVE_TO_FILE: Duration = Duration::from_millis(30);
const SAVE_TO_FLASH: Duration = Duration::from_millis(6);
/// Instructions take 64 ns of the board's time then, whatever the host does: a seed fixes where a reset strikes.
const COUNTED: [&str; 2] = ["-icount", "shift=6"];

/// The tutorial's run with time-based decay and a piece of flash, which goes from machine to machine; every boot is checked.
#[derive(Debug)]
pub struct Trial {
    folder: TempDir,
    epochs: u32,
    every: NonZeroU32,
    /// What the run is where nothing is cut.
    uncut: Boot,
    /// The sequence number of the newest checkpoint that is known to be whole.
    whole: Option<u32>,
    /// Whether the last boot ended within a save, so that there may be one more.
    is_saving: bool,
}

/// When power is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// After so many saves have begun since the boot.
    pub saves: u32,
    /// And how far on, from 0 to 1: about one save, on a board by the host's clock.
    pub part: f32,
}

impl Moment {
    /// Some moment up to the `most`th save. Most are early in it or before it: a cut within a write is what is looked for.
    pub fn random(rng: &mut Rng, most: u32) -> Self {
        Self { saves: rng.below(most.saturating_add(1)), part: rng.unit().powi(3) }
    }
}

/// Where a run goes on.
#[derive(Debug, Clone)]
pub enum Machine {
    /// Here, with simulated flash, which has torn words and half-erased pages.
    Desk,
    /// On an emulated board, with its image.
    Board(Board, Image),
}

impl Trial {
    /// With new flash.
    ///
    /// # Errors
    /// [`DeviceError::Flash`]; [`DeviceError::Failed`] for a run that cannot be.
    pub fn new(epochs: u32, every: NonZeroU32) -> Result<Self, DeviceError> {
        let folder = tempfile::tempdir().map_err(DeviceError::Flash)?;
        let mut trial = Self { folder, epochs, every, uncut: Boot::default(), whole: None, is_saving: false };
        trial.uncut = trial.boot_desk(None)?;
        fs::remove_file(trial.file()).map_err(DeviceError::Flash)?;
        Ok(trial)
    }

    /// The same run with a copy of the flash.
    ///
    /// # Errors
    /// [`DeviceError::Flash`].
    pub fn copy(&self) -> Result<Self, DeviceError> {
        let folder = tempfile::tempdir().map_err(DeviceError::Flash)?;
        let copy = Self { folder, uncut: self.uncut.clone(), ..*self };
        fs::write(copy.file(), self.flash()?).map_err(DeviceError::Flash)?;
        Ok(copy)
    }

    /// What the run is where nothing is cut, as the desk has it.
    pub const fn uncut(&self) -> &Boot {
        &self.uncut
    }

    /// Saves in the whole run, that at its end among them.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub fn saves(&self) -> Result<u32, DeviceError> {
        let (train, _) = tutorial::split().map_err(failed)?;
        let updates = self.epochs * (train.len() as u32).div_ceil(self.run().fit.batch);
        Ok(updates / self.every + 1)
    }

    /// Turns a machine's power on, and cuts it at that moment, if the run does not end before. When the run has ended, so has
    /// the trial.
    ///
    /// # Errors
    /// [`DeviceError::Lost`] if a checkpoint that was whole is not found, [`DeviceError::Differs`] if an epoch or the weights at
    /// the end are not what they are without a cut, and whatever keeps the machine from running.
    pub fn boot(&mut self, machine: &Machine, cut: Option<Moment>) -> Result<Boot, DeviceError> {
        let boot = match machine {
            Machine::Desk => self.boot_desk(cut)?,
            Machine::Board(board, image) => {
                let boots = emulate(*board, image, self, cut, None)?;
                boots.into_iter().next().ok_or_else(|| wrong("a run that begins", "the end of the log"))?
            }
        };
        self.check(machine.name(), &boot, cut.is_some())?;
        Ok(boot)
    }

    /// Cuts the power so often, at moments that the seed fixes, and lets the run end then. Fewer cuts, if the end comes before.
    ///
    /// # Errors
    /// As [`Self::boot`].
    pub fn boot_with_cuts(
        &mut self,
        machine: &Machine,
        cuts: u32,
        seed: u32,
        mut show: impl FnMut(&Boot),
    ) -> Result<Vec<Boot>, DeviceError> {
        let mut rng = Rng::new(seed);
        // So that the run is not over before.
        let most = self.saves()?.checked_div(cuts).unwrap_or_default().max(1);
        let mut boots = Vec::new();
        for boot in 0..=cuts {
            let cut = (boot < cuts).then(|| Moment::random(&mut rng, most));
            let boot = self.boot(machine, cut)?;
            show(&boot);
            let is_over = boot.hash.is_some();
            boots.push(boot);
            if is_over {
                break;
            }
        }
        Ok(boots)
    }

    /// Lets a board reset itself so often, at instructions that the seed fixes, while its flash controller keeps what it has.
    ///
    /// # Errors
    /// As [`Self::boot`]; [`DeviceError::NoResets`] for a machine that has no such controller.
    pub fn boot_with_resets(
        &mut self,
        machine: &Machine,
        resets: u32,
        seed: u32,
        mut show: impl FnMut(&Boot),
    ) -> Result<Vec<Boot>, DeviceError> {
        let boots = match machine {
            Machine::Board(board, image) if is_own(*board) => {
                // What is loaded is loaded again at every reset, so the flash has to be new.
                (self.whole, self.is_saving) = (None, false);
                emulate(*board, image, self, None, Some((resets, seed)))?
            }
            _ => return Err(DeviceError::NoResets { machine: machine.name() }),
        };
        for (index, boot) in boots.iter().enumerate() {
            show(boot);
            self.check(machine.name(), boot, index + 1 < boots.len())?;
        }
        Ok(boots)
    }

    fn check(&mut self, machine: &'static str, boot: &Boot, may_be_cut: bool) -> Result<(), DeviceError> {
        let found = match boot.start {
            Start::Unknown if may_be_cut => return Ok(()),
            Start::Unknown | Start::Anew => None,
            Start::From(from) => Some(from.sequence),
        };
        let next = self.whole.map_or(0, |whole| whole + 1);
        // Places that a save passes over have numbers too.
        if found != self.whole && !(self.is_saving && found.is_some_and(|found| found >= next)) {
            return Err(DeviceError::Lost { machine, expected: self.whole, found });
        }
        self.whole = boot.saved.map(|saved| saved.sequence).or(found);
        self.is_saving = boot.is_saving;
        let differs = |what: String| DeviceError::Differs { board: machine, what };
        for record in &boot.records {
            match self.uncut.records.get(record.epoch as usize) {
                Some(uncut) if same_bits(record, uncut) => {}
                uncut => return Err(differs(format!("{record:?} after a cut, {uncut:?} without"))),
            }
        }
        match (boot.hash, self.uncut.hash) {
            (None, _) if may_be_cut => Ok(()),
            (found, expected) if found == expected => Ok(()),
            (found, expected) => Err(differs(format!("hash {found:#018x?} after a cut, {expected:#018x?} without"))),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    fn flash(&self) -> Result<Vec<u8>, DeviceError> {
        let file = self.file();
        if !file.exists() {
            return Ok(vec![0xff; LEN]);
        }
        let mut bytes = fs::read(file).map_err(DeviceError::Flash)?;
        // The emulator may have been killed before it had made all of it.
        bytes.resize(LEN, 0xff);
        Ok(bytes)
    }

    fn run(&self) -> Run<'static, BinaryCrossEntropy, Sgd, TimeBased, Shuffle> {
        let fit = Fit { epochs: self.epochs, ..tutorial::time_based(SEED) };
        Run { experiment: "time_based", init: tutorial::INIT, seed: SEED, fit, every: self.every }
    }

    fn boot_desk(&self, cut: Option<Moment>) -> Result<Boot, DeviceError> {
        let (mut memory, mut erases) = (self.flash()?, [0; LEN / PAGE]);
        let lengths = checkpoint_lengths::<Sgd>(&tutorial::NET);
        let mut boot = Boot::default();
        let mut flash = SimulatedFlash::<1, WORD, PAGE>::new(&mut memory, &mut erases, cut.map_or(0, |cut| cut.saves));
        if let Some(cut) = cut {
            // A save erases a half and writes a frame.
            let a_save = (LEN / PAGE / 2 + lengths.frame_len().div_ceil(WORD)) as f32;
            flash.cut_after(((cut.saves.saturating_sub(1) as f32 + cut.part) * a_save) as u32);
        }
        let (train, validation) = tutorial::split().map_err(failed)?;
        let mut store = Store::new(flash, 0, LEN as u32, &lengths).map_err(Failed::Checkpoint).map_err(failed)?;
        let mut params = [0.0; tutorial::NET.param_len()];
        let mut workspace = [0.0; tutorial::NET.workspace_len::<Sgd>()];
        let mut app = App::new(NoLed, NoDelay, &mut boot);
        let end = app.resume(self.run(), &train, &validation, &mut params, &mut workspace, &mut store);
        let is_off = store.flash().is_off();
        match end {
            Err(error) if !is_off => Err(failed(error)),
            _ => fs::write(self.file(), memory).map(|()| boot).map_err(DeviceError::Flash),
        }
    }
}

impl Machine {
    /// A board with its image.
    ///
    /// # Errors
    /// As [`Image::build`].
    pub fn build(board: Board) -> Result<Self, DeviceError> {
        let (binary, features) = (format!("{}_checkpoint", board.package), format!("{},storage", board.package));
        Ok(Self::Board(board, Image::build(board, &binary, &features)?))
    }

    /// Whether it can reset itself and keep its flash.
    pub fn has_resets(&self) -> bool {
        matches!(self, Self::Board(board, _) if is_own(*board))
    }

    /// Bytes of flash its image takes, without those for checkpoints; nothing of the desk.
    ///
    /// # Errors
    /// As [`Image::flash`].
    pub fn flash(&self) -> Result<u64, DeviceError> {
        match self {
            Self::Desk => Ok(0),
            Self::Board(_, image) => image.flash(),
        }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Board(board, _) => board.name,
        }
    }
}

/// A run that was cut off on one machine and came to its end on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Where it was cut off.
    pub first: &'static str,
    /// At which update the other one went on.
    pub step: u32,
    /// Where it came to its end.
    pub second: &'static str,
    /// The weights then.
    pub hash: u64,
}

/// Begins a run on each of the machines, cuts its power in mid-run, and brings it to its end on each of the others, from the
/// flash as it was.
///
/// # Errors
/// As [`Trial::boot`].
pub fn exchange(machines: &[Machine], epochs: u32, every: NonZeroU32, seed: u32) -> Result<Vec<Exchange>, DeviceError> {
    let mut rng = Rng::new(seed);
    let mut found = Vec::new();
    for first in machines {
        let mut begun = Trial::new(epochs, every)?;
        let saves = begun.saves()?;
        let Moment { saves: random, part } = Moment::random(&mut rng, saves / 2);
        begun.boot(first, Some(Moment { saves: saves / 4 + random, part }))?;
        for second in machines.iter().filter(|second| second.name() != first.name()) {
            let end = begun.copy()?.boot(second, None)?;
            let (Start::From(from), Some(hash)) = (end.start, end.hash) else {
                return Err(DeviceError::Lost { machine: second.name(), expected: begun.whole, found: None });
            };
            found.push(Exchange { first: first.name(), step: from.step, second: second.name(), hash });
        }
    }
    Ok(found)
}

/// Whether a board's flash for checkpoints is like flash: microfit_firmware::examine, on the board.
///
/// # Errors
/// [`DeviceError::Failed`] if it is not, and whatever keeps the board from running.
pub fn examine_flash(board: Board) -> Result<(), DeviceError> {
    let image = Image::build(board, "flash", &format!("{},storage", board.package))?;
    let folder = tempfile::tempdir().map_err(DeviceError::Flash)?;
    let (messages, mut log) = (table(&image)?, Log::default());
    Emulator::start(board, &image, &[], Some(folder.path()), None)?.listen(&messages, |line, _| log.line(line))?;
    Ok(())
}

/// Whether the emulator has the board's own flash controller, and no file in its place.
fn is_own(board: Board) -> bool {
    board.package == "microbit"
}

fn emulate(
    board: Board,
    image: &Image,
    trial: &Trial,
    cut: Option<Moment>,
    resets: Option<(u32, u32)>,
) -> Result<Vec<Boot>, DeviceError> {
    let Trial { epochs, every, .. } = trial;
    let (resets, seed, counted) = resets.map_or((0, 0, false), |(resets, seed)| (resets, seed, true));
    let arguments = format!("arg=microfit,arg=epochs={epochs},arg=every={every},arg=resets={resets},arg=seed={seed}");
    let semihosting = format!("enable=on,target=native,{arguments}");
    let mut options: Vec<String> = Vec::new();
    let mut monitor = None;
    if counted {
        options.extend(COUNTED.map(Into::into));
    } else if is_own(board) {
        let address = image.address("_checkpoints_start")?;
        let file = trial.file();
        if file.exists() {
            let path = file.display().to_string().replace(',', ",,");
            options.extend(["-device".into(), format!("loader,file={path},addr={address:#x},force-raw=on")]);
        }
        monitor = Some(Monitor::new(address, LEN as u32, file)?);
    }
    let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
    options.extend([SEMIHOSTING, &semihosting]);
    let a_save = if is_own(board) { SAVE_TO_FLASH } else { SAVE_TO_FILE };
    let messages = table(image)?;
    let mut session = Session::default();
    let emulator = Emulator::start(board, image, &options, Some(trial.folder.path()), monitor)?;
    let end = emulator.listen(&messages, |line, power| {
        session.line(line)?;
        if let Some(cut) = cut
            && session.saves >= cut.saves
            && session.boots.last().is_some_and(|boot| boot.start != Start::Unknown)
            && !power.is_cut()
        {
            power.cut_after(a_save.mul_f32(cut.part));
        }
        Ok(())
    })?;
    let hash = session.boots.last().and_then(|boot| boot.hash);
    if end == End::Finished && hash.is_none() {
        return Err(wrong("the end of a run", "finished"));
    }
    Ok(session.boots)
}

/// How the application fails on the desk.
type Failed = Interruption<Infallible, SimulatedFault>;

fn failed(error: impl Into<Failed>) -> DeviceError {
    DeviceError::Failed { reason: error.into().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: NonZeroU32 = NonZeroU32::new(4).unwrap();
    const MID_RUN: Moment = Moment { saves: 3, part: 0.5 };

    #[test]
    fn the_desk_goes_on_after_any_cut() {
        let mut trial = Trial::new(3, EVERY).unwrap();
        assert_eq!(trial.saves().unwrap(), 7);
        let boots = trial.boot_with_cuts(&Machine::Desk, 6, 9, |_| {}).unwrap();
        assert!(boots.len() > 4, "{boots:?}");
        assert_eq!(boots.last().unwrap().hash, trial.uncut().hash);
    }

    #[test]
    fn a_checkpoint_that_is_lost_is_found_out() {
        let mut trial = Trial::new(3, EVERY).unwrap();
        let cut = trial.boot(&Machine::Desk, Some(MID_RUN)).unwrap();
        assert_eq!((cut.saved.unwrap().sequence, cut.is_saving), (1, true));
        fs::remove_file(trial.file()).unwrap();
        let lost = trial.boot(&Machine::Desk, None);
        assert!(matches!(lost, Err(DeviceError::Lost { expected: Some(1), found: None, .. })), "{lost:?}");
    }

    #[test]
    fn an_older_checkpoint_is_not_taken_for_the_newest() {
        let mut trial = Trial::new(3, EVERY).unwrap();
        trial.boot(&Machine::Desk, Some(MID_RUN)).unwrap();
        let old = trial.flash().unwrap();
        trial.boot(&Machine::Desk, Some(MID_RUN)).unwrap();
        fs::write(trial.file(), old).unwrap();
        let lost = trial.boot(&Machine::Desk, None);
        assert!(matches!(lost, Err(DeviceError::Lost { expected: Some(3), found: Some(1), .. })), "{lost:?}");
    }

    #[test]
    fn other_bits_are_found_out() {
        let cut = |change: fn(&mut Boot)| {
            let mut trial = Trial::new(3, EVERY).unwrap();
            trial.boot(&Machine::Desk, Some(MID_RUN)).unwrap();
            change(&mut trial.uncut);
            trial.boot(&Machine::Desk, None)
        };
        assert!(cut(|_| {}).is_ok());
        let weights = cut(|uncut| uncut.hash = Some(1));
        assert!(matches!(weights, Err(DeviceError::Differs { .. })), "{weights:?}");
        let epoch = cut(|uncut| uncut.records[1].loss = f32::from_bits(uncut.records[1].loss.to_bits() + 1));
        assert!(matches!(epoch, Err(DeviceError::Differs { .. })), "{epoch:?}");
    }
}
