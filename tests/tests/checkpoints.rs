//! A run with many checkpoints loses nothing, whenever power fails.

use microfit::activation::{Sigmoid, Tanh};
use microfit::checkpoint::{CheckpointError, Lengths, Section, Sink, Snapshot, Source, Target, load, save};
use microfit::data::{Rows, Shuffle};
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Adam;
use microfit::schedule::keras::{ReduceLrOnPlateauOptions, reduce_lr_on_plateau};
use microfit::schedule::{Feedback, Plateau, PlateauState, TimeBased, Words};
use microfit::storage::{SimulatedFault, SimulatedFlash, Store};
use microfit::{Clock, EarlyStopping, Event, Fit, Goal, Init, Topology, Verdict, dense, weights_hash};
use proptest::prelude::*;

const NET: Topology = Topology::new(2, &[dense(3, &Tanh), dense(1, &Sigmoid)]);
const XOR: Rows<2, 1> =
    Rows { features: &[[0., 0.], [0., 1.], [1., 0.], [1., 1.]], targets: &[[0.], [1.], [1.], [0.]] };
const PARAMS: usize = NET.param_len();
const STATE: usize = NET.state_len::<Adam>();
const LENGTHS: Lengths =
    Lengths { feedback: PlateauState::WORDS, best: PARAMS, shift: 2, factor: 2, user: 5, ..Lengths::of::<Adam>(&NET) };

fn fit() -> Fit<'static, BinaryCrossEntropy, Adam, TimeBased, Shuffle> {
    Fit {
        topology: NET,
        loss: BinaryCrossEntropy,
        optimizer: Adam::keras(0.9, 0.999, 1e-7).unwrap(),
        schedule: TimeBased::new(0.05, 0.01).unwrap(),
        clock: Clock::Update,
        order: Shuffle::new(4),
        batch: 3,
        epochs: 5,
    }
}

const STOPPING: EarlyStopping = microfit::checked!(EarlyStopping::new(Goal::Minimize, 9, 0.0));

const PLATEAU: Plateau = microfit::checked!(reduce_lr_on_plateau(
    0.05,
    ReduceLrOnPlateauOptions { factor: 0.5, patience: 1, min_delta: 0.01, ..ReduceLrOnPlateauOptions::DEFAULT }
));

/// What a board has in RAM; lost with the power.
struct Board {
    params: [f32; PARAMS],
    workspace: [f32; NET.workspace_len::<Adam>()],
    best: [f32; PARAMS],
    shift: [f32; 2],
    factor: [f32; 2],
    user: [u8; 5],
    feedback: [u32; PlateauState::WORDS],
}

impl Board {
    fn new() -> Self {
        let mut params = [0.0; PARAMS];
        Init::GlorotUniform.fill(&NET, 2, &mut params).unwrap();
        let (shift, factor, user, feedback) = ([0.5; _], [2.0; _], *b"board", [0; _]);
        Self { params, workspace: [f32::NAN; _], best: [0.0; _], shift, factor, user, feedback }
    }

    fn target(&mut self) -> Target<'_> {
        Target {
            identity: fit().identity().with_feedback(&PLATEAU),
            feedback: &mut self.feedback,
            params: &mut self.params,
            state: &mut self.workspace[..STATE],
            best: &mut self.best,
            shift: &mut self.shift,
            factor: &mut self.factor,
            user: &mut self.user,
        }
    }
}

type Fault = CheckpointError<SimulatedFault>;

