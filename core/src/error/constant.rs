//! What a constant that is refused says while it is built.

use super::Error;

/// A line put together at compile time, where `format_args` is not to be had.
struct Line {
    bytes: [u8; 160],
    len: usize,
}

impl Line {
    const fn of(text: &str) -> Self {
        Self { bytes: [0; 160], len: 0 }.and(text)
    }

    #[allow(clippy::indexing_slicing)] // While a constant is built an index that is none stops the build.
    const fn and(mut self, text: &str) -> Self {
        let mut at = 0;
        while at < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text.as_bytes()[at];
            self.len += 1;
            at += 1;
        }
        self
    }

    #[allow(clippy::indexing_slicing)] // as above
    const fn number(self, number: usize) -> Self {
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let line = if number > 9 { self.number(number / 10) } else { self };
        line.and(DIGITS[number % 10])
    }

    const fn text(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

impl Error {
    const fn line(self) -> Line {
        let line = Line::of("microfit: ");
        match self {
            Self::Parameter { name, must_be, .. } => line.and(name).and(": expected ").and(must_be.text()),
            Self::LayerWidth { layer } => {
                line.and("topology: expected at least 1 unit in layer ").number(layer).and(", found 0")
            }
            Self::FrozenLength { layer, expected, found } => line
                .and("topology: expected ")
                .number(expected)
                .and(" parameters for frozen layer ")
                .number(layer)
                .and(", found ")
                .number(found),
            Self::TopologyEmpty => line.and("topology: expected inputs and at least one layer, found none"),
            Self::TopologyTooLarge => {
                line.and("topology: expected buffers of at most 67108864 floats, found a longer one")
            }
            Self::OutputDropout => line.and("topology: expected no dropout on the last layer, found some"),
            _ => line.and("expected other arguments: see the errors of the constructor"),
        }
    }

    /// What this error says, as a panic: **for constants**, whose build it stops. For [`checked!`](crate::checked).
    #[doc(hidden)]
    pub const fn stops_the_build(self) -> ! {
        panic!("{}", self.line().text())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::error::Requirement;
    use std::string::ToString;

    #[test]
    fn says_what_the_error_says() {
        let errors = [
            Error::LayerWidth { layer: 10 },
            Error::FrozenLength { layer: 0, expected: 1225, found: 34 },
            Error::TopologyEmpty,
            Error::TopologyTooLarge,
            Error::OutputDropout,
        ];
        for error in errors {
            assert_eq!(error.line().text().strip_prefix("microfit: "), Some(&*error.to_string()));
        }
        let error = Error::Parameter { name: "decay", must_be: Requirement::NonNegative, found: -0.1 };
        assert_eq!(error.to_string(), std::format!("{}, found -0.1", &error.line().text()["microfit: ".len()..]));
        // What is longer than a line ends with it.
        let name = std::string::String::leak("a name of 160 bytes.".repeat(8));
        let long = Error::Parameter { name, must_be: Requirement::One, found: 0.0 };
        assert_eq!(long.line().text().len(), 160);
    }
}
