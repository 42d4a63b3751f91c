//! Emulated boards whose emulator is killed in mid-run, or which reset themselves, go on where they were and end with the very
//! weights of a run that nothing befell; and so do runs that go on on another machine.
//!
//! The moments come from a seed that is printed: `MICROFIT_SEED`, or the clock.

use std::num::NonZeroU32;
use std::time::{SystemTime, UNIX_EPOCH};

use microfit_sim::device::{Board, Boot, Machine, Start, Trial, examine_flash, exchange};
use microfit_tests::device::available;

/// The tutorial's run with time-based decay: `time_based` in pinned.rs.
const PINNED: u64 = 0xe29b_8c5d_157a_0750;
const EPOCHS: u32 = 50;
/// On the M0, where there is no need for more.
const FEW_EPOCHS: u32 = 12;
const EVERY: NonZeroU32 = NonZeroU32::new(5).unwrap();

fn board(name: &str) -> Option<Board> {
    let board = Board::named(name).unwrap();
    available(&format!("power cuts on {name}"), &[board.target], true).then_some(board)
}

fn seed() -> u32 {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32;
    let seed = std::env::var("MICROFIT_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
    println!("MICROFIT_SEED={seed}");
    seed
}

/// Cuts that were survived, and how many of them were in a save.
fn cuts(boots: &[Boot]) -> (usize, usize) {
    for boot in boots {
        println!("{boot}");
    }
    (boots.len() - 1, boots.iter().filter(|boot| boot.is_saving).count())
}

fn kills_on(board: Board, epochs: u32, kills: u32) -> (Trial, Vec<Boot>) {
    let machine = Machine::build(board).unwrap_or_else(|error| panic!("{error}"));
    let mut trial = Trial::new(epochs, EVERY).unwrap();
    let boots = trial.boot_with_cuts(&machine, kills, seed(), |_| {}).unwrap_or_else(|error| panic!("{error}"));
    // The end comes earlier only where the computer is so busy that cuts come late.
    let (cuts, in_a_save) = cuts(&boots);
    println!("{}: {cuts} kills, {in_a_save} of them in a save", board.name);
    assert!(3 * cuts >= kills as usize);
    (trial, boots)
}

/// A save is most of what this board does, in the emulator's time.
#[test]
fn kills_of_a_cortex_m4f() {
    let Some(board) = board("mps2-an386") else { return };
    let (_, boots) = kills_on(board, EPOCHS, 10);
    assert_eq!(boots.last().unwrap().hash, Some(PINNED));
    assert!(boots.iter().any(|boot| boot.is_saving) && boots.iter().any(|boot| matches!(boot.start, Start::From(_))));
    let memory = boots.last().unwrap().memory.unwrap();
    assert!(memory.stack < 5 * 1024, "{memory:?}");
}

#[test]
fn kills_of_a_cortex_m0() {
    let Some(board) = board("microbit") else { return };
    let (trial, boots) = kills_on(board, FEW_EPOCHS, 8);
    assert_eq!(boots.last().unwrap().hash, trial.uncut().hash);
    assert!(boots.iter().any(|boot| matches!(boot.start, Start::From(_))));
}

/// At instructions that the seed fixes, half of them in a save, with the micro:bit's own flash controller.
#[test]
fn resets_of_a_cortex_m0() {
    let Some(board) = board("microbit") else { return };
    let machine = Machine::build(board).unwrap_or_else(|error| panic!("{error}"));
    let mut trial = Trial::new(FEW_EPOCHS, EVERY).unwrap();
    let boots = trial.boot_with_resets(&machine, 16, seed(), |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let (resets, in_a_save) = cuts(&boots);
    println!("microbit: {resets} resets, {in_a_save} of them in a save");
    assert!(resets > 8);
    assert_eq!(boots.last().unwrap().hash, trial.uncut().hash);
    // Parameters, velocity and tape are the static RAM, and there is a little else; the rest of 16 KiB is the stack's.
    let memory = boots.last().unwrap().memory.unwrap();
    assert!(memory.statics + memory.stack < 16 * 1024 - 256, "{memory:?}");
}

/// From x86-64 to the M4F and the M0, from each of them to the others, and back.
#[test]
fn a_run_goes_on_on_another_machine() {
    let (Some(m4f), Some(m0)) = (board("mps2-an386"), board("microbit")) else { return };
    let built = [m4f, m0].map(|board| Machine::build(board).unwrap_or_else(|error| panic!("{error}")));
    let [m4f, m0] = built;
    let found = exchange(&[Machine::Desk, m4f, m0], EPOCHS, EVERY, seed()).unwrap_or_else(|error| panic!("{error}"));
    for exchange in &found {
        println!("{exchange:?}");
        assert!(exchange.step > 0 && exchange.step < 450, "in mid-run: {exchange:?}");
        assert_eq!(exchange.hash, PINNED, "{exchange:?}");
    }
    let ways: Vec<_> = found.iter().map(|exchange| (exchange.first, exchange.second)).collect();
    let [desk, m4f, m0] = ["desk", "mps2-an386", "microbit"];
    assert_eq!(ways, [(desk, m4f), (desk, m0), (m4f, desk), (m4f, m0), (m0, desk), (m0, m4f)]);
}

/// What stands for flash behaves as flash: a file of the host's, and the micro:bit's controller.
#[test]
fn the_flash_is_like_flash() {
    for name in ["mps2-an386", "microbit"] {
        let Some(board) = board(name) else { continue };
        examine_flash(board).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
