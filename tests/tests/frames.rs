//! Version 1 of the frames: the files in `tests/frames` are read for ever, and written byte for byte.

use std::path::Path;

use microfit::activation::{Activation, Kind, LeakyRelu, Linear, Relu};
use microfit::checkpoint::{
    self, CheckpointError, Frame, Header, Identity, Lengths, Model, ModelTarget, Section, Snapshot, Target,
};
use microfit::data::{Rows, Sequential};
use microfit::loss::MeanSquaredError;
use microfit::optimizer::Sgd;
use microfit::schedule::{Feedback, PlateauState, Schedule, Words, torch};
use microfit::{
    Clock, EarlyStopping, EarlyStoppingState, Error, Event, Fit, Goal, Progress, Topology, checked, dense, frozen,
};
use microfit_tests::memory::{Memory, PastTheEnd, sealed};

/// Powers of two, so that every number below is exact.
const BODY: [f32; 6] = [1.0, 0.5, -0.5, 1.0, 0.25, 0.0];
const LEAKY: LeakyRelu = checked!(LeakyRelu::new(0.25));
const NET: Topology = Topology::new(2, &[frozen(2, &Relu, &BODY), dense(2, &LEAKY), dense(1, &Linear)]);
const DATA: Rows<2, 1> = Rows { features: &[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], targets: &[[0.5], [-0.5], [1.0]] };
const LENGTHS: Lengths = Lengths {
    feedback: PlateauState::WORDS,
    best: NET.param_len(),
    shift: 2,
    factor: 2,
    user: 5,
    ..Lengths::of::<Sgd>(&NET)
};
const PARAMS: [f32; 9] = [0.5, 0.25, -0.5, 1.0, 0.0, 0.125, 1.0, -0.5, 0.25];

#[derive(Debug, Clone, Copy)]
struct WithMomentum;

impl Schedule for WithMomentum {
    fn value(&self, step: u32) -> f64 {
        if step == 0 { 0.125 } else { 0.0625 }
    }

    fn momentum(&self, _step: u32) -> Option<f32> {
        Some(0.75)
    }
}

fn fit() -> Fit<'static, MeanSquaredError, Sgd, WithMomentum, Sequential> {
    Fit {
        topology: NET,
        loss: MeanSquaredError,
        optimizer: Sgd::keras(0.5).unwrap(),
        schedule: WithMomentum,
        clock: Clock::Update,
        order: Sequential,
        batch: 2,
        epochs: 3,
    }
}

fn identity() -> Identity<'static> {
    fit().identity().tagged(0x1234_5678_9abc)
}

/// The frame of a run in its second epoch, and what it was made of.
fn run() -> (Memory, [f32; 9], [f32; 9]) {
    let plateau = torch::reduce_lr_on_plateau(0.1, torch::ReduceLrOnPlateauOptions::DEFAULT).unwrap();
    let (mut plateau_state, mut feedback) = (plateau.start(), [0; PlateauState::WORDS]);
    let stopping = checked!(EarlyStopping::new(Goal::Minimize, 3, 0.0));
    let mut stopping_state = stopping.start();
    let (mut params, mut workspace) = (PARAMS, [0.0; NET.workspace_len::<Sgd>()]);
    let mut trainer = fit().start(&mut params, &mut workspace).unwrap();
    while trainer.progress().epochs() == 0 {
        trainer.step(&DATA, &DATA).unwrap();
    }
    stopping.observe(&mut stopping_state, 0.5);
    plateau.observe(&mut plateau_state, 0.7);
    plateau.observe(&mut plateau_state, 0.8);
    plateau_state.to_words(&mut feedback).unwrap();
    trainer.force_rate(Some(0.25));
    trainer.scale_rate(0.5).unwrap();
    assert_eq!(trainer.step(&DATA, &DATA), Ok(Event::Samples { done: 2, of: 3 }));
    let identity = identity();
    let snapshot = Snapshot {
        stopping: Some(&stopping_state),
        feedback: &feedback,
        best: &PARAMS,
        shift: &[0.5, -0.5],
        factor: &[2.0, 4.0],
        user: b"board",
        ..trainer.snapshot(&identity)
    };
    assert_eq!(snapshot.lengths(), LENGTHS);
    let mut frame = Memory::default();
    let header = checkpoint::save(&snapshot, 7, 9, &mut frame).unwrap();
    assert_eq!((header.len as usize, frame.0.len()), (LENGTHS.frame_len(), LENGTHS.frame_len()));
    let state: [f32; 9] = snapshot.state.try_into().unwrap();
    (frame, params, state)
}

