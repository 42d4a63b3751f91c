//! A model: what predicting takes, and nothing of training.

use super::{CheckpointError, Lengths};
use crate::data::{Dataset, Scaled, Scaling};
use crate::error::Error;
use crate::loss::Loss;
use crate::metrics::Metrics;
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

    /// The outputs for one sample, whose features are scaled in place. `tape` needs [`Topology::tape_len`]`(1)` floats.
    ///
    /// # Errors
    /// As [`Self::network`], [`Self::scaling`] and [`Network::predict`].
    pub fn predict<'t>(&self, features: &mut [f32], tape: &'t mut [f32]) -> Result<&'t [f32], Error> {
        if let Some(scaling) = self.scaling()? {
            scaling.transform(features)?;
        }
        self.network()?.predict(features, tape)
    }

    /// Mean loss and accuracy over samples that are not scaled yet. `tape` is as for [`Network::evaluate`].
    ///
    /// # Errors
    /// As [`Self::network`], [`Self::scaling`] and [`Network::evaluate`].
    pub fn evaluate<L: Loss>(&self, loss: &L, data: &impl Dataset, tape: &mut [f32]) -> Result<Metrics, Error> {
        match self.scaling()? {
            Some(scaling) => self.network()?.evaluate(loss, &Scaled::new(data, scaling)?, tape),
            None => self.network()?.evaluate(loss, data, tape),
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

    /// Whether the buffers fit the network.
    #[inline(never)]
    pub(crate) const fn check<E>(&self) -> Result<(), CheckpointError<E>> {
        self.lengths().check(self.topology.param_len(), self.topology.inputs(), None)
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
    use crate::data::Rows;
    use crate::layer::dense;
    use crate::loss::MeanSquaredError;

    #[test]
    fn predicts_from_what_it_holds() {
        let layers = [dense(1, &Linear)];
        let topology = Topology::try_new(2, &layers).unwrap();
        let model = Model { shift: &[1.0, 2.0], factor: &[2.0, 0.5], ..Model::new(topology, &[3.0, 4.0, 0.5]) };
        let (mut features, mut tape) = ([2.0, 4.0], [0.0; 3]);
        model.scaling().unwrap().unwrap().transform(&mut features).unwrap();
        assert_eq!(model.network().unwrap().predict(&features, &mut tape).unwrap(), [3.0 * 2.0 + 4.0 + 0.5]);
        let mut features = [2.0, 4.0];
        assert_eq!(model.predict(&mut features, &mut tape).unwrap(), [10.5]);
        let rows = Rows { features: &[[2.0, 4.0]; 2], targets: &[[10.5], [9.5]] };
        let (plain, mut tape) = (Model::new(topology, model.params), [0.0; 4]);
        assert_eq!(model.evaluate(&MeanSquaredError, &rows, &mut tape).unwrap().loss(), 0.5);
        assert_eq!(plain.evaluate(&MeanSquaredError, &rows, &mut tape).unwrap().loss(), f32::midpoint(144.0, 169.0));
        assert_eq!(Model::new(topology, model.params).scaling(), Ok(None));
        assert!(Model { shift: &[], ..model }.scaling().is_err());
        assert!(Model::new(topology, &[1.0]).network().is_err());
    }
}
