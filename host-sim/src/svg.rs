//! Pictures as SVG, self-contained.

use plotters::prelude::*;

use crate::chart::{decimals, power_of_ten, scaled, with_power};
use crate::commands::compare::{Distribution, quantile};

const SIZE: (u32, u32) = (900, 500);

/// A schedule's rates and, where it drives them, its momenta, over the steps.
pub(crate) fn curves(title: &str, rates: &[f32], momenta: &[f32]) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail, and an area of this size takes the chart.
    let _ = draw_curves(&mut svg, title, rates, momenta);
    svg
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_curves(svg: &mut String, title: &str, rates: &[f32], momenta: &[f32]) -> Drawn {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let finite = || rates.iter().copied().filter(|rate| rate.is_finite());
    let (low, high) = (finite().fold(0.0, f32::min), finite().fold(0.0, f32::max));
    let high = if low == high { 1.0 } else { high };
    let power = power_of_ten(low, high);
    let steps = rates.len().max(2) - 1;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .right_y_label_area_size(if momenta.is_empty() { 0 } else { 50 })
        .build_cartesian_2d(0..steps, scaled(low, power)..scaled(high, power) * 1.05)?
        .set_secondary_coord(0..steps, 0.0..1.0);
    chart.configure_mesh().x_desc("step").y_desc(with_power("learning rate", power)).draw()?;
    let points =
        |values: &[f32], power| values.iter().map(|&value| scaled(value, power)).enumerate().collect::<Vec<_>>();
    chart.draw_series(LineSeries::new(points(rates, power), BLUE.stroke_width(2)))?;
    if !momenta.is_empty() {
        chart.configure_secondary_axes().y_desc("momentum").draw()?;
        chart.draw_secondary_series(LineSeries::new(points(momenta, 0), RED.stroke_width(1)))?;
    }
    area.present()?;
    Ok(())
}

/// Median and 5% to 95% of every schedule's final validation loss and accuracy, side by side.
pub(crate) fn distributions(title: &str, found: &[Distribution]) -> String {
    let mut svg = String::new();
    let _ = draw_distributions(&mut svg, title, found);
    svg
}

/// What of a distribution a panel shows.
type Values = fn(&Distribution) -> &[f32];

const ROW: u32 = 26;
const NAMES: u32 = 330;
/// At most, on a panel's axis.
const LABELS: usize = 6;

fn draw_distributions(svg: &mut String, title: &str, found: &[Distribution]) -> Drawn {
    let height = 110 + ROW * found.len() as u32;
    let area = SVGBackend::with_string(svg, (1200, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.titled(title, ("sans-serif", 18))?;
    let (names, charts) = area.split_horizontally(NAMES);
    let panels = charts.split_evenly((1, 2));
    let columns: [(&str, Values); 2] =
        [("validation loss", |row| &row.loss), ("validation accuracy", |row| &row.accuracy)];
    for (panel, (what, values)) in panels.iter().zip(columns) {
        // The runs that diverged are at the edge.
        let finite = || {
            let places = found.iter().flat_map(|row| [0.05, 0.5, 0.95].map(|q| quantile(values(row), q)));
            places.filter(|value| value.is_finite())
        };
        let (low, high) = (finite().fold(f32::MAX, f32::min), finite().fold(f32::MIN, f32::max));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let power = power_of_ten(low, high);
        let (low, high) = (scaled(low, power), scaled(high, power));
        let margin = 0.05 * (high - low).max(1e-6);
        let mut chart = ChartBuilder::on(panel)
            .margin(12)
            .x_label_area_size(40)
            .build_cartesian_2d(low - margin..high + margin, 0.0..found.len() as f32)?;
        let digits = decimals((high - low + 2.0 * margin) / LABELS as f64);
        let mut mesh = chart.configure_mesh();
        mesh.disable_y_mesh().disable_y_axis().x_labels(LABELS).x_desc(with_power(what, power));
        mesh.x_label_formatter(&|value: &f64| format!("{value:.digits$}")).draw()?;
        for (row, distribution) in found.iter().enumerate() {
            let y = (found.len() - row) as f32 - 0.5;
            let at = |q| scaled(quantile(values(distribution), q), power);
            let line = [(at(0.05), y), (at(0.95), y)];
            chart.draw_series(std::iter::once(PathElement::new(line, BLUE.stroke_width(3))))?;
            chart.draw_series(std::iter::once(Circle::new((at(0.5), y), 5, RED.filled())))?;
        }
    }
    // Beside the charts' rows: their plotting area is the panel less the margins and the axis.
    let top = 12.0;
    let pitch = f64::from(names.dim_in_pixel().1.saturating_sub(24 + 40)) / found.len().max(1) as f64;
    for (row, distribution) in found.iter().enumerate() {
        let y = top + pitch * (row as f64 + 0.5) - 7.0;
        names.draw(&Text::new(distribution.name.clone(), (10, y as i32), ("sans-serif", 14)))?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The labels that are numbers, the steps' too.
    fn labels(svg: &str) -> Vec<&str> {
        svg.lines().map(str::trim).filter(|line| line.parse::<f64>().is_ok()).collect()
    }

    #[test]
    fn labels_of_small_and_large_rates_are_short_and_differ() {
        for (rate, factor) in [(1e-4, ", x 10^-5"), (1e-5, ", x 10^-6"), (3e38, ", x 10^37"), (0.5, "")] {
            let svg = curves("one", &[0.0, rate], &[]);
            assert!(svg.lines().any(|line| line == format!("learning rate{factor}")), "{svg}");
            // Those of the steps, 0 and 1, are whole.
            let rates: Vec<_> = labels(&svg).into_iter().filter(|label| label.contains('.')).collect();
            assert!(rates.len() > 4 && rates.iter().all(|label| label.len() < 6), "{rates:?}");
            assert_eq!(rates.iter().collect::<BTreeSet<_>>().len(), rates.len(), "{rates:?}");
        }
    }

    #[test]
    fn a_picture_is_one_whole_svg() {
        let svg = curves("cosine", &[0.1, 0.05, 0.0], &[0.9, 0.8, 0.9]);
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("learning rate") && svg.contains("momentum") && svg.contains("<polyline"));
        assert!(!curves("one", &[0.1], &[]).contains("momentum"));
        // There is nothing above that an f32 holds.
        assert!(curves("highest", &[f32::MAX], &[]).contains("<polyline"));
        let row = Distribution {
            name: "constant".into(),
            accuracy: vec![0.9, 0.95],
            loss: vec![0.69, 0.690_001],
            diverged: 0,
        };
        let svg = distributions("compare", &[row.clone(), row.clone()]);
        assert_eq!(svg.matches("<circle").count(), 4);
        let none = Distribution { accuracy: vec![0.0; 2], loss: vec![f32::INFINITY; 2], diverged: 2, ..row.clone() };
        for found in [&[none.clone()][..], &[row.clone(), none]] {
            let svg = distributions("compare", found);
            assert!(svg.matches("<circle").count() == 2 * found.len() && !svg.contains("inf"), "{svg}");
        }
        let all = labels(&svg);
        assert!(all.len() > 6 && all.iter().collect::<BTreeSet<_>>().len() == all.len(), "{all:?}");
        assert!(svg.contains("constant") && svg.trim_end().ends_with("</svg>"));
    }
}