fn model() -> Memory {
    let mut frame = Memory::default();
    let model = Model { shift: &[0.5, -0.5], factor: &[2.0, 4.0], user: b"v1", ..Model::new(NET, &PARAMS) };
    checkpoint::save_model(&model, 3, 1, &mut frame).unwrap();
    assert_eq!(frame.0.len(), model.lengths().model_len());
    frame
}

fn file(name: &str) -> Memory {
    Memory(std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("frames").join(name)).unwrap_or_default())
}

/// What is written now is left in a file to look at if it differs.
fn compare(name: &str, written: &Memory) {
    let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&left, &written.0).unwrap();
    assert!(file(name) == *written, "tests/frames/{name} differs from {}", left.display());
}

#[test]
fn what_is_written_is_the_file_byte_for_byte() {
    compare("run_v1.mfck", &run().0);
    compare("model_v1.mfmd", &model());
}

#[test]
fn the_run_in_the_file_is_the_one_that_was_written() {
    let mut file = file("run_v1.mfck");
    let (_, params, state) = run();
    let (mut found_params, mut workspace, mut best) = ([9.0; 9], [9.0; NET.workspace_len::<Sgd>()], [9.0; 9]);
    let (mut feedback, mut shift, mut factor, mut user) = ([9; PlateauState::WORDS], [9.0; 2], [9.0; 2], [9; 5]);
    let (identity, mut stopping) = (identity(), checked!(EarlyStopping::new(Goal::Minimize, 3, 0.0)).start());
    let mut trainer = fit().start(&mut found_params, &mut workspace).unwrap();
    let mut target = trainer.target(&identity);
    target.stopping = Some(&mut stopping);
    target.feedback = &mut feedback;
    target.best = &mut best;
    target.shift = &mut shift;
    target.factor = &mut factor;
    target.user = &mut user;
    let header = checkpoint::load(&mut file, &mut target).unwrap();
    assert_eq!(target.state, state);
    assert_eq!((header.sequence, header.erases, header.fingerprint), (7, 9, identity.fingerprint()));
    let progress = trainer.progress();
    assert_eq!((progress.epochs(), progress.updates()), (1, 2));
    assert_eq!((stopping.epochs(), stopping.best(), stopping.best_epoch()), (1, 0.5, 0));
    let plateau = PlateauState::from_words(&feedback).unwrap();
    assert_eq!((plateau.lr, plateau.best, plateau.bad, plateau.cooldown), (0.1, 0.7, 1, 0));
    assert_eq!((plateau.average, plateau.count), (0.0, 0));
    assert_eq!(
        (trainer.params(), best, shift, factor, &user),
        (&params[..], PARAMS, [0.5, -0.5], [2.0, 4.0], b"board")
    );

    // And goes on as if nothing had been.
    trainer.run(&DATA, &DATA).unwrap();
    let (mut straight, mut workspace) = (params, [0.0; NET.workspace_len::<Sgd>()]);
    workspace[..9].copy_from_slice(&state);
    fit().resume(progress, &mut straight, &mut workspace).unwrap().run(&DATA, &DATA).unwrap();
    assert_eq!(straight, found_params);
}

