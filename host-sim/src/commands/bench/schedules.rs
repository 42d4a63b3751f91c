//! `microfit bench --schedules`.

use std::collections::BTreeMap;

use microfit_firmware::schedules::SCHEDULES;

use super::COUNTING;
use crate::device::{BOARDS, Board, DeviceError, Image, run, schedule_line};
use crate::error::Error;
use crate::output;
use crate::progress::bar;
use crate::table::table;

/// The entry whose image the others are compared with: a schedule that computes nothing.
const NOTHING: &str = "constant";

/// A core to count and measure on.
struct Core {
    board: Board,
    /// Bytes of an image that computes nothing.
    floor: u64,
    /// Instructions a step, by name.
    instructions: BTreeMap<String, f64>,
}

/// Prints the table.
///
/// Instructions are the mean over a schedule's points: the rate and, where the schedule drives it, the momentum, called through
/// `dyn Schedule`. Flash is what an image with this schedule alone takes more than one with `constant`: all that its type can
/// do, whatever these parameters need of it, and the f64 arithmetic that a program has once.
pub(super) fn bench() -> Result<(), Error> {
    let m4f = BOARDS[0];
    // A Cortex-M3 runs what is built for a Cortex-M0, instruction for instruction, and its machine has the timer that
    // counts; the micro:bit's has not.
    let m0 = Board { machine: "mps2-an385", core: "Cortex-M0", target: "thumbv6m-none-eabi", ..m4f };
    let (m4f, m0) = (Core::new(m4f)?, Core::new(m0)?);
    let mut table = table(&["schedule", "instructions, M4F", "M0", "flash, M4F", "M0"]);
    let progress = bar(SCHEDULES.len() as u64, "images");
    for entry in &SCHEDULES {
        table.add_row([
            entry.name.to_owned(),
            m4f.instructions(entry.name),
            m0.instructions(entry.name),
            m4f.flash(entry.name)?,
            m0.flash(entry.name)?,
        ]);
        progress.inc(1);
    }
    progress.finish_and_clear();
    output::line(table)
}

impl Core {
    fn new(board: Board) -> Result<Self, DeviceError> {
        let mut instructions = BTreeMap::new();
        run(board, &Image::build(board, "bench_schedules", "bench")?, &COUNTING, |line| {
            if let Some((name, fields)) = schedule_line(line)? {
                let (count, per): (f64, f64) = (fields.take("instructions")?, fields.take("per")?);
                instructions.insert(name.to_owned(), count / per);
            }
            Ok(())
        })?;
        Ok(Self { board, floor: image_of(board, NOTHING)?, instructions })
    }

    fn instructions(&self, name: &str) -> String {
        self.instructions.get(name).map_or("-".into(), |count| format!("{count:.0}"))
    }

    /// Bytes above those of an image that computes nothing.
    fn flash(&self, name: &str) -> Result<String, DeviceError> {
        Ok(image_of(self.board, name)?.saturating_sub(self.floor).to_string())
    }
}

/// Bytes of the image with that schedule and no other.
fn image_of(board: Board, name: &str) -> Result<u64, DeviceError> {
    Image::build_with(board, "one_schedule", "one-schedule", &[("MICROFIT_SCHEDULE", name)])?.flash()
}
