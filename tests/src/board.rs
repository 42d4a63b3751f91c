//! A board that trains XOR and keeps its checkpoints in flash: what the tests of power cuts boot again and again.

use embedded_storage::nor_flash::NorFlash;
use microfit::activation::{Sigmoid, Tanh};
use microfit::checkpoint::{CheckpointError, Header, Identity, Lengths, Snapshot, Target};
use microfit::data::{Rows, Shuffle};
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Adam;
use microfit::schedule::keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau};
use microfit::schedule::{Feedback, Plateau, PlateauState, TimeBased, Words};
use microfit::storage::{Store, asynchronous};
use microfit::{
    Clock, EarlyStopping, EarlyStoppingState, Event, Fit, Goal, Init, Progress, Topology, Verdict, checked, dense,
    weights_hash,
};
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
    /// Where the run stands.
    pub progress: Progress,
    /// Early stopping.
    pub stopping: EarlyStoppingState,
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
        let (progress, stopping) = (Progress::default(), STOPPING.start());
        Self { params, workspace: [f32::NAN; _], progress, stopping, best: [0.0; _], shift, factor, user, feedback }
    }

    /// Where a checkpoint is loaded to.
    pub fn target<'a>(&'a mut self, identity: &'a Identity<'a>) -> Target<'a> {
        Target {
            identity,
            progress: &mut self.progress,
            stopping: Some(&mut self.stopping),
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
            stopping: Some(&STOPPING.start()),
            feedback: &self.feedback,
            best: &self.best,
            shift: &self.shift,
            factor: &self.factor,
            user: &self.user,
            ..trainer.snapshot(&identity())
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
    fn load(&mut self, target: &mut Target) -> Result<Header, CheckpointError<F::Error>>;
}

impl<F: NorFlash> AnyStore<F> for Store<F> {
    fn open(flash: F, lengths: &Lengths) -> Result<Self, CheckpointError<F::Error>> {
        let len = flash.capacity() as u32;
        Self::new(flash, 0, len, lengths)
    }

    fn save(&mut self, snapshot: &Snapshot) -> Result<Header, CheckpointError<F::Error>> {
        self.save(snapshot)
    }

    fn load(&mut self, target: &mut Target) -> Result<Header, CheckpointError<F::Error>> {
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

    fn load(&mut self, target: &mut Target) -> Result<Header, CheckpointError<F::Error>> {
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
    let (mut board, fresh, identity) = (Board::new(user), Board::new(user), identity());
    let Board { params, workspace, stopping, best, shift, factor, user, feedback, .. } = &mut board;
    let mut plateau = PLATEAU.start();
    let mut trainer = fit().start(params, workspace).unwrap();
    let mut target = trainer.target(&identity);
    target.stopping = Some(stopping);
    target.feedback = feedback;
    target.best = best;
    target.shift = shift;
    target.factor = factor;
    target.user = user;
    match store.load(&mut target) {
        Ok(header) => {
            assert!(Some(header.sequence) >= *acknowledged, "an acknowledged checkpoint was lost");
            assert_eq!((&*user, *shift, *factor), (&fresh.user, fresh.shift, fresh.factor));
            plateau = PlateauState::from_words(feedback).unwrap();
        }
        Err(CheckpointError::Missing) => assert_eq!(*acknowledged, None, "every checkpoint was lost"),
        Err(error) => return Err(error),
    }
    loop {
        match trainer.step(&XOR, &XOR).unwrap() {
            Event::Done => break,
            Event::Samples { .. } | Event::Validation { .. } => continue,
            Event::Epoch(epoch) => {
                let loss = epoch.validation.unwrap().loss();
                if STOPPING.observe(stopping, loss) == Verdict::Improved {
                    best.copy_from_slice(trainer.params());
                }
                PLATEAU.observe(&mut plateau, loss.into());
                trainer.force_rate(Some(PLATEAU.rate(&plateau)));
            }
            Event::Update { .. } => {}
        }
        plateau.to_words(feedback).unwrap();
        let mut snapshot = trainer.snapshot(&identity);
        snapshot.stopping = Some(stopping);
        snapshot.feedback = feedback;
        snapshot.best = best;
        snapshot.shift = shift;
        snapshot.factor = factor;
        snapshot.user = user;
        *acknowledged = Some(store.save(&snapshot)?.sequence);
    }
    assert!(plateau.lr < 0.05, "the rate was cut: its state matters");
    Ok((weights_hash(trainer.params()), weights_hash(best)))
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