/// Without anything of the run: what a tool on the desk does.
#[test]
fn the_run_in_the_file_describes_itself() {
    let mut file = file("run_v1.mfck");
    let mut frame = Frame::open(&mut file).unwrap();
    assert_eq!(frame.lengths(), LENGTHS);
    assert_eq!(frame.inputs(), Ok(2));
    let layers = [0, 1, 2].map(|layer| frame.layer(layer).unwrap());
    assert_eq!(layers.map(|layer| (layer.units, layer.frozen)), [(2, true), (2, false), (1, false)]);
    assert_eq!(layers.map(|layer| layer.activation), [Relu.kind(), LEAKY.kind(), Kind::Linear]);
    assert_eq!(frame.layer(3), Err(CheckpointError::Content { section: Section::Shape }));
    let (mut weights, mut bias) = ([0.0; 2], [0.0; 1]);
    frame.floats(Section::Best, 6, &mut weights).unwrap();
    frame.floats(Section::Best, 8, &mut bias).unwrap();
    assert_eq!((weights, bias), ([1.0, -0.5], [0.25]));
    assert!(frame.floats(Section::Best, 8, &mut weights).is_err());
    let mut words = [0; 88];
    frame.bytes(Section::Progress, 0, &mut words).unwrap();
    let words: Vec<u32> = words.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    // Phase 2, with momentum and forced rate, no accuracies; epochs, updates, position, samples, in the batch.
    assert_eq!(words[..6], [2 | 0b11 << 8, 1, 2, 2, 3, 2]);
    let floats = [6, 7, 8, 9, 10].map(|word: usize| f32::from_bits(words[word]));
    let losses = floats[0];
    assert_eq!(floats[1..], [0.125, 0.75, 0.25, 0.5]);
    assert_eq!((words[11], words[12]), (0, 2));
    assert_eq!(f32::from_bits(words[13]), losses, "the epoch's first batch");
    assert_eq!((words[15], words[16], &words[17..]), (0, 0, &[0; 5][..]));
    assert_eq!(frame.progress().unwrap().train().loss(), losses / 2.0);
}

