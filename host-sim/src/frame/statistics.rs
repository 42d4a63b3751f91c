//! Many numbers in few.

use serde::Serialize;

/// What there is to say of many floats.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistics {
    /// How many.
    pub count: usize,
    /// NaN or infinite, which the rest leaves out.
    pub not_finite: usize,
    /// The least; `None` if none is finite, as for the others.
    pub min: Option<f32>,
    /// The largest.
    pub max: Option<f32>,
    /// Their mean.
    pub mean: Option<f64>,
    /// The root of the sum of their squares.
    pub norm: Option<f64>,
}

impl Statistics {
    /// Of these.
    pub fn of(values: &[f32]) -> Self {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let count = finite().count();
        let any = |value: f64| (count > 0).then_some(value);
        let squares: f64 = finite().map(|value| f64::from(value) * f64::from(value)).sum();
        Self {
            count: values.len(),
            not_finite: values.len() - count,
            min: finite().reduce(f32::min),
            max: finite().reduce(f32::max),
            mean: any(finite().map(f64::from).sum::<f64>() / count as f64),
            norm: any(squares.sqrt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_what_is_not_finite() {
        let found = Statistics::of(&[3.0, f32::NAN, -4.0, f32::INFINITY]);
        let expected =
            Statistics { count: 4, not_finite: 2, min: Some(-4.0), max: Some(3.0), mean: Some(-0.5), norm: Some(5.0) };
        assert_eq!(found, expected);
        let none = Statistics::of(&[f32::NAN]);
        assert_eq!((none.min, none.mean, none.norm, none.not_finite), (None, None, None, 1));
    }
}
