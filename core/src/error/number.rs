//! Numbers in messages.

use core::fmt::{self, Write};

/// A float to seven significant digits. The standard library's formatting of floats has paths to a panic; a message of
/// this crate has none.
pub(super) struct Number(pub(super) f32);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        if self.0 < 0.0 {
            f.write_char('-')?;
        }
        if self.0.is_infinite() {
            return f.write_str("inf");
        }
        let (digits, exponent) = scientific(f64::from(self.0.abs()));
        if !(-5..9).contains(&exponent) {
            decimal(f, digits, 6)?;
            return write!(f, "e{exponent}");
        }
        decimal(f, digits, 6 - exponent)
    }
}

/// Seven digits and the power of ten of the first.
fn scientific(mut x: f64) -> (u64, i32) {
    if x == 0.0 {
        return (0, 0);
    }
    let mut exponent = 0;
    while x >= 10.0 {
        x /= 10.0;
        exponent += 1;
    }
    while x < 1.0 {
        x *= 10.0;
        exponent -= 1;
    }
    let digits = (x * 1e6 + 0.5) as u64;
    if digits < 10_000_000 { (digits, exponent) } else { (digits / 10, exponent + 1) }
}

/// `digits` with the point before the last `places` of them, without zeros at the end.
fn decimal(f: &mut fmt::Formatter<'_>, mut digits: u64, mut places: i32) -> fmt::Result {
    while places > 0 && digits.is_multiple_of(10) {
        digits /= 10;
        places -= 1;
    }
    while places < 0 {
        digits = digits.saturating_mul(10);
        places += 1;
    }
    let mut unit = 1_u64;
    for _ in 0..places {
        unit = unit.saturating_mul(10);
    }
    write!(f, "{}", digits.checked_div(unit).unwrap_or(0))?;
    if unit == 1 {
        return Ok(());
    }
    f.write_char('.')?;
    while unit > 1 {
        unit /= 10;
        let digit = digits.checked_div(unit).unwrap_or(0) % 10;
        write!(f, "{digit}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng::Rng;
    use std::string::ToString;

    #[test]
    fn reads_as_people_write() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (28.0, "28"),
            (1e8, "100000000"),
            (0.00125, "0.00125"),
            (1e30, "1e30"),
            (-1.5e-30, "-1.5e-30"),
            (f32::NAN, "NaN"),
            (f32::NEG_INFINITY, "-inf"),
            (9_999_999.9, "10000000"),
        ];
        for (number, text) in cases {
            assert_eq!(Number(number).to_string(), text);
        }
    }

    #[test]
    fn keeps_seven_digits() {
        let mut rng = Rng::new(1);
        for _ in 0..100_000 {
            let number = f32::from_bits(rng.next_u32());
            if !number.is_normal() {
                continue;
            }
            let text = Number(number).to_string();
            let read: f64 = text.parse().unwrap();
            assert!((read / f64::from(number) - 1.0).abs() < 6e-7, "{number:e} is written {text}");
        }
    }
}