#[test]
fn the_model_in_the_file_predicts() {
    let mut file = file("model_v1.mfmd");
    let header = checkpoint::verify(&mut file).unwrap();
    let fingerprint = NET.fingerprint();
    let kind = checkpoint::Kind::Model;
    assert_eq!(header, Header { kind, version: 1, len: file.0.len() as u32, sequence: 3, fingerprint, erases: 1 });
    let (mut params, mut shift, mut factor, mut user) = ([0.0; 9], [0.0; 2], [0.0; 2], [0; 2]);
    let mut target =
        ModelTarget { topology: NET, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
    assert_eq!(checkpoint::load_model(&mut file, &mut target), Ok(header));
    let model = target.model();
    assert_eq!((model.params, model.user), (&PARAMS[..], &b"v1"[..]));
    let (mut features, mut tape) = ([1.0, 0.0], [0.0; NET.tape_len(1)]);
    model.scaling().unwrap().unwrap().transform(&mut features).unwrap();
    assert_eq!(features, [1.0, 2.0]);
    // The frozen layer: [2 + 0.25, 1.5]; then [1.5, 0.5]; then 1.5 - 0.25 + 0.25.
    assert_eq!(model.network().unwrap().predict(&features, &mut tape).unwrap(), [1.5]);
}

#[test]
fn a_frame_of_something_else_is_named() {
    let (mut run, mut model_frame) = (run().0, model());
    let load = |topology: Topology<'_>, frame: &mut Memory| {
        let mut params = vec![7.0; topology.param_len()];
        let (mut shift, mut factor, mut user) = (vec![7.0; topology.inputs()], vec![7.0; topology.inputs()], [7; 2]);
        let mut target =
            ModelTarget { topology, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
        let error = checkpoint::load_model(frame, &mut target).unwrap_err();
        assert!(params.iter().chain(&shift).all(|&float| float == 7.0), "a refused frame changed the target");
        error
    };
    let (expected, found) = (checkpoint::Kind::Model, checkpoint::Kind::Run);
    assert_eq!(load(NET, &mut run), CheckpointError::Kind { expected, found });
    let other = [frozen(2, &Relu, &BODY), dense(2, &LEAKY), dense(1, &Relu)];
    let error = load(Topology::try_new(2, &other).unwrap(), &mut model_frame);
    let CheckpointError::Layer { layer: 2, expected, found } = error else { panic!("{error}") };
    assert_eq!((expected.activation, found.activation), (Kind::Relu, Kind::Linear));
    let error = load(Topology::try_new(2, &other[..2]).unwrap(), &mut model_frame);
    assert_eq!(error, CheckpointError::Layers { expected: 2, found: 3 });
    let error = load(Topology::try_new(3, &[dense(1, &Linear)]).unwrap(), &mut model_frame);
    assert_eq!(error, CheckpointError::Inputs { expected: 3, found: 2 });
    let body = [0.5; 6];
    let other = [frozen(2, &Relu, &body), dense(2, &LEAKY), dense(1, &Linear)];
    let error = load(Topology::try_new(2, &other).unwrap(), &mut model_frame);
    assert!(matches!(error, CheckpointError::Foreign { .. }), "other frozen weights: {error}");
}

/// What a run is loaded into, all of it, and whether a refused frame has left it as it was.
struct Loaded {
    progress: Progress,
    stopping: EarlyStoppingState,
    feedback: [u32; PlateauState::WORDS],
    params: [f32; 9],
    state: [f32; 9],
    best: [f32; 9],
    shift: [f32; 2],
    factor: [f32; 2],
    user: [u8; 5],
}

impl Loaded {
    fn new() -> Self {
        let stopping = checked!(EarlyStopping::new(Goal::Minimize, 3, 0.0)).start();
        let (params, state, best, shift, factor) = ([7.0; 9], [7.0; 9], [7.0; 9], [7.0; 2], [7.0; 2]);
        let (progress, feedback, user) = (Progress::default(), [7; _], [7; _]);
        Self { progress, stopping, feedback, params, state, best, shift, factor, user }
    }

    fn target<'a>(&'a mut self, identity: &'a Identity<'a>) -> Target<'a> {
        Target {
            identity,
            progress: &mut self.progress,
            stopping: Some(&mut self.stopping),
            feedback: &mut self.feedback,
            params: &mut self.params,
            state: &mut self.state,
            best: &mut self.best,
            shift: &mut self.shift,
            factor: &mut self.factor,
            user: &mut self.user,
        }
    }

    fn is_untouched(&self) -> bool {
        let nines = [self.params, self.state, self.best];
        let floats = nines.as_flattened().iter().chain(&self.shift).chain(&self.factor);
        (self.progress, self.stopping) == (Progress::default(), Self::new().stopping)
            && (self.feedback, self.user) == ([7; _], [7; _])
            && floats.copied().all(|float| float == 7.0)
    }
}

/// What the reader passes, `Fit::resume` takes.
#[test]
fn progress_that_cannot_be_resumed_is_refused_before_anything_is_copied() {
    let frame = run().0;
    for (fit, resumable) in [(fit(), true), (Fit { epochs: 1, ..fit() }, false), (Fit { epochs: 9, ..fit() }, true)] {
        let (mut loaded, identity) = (Loaded::new(), fit.identity().tagged(0x1234_5678_9abc));
        match checkpoint::load(&mut frame.clone(), &mut loaded.target(&identity)) {
            Ok(_) => {
                let mut workspace = [0.0; NET.workspace_len::<Sgd>()];
                assert!(resumable && fit.resume(loaded.progress, &mut loaded.params, &mut workspace).is_ok());
            }
            Err(error) => {
                assert!(!resumable && loaded.is_untouched());
                assert_eq!(error, CheckpointError::Content { section: Section::Progress });
            }
        }
    }
    // Three samples in a batch of two.
    let mut bytes = frame.0.clone();
    let progress = 28 + 8 + 28 + 8;
    assert_eq!(bytes[progress..][..2], [2, 0b11]);
    bytes[progress + 12] = 3;
    bytes[progress + 20] = 3;
    bytes[progress + 48] = 3;
    let mut memory = Memory(sealed(bytes));
    assert!(Frame::open(&mut memory).is_ok(), "another batch could have made it");
    let mut loaded = Loaded::new();
    let error = checkpoint::load(&mut memory, &mut loaded.target(&identity()));
    assert_eq!(error, Err(CheckpointError::Content { section: Section::Progress }));
    assert!(loaded.is_untouched());
}

