//! What is saved of a run, and where it is loaded to.

use super::{CheckpointError, Identity, Lengths};
use crate::early_stopping::EarlyStoppingState;
use crate::progress::Progress;

/// A run, as it is saved. [`Trainer::snapshot`](crate::Trainer::snapshot) makes one of what it has; the caller fills in the rest. It refers to
/// everything, so it is small; filled in field by field there is one of it on the stack:
///
/// ```
/// # use microfit::{Clock, Fit, Topology, activation::Linear, dense, data::Sequential, loss::MeanSquaredError};
/// # use microfit::{optimizer::Sgd, schedule::Constant};
/// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
/// # let fit = Fit { topology: NET, loss: MeanSquaredError, optimizer: Sgd::keras(0.9)?, schedule: Constant::new(0.1)?,
/// #   clock: Clock::Update, order: Sequential, batch: 1, epochs: 3 };
/// # let (mut params, mut workspace) = ([0.0; NET.param_len()], [0.0; NET.workspace_len::<Sgd>()]);
/// # let (identity, best) = (fit.identity(), [0.0; NET.param_len()]);
/// # let trainer = fit.start(&mut params, &mut workspace)?;
/// let mut snapshot = trainer.snapshot(&identity);
/// snapshot.best = &best;
/// # assert_eq!(snapshot.lengths().best, 2);
/// # Ok::<(), microfit::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshot<'a> {
    /// Whose it is.
    pub identity: &'a Identity<'a>,
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

/// Where a run is loaded to: a trainer that was started, by [`Trainer::target`](crate::Trainer::target), to which the caller adds
/// buffers of the very lengths that were saved. It is written only once the whole frame has been found good, the run's own, and one that
/// training goes on from; see [`CheckpointError::Incomplete`](super::CheckpointError::Incomplete) for the one exception. In
/// `params`, and in what gradients are gathered in of `state`, -0.0 becomes 0.0, as wherever a run begins.
#[derive(Debug)]
pub struct Target<'a> {
    /// Whose checkpoint is wanted.
    pub identity: &'a Identity<'a>,
    /// Where the run stands.
    pub progress: &'a mut Progress,
    /// Early stopping, if the run has it: a checkpoint with it is not loaded where there is none, nor the other way about.
    pub stopping: Option<&'a mut EarlyStoppingState>,
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
