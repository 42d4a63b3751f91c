//! Rows of a row-major matrix.
//!
//! `slice::chunks` divides to know how many rows there are: a call on a Cortex-M0, and a panic path for a width of 0 in
//! an image optimised for size. These iterators only split.

/// Whole rows of `width` elements; none if `width` is 0.
pub(crate) struct Rows<'a> {
    rest: &'a [f32],
    width: usize,
}

/// Whole rows of `width` elements; none if `width` is 0.
pub(crate) struct RowsMut<'a> {
    rest: &'a mut [f32],
    width: usize,
}

pub(crate) fn rows(matrix: &[f32], width: usize) -> Rows<'_> {
    Rows { rest: matrix, width }
}

pub(crate) fn rows_mut(matrix: &mut [f32], width: usize) -> RowsMut<'_> {
    RowsMut { rest: matrix, width }
}

#[cfg(any(kernels = "vectors", test))]
impl<'a> Rows<'a> {
    /// The next four rows, or `None` without taking any if fewer are left.
    pub(crate) fn next_four(&mut self) -> Option<[&'a [f32]; 4]> {
        let mut ahead = Rows { rest: self.rest, width: self.width };
        let four = [ahead.next()?, ahead.next()?, ahead.next()?, ahead.next()?];
        self.rest = ahead.rest;
        Some(four)
    }
}

#[cfg(any(kernels = "vectors", test))]
impl<'a> RowsMut<'a> {
    /// The next four rows, or `None` without taking any if fewer are left.
    pub(crate) fn next_four(&mut self) -> Option<[&'a mut [f32]; 4]> {
        if self.width == 0 || self.rest.len() < 4 * self.width {
            return None;
        }
        Some([self.next()?, self.next()?, self.next()?, self.next()?])
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a [f32];

    fn next(&mut self) -> Option<&'a [f32]> {
        let (row, rest) = self.rest.split_at_checked(self.width)?;
        self.rest = rest;
        if row.is_empty() { None } else { Some(row) }
    }
}

impl<'a> Iterator for RowsMut<'a> {
    type Item = &'a mut [f32];

    fn next(&mut self) -> Option<&'a mut [f32]> {
        if self.rest.len() < self.width || self.width == 0 {
            return None;
        }
        let (row, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(self.width)?;
        self.rest = rest;
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yields_whole_rows_and_ends() {
        let mut matrix = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert!(rows(&matrix, 2).eq([[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(rows(&matrix, 0).count() + rows(&matrix, 6).count(), 0);
        assert!(rows_mut(&mut matrix, 2).eq([[1.0, 2.0], [3.0, 4.0]]));
        assert_eq!(rows_mut(&mut matrix, 0).count() + rows_mut(&mut matrix, 6).count(), 0);
    }

    #[test]
    fn takes_four_or_none() {
        let mut matrix = [0.0, 1.0, 2.0, 3.0, 4.0];
        let mut five = rows(&matrix, 1);
        assert_eq!(five.next_four().map(|four| four[3][0]), Some(3.0));
        assert_eq!(five.next_four(), None);
        assert_eq!(five.next(), Some(&[4.0][..]));
        let mut five = rows_mut(&mut matrix, 1);
        assert_eq!(five.next_four().map(|four| four[3][0]), Some(3.0));
        assert!(five.next_four().is_none());
        assert_eq!(five.next().map(|row| row[0]), Some(4.0));
    }
}
