//! Classes as numbers, and as rows with a value a class.

use crate::unroll::one_turn_at_a_time;

/// The class `value` names, if it is a whole number from 0 and below `classes`.
pub(crate) fn class_index(value: f32, classes: usize) -> Option<usize> {
    // The cast truncates, and sends NaN and negative numbers to 0.
    let class = value as usize;
    (class < classes && class as f32 == value).then_some(class)
}

/// Where the largest value stands; the first of equals.
pub(crate) fn argmax(values: &[f32]) -> usize {
    let (mut at, mut largest, mut rest) = (0, f32::NEG_INFINITY, values);
    // As `largest` of a softmax.
    while let Some((&value, behind)) = rest.split_first() {
        if value > largest {
            (at, largest) = (values.len() - rest.len(), value);
        }
        rest = behind;
        one_turn_at_a_time();
    }
    at
}

/// Whether the largest value stands at `at`, as [`argmax`] says: where it does not, one of the first values mostly tells.
pub(crate) fn is_argmax(at: usize, values: &[f32]) -> bool {
    if cfg!(kernels = "plain") {
        // The least code.
        return at < values.len() && argmax(values) == at;
    }
    let Some((before, [value, behind @ ..])) = values.split_at_checked(at) else { return false };
    let own = if *value > f32::NEG_INFINITY { *value } else { f32::NEG_INFINITY };
    // Where nothing is more than that, the first is the largest.
    if own == f32::NEG_INFINITY && at > 0 {
        return false;
    }
    let has = |others: &[f32], beats: fn(f32, f32) -> bool| {
        others.iter().any(|other| {
            one_turn_at_a_time();
            beats(*other, own)
        })
    };
    !has(before, |other, own| other >= own) && !has(behind, |other, own| other > own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_whole_numbers_in_range_only() {
        assert_eq!(class_index(0.0, 3), Some(0));
        assert_eq!(class_index(2.0, 3), Some(2));
        for value in [3.0, 0.5, -1.0, -0.25, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(class_index(value, 3), None, "{value}");
        }
        assert_eq!(class_index(0.0, 0), None);
    }

    #[test]
    fn the_first_of_the_largest() {
        assert_eq!(argmax(&[0.0, 2.0, 2.0, 1.0]), 1);
        assert_eq!(argmax(&[]), 0);
    }

    #[test]
    fn one_is_the_largest_or_not() {
        let values = [f32::NEG_INFINITY, -1.0, -0.0, 0.0, 2.0, f32::INFINITY, f32::NAN];
        for k in 0..values.len().pow(3) {
            let row = [0, 1, 2].map(|position| values[k / values.len().pow(position) % values.len()]);
            for at in 0..4 {
                assert_eq!(is_argmax(at, &row), argmax(&row) == at, "{row:?} {at}");
            }
        }
        assert!(!is_argmax(0, &[]));
    }
}
