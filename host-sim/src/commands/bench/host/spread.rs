//! The middle of some measurements, and how far they spread.

/// The least, the quartiles and the median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) lower: f64,
    pub(super) median: f64,
    pub(super) upper: f64,
}

impl Spread {
    /// Of finite values, with linear interpolation between neighbours (numpy's default); `None` if there is none.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = share * last as f64;
            let below = sorted[place as usize];
            let above = sorted[(place as usize + 1).min(last)];
            below + place.fract() * (above - below)
        };
        Some(Self { least: at(0.0), lower: at(0.25), median: at(0.5), upper: at(0.75) })
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn none_of_nothing_and_one_of_one() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7.0]), Some(Spread { least: 7.0, lower: 7.0, median: 7.0, upper: 7.0 }));
    }

    #[test]
    fn those_of_numpy() {
        // numpy.percentile([9, 1, 4, 2], [25, 50, 75]), and of [5, 3, 8, 1, 2].
        let even = Spread::of(&[9.0, 1.0, 4.0, 2.0]);
        assert_eq!(even, Some(Spread { least: 1.0, lower: 1.75, median: 3.0, upper: 5.25 }));
        let odd = Spread::of(&[5.0, 3.0, 8.0, 1.0, 2.0]);
        assert_eq!(odd, Some(Spread { least: 1.0, lower: 2.0, median: 3.0, upper: 5.0 }));
    }
}
