//! What the one writer takes, of a run or of a model.

use super::{CheckpointError, Kind, Lengths};
use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;
use crate::topology::Topology;

pub(crate) struct Parts<'a> {
    pub(crate) topology: &'a Topology<'a>,
    pub(crate) fingerprint: u64,
    /// `None` of a model.
    pub(crate) run: Option<RunParts<'a>>,
    pub(crate) params: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) factor: &'a [f32],
    pub(crate) user: &'a [u8],
}

/// What only a run has.
pub(crate) struct RunParts<'a> {
    /// Floats the optimizer's state must have.
    pub(crate) state_len: usize,
    pub(crate) progress: &'a Progress,
    pub(crate) stopping: Option<EarlyStoppingState>,
    pub(crate) feedback: &'a [u32],
    pub(crate) state: &'a [f32],
    pub(crate) best: &'a [f32],
}

impl Parts<'_> {
    pub(crate) const fn kind(&self) -> Kind {
        if self.run.is_some() { Kind::Run } else { Kind::Model }
    }

    pub(crate) fn lengths(&self) -> Lengths {
        let (feedback, state, best) =
            self.run.as_ref().map_or((0, 0, 0), |run| (run.feedback.len(), run.state.len(), run.best.len()));
        Lengths {
            layers: self.topology.layers().len(),
            feedback,
            params: self.params.len(),
            state,
            best,
            shift: self.shift.len(),
            factor: self.factor.len(),
            user: self.user.len(),
        }
    }
}

impl Lengths {
    /// Whether the parts fit a network of so many parameters and inputs, and an optimizer of so much state.
    pub(super) const fn check<E>(
        &self,
        params: usize,
        inputs: usize,
        state: Option<usize>,
    ) -> Result<(), CheckpointError<E>> {
        let state = match state {
            Some(state) => state,
            None => self.state,
        };
        let best = if self.best == 0 { 0 } else { params };
        let scaling = if self.shift == 0 { 0 } else { inputs };
        let expected = Self { params, state, best, shift: scaling, factor: scaling, ..*self };
        let mut rest = Kind::Run.sections();
        while let Some((&section, tail)) = rest.split_first() {
            let (expected, found) = (expected.section(section) as u32, self.section(section) as u32);
            if expected != found {
                return Err(CheckpointError::SectionLength { section, expected, found });
            }
            rest = tail;
        }
        Ok(())
    }
}
