//! The firmware's list of schedules on a board and on the desk: the other side of `firmware/src/bin/schedules.rs`.

use microfit_firmware::schedules::{Fingerprint, SCHEDULES};

use super::DeviceError;
use super::board::Board;
use super::emulator::run;
use super::image::Image;
use super::log::{Fields, wrong};

/// A schedule a board computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its bits.
    pub fingerprint: Fingerprint,
}

/// Builds and runs a board, computes the same schedules here, and compares them to the bit.
///
/// # Errors
/// [`DeviceError::Differs`] at the first difference, and whatever keeps the board from running.
pub fn compare_schedules(board: Board, mut show: impl FnMut(&str)) -> Result<Vec<Found>, DeviceError> {
    let image = Image::build(board, "schedules", board.package)?;
    let mut found = Vec::new();
    run(board, &image, &[], |line| {
        show(line);
        found.extend(line_of_a_board(line)?);
        Ok(())
    })?;
    let here: Vec<_> = SCHEDULES
        .iter()
        .map(|schedule| Found { name: schedule.name.to_owned(), fingerprint: schedule.fingerprint() })
        .collect();
    match difference(&found, &here) {
        Some(what) => Err(DeviceError::Differs { board: board.name, what }),
        None => Ok(found),
    }
}

fn difference(there: &[Found], here: &[Found]) -> Option<String> {
    if there.len() != here.len() {
        return Some(format!("{} schedules there, {} here", there.len(), here.len()));
    }
    let mut both = there.iter().zip(here);
    both.find(|(there, here)| there != here).map(|(there, here)| format!("{there:?} there, {here:?} here"))
}

fn line_of_a_board(line: &str) -> Result<Option<Found>, DeviceError> {
    let Some((name, fields)) = schedule_line(line)? else { return Ok(None) };
    let (points, rates, momenta) = (fields.take("points")?, fields.hash("rates")?, fields.hash("momenta")?);
    Ok(Some(Found { name: name.to_owned(), fingerprint: Fingerprint { points, rates, momenta } }))
}

/// A line `schedule key=value ... name=` and a name, which may have spaces; another line is `None`.
pub(crate) fn schedule_line(line: &str) -> Result<Option<(&str, Fields<'_>)>, DeviceError> {
    let Some(rest) = line.strip_prefix("schedule ") else { return Ok(None) };
    let (pairs, name) = rest.split_once(" name=").ok_or_else(|| wrong("a name", line))?;
    Ok(Some((name, Fields::parse(line, pairs.split_whitespace())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_makes_a_difference() {
        let one = Found { name: "a".into(), fingerprint: Fingerprint { points: 1, rates: 2, momenta: 3 } };
        let here = [one.clone(), one.clone()];
        assert_eq!(difference(&here, &here), None);
        let Fingerprint { points, rates, momenta } = one.fingerprint;
        for other in [
            Found { name: "b".into(), ..one.clone() },
            Found { fingerprint: Fingerprint { points: 2, rates, momenta }, ..one.clone() },
            Found { fingerprint: Fingerprint { points, rates: 3, momenta }, ..one.clone() },
            Found { fingerprint: Fingerprint { points, rates, momenta: 4 }, ..one.clone() },
        ] {
            assert!(difference(&[one.clone(), other], &here).is_some());
        }
        assert!(difference(&here[..1], &here).is_some());
    }

    #[test]
    fn reads_what_the_board_writes() {
        let line = "schedule points=200 rates=0x00000000000000ff momenta=0x0000000000000001 name=plateau, torch";
        let fingerprint = Fingerprint { points: 200, rates: 255, momenta: 1 };
        assert_eq!(line_of_a_board(line).unwrap(), Some(Found { name: "plateau, torch".into(), fingerprint }));
        assert_eq!(line_of_a_board("finished").unwrap(), None);
        for line in
            ["schedule points=200", "schedule points=x rates=0x1 momenta=0x1 name=a", "schedule points=1 name=a"]
        {
            assert!(matches!(line_of_a_board(line), Err(DeviceError::Log { .. })), "{line}");
        }
    }
}
