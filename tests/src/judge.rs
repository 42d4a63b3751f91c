//! What a reader must do with any bytes: refuse them and touch nothing, or accept what a writer would have written byte for byte.

use microfit::Error;
use microfit::checkpoint::{self, CheckpointError, Frame, Kind, Model, ModelTarget, Section, Snapshot, Target};

use crate::board::{Board, NET, fit, identity};
use crate::memory::{Memory, PastTheEnd, sealed};

/// The board's own bytes in the frames that are fuzzed.
pub const USER: usize = 5;

/// What became of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// No frame, or none in order.
    Refused,
    /// A frame in order, of something else.
    Foreign,
    /// Loaded.
    Accepted,
}

/// A frame of the board's run, and one of its model.
///
/// # Panics
/// Never: memory takes all.
#[must_use]
pub fn frames() -> [Vec<u8>; 2] {
    let (mut run, mut model) = (Memory::default(), Memory::default());
    Board::new(USER).after(7, |snapshot| {
        checkpoint::save(snapshot, 3, 9, &mut run).unwrap();
        let Snapshot { params, shift, factor, user, .. } = *snapshot;
        checkpoint::save_model(&Model { topology: NET, params, shift, factor, user }, 4, 8, &mut model).unwrap();
    });
    [run.0, model.0]
}

/// Hands the bytes to everything that reads frames.
///
/// # Panics
/// If a reader does what it must not.
pub fn judge(bytes: &[u8]) -> Judged {
    let verified = checkpoint::verify(&mut Memory(bytes.to_vec()));
    let in_order = describe(bytes);
    assert!(verified.is_ok() || !in_order, "in order, but not whole");
    let run = load(bytes);
    let model = load_model(bytes);
    assert!(!(run && model), "one frame, both a run and a model");
    assert!(in_order || !(run || model), "loaded, but not in order");
    match (run || model, in_order) {
        (true, _) => Judged::Accepted,
        (false, true) => Judged::Foreign,
        (false, false) => Judged::Refused,
    }
}

/// All that a frame says without knowing the run.
fn describe(bytes: &[u8]) -> bool {
    let mut memory = Memory(bytes.to_vec());
    let mut frame = match Frame::open(&mut memory) {
        Ok(frame) => frame,
        Err(error) => {
            assert!(!error.is_incomplete());
            return false;
        }
    };
    let (header, lengths) = (frame.header(), frame.lengths());
    let kind = header.kind;
    assert!((header.len as usize) <= bytes.len());
    let expected = if kind == Kind::Run { lengths.frame_len() } else { lengths.model_len() };
    assert_eq!(header.len as usize, expected);
    let mut fan_in = frame.inputs().unwrap() as usize;
    let mut params = 0;
    for layer in 0..lengths.layers as u32 {
        let layer = frame.layer(layer).unwrap();
        params += if layer.frozen { 0 } else { usize::from(layer.units) * (fan_in + 1) };
        fan_in = usize::from(layer.units);
    }
    assert_eq!(lengths.params, params);
    assert!(frame.layer(lengths.layers as u32).is_err());
    assert_eq!((frame.progress().is_ok(), frame.stopping().is_ok()), (kind == Kind::Run, kind == Kind::Run));
    for section in kind.sections() {
        let mut byte = [0];
        let _ = frame.bytes(*section, 0, &mut byte);
        let past = frame.bytes(*section, u32::MAX, &mut byte);
        assert!(matches!(past, Err(CheckpointError::SectionLength { .. })));
    }
    let mut floats = vec![0.0; lengths.params];
    frame.floats(Section::Params, 0, &mut floats).unwrap();
    true
}

fn load(bytes: &[u8]) -> bool {
    let mut board = Board::new(USER);
    board.workspace.fill(7.0);
    let fresh = format!("{board:?}");
    let identity = identity();
    let header = match checkpoint::load(&mut Memory(bytes.to_vec()), &mut board.target(&identity)) {
        Ok(header) => header,
        Err(error) => {
            assert!(!error.is_incomplete() && format!("{board:?}") == fresh, "a refused frame changed the target");
            return false;
        }
    };
    let target = board.target(&identity);
    let Target { progress, stopping, feedback, params, state, best, shift, factor, user, .. } = &target;
    let snapshot = Snapshot {
        identity: &identity,
        progress,
        stopping: stopping.as_deref(),
        feedback,
        params,
        state,
        best,
        shift,
        factor,
        user,
    };
    let mut again = Memory::default();
    checkpoint::save(&snapshot, header.sequence, header.erases, &mut again).unwrap();
    assert_eq!(again.0, canonical(&bytes[..header.len as usize]), "accepted, but not what a writer makes of it");
    let resumed = fit().resume(board.progress, &mut board.params, &mut board.workspace);
    // What it does with numbers no run has is its own affair, but it takes them.
    let _: Result<_, Error> = resumed.unwrap().step(&crate::board::XOR, &crate::board::XOR);
    true
}

/// What a trainer has instead of the parameters, and of what gradients are gathered in, in a run's frame: no -0.0.
fn canonical(bytes: &[u8]) -> Vec<u8> {
    let mut memory = Memory(bytes.to_vec());
    let frame = Frame::open(&mut memory).unwrap();
    let lengths = frame.lengths();
    // Header, shape, progress, early stopping and feedback, each with its tag and its length.
    let params = 28 + (8 + 4 + 8 * lengths.layers) + (8 + 88) + (8 + 20) + (8 + 4 * lengths.feedback) + 8;
    let state = params + 4 * lengths.params + 8;
    let mut bytes = memory.0;
    for (at, floats) in [(params, lengths.params), (state, lengths.params.min(lengths.state))] {
        for float in bytes[at..][..4 * floats].chunks_exact_mut(4) {
            let value = f32::from_le_bytes([float[0], float[1], float[2], float[3]]);
            float.copy_from_slice(&(value + 0.0).to_le_bytes());
        }
    }
    sealed(bytes)
}

fn load_model(bytes: &[u8]) -> bool {
    let (mut params, mut shift, mut factor, mut user) = ([7.0; NET.param_len()], [7.0; 2], [7.0; 2], [7; USER]);
    let mut target =
        ModelTarget { topology: NET, params: &mut params, shift: &mut shift, factor: &mut factor, user: &mut user };
    let header = match checkpoint::load_model(&mut Memory(bytes.to_vec()), &mut target) {
        Ok(header) => header,
        Err(error) => {
            assert!(!matches!(error, CheckpointError::Medium(PastTheEnd)), "read past the end");
            let untouched = params == [7.0; _] && (shift, factor, user) == ([7.0; 2], [7.0; 2], [7; USER]);
            assert!(!error.is_incomplete() && untouched, "a refused frame changed the target");
            return false;
        }
    };
    let mut again = Memory::default();
    checkpoint::save_model(&target.model(), header.sequence, header.erases, &mut again).unwrap();
    assert_eq!(again.0, bytes[..header.len as usize], "accepted, but not what a writer makes of it");
    true
}
