//! The samples taken together.

use crate::error::{Buffer, Error};
use crate::kernels::{self, BY_VALUE};
use crate::loss::{Input, Loss};
use crate::network::{check_layers, loss_input};
use crate::optimizer::{Gather, Optimizer};
use crate::topology::Topology;

/// The workspace but for the optimizer's state: what the samples taken together need, and nothing outlives a step.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Lanes<'b> {
    /// How many samples there is room for: at least one.
    pub(crate) count: usize,
    /// One sample's targets, then the loss's derivative by its outputs.
    pub(crate) gradient: &'b mut [f32],
    /// A row a sample: its targets, and its weight.
    pub(crate) targets: &'b mut [f32],
    /// See [`pass`](crate::pass); and behind it [`Topology::spare_len`] floats.
    pub(crate) tape: &'b mut [f32],
}

/// What a run begins with: what its loss is taken from, the optimizer's state as it is found, and the lanes. Refuses what cannot be trained, and
/// buffers too small for it.
#[inline(always)]
pub(crate) fn lend<'b, L: Loss, O: Optimizer>(
    topology: &Topology,
    loss: &L,
    params: &mut [f32],
    workspace: &'b mut [f32],
) -> Result<(Input, &'b mut [f32], Lanes<'b>), Error> {
    const {
        assert!(
            O::STATE_PER_PARAM > 0 || matches!(O::GATHER, Gather::InParameters),
            "an optimizer without state has nowhere to gather a gradient but `Gather::InParameters`"
        );
    };
    check_layers(topology, O::GATHER)?;
    let input = loss_input(topology, loss)?;
    topology.check_params(params.len())?;
    let (outputs, targets) = (topology.outputs(), loss.targets(topology.outputs()));
    if targets > outputs {
        return Err(Error::LossTargets { expected: outputs, found: targets });
    }
    let found = workspace.len();
    let Some((state, lanes)) = Lanes::split::<O>(topology, targets, workspace) else {
        let expected = topology.workspace_len_for::<O>(1, targets);
        return Err(Error::BufferLength { buffer: Buffer::Workspace, expected, found });
    };
    // No sum may begin at -0.0; see `kernels`.
    kernels::canonical(params);
    Ok((input, state, lanes))
}

impl<'b> Lanes<'b> {
    /// The state, and the rest: as many lanes as there is room for; `None` if there is room for none.
    // Its one caller knows the topology, as a rule.
    #[inline(always)]
    fn split<O: Optimizer>(
        topology: &Topology,
        targets: usize,
        workspace: &'b mut [f32],
    ) -> Option<(&'b mut [f32], Self)> {
        let (state, rest) = workspace.split_at_mut_checked(topology.state_len::<O>())?;
        let (gradient, rest) = rest.split_at_mut_checked(topology.outputs())?;
        let sample = topology.sample_len(targets);
        let count = rest.len().checked_div(sample)?;
        // Where there is no need for it no room is asked for, so that the code is not there.
        let spare = |count| if BY_VALUE { topology.spare_len(count) } else { 0 };
        // One less leaves more than what is wanted.
        let count = if count * sample + spare(count) > rest.len() { count - 1 } else { count };
        if count == 0 {
            return None;
        }
        let (targets, rest) = rest.split_at_mut_checked(count * (targets + 1))?;
        let tape = rest.get_mut(..topology.tape_len(count) + spare(count))?;
        Some((state, Self { count, gradient, targets, tape }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::{Relu, Sigmoid};
    use crate::layer::dense;
    use crate::optimizer::OnlineSgd;

    #[test]
    fn are_as_many_as_there_is_room_for() {
        const NET: Topology = Topology::new(34, &[dense(34, &Relu), dense(1, &Sigmoid)]);
        let mut workspace = [0.0; NET.workspace_len_for::<OnlineSgd>(9, 1)];
        for count in 1..9 {
            let len = NET.workspace_len_for::<OnlineSgd>(count, 1);
            let mut found =
                |len| Lanes::split::<OnlineSgd>(&NET, 1, &mut workspace[..len]).map(|(_, lanes)| lanes.count);
            assert_eq!(found(len), Some(count));
            let less = if BY_VALUE || count < 4 { count - 1 } else { count };
            assert_eq!(found(len - 1), (less > 0).then_some(less));
        }
    }

    #[test]
    fn have_a_row_to_spare() {
        const WIDE: Topology = Topology::new(30, &[dense(1, &Sigmoid)]);
        let mut workspace = [0.0; WIDE.workspace_len_for::<OnlineSgd>(40, 1)];
        for count in 1..40 {
            let len = WIDE.workspace_len_for::<OnlineSgd>(count, 1);
            let mut tape = |len| {
                let lanes = Lanes::split::<OnlineSgd>(&WIDE, 1, &mut workspace[..len]).map(|(_, lanes)| lanes);
                lanes.map_or((0, 0), |lanes| (lanes.count, lanes.tape.len()))
            };
            let (found, with_room) = tape(len);
            assert_eq!(found, count);
            assert!(!BY_VALUE || count < 4 || with_room - count * WIDE.inputs() >= WIDE.inputs(), "{count}");
            assert!(!BY_VALUE || tape(len - 1).0 == count - 1);
            assert!(!BY_VALUE || count < 4 || with_room - WIDE.tape_len(count) >= WIDE.outputs(), "{count}");
        }
    }
}
