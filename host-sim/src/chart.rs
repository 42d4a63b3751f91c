//! Curves in the terminal.

use microfit_firmware::Record;
use rasciigraph::{Config, plot};

const HEIGHT: u32 = 7;
const WIDTH: u32 = 40;

/// Loss, validation loss and learning rate of a run, side by side.
pub(crate) fn curves(records: &[Record]) -> String {
    let curve = |title: &str, value: fn(&Record) -> f64| {
        let values: Vec<f64> = records.iter().map(value).collect();
        let config = Config::default().with_height(HEIGHT).with_width(WIDTH).with_caption(title.to_owned());
        plot(values, config)
    };
    beside(&[
        curve("train loss", |record| f64::from(record.loss)),
        curve("validation loss", |record| f64::from(record.validation_loss)),
        // The labels have two decimals.
        curve("learning rate x 1000", |record| 1000.0 * f64::from(record.rate)),
    ])
}

/// Any curve, wide.
pub(crate) fn curve(values: &[f32]) -> String {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    // Labels have two decimals: a power of ten that leaves the largest value two digits before them.
    let power = if largest > 0.0 { 1 - largest.log10().floor() as i32 } else { 0 };
    let scaled = values.iter().map(|&value| f64::from(value) * 10.0_f64.powi(power)).collect();
    let config = Config::default().with_height(2 * HEIGHT).with_width(2 * WIDTH);
    plot(scaled, config.with_caption(format!("x 10^{}, {} steps", -power, values.len())))
}

fn beside(pictures: &[String]) -> String {
    let columns: Vec<Vec<&str>> = pictures.iter().map(|picture| picture.lines().collect()).collect();
    let widths: Vec<usize> =
        columns.iter().map(|lines| lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)).collect();
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut joined = String::new();
    for row in 0..height {
        let mut line = String::new();
        for (lines, width) in columns.iter().zip(&widths) {
            let cell = lines.get(row).copied().unwrap_or("");
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        joined.push_str(line.trim_end());
        joined.push('\n');
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_side_by_side() {
        assert_eq!(beside(&["ab\nc".into(), "d\ne\nf".into()]), "ab  d\nc   e\n    f\n");
    }
}
