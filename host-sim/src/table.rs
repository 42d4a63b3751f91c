//! Tables in the terminal.

use comfy_table::{Cell, CellAlignment, Table, presets};

/// A table with the given header; its first column is text, the others are figures.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(header.iter().map(Cell::new));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A share as a percentage.
pub(crate) fn percent(share: f32) -> String {
    format!("{:.2}%", 100.0 * share)
}
