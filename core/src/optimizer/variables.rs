//! What a clip "per variable" calls a variable.

use crate::layer::Layer;
use crate::topology::Topology;

/// The tensors a slice of parameters is made of, first to last: of a network each trained layer's weights and biases.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Variables<'a> {
    source: Source<'a>,
}

#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Source<'a> {
    Network(Topology<'a>),
    Lengths(&'a [usize]),
    One(usize),
}

impl<'a> Variables<'a> {
    /// Those of a network.
    pub const fn of(topology: Topology<'a>) -> Self {
        Self { source: Source::Network(topology) }
    }

    /// Tensors of the given lengths.
    pub const fn with_lengths(lengths: &'a [usize]) -> Self {
        Self { source: Source::Lengths(lengths) }
    }

    /// One tensor of that length.
    pub const fn one(length: usize) -> Self {
        Self { source: Source::One(length) }
    }

    /// Calls `each` with the slice of every variable.
    pub fn for_each(&self, values: &mut [f32], mut each: impl FnMut(&mut [f32])) {
        let mut rest = values;
        let mut take = |length: usize| {
            if let Some((variable, tail)) = core::mem::take(&mut rest).split_at_mut_checked(length) {
                each(variable);
                rest = tail;
            }
        };
        match self.source {
            Source::Network(topology) => {
                let mut fan_in = topology.inputs();
                for layer in topology.layers() {
                    if !layer.is_frozen() {
                        take(layer.units() * fan_in);
                        take(layer.units());
                    }
                    fan_in = Layer::units(layer);
                }
            }
            Source::Lengths(lengths) => lengths.iter().copied().for_each(take),
            Source::One(length) => take(length),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::activation::Relu;
    use crate::layer::{dense, frozen};
    use std::vec::Vec;

    fn lengths(variables: Variables, values: &mut [f32]) -> Vec<usize> {
        let mut lengths = Vec::new();
        variables.for_each(values, |variable| lengths.push(variable.len()));
        lengths
    }

    #[test]
    fn are_the_trained_layers_weights_and_biases() {
        let body = [0.0; 6];
        let layers = [dense(3, &Relu), frozen(2, &Relu, &[0.0; 8]), dense(1, &Relu)];
        let topology = Topology::try_new(2, &layers).unwrap();
        assert_eq!(lengths(Variables::of(topology), &mut [0.0; 12]), [6, 3, 2, 1]);
        assert_eq!(lengths(Variables::with_lengths(&[3, 2]), &mut [0.0; 5]), [3, 2]);
        assert_eq!(lengths(Variables::one(body.len()), &mut [0.0; 6]), [6]);
        assert_eq!(lengths(Variables::with_lengths(&[3, 4]), &mut [0.0; 5]), [3]);
    }
}
