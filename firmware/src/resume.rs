//! Training that goes on where the power left it.

use core::fmt;
use core::num::NonZeroU32;

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::OutputPin;
use embedded_storage::nor_flash::NorFlash;
use microfit::checkpoint::{CheckpointError, Header, Identity, Lengths};
use microfit::data::{Dataset, Order};
use microfit::loss::Loss;
use microfit::optimizer::Optimizer;
use microfit::schedule::Schedule;
use microfit::storage::Store;
use microfit::{Event, Fit, Init, Progress, Topology, Trainer, weights_hash};

use crate::app::{App, Failure, Outcome};
use crate::record::Record;
use crate::report::{Checkpoint, Report, Saved};

/// A run that is saved as it goes.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a, C, O, S, I> {
    /// What reports call it.
    pub experiment: &'static str,
    /// Where it begins.
    pub init: Init,
    /// The seed of that.
    pub seed: u32,
    /// What is trained.
    pub fit: Fit<'a, C, O, S, I>,
    /// Updates between two checkpoints.
    pub every: NonZeroU32,
}

/// Why a run with checkpoints did not end well; `E` is the LED's error, `M` the flash's.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Interruption<E, M> {
    /// Anything but the checkpoints.
    Run(Failure<E>),
    /// A checkpoint could not be saved, or the flash not be read.
    Checkpoint(CheckpointError<M>),
}

impl<E, M> From<Failure<E>> for Interruption<E, M> {
    fn from(failure: Failure<E>) -> Self {
        Self::Run(failure)
    }
}

impl<E, M> From<microfit::Error> for Interruption<E, M> {
    fn from(error: microfit::Error) -> Self {
        Self::Run(error.into())
    }
}

impl<E, M> From<CheckpointError<M>> for Interruption<E, M> {
    fn from(error: CheckpointError<M>) -> Self {
        Self::Checkpoint(error)
    }
}

impl<E: fmt::Debug, M: fmt::Debug> fmt::Display for Interruption<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(failure) => failure.fmt(f),
            Self::Checkpoint(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug, M: fmt::Debug> core::error::Error for Interruption<E, M> {}

/// The caller's own bytes in a checkpoint of this application: the last epoch's record and the best one's.
pub const USER_BYTES: usize = 2 * Record::BYTES;

/// What [`App::resume`] saves, for [`Store::new`].
pub const fn checkpoint_lengths<O: Optimizer>(topology: &Topology<'_>) -> Lengths {
    Lengths { user: USER_BYTES, ..Lengths::of::<O>(topology) }
}

/// The epochs that the outcome tells of. They outlive the power in the checkpoint's own bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Memory {
    last_and_best: Option<(Record, Record)>,
}

impl Memory {
    fn record(&mut self, record: Record) {
        let best = self.last_and_best.map_or(record, |(_, best)| best);
        self.last_and_best = Some((record, if record.judged() < best.judged() { record } else { best }));
    }

    /// All bits set, as erased flash has it, stands for no epoch yet.
    fn to_bytes(self) -> [u8; USER_BYTES] {
        let mut bytes = [0xff; USER_BYTES];
        if let Some((last, best)) = self.last_and_best {
            for (place, byte) in bytes.iter_mut().zip(last.to_bytes().into_iter().chain(best.to_bytes())) {
                *place = byte;
            }
        }
        bytes
    }

    fn from_bytes(bytes: [u8; USER_BYTES]) -> Self {
        let (records, _) = bytes.as_chunks();
        match *records {
            [last, best] if bytes != [0xff; USER_BYTES] => {
                Self { last_and_best: Some((Record::from_bytes(last), Record::from_bytes(best))) }
            }
            _ => Self::default(),
        }
    }
}

const fn saved(header: &Header, progress: &Progress) -> Saved {
    Saved { sequence: header.sequence, epoch: progress.epochs(), step: progress.updates(), erases: header.erases }
}

/// Not inlined, like [`save`]: its bytes are not on the stack while the run is trained.
#[inline(never)]
fn load<C: Loss, O: Optimizer, S: Schedule, I: Order, F: NorFlash>(
    trainer: &mut Trainer<'_, '_, C, O, S, I>,
    identity: &Identity<'_>,
    store: &mut Store<F>,
) -> Result<(Header, Memory), CheckpointError<F::Error>> {
    let mut user = [0; USER_BYTES];
    let mut target = trainer.target(identity);
    target.user = &mut user;
    let header = store.load(&mut target)?;
    Ok((header, Memory::from_bytes(user)))
}

