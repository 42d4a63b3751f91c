//! What is saved of a run, and where it is loaded to.

use super::{CheckpointError, Header, Identity, Lengths};
use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;

/// A run, as it is saved. [`Trainer::snapshot`](crate::Trainer::snapshot) makes one of what it has; the caller fills in the rest.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Whose it is.
    pub identity: Identity<'a>,
    /// Where the run stands.
    pub progress: &'a Progress,
    /// Early stopping, if the run has it.
    pub stopping: Option<&'a EarlyStoppingState>,
    /// The state of a rate driven by a metric, or nothing; see [`Words`](crate::schedule::Words).
    pub feedback: &'a [u32],
    /// The parameters.
    pub params: &'a [f32],
    /// The optimizer's state.
    pub state: &'a [f32],
    /// The best weights so far, or nothing.
    pub best: &'a [f32],
    /// The data scaling's shifts, one an input, or nothing.
    pub shift: &'a [f32],
    /// The data scaling's factors, as many as shifts.
    pub factor: &'a [f32],
    /// The caller's own bytes.
    pub user: &'a [u8],
}

impl Snapshot<'_> {
    /// The lengths of its parts.
    pub const fn lengths(&self) -> Lengths {
        Lengths {
            layers: self.identity.topology.layers().len(),
            feedback: self.feedback.len(),
            params: self.params.len(),
            state: self.state.len(),
            best: self.best.len(),
            shift: self.shift.len(),
            factor: self.factor.len(),
            user: self.user.len(),
        }
    }
}

/// Where a run is loaded to: buffers of the very lengths that were saved. They are written only once the whole frame has been
/// found good, the run's own, and one that [`Fit::resume`](crate::Fit::resume) goes on from; see
/// [`CheckpointError::Incomplete`](super::CheckpointError::Incomplete) for the one exception.
#[derive(Debug)]
pub struct Target<'a> {
    /// Whose checkpoint is wanted.
    pub identity: Identity<'a>,
    /// The state of a rate driven by a metric, or nothing.
    pub feedback: &'a mut [u32],
    /// The parameters.
    pub params: &'a mut [f32],
    /// The optimizer's state: the first [`Topology::state_len`](crate::Topology::state_len) floats of the workspace.
    pub state: &'a mut [f32],
    /// The best weights so far, or nothing.
    pub best: &'a mut [f32],
    /// The data scaling's shifts, or nothing.
    pub shift: &'a mut [f32],
    /// The data scaling's factors, or nothing.
    pub factor: &'a mut [f32],
    /// The caller's own bytes.
    pub user: &'a mut [u8],
}

impl Target<'_> {
    /// The lengths of its parts.
    pub const fn lengths(&self) -> Lengths {
        Lengths {
            layers: self.identity.topology.layers().len(),
            feedback: self.feedback.len(),
            params: self.params.len(),
            state: self.state.len(),
            best: self.best.len(),
            shift: self.shift.len(),
            factor: self.factor.len(),
            user: self.user.len(),
        }
    }

    /// Whether the buffers fit the run.
    #[inline(never)]
    pub(crate) const fn check<E>(&self) -> Result<(), CheckpointError<E>> {
        let topology = &self.identity.topology;
        self.lengths().check(topology.param_len(), topology.inputs(), Some(self.identity.state))
    }
}

/// What a loaded checkpoint holds beside the buffers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Restored {
    /// For [`Fit::resume`](crate::Fit::resume).
    pub progress: Progress,
    /// Early stopping, if it was saved.
    pub stopping: Option<EarlyStoppingState>,
    /// The frame's own.
    pub header: Header,
}

impl Restored {
    /// To be filled in: a `Restored` is on the stack once.
    pub(crate) fn blank() -> Self {
        Self { progress: Progress::default(), stopping: None, header: Header::BLANK }
    }
}
