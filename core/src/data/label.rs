//! Class indices that are written as numbers.

/// The class `value` names, if it is a whole number from 0 and below `classes`.
pub(crate) fn class_index(value: f32, classes: usize) -> Option<usize> {
    // The cast truncates, and sends NaN and negative numbers to 0.
    let class = value as usize;
    (class < classes && class as f32 == value).then_some(class)
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
}
