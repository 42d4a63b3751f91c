//! `microfit bench --fixed-point`.

use super::training::{M0, M3};
use super::{Counts, counts};
use crate::device::Image;
use crate::error::Error;
use crate::output;
use crate::table::table;

/// W2's products a sample, by the kernel they are made by, and its parameters by the samples of a batch.
const OF_W2: [(&str, &str, f64); 4] = [
    ("forward", "forward, a multiply-add", 2368.0),
    ("gradient", "gradient, a multiply-add", 2368.0),
    ("backward", "backward, a multiply-add", 320.0),
    ("update", "update, a parameter", 2410.0 / 32.0),
];

/// Prints the table: instructions of the kernels in `firmware/src/fixed_point.rs`, and what W2 would take of them.
pub(super) fn bench() -> Result<(), Error> {
    let mut measured = Vec::new();
    for board in [M0, M3] {
        let image = Image::build(board, "bench_fixed_point", "bench")?;
        measured.push(counts(board, &image)?);
    }
    let mut table = table(&["instructions, Q1.15", "Cortex-M0", "Cortex-M3"]);
    let row = |title: &str, text: &dyn Fn(&Counts) -> f64, digits: usize| {
        let cells = measured.iter().map(|counts| format!("{:.digits$}", text(counts)));
        std::iter::once(title.to_owned()).chain(cells).collect::<Vec<_>>()
    };
    let of = |counts: &Counts, name: &str| counts.get(name).copied().unwrap_or(f64::NAN);
    for (name, title, _) in OF_W2 {
        table.add_row(row(title, &|counts| of(counts, name), 1));
    }
    let sample = |counts: &Counts| OF_W2.iter().map(|&(name, _, times)| times * of(counts, name)).sum();
    table.add_row(row("W2 a sample, without loss and activations", &sample, 0));
    output::line(table)
}
