//! A model: what predicting takes, and nothing of training.

use super::{Lengths, Parts};
use crate::data::Scaling;
use crate::error::Error;
use crate::network::Network;
use crate::topology::Topology;

/// A model, as it is saved: made of a trained network's parameters and its data scaling, if it has one.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Model<'a> {
    /// The network's shape.
    pub topology: Topology<'a>,
    /// The parameters.
    pub params: &'a [f32],
    /// The data scaling's shifts, one an input, or nothing.
    pub shift: &'a [f32],
    /// The data scaling's factors, as many as shifts.
    pub factor: &'a [f32],
    /// The caller's own bytes.
    pub user: &'a [u8],
}

impl<'a> Model<'a> {
    /// That of a network, without a data scaling.
    pub const fn new(topology: Topology<'a>, params: &'a [f32]) -> Self {
        Self { topology, params, shift: &[], factor: &[], user: &[] }
    }

    /// The lengths of its parts; those a model does not have are 0.
    pub const fn lengths(&self) -> Lengths {
        lengths(&self.topology, self.params.len(), self.shift.len(), self.factor.len(), self.user.len())
    }

    /// To predict with, from features that are scaled already.
    ///
    /// # Errors
    /// [`Error::BufferLength`] for another number of parameters than the topology's.
    pub fn network(&self) -> Result<Network<'a>, Error> {
        Network::new(self.topology, self.params)
    }

    /// The data scaling; `None` without one.
    ///
    /// # Errors
    /// As [`Scaling::new`].
    pub fn scaling(&self) -> Result<Option<Scaling<'a>>, Error> {
        if self.shift.is_empty() && self.factor.is_empty() {
            return Ok(None);
        }
        Scaling::new(self.shift, self.factor).map(Some)
    }

    pub(crate) fn parts(&'a self) -> Parts<'a> {
        Parts {
            topology: &self.topology,
            fingerprint: self.topology.fingerprint(),
            run: None,
            params: self.params,
            shift: self.shift,
            factor: self.factor,
            user: self.user,
        }
    }
}

/// Where a model is loaded to: the parameters and the scaling, with no memory for training. As for a run, they are written only
/// once the whole frame has been found good.
#[derive(Debug)]
pub struct ModelTarget<'a> {
    /// The network's shape.
    pub topology: Topology<'a>,
    /// The parameters.
    pub params: &'a mut [f32],
    /// The data scaling's shifts, or nothing.
    pub shift: &'a mut [f32],
    /// The data scaling's factors, or nothing.
    pub factor: &'a mut [f32],
    /// The caller's own bytes.
    pub user: &'a mut [u8],
}

impl ModelTarget<'_> {
    /// The lengths of its parts; those a model does not have are 0.
    pub const fn lengths(&self) -> Lengths {
        lengths(&self.topology, self.params.len(), self.shift.len(), self.factor.len(), self.user.len())
    }

    /// What was loaded.
    pub const fn model(&self) -> Model<'_> {
        Model { topology: self.topology, params: self.params, shift: self.shift, factor: self.factor, user: self.user }
    }
}

const fn lengths(topology: &Topology, params: usize, shift: usize, factor: usize, user: usize) -> Lengths {
    Lengths { layers: topology.layers().len(), feedback: 0, params, state: 0, best: 0, shift, factor, user }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Linear;
    use crate::layer::dense;

    #[test]
    fn predicts_from_what_it_holds() {
        let layers = [dense(1, &Linear)];
        let topology = Topology::try_new(2, &layers).unwrap();
        let model = Model { shift: &[1.0, 2.0], factor: &[2.0, 0.5], ..Model::new(topology, &[3.0, 4.0, 0.5]) };
        let (mut features, mut tape) = ([2.0, 4.0], [0.0; 3]);
        model.scaling().unwrap().unwrap().transform(&mut features).unwrap();
        assert_eq!(model.network().unwrap().predict(&features, &mut tape).unwrap(), [3.0 * 2.0 + 4.0 + 0.5]);
        assert_eq!(Model::new(topology, model.params).scaling(), Ok(None));
        assert!(Model { shift: &[], ..model }.scaling().is_err());
        assert!(Model::new(topology, &[1.0]).network().is_err());
    }
}
