//! What the one writer takes: a run or a model, by reference, so that nothing is on the stack twice.

use super::{CheckpointError, Header, Kind, Lengths, Model, ModelTarget, Section, Snapshot, VERSION};
use crate::topology::Topology;

#[derive(Clone, Copy)]
pub(crate) enum Parts<'a> {
    Run(&'a Snapshot<'a>),
    Model(&'a Model<'a>),
    /// A model that was loaded.
    Loaded(&'a ModelTarget<'a>),
}

impl<'a> Parts<'a> {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Run(_) => Kind::Run,
            Self::Model(_) | Self::Loaded(_) => Kind::Model,
        }
    }

    pub(crate) const fn lengths(&self) -> Lengths {
        match self {
            Self::Run(run) => run.lengths(),
            Self::Model(model) => model.lengths(),
            Self::Loaded(model) => model.lengths(),
        }
    }

    pub(super) const fn topology(&self) -> &'a Topology<'a> {
        match self {
            Self::Run(run) => &run.identity.topology,
            Self::Model(Model { topology, .. }) | Self::Loaded(ModelTarget { topology, .. }) => topology,
        }
    }

    pub(super) fn fingerprint(&self) -> u64 {
        match self {
            Self::Run(run) => run.identity.fingerprint,
            Self::Model(_) | Self::Loaded(_) => self.topology().fingerprint(),
        }
    }

    /// A section of floats.
    pub(super) const fn floats(&self, section: Section) -> &'a [f32] {
        let [params, shift, factor] = match self {
            Self::Run(Snapshot { params, shift, factor, .. }) | Self::Model(Model { params, shift, factor, .. }) => {
                [*params, *shift, *factor]
            }
            Self::Loaded(ModelTarget { params, shift, factor, .. }) => [&**params, &**shift, &**factor],
        };
        match (section, self) {
            (Section::Params, _) => params,
            (Section::Shift, _) => shift,
            (Section::Factor, _) => factor,
            (Section::State, Self::Run(run)) => run.state,
            (Section::Best, Self::Run(run)) => run.best,
            _ => &[],
        }
    }

    /// Bytes of a section.
    #[inline(never)]
    pub(super) const fn section_len(&self, section: Section) -> usize {
        self.lengths().section(section)
    }

    pub(super) const fn user(&self) -> &'a [u8] {
        match self {
            Self::Run(run) => run.user,
            Self::Model(model) => model.user,
            Self::Loaded(model) => model.user,
        }
    }

    /// The header of their first frame; see [`Self::check`]. Inlined, because a model's fingerprint tries the activations out.
    #[inline(always)]
    pub(crate) fn header(&self) -> Header {
        let (kind, len) = (self.kind(), self.lengths().len(self.kind()) as u32);
        Header { kind, version: VERSION, len, sequence: 0, fingerprint: self.fingerprint(), erases: 0 }
    }

    /// Whether the parts fit together: no reader would take their frame otherwise.
    #[inline(never)]
    pub(crate) fn check<E>(&self) -> Result<(), CheckpointError<E>> {
        if u32::try_from(self.lengths().len(self.kind())).is_err() {
            return Err(CheckpointError::Length { found: u32::MAX });
        }
        let topology = self.topology();
        let state = match self {
            Self::Run(run) => run.identity.state,
            Self::Model(_) | Self::Loaded(_) => 0,
        };
        self.lengths().check(topology.param_len(), topology.inputs(), Some(state))
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
        self.same_as(&Self { params, state, best, shift: scaling, factor: scaling, ..*self })
    }

    /// Whether every section is as long as expected; what a kind does not have is 0 in both.
    pub(super) const fn same_as<E>(&self, expected: &Self) -> Result<(), CheckpointError<E>> {
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