/// As with every other part that one of the two has and the other has not.
#[test]
fn early_stopping_is_loaded_where_it_was_saved_and_nowhere_else() {
    let (mut frame, _, _) = run();
    let (mut loaded, identity) = (Loaded::new(), identity());
    let refused = |expected| Err(CheckpointError::Stopping { expected });
    let without = |loaded: &mut Loaded, frame: &mut Memory| {
        let mut target = loaded.target(&identity);
        target.stopping = None;
        checkpoint::load(frame, &mut target)
    };
    assert_eq!(without(&mut loaded, &mut frame), refused(false));
    assert!(loaded.is_untouched());
    // The same run without it.
    let stopping = 28 + (8 + 28) + (8 + 88) + 8;
    assert_eq!(frame.0[stopping - 8..][..9], [3, 0, 0, 0, 20, 0, 0, 0, 1]);
    let mut bytes = frame.0;
    bytes[stopping..][..20].fill(0);
    let mut frame = Memory(sealed(bytes));
    assert_eq!(checkpoint::load(&mut frame, &mut loaded.target(&identity)), refused(true));
    assert!(loaded.is_untouched());
    assert!(without(&mut loaded, &mut frame).is_ok() && loaded.progress.updates() == 2);
    assert_eq!(loaded.stopping, Loaded::new().stopping);
}

/// No trainer has it: a frame that another program wrote may.
#[test]
fn negative_zeros_become_zeros_in_parameters_and_state() {
    let (frame, mut params, mut state) = run();
    let at = 28 + (8 + 28) + (8 + 88) + (8 + 20) + (8 + 4 * PlateauState::WORDS) + 8;
    let mut bytes = frame.0;
    for at in [at, at + 36 + 8] {
        bytes[at..][..4].copy_from_slice(&(-0.0_f32).to_le_bytes());
    }
    (params[0], state[0]) = (0.0, 0.0);
    let mut loaded = Loaded::new();
    checkpoint::load(&mut Memory(sealed(bytes)), &mut loaded.target(&identity())).unwrap();
    let bits = |floats: [f32; 9]| floats.map(f32::to_bits);
    assert_eq!((bits(loaded.params), bits(loaded.state)), (bits(params), bits(state)));
}

/// Nothing is read of where they would be.
#[test]
fn a_model_has_neither_progress_nor_early_stopping() {
    let mut memory = model();
    let mut frame = Frame::open(&mut memory).unwrap();
    assert_eq!(frame.progress(), Err(CheckpointError::Content { section: Section::Progress }));
    assert_eq!(frame.stopping(), Err(CheckpointError::Content { section: Section::Stopping }));
}

/// A layer with 2^30 parameters: 2^32 bytes, which no section has, and of which 32 bits are those of none.
#[test]
fn a_shape_with_more_parameters_than_a_frame_has_room_for_is_none() {
    const ONE: Topology = Topology::new(1, &[dense(1, &Linear)]);
    let mut frame = Memory::default();
    checkpoint::save_model(&Model::new(ONE, &[0.5, 0.25]), 0, 0, &mut frame).unwrap();
    let frame = frame.0;
    // Tag and length of the shape, inputs, units and activation; tag and length of the parameters, and two of them.
    let begin = frame.windows(12).position(|words| words == [1, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0]).unwrap();
    let resized = |inputs: u32, units: u16, params: usize| {
        let mut frame = frame.clone();
        frame[begin + 8..begin + 12].copy_from_slice(&inputs.to_le_bytes());
        frame[begin + 12..begin + 14].copy_from_slice(&units.to_le_bytes());
        frame[begin + 24..begin + 28].copy_from_slice(&(params as u32 * 4).to_le_bytes());
        frame.splice(begin + 28..begin + 36, vec![0; 4 * params]);
        let len = frame.len() as u32;
        frame[8..12].copy_from_slice(&len.to_le_bytes());
        Frame::open(&mut Memory(sealed(frame))).map(|frame| frame.lengths().params)
    };
    assert_eq!(resized(3, 2, 8), Ok(8));
    let section = Section::Params;
    assert_eq!(resized(3, 2, 7), Err(CheckpointError::SectionLength { section, expected: 32, found: 28 }));
    assert_eq!(resized(0x7fff, 0x8000, 0), Err(CheckpointError::Content { section: Section::Shape }));
}

