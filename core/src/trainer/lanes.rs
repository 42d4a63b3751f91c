//! The samples taken together.

use crate::error::{Buffer, Error};
use crate::optimizer::Optimizer;
use crate::topology::{Topology, check_len};

/// The workspace but for the optimizer's state: what the samples taken together need, and nothing outlives a step.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Lanes<'b> {
    /// How many samples there is room for: at least one.
    pub(super) count: usize,
    /// One sample's targets, then the loss's derivative by its outputs.
    pub(super) gradient: &'b mut [f32],
    /// A row a sample: its targets, and its weight.
    pub(super) targets: &'b mut [f32],
    /// See [`pass`](crate::pass).
    pub(super) tape: &'b mut [f32],
}

impl<'b> Lanes<'b> {
    /// The state, and the rest: as many lanes as there is room for.
    pub(crate) fn split<O: Optimizer>(
        topology: &Topology,
        targets: usize,
        workspace: &'b mut [f32],
    ) -> Result<(&'b mut [f32], Self), Error> {
        let (expected, found) = (topology.workspace_len_for::<O>(1, targets), workspace.len());
        check_len(Buffer::Workspace, expected, found)?;
        let too_short = Error::BufferLength { buffer: Buffer::Workspace, expected, found };
        let (state, rest) = workspace.split_at_mut_checked(topology.state_len::<O>()).ok_or(too_short)?;
        let count = topology.lanes(targets, rest.len());
        let (gradient, rest) = rest.split_at_mut_checked(topology.outputs()).ok_or(too_short)?;
        let (targets, tape) = rest.split_at_mut_checked(count * (targets + 1)).ok_or(too_short)?;
        Ok((state, Self { count, gradient, targets, tape }))
    }
}