/// Boots, goes on from what the flash has, saves after every call that changed something, and ends with the hash of weights and
/// best weights. `acknowledged` is the sequence number of the last save that returned.
fn boot<const R: usize, const W: usize, const E: usize>(
    flash: &mut SimulatedFlash<R, W, E>,
    acknowledged: &mut Option<u32>,
) -> Result<(u64, u64), Fault> {
    let len = 2 * E as u32 * (LENGTHS.frame_len().div_ceil(E) as u32);
    let mut store = Store::new(flash, 0, len, &LENGTHS)?;
    let mut board = Board::new();
    let (mut trainer, mut stopping, mut plateau);
    match store.load(&mut board.target()) {
        Ok(restored) => {
            assert!(Some(restored.header.sequence) >= *acknowledged, "an acknowledged checkpoint was lost");
            assert_eq!((&board.user, board.shift, board.factor), (b"board", [0.5; 2], [2.0; 2]));
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
            identity: fit().identity().with_feedback(&PLATEAU),
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
    Ok((weights_hash(trainer.params()), weights_hash(&board.best)))
}

/// Power fails at every `stride`th of the words and erases of the run, and then once more during recovery.
fn cut_everywhere<const R: usize, const W: usize, const E: usize>(seeds: u32, stride: usize, fresh: u8) {
    let size = 2 * E * LENGTHS.frame_len().div_ceil(E);
    let blank = (vec![fresh; size], vec![0; size / E]);
    let (mut memory, mut erases) = blank.clone();
    let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, 0);
    let expected = boot(&mut flash, &mut None).unwrap();
    let operations = flash.operations();
    let (least, most) = (flash.erases().iter().min().unwrap(), flash.erases().iter().max().unwrap());
    println!("words of {W}, pages of {E}: {operations} operations, {least} to {most} erases a page");
    assert!(most - least <= 1);
    let (mut first, mut second) = (0, 0);
    for seed in 0..seeds {
        for at in (0..operations).step_by(stride) {
            let (mut memory, mut erases) = blank.clone();
            let mut flash = SimulatedFlash::<R, W, E>::new(&mut memory, &mut erases, seed * 7919 + at);
            let mut acknowledged = None;
            flash.cut_after(at);
            assert_eq!(boot(&mut flash, &mut acknowledged), Err(CheckpointError::Medium(SimulatedFault::Power)));
            flash.power_on();
            // Not every recovery is long enough for the second cut.
            flash.cut_after((at * 31 + seed * 17) % 199);
            first += 1;
            let mut end = boot(&mut flash, &mut acknowledged);
            if end.is_err() {
                assert_eq!(end, Err(CheckpointError::Medium(SimulatedFault::Power)));
                second += 1;
                flash.power_on();
                end = boot(&mut flash, &mut acknowledged);
            }
            assert_eq!(end, Ok(expected), "cut at {at}, seed {seed}");
        }
    }
    println!("words of {W}, pages of {E}: {} cuts tried, {second} of them in a recovery; lost: 0", first + second);
    assert!(2 * second > first, "most recoveries are long enough for a cut");
}

#[test]
fn power_cut_in_words_of_4_and_flash_full_of_zeros() {
    cut_everywhere::<1, 4, 1024>(2, 1, 0x00);
}

#[test]
fn power_cut_with_frames_of_many_pages() {
    cut_everywhere::<4, 4, 256>(1, 1, 0xff);
}

#[test]
fn power_cut_in_words_of_8() {
    cut_everywhere::<1, 8, 4096>(2, 1, 0xff);
}

/// A page for many frames. Every seventh byte, because reading them all back is slow.
#[test]
fn power_cut_in_words_of_1() {
    cut_everywhere::<1, 1, 8192>(1, 7, 0xff);
}

#[test]
fn a_store_says_what_it_cannot_hold_and_whose_frame_it_has() {
    let (mut memory, mut erases) = ([0xff; 2048], [0; 2]);
    let mut flash = SimulatedFlash::<1, 4, 1024>::new(&mut memory, &mut erases, 0);
    for (start, len) in [(0, 1024), (4, 2048), (1024, 2048), (0, 4096)] {
        assert_eq!(Store::new(&mut flash, start, len, &LENGTHS).unwrap_err(), CheckpointError::RegionTooSmall);
    }
    let mut store = Store::new(flash, 0, 2048, &LENGTHS).unwrap();
    assert_eq!(store.saves_per_erase() as usize, 2 * (1024 / LENGTHS.frame_len().next_multiple_of(4)));
    let (mut saved, mut loaded) = (Board::new(), Board::new());
    assert_eq!(store.header(), Ok(None));
    assert_eq!(store.load(&mut loaded.target()), Err(CheckpointError::Missing));
    let trainer = fit().start(&mut saved.params, &mut saved.workspace).unwrap();
    let (best, shift, factor, user) = (&saved.best, &saved.shift, &saved.factor, &saved.user);
    let identity = fit().identity().with_feedback(&PLATEAU);
    let snapshot = Snapshot { identity, best, shift, factor, user, feedback: &saved.feedback, ..trainer.snapshot() };
    let header = store.save(&snapshot).unwrap();
    let identity = fit().identity();
    let (expected, found) = (identity.fingerprint(), header.fingerprint);
    let foreign = store.load(&mut Target { identity, ..loaded.target() });
    assert_eq!(foreign, Err(CheckpointError::Foreign { expected, found }));
    let restored = store.load(&mut loaded.target()).unwrap();
    assert_eq!((restored.progress, restored.stopping, restored.header), (trainer.progress(), None, header));
    assert_eq!(store.header(), Ok(Some(header)));
    let user = &[0; 2000];
    assert_eq!(store.save(&Snapshot { user, ..snapshot }), Err(CheckpointError::RegionTooSmall));
    assert_eq!(store.release().erases(), [1, 0]);
}

#[derive(Default)]
struct Frame(Vec<u8>);

impl Sink for Frame {
    type Error = ();

    fn write(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Source for Frame {
    type Error = ();

    fn len(&self) -> u32 {
        self.0.len() as u32
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ()> {
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }
}

fn frame() -> (Frame, Board) {
    let mut board = Board::new();
    let mut frame = Frame::default();
    let mut trainer = fit().start(&mut board.params, &mut board.workspace).unwrap();
    for _ in 0..7 {
        trainer.step(&XOR, &XOR).unwrap();
    }
    let extras = (&board.best, &board.shift, &board.factor, &board.user);
    let snapshot = Snapshot {
        identity: fit().identity().with_feedback(&PLATEAU),
        stopping: Some(&stopping),
        feedback: &board.feedback,
        best: extras.0,
        shift: extras.1,
        factor: extras.2,
        user: extras.3,
        ..trainer.snapshot()
    };
    save(&snapshot, 3, 9, &mut frame).unwrap();
    assert_eq!(frame.0.len(), LENGTHS.frame_len());
    (frame, board)
}

fn refused(frame: &[u8]) -> CheckpointError<()> {
    let mut board = Board::new();
    board.workspace.fill(7.0);
    let before = (board.params, board.workspace);
    let error = load(&mut Frame(frame.to_vec()), &mut board.target()).unwrap_err();
    assert!(before == (board.params, board.workspace), "a refused frame changed the target");
    error
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let (frame, saved) = frame();
    let mut board = Board::new();
    load(&mut Frame(frame.0.clone()), &mut board.target()).unwrap();
    assert_eq!(board.params, saved.params);
    let mut bytes = frame.0.clone();
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        refused(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for len in 0..bytes.len() {
        refused(&bytes[..len]);
    }
}

/// The CRC is made good again, so that what lies behind it is looked at.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() - 4;
    let mut crc = !0_u32;
    for byte in &bytes[..at] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    bytes[at..].copy_from_slice(&(!crc).to_le_bytes());
    bytes
}

#[test]
fn each_fault_has_its_error() {
    let bytes = frame().0.0;
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        sealed(bytes)
    };
    assert_eq!(sealed(bytes.clone()), bytes, "CRC-32 as in zip");
    assert_eq!(refused(&with(0, 0)), CheckpointError::Missing);
    assert_eq!(refused(&with(4, 2)), CheckpointError::Version { found: 2 });
    assert!(matches!(refused(&with(11, 1)), CheckpointError::Length { .. }));
    assert!(matches!(refused(&with(16, !bytes[16])), CheckpointError::Foreign { .. }));
    assert_eq!(refused(&with(28, 9)), CheckpointError::Section { expected: Section::Shape, found: 9 });
    let lengths = CheckpointError::SectionLength { section: Section::Shape, expected: 20, found: 21 };
    assert_eq!(refused(&with(32, 21)), lengths);
    assert!(matches!(refused(&with(36, 3)), CheckpointError::SectionLength { section: Section::Params, .. }));
    assert!(matches!(refused(&with(40, 4)), CheckpointError::SectionLength { section: Section::Params, .. }));
    assert!(matches!(refused(&with(44, 1)), CheckpointError::Layer { layer: 0, .. }));
    assert_eq!(refused(&with(56, 77)), CheckpointError::Section { expected: Section::Progress, found: 77 });
    assert_eq!(refused(&with(64, 77)), CheckpointError::Content { section: Section::Progress });
    let mut torn = bytes.clone();
    torn[100] ^= 1;
    assert!(matches!(refused(&torn), CheckpointError::Crc { .. }));
}

#[test]
fn other_settings_have_another_fingerprint() {
    let own = fit().fingerprint();
    assert_ne!(own, Fit { batch: 2, ..fit() }.fingerprint());
    assert_ne!(own, Fit { optimizer: Adam::keras(0.9, 0.99, 1e-7).unwrap(), ..fit() }.fingerprint());
    assert_ne!(own, Fit { schedule: TimeBased::new(0.05, 0.02).unwrap(), ..fit() }.fingerprint());
    assert_ne!(own, Fit { topology: Topology::new(2, &[dense(1, &Sigmoid)]), ..fit() }.fingerprint());
    assert_eq!(own, Fit { epochs: 9, ..fit() }.fingerprint());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        refused(&bytes);
    }

    /// Behind a good header and a good CRC.
    #[test]
    fn arbitrary_sections_are_refused(tail in prop::collection::vec(any::<u8>(), 200..700)) {
        let mut bytes = frame().0.0[..28].to_vec();
        bytes.extend(tail);
        let len = bytes.len() as u32;
        bytes[8..12].copy_from_slice(&len.to_le_bytes());
        refused(&sealed(bytes));
    }
}
