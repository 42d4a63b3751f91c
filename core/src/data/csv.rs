//! Reads tables at compile time: a cell it does not understand does not build.

/// The number that starts at `at`, and where the next cell starts.
///
/// Its digits and a power of ten are both whole numbers below 2^24, exact in f32, and IEEE division rounds correctly,
/// so their quotient is the f32 nearest to the decimal.
pub(super) const fn number(csv: &[u8], mut at: usize) -> (f32, usize) {
    let negative = csv[at] == b'-';
    if negative {
        at += 1;
    }
    let (mut digits, mut divisor, mut fraction, mut empty) = (0_u32, 1_u32, false, true);
    while csv[at] != b',' && csv[at] != b'\n' {
        if csv[at] == b'.' && !fraction {
            fraction = true;
        } else {
            assert!(csv[at].is_ascii_digit(), "csv: expected a number");
            empty = false;
            digits = digits * 10 + (csv[at] - b'0') as u32;
            if fraction {
                divisor *= 10;
            }
        }
        at += 1;
    }
    assert!(!empty, "csv: expected a number, found none");
    assert!(digits < 1 << 24 && divisor < 1 << 24, "csv: expected a number of at most seven digits");
    let magnitude = digits as f32 / divisor as f32;
    (if negative { -magnitude } else { magnitude }, at + 1)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn understands_numbers_only() {
        assert_eq!(number(b"-0.25,1", 0), (-0.25, 6));
        assert_eq!(number(b"1,5.\n", 2), (5.0, 5));
        assert_eq!(number(b".5\n", 0), (0.5, 3));
        for cell in [",", "-,", ".\n", "-.,", "1.2.3,", "1e3,", "+1,", "16777216,", "--1,", "nan,"] {
            assert!(catch_unwind(|| number(cell.as_bytes(), 0)).is_err(), "{cell}");
        }
    }
}
