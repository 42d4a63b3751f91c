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
    // Its labels have two decimals: a power of ten that leaves the largest value one or two digits before them.
    let largest = low.abs().max(high.abs());
    let power = if (0.2..100.0).contains(&largest) { 0 } else { 1 - largest.log10().floor() as i32 };
    let scaled = values.iter().map(|&value| f64::from(value) * 10.0_f64.powi(power)).collect();
    let caption = if power == 0 { title.to_owned() } else { format!("{title}, x 10^{}", -power) };
    plot(scaled, Config::default().with_height(height).with_width(width).with_caption(caption))
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
}