#[test]
fn parts_that_do_not_fit_the_topology_are_not_written() {
    let mut frame = Memory::default();
    let model = Model::new(NET, &PARAMS);
    let wrong = CheckpointError::<PastTheEnd>::SectionLength { section: Section::Params, expected: 36, found: 32 };
    assert_eq!(checkpoint::save_model(&Model { params: &PARAMS[..8], ..model }, 0, 0, &mut frame), Err(wrong));
    let one = &[0.0][..];
    let wrong = CheckpointError::SectionLength { section: Section::Shift, expected: 8, found: 4 };
    assert_eq!(checkpoint::save_model(&Model { shift: one, factor: one, ..model }, 0, 0, &mut frame), Err(wrong));
    let wrong = CheckpointError::SectionLength { section: Section::Factor, expected: 0, found: 8 };
    assert_eq!(checkpoint::save_model(&Model { factor: &[0.0; 2], ..model }, 0, 0, &mut frame), Err(wrong));
    assert!(frame.0.is_empty());
    assert_eq!(
        Model { params: one, ..model }.network().err().map(|error| matches!(error, Error::BufferLength { .. })),
        Some(true)
    );
}

/// A source that fails in the second reading: the one case in which buffers are half written.
#[test]
fn a_medium_that_fails_while_it_is_copied_says_so() {
    struct Failing(Memory, u32);
    impl checkpoint::Source for Failing {
        type Error = PastTheEnd;

        fn len(&self) -> u32 {
            self.0.len()
        }

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PastTheEnd> {
            self.1 = self.1.checked_sub(1).ok_or(PastTheEnd)?;
            self.0.read(offset, bytes)
        }
    }
    let frame = run().0;
    let (mut incomplete, identity) = (0, identity());
    for reads in 0.. {
        let mut loaded = Loaded::new();
        match checkpoint::load(&mut Failing(frame.clone(), reads), &mut loaded.target(&identity)) {
            Ok(_) => break,
            Err(CheckpointError::Medium(PastTheEnd)) => {
                assert!(incomplete == 0 && loaded.is_untouched(), "{reads}");
            }
            Err(CheckpointError::Incomplete(PastTheEnd)) => incomplete += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // Progress, feedback, three times nine floats, two shifts, two factors, the user's bytes.
    assert_eq!(incomplete, 22 + PlateauState::WORDS + 27 + 5);
    let frame = model();
    let mut incomplete = 0;
    for reads in 0.. {
        let (mut params, mut shift, mut factor) = ([7.0; 9], [7.0; 2], [7.0; 2]);
        let mut target = ModelTarget {
            topology: NET,
            params: &mut params,
            shift: &mut shift,
            factor: &mut factor,
            user: &mut [7; 2],
        };
        let result = checkpoint::load_model(&mut Failing(frame.clone(), reads), &mut target);
        let untouched = params == [7.0; 9];
        match result {
            Ok(_) => break,
            Err(CheckpointError::Medium(PastTheEnd)) => assert!(untouched, "{reads}"),
            Err(CheckpointError::Incomplete(PastTheEnd)) => incomplete += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // Nine parameters, two shifts, two factors, the user's bytes.
    assert_eq!(incomplete, 14);
}
