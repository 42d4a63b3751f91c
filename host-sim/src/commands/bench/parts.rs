//! `microfit bench --parts`.

use microfit_firmware::parts::{BASELINE, PARTS};

use crate::device::{BOARDS, Board, DeviceError, Image};
use crate::error::Error;
use crate::output;
use crate::progress::bar;
use crate::table::table;

/// Prints the table: the bytes that a program takes which has one part instead of, or more than, the baseline.
pub(super) fn bench() -> Result<(), Error> {
    let m4f = BOARDS[0];
    let m0 = Board { core: "Cortex-M0", target: "thumbv6m-none-eabi", ..m4f };
    let (floor_m4f, floor_m0) = (image_of(m4f, BASELINE)?, image_of(m0, BASELINE)?);
    let mut table = table(&["part", "flash, M4F", "M0"]);
    table.add_row(["the baseline's image".to_owned(), floor_m4f.to_string(), floor_m0.to_string()]);
    let progress = bar(PARTS.len() as u64, "images");
    for part in PARTS {
        let more = |board, floor| image_of(board, part).map(|bytes| format!("{:+}", bytes - floor));
        table.add_row([part.to_owned(), more(m4f, floor_m4f)?, more(m0, floor_m0)?]);
        progress.inc(1);
    }
    progress.finish_and_clear();
    output::line(table)
}

/// Bytes of the image with that part.
fn image_of(board: Board, part: &str) -> Result<i64, DeviceError> {
    Ok(Image::build_with(board, "one_part", "one-part", &[("MICROFIT_PART", part)])?.flash()?.cast_signed())
}
