//! What every metric checks of a sample.

use crate::data::class_index;
use crate::error::{Buffer, Error};

/// Refuses outputs that are not `expected` finite numbers. `index` is the number of samples counted before.
pub(super) fn check_outputs(index: u32, outputs: &[f32], expected: usize) -> Result<(), Error> {
    let found = outputs.len();
    if found != expected {
        return Err(Error::BufferLength { buffer: Buffer::Outputs, expected, found });
    }
    match outputs.iter().enumerate().find(|(_, found)| !found.is_finite()) {
        Some((output, &found)) => Err(Error::OutputNotFinite { index: index as usize, output, found }),
        None => Ok(()),
    }
}

/// The class of `classes` that `target` names: by its index, or by a 1 among zeros.
pub(super) fn class_of(index: u32, target: &[f32], classes: usize) -> Result<usize, Error> {
    let index = index as usize;
    if let &[found] = target {
        return class_index(found, classes).ok_or(Error::ClassInvalid { index, classes, found });
    }
    if target.len() != classes {
        return Err(Error::BufferLength { buffer: Buffer::Target, expected: classes, found: target.len() });
    }
    let mut class = None;
    for (output, &found) in target.iter().enumerate() {
        if found == 1.0 && class.is_none() {
            class = Some(output);
        } else if found != 0.0 {
            return Err(Error::TargetInvalid { index, output, found });
        }
    }
    class.ok_or(Error::TargetInvalid { index, output: 0, found: 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_indices_and_one_hot_rows() {
        assert_eq!(class_of(0, &[2.0], 3), Ok(2));
        assert_eq!(class_of(0, &[0.0, 1.0, 0.0], 3), Ok(1));
        assert!(matches!(class_of(7, &[3.0], 3), Err(Error::ClassInvalid { index: 7, classes: 3, .. })));
        assert!(matches!(class_of(0, &[0.0, 1.0, 1.0], 3), Err(Error::TargetInvalid { output: 2, .. })));
        assert!(matches!(class_of(0, &[0.0, 0.5, 0.5], 3), Err(Error::TargetInvalid { output: 1, .. })));
        assert!(matches!(class_of(0, &[0.0; 3], 3), Err(Error::TargetInvalid { .. })));
        assert!(matches!(class_of(0, &[0.0, 1.0], 3), Err(Error::BufferLength { expected: 3, found: 2, .. })));
        assert!(matches!(check_outputs(0, &[0.0, f32::NAN], 2), Err(Error::OutputNotFinite { output: 1, .. })));
        assert!(matches!(check_outputs(0, &[0.0], 2), Err(Error::BufferLength { .. })));
    }
}
