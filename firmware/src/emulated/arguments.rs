//! What the host asks of an image, by semihosting's command line: words such as `epochs=8`. A real board has constants.

use core::num::NonZeroU32;

use microfit::data::Shuffle;
use microfit::loss::BinaryCrossEntropy;
use microfit::optimizer::Sgd;
use microfit::schedule::TimeBased;
use microfit::{Fit, tutorial};
use microfit_firmware::{Run, SEED};
use semihosting::experimental::env;

/// Set by the host, or what a board does by itself.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    /// How long the tutorial's run with time-based decay is.
    pub(crate) epochs: u32,
    /// Updates between two checkpoints.
    pub(crate) every: NonZeroU32,
    /// How often a board that can do so resets itself.
    #[allow(dead_code)] // not every board can
    pub(crate) resets: u32,
    /// When it does.
    #[allow(dead_code)]
    pub(crate) seed: u32,
}

impl Arguments {
    /// Those of this start. A word that is none of them is left alone: the first one is the image's name, as a rule.
    pub(crate) fn read() -> Self {
        let mut read = Self { epochs: 50, every: NonZeroU32::MIN, resets: 0, seed: SEED };
        let Ok(arguments) = env::args::<128>() else { return read };
        for word in (&arguments).flatten() {
            let Some((key, value)) = word.split_once('=') else { continue };
            let Ok(value) = value.parse() else { continue };
            match key {
                "epochs" => read.epochs = value,
                "every" => read.every = NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN),
                "resets" => read.resets = value,
                "seed" => read.seed = value,
                _ => {}
            }
        }
        read
    }

    /// The run they ask for.
    pub(crate) const fn run(&self) -> Run<'static, BinaryCrossEntropy, Sgd, TimeBased, Shuffle> {
        let fit = Fit { epochs: self.epochs, ..tutorial::time_based(SEED) };
        Run { experiment: "time_based", init: tutorial::INIT, seed: SEED, fit, every: self.every }
    }
}
