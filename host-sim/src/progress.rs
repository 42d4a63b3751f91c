//! Progress bars, which hide themselves where nobody looks.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `len` steps of something.
pub(crate) fn bar(len: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>24} {wide_bar} {pos}/{len} {msg} {eta}");
    let bar = ProgressBar::new(len).with_prefix(what.to_owned());
    // The template is a constant; without it the default style does.
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}