#[inline(never)]
fn save<C: Loss, O: Optimizer, S: Schedule, I: Order, F: NorFlash>(
    trainer: &Trainer<'_, '_, C, O, S, I>,
    identity: &Identity<'_>,
    memory: &Memory,
    store: &mut Store<F>,
) -> Result<Header, CheckpointError<F::Error>> {
    let user = memory.to_bytes();
    let mut snapshot = trainer.snapshot(identity);
    snapshot.user = &user;
    store.save(&snapshot)
}

impl<L: OutputPin, D: DelayNs, R: Report> App<L, D, R> {
    /// Goes on with the run in the store, or begins it, and saves as it goes: call it at every boot. Whenever the power
    /// fails, the bits at the end are those of a run it did not fail in. A run that is over is not trained again.
    ///
    /// A checkpoint of another run is no reason to stop, because nobody may be there to see to it: the run begins, and
    /// the other's checkpoint is overwritten once there is one of this run.
    ///
    /// [`App::history`] has the epochs since this boot alone, and none if the run was over; the [`Outcome`] is the whole run's.
    ///
    /// # Errors
    /// [`Interruption`].
    pub fn resume<C: Loss, O: Optimizer, S: Schedule, I: Order, F: NorFlash>(
        &mut self,
        run: Run<'_, C, O, S, I>,
        train: &impl Dataset,
        validation: &impl Dataset,
        params: &mut [f32],
        workspace: &mut [f32],
        store: &mut Store<F>,
    ) -> Result<Outcome, Interruption<L::Error, F::Error>> {
        let Run { experiment, init, seed, fit, every } = run;
        self.report.begin(experiment);
        self.history.clear();
        // Begun first, and loaded into: what is not loaded has begun.
        init.fill(&fit.topology, seed, params)?;
        let identity = fit.identity();
        let mut trainer = fit.start(params, workspace)?;
        let (mut memory, mut has_changed) = match load(&mut trainer, &identity, store) {
            Ok((header, memory)) => {
                self.report.checkpoint(experiment, Checkpoint::Resumed(saved(&header, &trainer.progress())));
                (memory, false)
            }
            Err(error) if error.is_of_another() => {
                self.report.checkpoint(experiment, Checkpoint::Missing);
                (Memory::default(), true)
            }
            Err(error) => return Err(error.into()),
        };
        loop {
            let event = trainer.step(train, validation)?;
            let is_due = match event {
                Event::Epoch(epoch) => {
                    let record = Record::from(&epoch);
                    self.light(epoch.epoch % 2 == 0)?;
                    self.report.epoch(experiment, &record);
                    self.history.push(record);
                    memory.record(record);
                    false
                }
                Event::Update { step, .. } => step % every == 0,
                // A board that boots after its run is over does not wear its flash.
                Event::Done => has_changed,
                // A real control loop would do its own work here: a step is short.
                _ => false,
            };
            has_changed = true;
            if is_due {
                let progress = trainer.progress();
                self.report.checkpoint(experiment, Checkpoint::Saving { step: progress.updates() });
                let header = save(&trainer, &identity, &memory, store)?;
                self.report.checkpoint(experiment, Checkpoint::Saved(saved(&header, &progress)));
            }
            if event == Event::Done {
                break;
            }
        }
        // A run has at least one epoch.
        let (last, best) = memory.last_and_best.ok_or(microfit::Error::DatasetEmpty)?;
        let outcome = Outcome { hash: weights_hash(trainer.params()), last, best };
        self.report.end(experiment, &outcome);
        self.blink()?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::convert::Infallible;

    use embedded_hal::digital::ErrorType;
    use embedded_hal_mock::eh1::delay::NoopDelay;
    use microfit::data::{Rows, Shuffle};
    use microfit::loss::BinaryCrossEntropy;
    use microfit::optimizer::Sgd;
    use microfit::schedule::Constant;
    use microfit::storage::{SimulatedFault, SimulatedFlash};
    use microfit::{Clock, activation::Sigmoid, dense};
    use std::{vec, vec::Vec};

    use super::*;

    const NET: Topology = Topology::new(2, &[dense(1, &Sigmoid)]);
    const LENGTHS: Lengths = checkpoint_lengths::<Sgd>(&NET);
    const PAGE: usize = 64;
    const HALF: usize = LENGTHS.frame_len().next_multiple_of(PAGE);
    const AND: Rows<2, 1> =
        Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [0.], [0.], [1.]] };

    type Flash<'a> = SimulatedFlash<'a, 1, 4, PAGE>;

    fn run(rate: f64) -> Run<'static, BinaryCrossEntropy, Sgd, Constant, Shuffle> {
        let fit = Fit {
            topology: NET,
            loss: BinaryCrossEntropy,
            optimizer: Sgd::keras(0.9).unwrap(),
            schedule: Constant::new(rate).unwrap(),
            clock: Clock::Update,
            order: Shuffle::new(1),
            batch: 2,
            epochs: 4,
        };
        Run { experiment: "and", init: Init::GlorotUniform, seed: 1, fit, every: NonZeroU32::new(3).unwrap() }
    }

    struct Led;

    impl ErrorType for Led {
        type Error = Infallible;
    }

    impl OutputPin for Led {
        fn set_low(&mut self) -> Result<(), Infallible> {
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct Told(Vec<Checkpoint>);

    impl Report for Told {
        fn begin(&mut self, _experiment: &'static str) {}
        fn epoch(&mut self, _experiment: &'static str, _record: &Record) {}
        fn end(&mut self, _experiment: &'static str, _outcome: &Outcome) {}
        fn checkpoint(&mut self, _experiment: &'static str, checkpoint: Checkpoint) {
            self.0.push(checkpoint);
        }
    }

    type Boot = (Result<Outcome, Interruption<Infallible, SimulatedFault>>, Vec<Checkpoint>);

    fn boot(flash: &mut Flash, rate: f64) -> Boot {
        let mut app = App::new(Led, NoopDelay::new(), Told::default());
        let (mut params, mut workspace) = ([f32::NAN; NET.param_len()], [f32::NAN; NET.workspace_len::<Sgd>()]);
        let mut store = Store::new(flash, 0, 2 * HALF as u32, &LENGTHS).unwrap();
        let outcome = app.resume(run(rate), &AND, &AND, &mut params, &mut workspace, &mut store);
        (outcome, app.release().2.0)
    }

    #[test]
    fn whenever_power_fails_the_outcome_is_the_same() {
        let (mut memory, mut erases) = (vec![0; 2 * HALF], vec![0; 2 * HALF / PAGE]);
        let mut flash = Flash::new(&mut memory, &mut erases, 0);
        let (whole, told) = boot(&mut flash, 0.5);
        let steps =
            told.iter().filter_map(|told| if let Checkpoint::Saved(saved) = told { Some(saved.step) } else { None });
        // Four epochs of two updates, and the end.
        assert_eq!(steps.collect::<Vec<_>>(), [3, 6, 8]);
        let operations = flash.operations();
        for at in 0..operations {
            let (mut memory, mut erases) = (vec![0; 2 * HALF], vec![0; 2 * HALF / PAGE]);
            let mut flash = Flash::new(&mut memory, &mut erases, at);
            flash.cut_after(at);
            let (cut, told) = boot(&mut flash, 0.5);
            assert_eq!(cut, Err(Interruption::Checkpoint(CheckpointError::Medium(SimulatedFault::Power))));
            let whole_one = told
                .iter()
                .rev()
                .find_map(|told| if let Checkpoint::Saved(saved) = told { Some(*saved) } else { None });
            flash.power_on();
            let (end, told) = boot(&mut flash, 0.5);
            assert_eq!(end, whole, "cut at {at}");
            assert_eq!(told[0], whole_one.map_or(Checkpoint::Missing, Checkpoint::Resumed), "cut at {at}");
        }
    }

    #[test]
    fn a_run_that_is_over_is_not_written_again_and_another_one_begins() {
        let (mut memory, mut erases) = (vec![0; 2 * HALF], vec![0; 2 * HALF / PAGE]);
        let mut flash = Flash::new(&mut memory, &mut erases, 0);
        let (first, _) = boot(&mut flash, 0.5);
        let operations = flash.operations();
        let (again, told) = boot(&mut flash, 0.5);
        assert_eq!(again, first);
        assert!(matches!(told[..], [Checkpoint::Resumed(Saved { step: 8, sequence: 2, .. })]), "{told:?}");
        assert_eq!(flash.operations(), operations);
        let (other, told) = boot(&mut flash, 0.25);
        assert_eq!(told[0], Checkpoint::Missing);
        assert!(other.is_ok() && other != first);
    }

    #[test]
    fn the_history_is_of_this_boot_and_the_outcome_of_the_whole_run() {
        let (mut memory, mut erases) = (vec![0; 2 * HALF], vec![0; 2 * HALF / PAGE]);
        let mut flash = Flash::new(&mut memory, &mut erases, 0);
        let mut histories = Vec::new();
        for epochs in [2, 2, 4] {
            let mut app = App::new(Led, NoopDelay::new(), Told::default());
            let (mut params, mut workspace) = ([f32::NAN; NET.param_len()], [f32::NAN; NET.workspace_len::<Sgd>()]);
            let mut store = Store::new(&mut flash, 0, 2 * HALF as u32, &LENGTHS).unwrap();
            let Run { fit, .. } = run(0.5);
            let longer = Run { fit: Fit { epochs, ..fit }, ..run(0.5) };
            let outcome = app.resume(longer, &AND, &AND, &mut params, &mut workspace, &mut store).unwrap();
            // The loss falls from epoch to epoch.
            assert_eq!((outcome.last.epoch, outcome.best), (epochs - 1, outcome.last));
            histories.push(app.history().records().iter().map(|record| record.epoch).collect::<Vec<_>>());
        }
        assert_eq!(histories, [vec![0, 1], vec![], vec![2, 3]]);
    }

    /// A flash of which nothing can be read, such as one whose bus has come loose.
    struct Unreadable<'a>(Flash<'a>);

    impl embedded_storage::nor_flash::ErrorType for Unreadable<'_> {
        type Error = SimulatedFault;
    }

    impl embedded_storage::nor_flash::ReadNorFlash for Unreadable<'_> {
        const READ_SIZE: usize = 1;

        fn read(&mut self, _offset: u32, _bytes: &mut [u8]) -> Result<(), SimulatedFault> {
            Err(SimulatedFault::Unreadable)
        }

        fn capacity(&self) -> usize {
            self.0.capacity()
        }
    }

    impl NorFlash for Unreadable<'_> {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = PAGE;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), SimulatedFault> {
            self.0.erase(from, to)
        }

        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), SimulatedFault> {
            self.0.write(offset, bytes)
        }
    }

    #[test]
    fn a_flash_that_cannot_be_read_is_not_written_over() {
        let (mut memory, mut erases) = (vec![0; 2 * HALF], vec![0; 2 * HALF / PAGE]);
        let mut flash = Flash::new(&mut memory, &mut erases, 0);
        boot(&mut flash, 0.5).0.unwrap();
        let operations = flash.operations();
        let mut store = Store::new(Unreadable(flash), 0, 2 * HALF as u32, &LENGTHS).unwrap();
        let mut app = App::new(Led, NoopDelay::new(), Told::default());
        let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
        let mut begun = params;
        run(0.5).init.fill(&NET, 1, &mut begun).unwrap();
        let outcome = app.resume(run(0.5), &AND, &AND, &mut params, &mut workspace, &mut store);
        assert_eq!(outcome, Err(Interruption::Checkpoint(CheckpointError::Medium(SimulatedFault::Unreadable))));
        // Nor is anything trained.
        assert_eq!((app.release().2.0, params), (Vec::new(), begun));
        assert_eq!(store.release().0.operations(), operations);
    }

    #[test]
    fn the_best_epoch_is_the_first_of_equals_and_none_is_all_bits_set() {
        let record = |epoch, loss| Record {
            epoch,
            step: 0,
            rate: 0.1,
            loss,
            accuracy: None,
            validation_loss: None,
            validation_accuracy: None,
        };
        let mut memory = Memory::default();
        assert_eq!((memory.to_bytes(), Memory::from_bytes(memory.to_bytes())), ([0xff; USER_BYTES], memory));
        for (epoch, loss) in [(0, 2.0), (1, 1.0), (2, 1.0), (3, 3.0)] {
            memory.record(record(epoch, loss));
        }
        assert_eq!(memory.last_and_best, Some((record(3, 3.0), record(1, 1.0))));
        assert_eq!(Memory::from_bytes(memory.to_bytes()), memory);
    }

    #[test]
    fn what_has_failed_is_named_once() {
        let missing: Interruption<Infallible, Infallible> = CheckpointError::Missing.into();
        assert_eq!(std::format!("{missing}"), "checkpoint: expected a frame, found none");
        let empty: Interruption<Infallible, Infallible> = microfit::Error::TopologyEmpty.into();
        assert_eq!(std::format!("{empty}"), std::format!("{}", microfit::Error::TopologyEmpty));
    }

    #[test]
    fn a_workspace_that_is_too_short_is_an_error() {
        let (mut memory, mut erases) = (vec![0; 2 * HALF], vec![0; 2 * HALF / PAGE]);
        let mut store = Store::new(Flash::new(&mut memory, &mut erases, 0), 0, 2 * HALF as u32, &LENGTHS).unwrap();
        let mut app = App::new(Led, NoopDelay::new(), Told::default());
        let outcome = app.resume(run(0.5), &AND, &AND, &mut [0.0; NET.param_len()], &mut [0.0; 2], &mut store);
        let Err(Interruption::Run(Failure::Training(microfit::Error::BufferLength { .. }))) = outcome else {
            panic!("{outcome:?}")
        };
    }
}
