//! A board that trains XOR and keeps its checkpoints in flash: what the tests of power cuts boot again and again.

use embedded_storage::nor_flash::NorFlash;
use microfit::activation::{Sigmoid, Tanh};
use microfit::checkpoint::{CheckpointError, Header, Identity, Lengths, Restored, Snapshot, Target};
use microfit::data::{Rows, Shuffle};
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Adam;
use microfit::schedule::keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau};
use microfit::schedule::{Feedback, Plateau, PlateauState, TimeBased, Words};
use microfit::storage::{Store, asynchronous};
use microfit::{Clock, EarlyStopping, Event, Fit, Goal, Init, Topology, Verdict, checked, dense, weights_hash};
use pollster::block_on;

/// The network.
pub const NET: Topology = Topology::new(2, &[dense(3, &Tanh), dense(1, &Sigmoid)]);
const STATE: usize = NET.state_len::<Adam>();
/// What it trains on.
pub const XOR: Rows<2, 1> =
    Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
const STOPPING: EarlyStopping = checked!(EarlyStopping::new(Goal::Minimize, 9, 0.0));
const PLATEAU: Plateau = checked!(reduce_lr_on_plateau(
    0.05,
    ReduceLrOnPlateauOptions { factor: 0.5, patience: 1, min_delta: 0.01, ..ReduceLrOnPlateauOptions::DEFAULT }
));

/// The run, without its own bytes.
pub const LENGTHS: Lengths =
    Lengths { feedback: PlateauState::WORDS, best: NET.param_len(), shift: 2, factor: 2, ..Lengths::of::<Adam>(&NET) };

/// The run's settings.
#[must_use]
pub fn fit() -> Fit<'static, BinaryCrossEntropy, Adam, TimeBased, Shuffle> {
    Fit {
        topology: NET,
        loss: BinaryCrossEntropy,
        optimizer: checked!(Adam::keras(0.9, 0.999, 1e-7)),
        schedule: checked!(TimeBased::new(0.05, 0.01)),
        clock: Clock::Update,
        order: Shuffle::new(4),
        batch: 3,
        epochs: 5,
    }
}

/// Whose checkpoints these are.
#[must_use]
pub fn identity() -> Identity<'static> {
    fit().identity().with_feedback(&PLATEAU)
}

/// What a board has in RAM; lost with the power.
#[derive(Debug, Clone)]
pub struct Board {
    /// The network's parameters.
    pub params: [f32; NET.param_len()],
    /// Optimizer state and tape.
    pub workspace: [f32; NET.workspace_len::<Adam>()],
    best: [f32; NET.param_len()],
    shift: [f32; 2],
    factor: [f32; 2],
    user: Vec<u8>,
    feedback: [u32; PlateauState::WORDS],
}

impl Board {
    /// After a reset, with so many bytes of its own.
    ///
    /// # Panics
    /// Never: the topology is a network's.
    #[must_use]
    pub fn new(user: usize) -> Self {
        let mut params = [0.0; NET.param_len()];
        Init::GlorotUniform.fill(&NET, 2, &mut params).unwrap();
        let user = (0..user).map(|byte| (byte * 7) as u8).collect();
        let (shift, factor, feedback) = ([0.5; _], [2.0; _], [0; _]);
        Self { params, workspace: [f32::NAN; _], best: [0.0; _], shift, factor, user, feedback }
    }

    /// Where a checkpoint is loaded to.
    pub fn target(&mut self) -> Target<'_> {
        Target {
            identity: identity(),
            feedback: &mut self.feedback,
            params: &mut self.params,
            state: &mut self.workspace[..STATE],
            best: &mut self.best,
            shift: &mut self.shift,
            factor: &mut self.factor,
            user: &mut self.user,
        }
    }

    /// The first frames' content: a few steps into the run.
    ///
    /// # Panics
    /// If training or `take` does.
    pub fn after(&mut self, steps: usize, take: impl FnOnce(&Snapshot)) {
        let state = PLATEAU.start();
        state.to_words(&mut self.feedback).unwrap();
        let mut trainer = fit().start(&mut self.params, &mut self.workspace).unwrap();
        for _ in 0..steps {
            trainer.step(&XOR, &XOR).unwrap();
        }
        take(&Snapshot {
            identity: identity(),
            stopping: Some(&STOPPING.start()),
            feedback: &self.feedback,
            best: &self.best,
            shift: &self.shift,
            factor: &self.factor,
            user: &self.user,
            ..trainer.snapshot()
        });
    }
}

/// A store, blocking or waited for.
pub trait AnyStore<F: NorFlash>: Sized {
    /// As `Store::new`, over all of the flash.
    ///
    /// # Errors
    /// As `Store::new`.
    fn open(flash: F, lengths: &Lengths) -> Result<Self, CheckpointError<F::Error>>;
    /// As `Store::save`.
    ///
    /// # Errors
    /// As `Store::save`.
    fn save(&mut self, snapshot: &Snapshot) -> Result<Header, CheckpointError<F::Error>>;
    /// As `Store::load`.
    ///
    /// # Errors
    /// As `Store::load`.
    fn load(&mut self, target: &mut Target) -> Result<Restored, CheckpointError<F::Error>>;
}

