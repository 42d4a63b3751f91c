//! Curves in the terminal.

use microfit_firmware::Record;
use rasciigraph::{Config, plot};

const HEIGHT: u32 = 7;
const WIDTH: u32 = 40;

/// Loss, validation loss and learning rate of a run, side by side.
pub(crate) fn curves(records: &[Record]) -> String {
    let picture = |title: &str, value: fn(&Record) -> Option<f32>| {
        let values: Vec<f32> = records.iter().filter_map(value).collect();
        draw(&values, title, HEIGHT, WIDTH)
    };
    beside(&[
        picture("train loss", |record| Some(record.loss)),
        picture("validation loss", |record| record.validation_loss),
        picture("learning rate", |record| Some(record.rate)),
    ])
}

/// Any curve, wide.
pub(crate) fn curve(values: &[f32]) -> String {
    draw(values, &format!("{} steps", values.len()), 2 * HEIGHT, 2 * WIDTH)
}

/// A picture of the values, or in words what has none.
fn draw(values: &[f32], title: &str, height: u32, width: u32) -> String {
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return format!("{title}: none") };
    // The library has no picture for these: it divides by the range.
    if values.iter().any(|value| !value.is_finite()) || high - low <= f32::EPSILON * high.abs() {
        return if first == last { format!("{title}: {first}") } else { format!("{title}: from {first} to {last}") };
    }
    let power = power_of_ten(low, high);
    let drawn: Vec<f64> = (0..width).map(|column| scaled(at(values, column, width), power)).collect();
    let config = Config::default().with_height(height).with_caption(with_power(title, power));
    labelled(&plot(drawn.clone(), config), &drawn)
}

/// The value at a column, between two values by linear interpolation.
fn at(values: &[f32], column: u32, width: u32) -> f32 {
    let place = f64::from(column) * values.len().saturating_sub(1) as f64 / f64::from(width - 1);
    let value = |index: f64| values.get(index as usize).copied().map_or(f64::NAN, f64::from);
    let (before, after) = (value(place.floor()), value(place.ceil()));
    (before + (after - before) * place.fract()) as f32
}

/// The picture with labels of as many decimals as tell neighbours apart; the library's have two.
fn labelled(picture: &str, drawn: &[f64]) -> String {
    let (low, high) = drawn.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let axis = |c| matches!(c, '┤' | '┼');
    let rows = picture.lines().filter(|line| line.contains(axis)).count();
    let steps = rows.saturating_sub(1).max(1) as f64;
    let digits = decimals((high - low) / steps).max(2);
    let label = |row: usize| format!("{:.digits$}", high - (high - low) * row as f64 / steps);
    let width = label(0).len().max(label(rows.saturating_sub(1)).len());
    let mut lines = Vec::new();
    for (row, line) in picture.lines().enumerate() {
        lines.push(match line.find(axis) {
            Some(place) => format!(" {:>width$} {}", label(row), &line[place..]),
            None => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// Decimals that tell numbers apart that differ by at least this, up to more than an `f32` has.
pub(crate) fn decimals(spacing: f64) -> usize {
    if spacing > 0.0 { (-spacing.log10().floor()).clamp(0.0, 9.0) as usize } else { 0 }
}

/// By which labels of a few decimals tell values of this range: it leaves the largest one or two digits before the point.
pub(crate) fn power_of_ten(low: f32, high: f32) -> i32 {
    let largest = low.abs().max(high.abs());
    if largest == 0.0 || (0.2..100.0).contains(&largest) { 0 } else { 1 - largest.log10().floor() as i32 }
}

pub(crate) fn scaled(value: f32, power: i32) -> f64 {
    f64::from(value) * 10.0_f64.powi(power)
}

/// What is drawn, and in which unit.
pub(crate) fn with_power(title: &str, power: i32) -> String {
    if power == 0 { title.to_owned() } else { format!("{title}, x 10^{}", -power) }
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

    #[test]
    fn what_has_no_picture_is_said() {
        assert_eq!(curve(&[]), "0 steps: none");
        assert_eq!(curve(&[0.6859]), "1 steps: 0.6859");
        assert_eq!(curve(&[0.1; 9]), "9 steps: 0.1");
        assert_eq!(curve(&[1.0, f32::INFINITY]), "2 steps: from 1 to inf");
        assert_eq!(curve(&[0.0; 3]), "3 steps: 0");
    }

    #[test]
    fn labels_have_the_values_digits() {
        let picture = curve(&[0.00125, 0.0025]);
        assert!(picture.contains("25.00") && picture.contains("12.50") && picture.contains("x 10^-4"), "{picture}");
    }

    #[test]
    fn labels_tell_neighbours_apart() {
        let falling = |from: f32, to: f32| curve(&[from, 0.5 * (from + to), to]);
        for (from, to) in
            [(0.1, 0.099_999_9), (0.6958, 0.6951), (1.0, 0.0), (1.0, 1.0 - 2.0 * f32::EPSILON), (-99.0, -99.5)]
        {
            let picture = falling(from, to);
            let labels: Vec<_> =
                picture.lines().filter_map(|line| line.split(['┤', '┼']).next()?.trim().parse::<f64>().ok()).collect();
            assert!(labels.len() > 9 && labels.windows(2).all(|pair| pair[0] > pair[1]), "{picture}");
        }
        assert!(falling(1.0, 0.0).starts_with(" 1.00 ┼"));
    }
}
