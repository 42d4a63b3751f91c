//! Initial weights.

use crate::error::{Error, Requirement, require};
use crate::math;
use crate::rng::Rng;
use crate::topology::Topology;

/// How weights are drawn; biases start at 0.
///
/// `fan_in` and `fan_out` are a layer's inputs and units.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Init {
    /// 0 everywhere: for tests, and for a single layer; more layers than one do not learn from it.
    Zeros,
    /// Uniform in `[-limit, limit)`.
    Uniform {
        /// Largest magnitude.
        limit: f32,
    },
    /// Normal with mean 0. Keras 1's `init="normal"`, which the tutorial uses, has a standard deviation of 0.05.
    Normal {
        /// Standard deviation.
        stddev: f32,
    },
    /// Uniform with `limit = sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010; Keras' default).
    GlorotUniform,
    /// Normal with `stddev = sqrt(2 / fan_in)`, for ReLU (He et al. 2015).
    HeNormal,
}

impl Init {
    /// Fills `params` for `topology`; the same seed gives the same bits on every target.
    ///
    /// # Errors
    /// [`Error::BufferLength`] unless `params` has [`Topology::param_len`] floats, [`Error::Parameter`] for a limit or
    /// standard deviation that is negative or not finite.
    pub fn fill(self, topology: &Topology, seed: u32, params: &mut [f32]) -> Result<(), Error> {
        topology.check_params(params.len())?;
        match self {
            Self::Uniform { limit } => require("limit", Requirement::NonNegative, f64::from(limit))?,
            Self::Normal { stddev } => require("stddev", Requirement::NonNegative, f64::from(stddev))?,
            Self::Zeros | Self::GlorotUniform | Self::HeNormal => {}
        }
        let mut rng = Rng::new(seed);
        let mut rest = params;
        let mut fan_in = topology.inputs();
        for layer in topology.layers() {
            let units = layer.units();
            let Some((weights, tail)) = rest.split_at_mut_checked(units * fan_in) else { break };
            match self {
                Self::Zeros => weights.fill(0.0),
                Self::Uniform { limit } => fill_uniform(weights, limit, &mut rng),
                Self::Normal { stddev } => fill_normal(weights, stddev, &mut rng),
                Self::GlorotUniform => {
                    fill_uniform(weights, math::sqrt(6.0 / (fan_in + units) as f32), &mut rng);
                }
                Self::HeNormal => fill_normal(weights, math::sqrt(2.0 / fan_in as f32), &mut rng),
            }
            let Some((biases, tail)) = tail.split_at_mut_checked(units) else { break };
            biases.fill(0.0);
            rest = tail;
            fan_in = units;
        }
        Ok(())
    }
}

fn fill_uniform(weights: &mut [f32], limit: f32, rng: &mut Rng) {
    for weight in weights {
        *weight = (2.0 * rng.unit() - 1.0) * limit;
    }
}

/// Box and Muller's transform (1958), one deviate from two uniforms: drawing one at a time keeps a layer's weights
/// independent of whether the layer before it had an odd number.
fn fill_normal(weights: &mut [f32], stddev: f32, rng: &mut Rng) {
    for weight in weights {
        let radius = math::sqrt(-2.0 * math::ln(1.0 - rng.unit()));
        *weight = stddev * radius * math::cos(core::f32::consts::TAU * rng.unit());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::activation::Relu;
    use crate::layer::dense;
    #[cfg(not(feature = "fast-math"))]
    use std::vec;

    #[cfg(not(feature = "fast-math"))]
    fn moments(weights: &[f32]) -> (f32, f32, f32) {
        let n = weights.len() as f32;
        let mean = weights.iter().sum::<f32>() / n;
        let variance = weights.iter().map(|w| (w - mean) * (w - mean)).sum::<f32>() / n;
        (mean, variance, weights.iter().fold(0.0, |m, w| w.abs().max(m)))
    }

    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn has_the_stated_distribution_and_zero_biases() {
        let layers = [dense(100, &Relu), dense(1, &Relu)];
        let topology = Topology::new(100, &layers);
        let cases = [
            (Init::Zeros, 0.0, 0.0),
            (Init::Uniform { limit: 0.3 }, 0.09 / 3.0, 0.3),
            (Init::Normal { stddev: 0.05 }, 0.0025, 0.3),
            (Init::GlorotUniform, 0.03 / 3.0, 0.1733),
            (Init::HeNormal, 0.02, 1.0),
        ];
        for (init, expected, bound) in cases {
            let mut params = vec![9.0; 10_201];
            init.fill(&topology, 5, &mut params).unwrap();
            let (mean, variance, largest) = moments(&params[..10_000]);
            assert!(mean.abs() < 0.004, "{init:?}: mean {mean}");
            assert!((variance - expected).abs() <= 0.05 * expected, "{init:?}: variance {variance}");
            assert!(largest <= bound, "{init:?}: {largest}");
            assert!(params[10_000..10_100].iter().all(|&b| b == 0.0) && params[10_200] == 0.0);
        }
    }

    #[test]
    fn is_fixed_by_its_seed_and_refuses_wrong_arguments() {
        let layers = [dense(2, &Relu)];
        let topology = Topology::new(2, &layers);
        let draw = |seed| {
            let mut params = [0.0; 6];
            Init::GlorotUniform.fill(&topology, seed, &mut params).unwrap();
            params
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(matches!(
            Init::Zeros.fill(&topology, 0, &mut [0.0; 5]),
            Err(Error::BufferLength { expected: 6, found: 5, .. })
        ));
        let bad = Init::Normal { stddev: f32::NAN };
        assert!(matches!(bad.fill(&topology, 0, &mut [0.0; 6]), Err(Error::Parameter { name: "stddev", .. })));
    }
}
