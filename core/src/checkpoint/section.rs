//! What a frame consists of.

/// Whose frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// A training run, to be continued: `MFCK`.
    Run,
    /// A model, to predict with: `MFMD`.
    Model,
}

impl Kind {
    pub(super) const fn magic(self) -> u32 {
        match self {
            Self::Run => u32::from_le_bytes(*b"MFCK"),
            Self::Model => u32::from_le_bytes(*b"MFMD"),
        }
    }

    pub(super) fn of_magic(magic: u32) -> Option<Self> {
        [Self::Run, Self::Model].into_iter().find(|kind| kind.magic() == magic)
    }

    /// Its sections, in order.
    pub const fn sections(self) -> &'static [Section] {
        use Section::{Best, Factor, Feedback, Params, Progress, Shape, Shift, State, Stopping, User};
        match self {
            Self::Run => &[Shape, Progress, Stopping, Feedback, Params, State, Best, Shift, Factor, User],
            Self::Model => &[Shape, Params, Shift, Factor, User],
        }
    }
}

/// A part of a frame; its number is the tag it has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Section {
    /// Inputs and layers.
    Shape = 1,
    /// Where the run stands.
    Progress = 2,
    /// Early stopping's state.
    Stopping = 3,
    /// The state of a rate driven by a metric.
    Feedback = 4,
    /// Parameters.
    Params = 5,
    /// The optimizer's state.
    State = 6,
    /// Best weights so far.
    Best = 7,
    /// The data scaling's shifts.
    Shift = 8,
    /// The data scaling's factors.
    Factor = 9,
    /// The caller's own bytes.
    User = 10,
}

/// Lengths of a frame's parts, in 32-bit words; of `layers` in layers, of `user` in bytes.
///
/// ```
/// use microfit::{Topology, activation::Tanh, checkpoint::Lengths, dense, optimizer::Adam};
///
/// const NET: Topology = Topology::new(34, &[dense(34, &Tanh), dense(1, &Tanh)]);
/// const LENGTHS: Lengths = Lengths { best: NET.param_len(), user: 4, ..Lengths::of::<Adam>(&NET) };
/// const _: () = assert!(LENGTHS.frame_len() <= 25 * 1024 && LENGTHS.model_len() <= 5 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lengths {
    /// Layers, frozen ones included.
    pub layers: usize,
    /// The state of a rate driven by a metric; see [`Words`](crate::schedule::Words).
    pub feedback: usize,
    /// Parameters.
    pub params: usize,
    /// Optimizer state.
    pub state: usize,
    /// Best weights: none, or as many as parameters.
    pub best: usize,
    /// Shifts: none, or one an input.
    pub shift: usize,
    /// Factors: as many as shifts.
    pub factor: usize,
    /// The caller's own, in bytes.
    pub user: usize,
}

impl Lengths {
    /// Those of a network trained with the optimizer `O`: its layers, parameters and state, and nothing else.
    pub const fn of<O: crate::optimizer::Optimizer>(topology: &crate::Topology) -> Self {
        Self {
            layers: topology.layers().len(),
            feedback: 0,
            params: topology.param_len(),
            state: topology.state_len::<O>(),
            best: 0,
            shift: 0,
            factor: 0,
            user: 0,
        }
    }

    /// Bytes of a run's frame; `usize::MAX` if there are no so many.
    pub const fn frame_len(&self) -> usize {
        self.len(Kind::Run)
    }

    /// Bytes of a model's frame: layers, parameters, scaling and the caller's own; the rest does not count.
    pub const fn model_len(&self) -> usize {
        self.len(Kind::Model)
    }

    pub(crate) const fn len(&self, kind: Kind) -> usize {
        let mut len = super::header::HEADER + 4;
        let mut rest = kind.sections();
        while let Some((section, tail)) = rest.split_first() {
            len = len.saturating_add(8).saturating_add(self.section(*section));
            rest = tail;
        }
        len
    }

    /// Where a section's bytes begin in a frame, and how many there are: 0 for a section it does not have.
    pub(super) fn place(&self, kind: Kind, wanted: Section) -> (u32, u32) {
        let mut at = super::header::HEADER as u32;
        for &section in kind.sections() {
            let len = self.section(section) as u32;
            at = at.saturating_add(8);
            if section == wanted {
                return (at, len);
            }
            at = at.saturating_add(len);
        }
        (at, 0)
    }

    /// Takes a section's length in bytes.
    pub(super) const fn set(&mut self, section: Section, bytes: u32) {
        let words = (bytes / 4) as usize;
        match section {
            Section::Shape => self.layers = words / 2,
            Section::Progress | Section::Stopping => {}
            Section::Feedback => self.feedback = words,
            Section::Params => self.params = words,
            Section::State => self.state = words,
            Section::Best => self.best = words,
            Section::Shift => self.shift = words,
            Section::Factor => self.factor = words,
            Section::User => self.user = bytes as usize,
        }
    }

    /// Bytes of a section.
    pub(super) const fn section(&self, section: Section) -> usize {
        let words = match section {
            Section::Shape => self.layers.saturating_mul(2).saturating_add(1),
            Section::Progress => super::words::PROGRESS_WORDS,
            Section::Stopping => super::words::STOPPING_WORDS,
            Section::Feedback => self.feedback,
            Section::Params => self.params,
            Section::State => self.state,
            Section::Best => self.best,
            Section::Shift => self.shift,
            Section::Factor => self.factor,
            Section::User => return self.user,
        };
        words.saturating_mul(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_long_as_its_parts() {
        let lengths = Lengths { layers: 2, feedback: 9, params: 13, state: 26, best: 13, shift: 2, factor: 2, user: 5 };
        let words = 5 + 22 + 5 + 9 + 13 + 26 + 13 + 2 + 2;
        assert_eq!(lengths.frame_len(), 28 + 10 * 8 + 4 * words + 5 + 4);
        assert_eq!(lengths.model_len(), 28 + 5 * 8 + 4 * (5 + 13 + 2 + 2) + 5 + 4);
        assert_eq!(Lengths { params: usize::MAX / 4, ..lengths }.frame_len(), usize::MAX);
    }

    #[test]
    fn tags_are_the_positions_in_a_run() {
        assert!((1..).zip(Kind::Run.sections()).all(|(tag, &section)| section as usize == tag));
        assert_eq!(Kind::of_magic(Kind::Model.magic()), Some(Kind::Model));
        assert_eq!(Kind::of_magic(0), None);
    }
}