impl<F: NorFlash> AnyStore<F> for Store<F> {
    fn open(flash: F, lengths: &Lengths) -> Result<Self, CheckpointError<F::Error>> {
        let len = flash.capacity() as u32;
        Self::new(flash, 0, len, lengths)
    }

    fn save(&mut self, snapshot: &Snapshot) -> Result<Header, CheckpointError<F::Error>> {
        self.save(snapshot)
    }

    fn load(&mut self, target: &mut Target) -> Result<Restored, CheckpointError<F::Error>> {
        self.load(target)
    }
}

impl<F: NorFlash + embedded_storage_async::nor_flash::NorFlash> AnyStore<F> for asynchronous::Store<F> {
    fn open(flash: F, lengths: &Lengths) -> Result<Self, CheckpointError<F::Error>> {
        let len = embedded_storage::nor_flash::ReadNorFlash::capacity(&flash) as u32;
        Self::new(flash, 0, len, lengths)
    }

    fn save(&mut self, snapshot: &Snapshot) -> Result<Header, CheckpointError<F::Error>> {
        block_on(self.save(snapshot))
    }

    fn load(&mut self, target: &mut Target) -> Result<Restored, CheckpointError<F::Error>> {
        block_on(self.load(target))
    }
}

/// Boots, goes on from what the flash has, saves after every call that changed something, and ends with the hashes of weights and
/// best weights. `acknowledged` is the sequence number of the last save that returned.
///
/// # Errors
/// Whatever the store returns.
///
/// # Panics
/// If a checkpoint that was acknowledged is lost, or what is found is not what was saved.
pub fn boot<F: NorFlash, S: AnyStore<F>>(
    flash: F,
    user: usize,
    acknowledged: &mut Option<u32>,
) -> Result<(u64, u64), CheckpointError<F::Error>> {
    let mut store = S::open(flash, &Lengths { user, ..LENGTHS })?;
    let (mut board, fresh) = (Board::new(user), Board::new(user));
    let (mut trainer, mut stopping, mut plateau);
    match store.load(&mut board.target()) {
        Ok(restored) => {
            assert!(Some(restored.header.sequence) >= *acknowledged, "an acknowledged checkpoint was lost");
            assert_eq!((&board.user, board.shift, board.factor), (&fresh.user, fresh.shift, fresh.factor));
            stopping = restored.stopping.unwrap();
            plateau = PlateauState::from_words(&board.feedback).unwrap();
            trainer = fit().resume(restored.progress, &mut board.params, &mut board.workspace).unwrap();
        }
        Err(CheckpointError::Missing) => {
            assert_eq!(*acknowledged, None, "every checkpoint was lost");
            stopping = STOPPING.start();
            plateau = PLATEAU.start();
            trainer = fit().start(&mut board.params, &mut board.workspace).unwrap();
        }
        Err(error) => return Err(error),
    }
    loop {
        match trainer.step(&XOR, &XOR).unwrap() {
            Event::Done => break,
            Event::Samples { .. } | Event::Validation { .. } => continue,
            Event::Epoch(epoch) => {
                let loss = epoch.validation.unwrap().loss();
                if STOPPING.observe(&mut stopping, loss) == Verdict::Improved {
                    board.best.copy_from_slice(trainer.params());
                }
                PLATEAU.observe(&mut plateau, loss.into());
                trainer.force_rate(Some(PLATEAU.rate(&plateau)));
            }
            Event::Update { .. } => {}
        }
        plateau.to_words(&mut board.feedback).unwrap();
        let snapshot = Snapshot {
            identity: identity(),
            stopping: Some(&stopping),
            feedback: &board.feedback,
            best: &board.best,
            shift: &board.shift,
            factor: &board.factor,
            user: &board.user,
            ..trainer.snapshot()
        };
        *acknowledged = Some(store.save(&snapshot)?.sequence);
    }
    assert!(plateau.lr < 0.05, "the rate was cut: its state matters");
    Ok((weights_hash(trainer.params()), weights_hash(&board.best)))
}

/// Which of the two stores: they are one body of code, and pass the same tests.
pub trait Way {
    /// Its name.
    const NAME: &'static str;
    /// As [`boot`].
    ///
    /// # Errors
    /// As [`boot`].
    fn boot<F: NorFlash + embedded_storage_async::nor_flash::NorFlash>(
        flash: F,
        user: usize,
        acknowledged: &mut Option<u32>,
    ) -> Result<(u64, u64), CheckpointError<F::Error>>;
}

/// `storage::Store`.
#[derive(Debug)]
pub struct Blocking;
/// `storage::asynchronous::Store`.
#[derive(Debug)]
pub struct Waiting;

impl Way for Blocking {
    const NAME: &'static str = "blocking";

    fn boot<F: NorFlash + embedded_storage_async::nor_flash::NorFlash>(
        flash: F,
        user: usize,
        acknowledged: &mut Option<u32>,
    ) -> Result<(u64, u64), CheckpointError<F::Error>> {
        boot::<F, Store<F>>(flash, user, acknowledged)
    }
}

impl Way for Waiting {
    const NAME: &'static str = "async";

    fn boot<F: NorFlash + embedded_storage_async::nor_flash::NorFlash>(
        flash: F,
        user: usize,
        acknowledged: &mut Option<u32>,
    ) -> Result<(u64, u64), CheckpointError<F::Error>> {
        boot::<F, asynchronous::Store<F>>(flash, user, acknowledged)
    }
}
