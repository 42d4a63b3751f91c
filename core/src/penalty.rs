//! Penalties on the size of a layer's weights.

use crate::error::{Error, Requirement, require};
use crate::layer::Layer;
use crate::pass::weights_of;
use crate::topology::Topology;

/// `l1 * sum(|w|) + l2 * sum(w^2)`; see [`Layer::l1`](crate::Layer::l1) and [`Layer::l2`](crate::Layer::l2).
///
/// It carries its functions, which find the layer's weights too, so that a network without penalties links none of it.
#[derive(Clone, Copy)]
pub(crate) struct Penalty {
    pub(crate) l1: f32,
    pub(crate) l2: f32,
    value: fn(&Self, &Topology, usize, &[f32]) -> f32,
    descend: fn(&Self, &Topology, usize, &[f32], &mut [f32], f32),
}

impl Penalty {
    pub(crate) const fn new(l1: f32, l2: f32) -> Self {
        Self { l1, l2, value, descend }
    }

    pub(crate) const fn check(&self) -> Result<(), Error> {
        match require("l1", Requirement::NonNegative, self.l1 as f64) {
            Ok(()) => require("l2", Requirement::NonNegative, self.l2 as f64),
            refused => refused,
        }
    }

    /// What it adds to the loss for these weights.
    pub(crate) fn of(&self, weights: &[f32]) -> f32 {
        let (mut magnitudes, mut squares) = (0.0, 0.0);
        for weight in weights {
            magnitudes += weight.abs();
            squares += weight * weight;
        }
        self.l1 * magnitudes + self.l2 * squares
    }

    /// What it adds to the loss, as that of layer `index`.
    pub(crate) fn value(&self, topology: &Topology, index: usize, params: &[f32]) -> f32 {
        (self.value)(self, topology, index, params)
    }

    /// Adds `scale` times its gradient, `l1 * sign(w) + 2 * l2 * w`, unless layer `index` is frozen.
    pub(crate) fn add_gradient(
        &self,
        topology: &Topology,
        index: usize,
        params: &[f32],
        gradient: &mut [f32],
        scale: f32,
    ) {
        (self.descend)(self, topology, index, params, gradient, scale);
    }
}

fn value(penalty: &Penalty, topology: &Topology, index: usize, params: &[f32]) -> f32 {
    weights_of(topology, index, params).map_or(0.0, |(_, weights)| penalty.of(weights))
}

fn descend(penalty: &Penalty, topology: &Topology, index: usize, params: &[f32], gradient: &mut [f32], scale: f32) {
    let frozen = topology.layers().get(index).is_none_or(Layer::is_frozen);
    if let (false, Some((start, weights))) = (frozen, weights_of(topology, index, params)) {
        add_gradient(penalty, weights, gradient.get_mut(start..).unwrap_or_default(), scale);
    }
}

fn add_gradient(penalty: &Penalty, weights: &[f32], gradient: &mut [f32], scale: f32) {
    let (l1, l2) = (scale * penalty.l1, scale * (2.0 * penalty.l2));
    for (&weight, gradient) in weights.iter().zip(gradient) {
        // The subgradient at 0 is 0, as in both libraries.
        let sign = if weight == 0.0 { 0.0 } else { l1.copysign(l1 * weight) };
        *gradient += sign + l2 * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_sum_and_its_derivative() {
        let penalty = Penalty::new(0.5, 0.25);
        assert_eq!(penalty.of(&[2.0, -1.0, 0.0]), 0.5 * 3.0 + 0.25 * 5.0);
        let mut gradient = [0.0, 1.0, 0.0];
        add_gradient(&penalty, &[2.0, -1.0, 0.0], &mut gradient, -2.0);
        assert_eq!(gradient, [-2.0 * (0.5 + 1.0), 1.0 - 2.0 * (-0.5 - 0.5), 0.0]);
    }

    #[test]
    fn refuses_rewards() {
        assert!(Penalty::new(0.0, 0.0).check().is_ok());
        assert!(matches!(Penalty::new(-0.1, 0.0).check(), Err(Error::Parameter { name: "l1", .. })));
        assert!(matches!(Penalty::new(0.0, f32::INFINITY).check(), Err(Error::Parameter { name: "l2", .. })));
    }
}
