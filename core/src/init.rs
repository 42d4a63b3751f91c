//! Initial weights.

use crate::error::{Error, Requirement, require};
use crate::kernels;
use crate::math;
use crate::rng::Rng;
use crate::topology::Topology;

/// How weights are drawn; biases start at 0, except those of [`Self::TorchLinear`].
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
    /// Normal with `stddev = sqrt(2 / fan_in)`, for ReLU (He et al. 2015); truncated as [`Self::GlorotNormal`] is.
    HeNormal,
    /// One value for all weights.
    Constant {
        /// The value.
        value: f32,
    },
    /// Normal with mean 0, redrawn beyond two standard deviations: Keras' `TruncatedNormal`. What is left has a standard
    /// deviation of 0.88 times `stddev`.
    TruncatedNormal {
        /// Standard deviation before the truncation.
        stddev: f32,
    },
    /// Normal with a standard deviation of `sqrt(2 / (fan_in + fan_out))` after its truncation, for which Keras'
    /// `VarianceScaling` divides by 0.87962566103423978 first and redraws beyond two standard deviations.
    GlorotNormal,
    /// Uniform with `limit = sqrt(6 / fan_in)` (He et al. 2015; Keras' `he_uniform`).
    HeUniform,
    /// Uniform with `limit = sqrt(3 / fan_in)` (LeCun et al. 1998; Keras' `lecun_uniform`).
    LecunUniform,
    /// Normal with `stddev = sqrt(1 / fan_in)` (LeCun et al. 1998), truncated as [`Self::GlorotNormal`] is.
    LecunNormal,
    /// Weights **and biases** uniform with `limit = sqrt(1 / fan_in)`: the default of PyTorch's `Linear`.
    TorchLinear,
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
            Self::Constant { value } => require("value", Requirement::Finite, f64::from(value))?,
            Self::Uniform { limit } => require("limit", Requirement::NonNegative, f64::from(limit))?,
            Self::Normal { stddev } | Self::TruncatedNormal { stddev } => {
                require("stddev", Requirement::NonNegative, f64::from(stddev))?;
            }
            _ => {}
        }
        let mut rng = Rng::new(seed);
        let mut rest = params;
        let mut fan_in = topology.inputs();
        for layer in topology.layers() {
            let units = layer.units();
            if !layer.is_frozen() {
                let Some((weights, tail)) = rest.split_at_mut_checked(units * fan_in) else { break };
                let Some((biases, tail)) = tail.split_at_mut_checked(units) else { break };
                self.fill_layer(weights, biases, fan_in, &mut rng);
                rest = tail;
            }
            fan_in = units;
        }
        Ok(())
    }

    /// One `match`, so that an image with a constant `Init` keeps its own arm only.
    fn fill_layer(self, weights: &mut [f32], biases: &mut [f32], fan_in: usize, rng: &mut Rng) {
        let fans = fan_in + biases.len();
        kernels::fill(biases, 0.0);
        match self {
            Self::Zeros => kernels::fill(weights, 0.0),
            Self::Constant { value } => kernels::fill(weights, value),
            Self::Uniform { limit } => fill_uniform(weights, limit, rng),
            Self::Normal { stddev } => fill_normal(weights, stddev, rng),
            Self::TruncatedNormal { stddev } => fill_truncated(weights, stddev, rng),
            Self::GlorotUniform => fill_uniform(weights, spread(6.0, fans), rng),
            Self::GlorotNormal => fill_truncated(weights, spread(2.0, fans) / TRUNCATION, rng),
            Self::HeUniform => fill_uniform(weights, spread(6.0, fan_in), rng),
            Self::HeNormal => fill_truncated(weights, spread(2.0, fan_in) / TRUNCATION, rng),
            Self::LecunUniform => fill_uniform(weights, spread(3.0, fan_in), rng),
            Self::LecunNormal => fill_truncated(weights, spread(1.0, fan_in) / TRUNCATION, rng),
            Self::TorchLinear => {
                fill_uniform(weights, spread(1.0, fan_in), rng);
                fill_uniform(biases, spread(1.0, fan_in), rng);
            }
        }
    }
}

/// The standard deviation of a standard normal variable that is within 2; the figure is Keras'.
const TRUNCATION: f32 = 0.879_625_661_034_239_8_f64 as f32;

/// A limit or a standard deviation.
fn spread(gain: f32, fans: usize) -> f32 {
    math::sqrt(gain / fans as f32)
}

/// Redraws what is beyond two standard deviations: one in 22. A draw that is NaN, as `fast-math` may make one of a
/// uniform next to 0, is redrawn too.
fn fill_truncated(weights: &mut [f32], stddev: f32, rng: &mut Rng) {
    for weight in weights {
        *weight = loop {
            let mut draw = [0.0];
            fill_normal(&mut draw, 1.0, rng);
            let [draw] = draw;
            if draw.abs() <= 2.0 {
                break draw * stddev;
            }
        };
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
            (Init::HeNormal, 0.02, 0.3216),
            (Init::Constant { value: 0.0 }, 0.0, 0.0),
            (Init::TruncatedNormal { stddev: 0.1 }, 0.007_737, 0.2),
            (Init::GlorotNormal, 0.01, 0.2274),
            (Init::HeUniform, 0.02, 0.244_95),
            (Init::LecunUniform, 0.01, 0.173_21),
            (Init::LecunNormal, 0.01, 0.2274),
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

    /// Of what is within two standard deviations, 0.6827 / 0.9545 is within one; of a plain normal 0.6827 would be.
    #[test]
    #[cfg(not(feature = "fast-math"))]
    fn truncation_redraws_and_does_not_clip() {
        let layers = [dense(200, &Relu)];
        let mut params = vec![0.0; 200 * 201];
        Init::TruncatedNormal { stddev: 1.0 }.fill(&Topology::new(200, &layers), 2, &mut params).unwrap();
        let weights = &params[..40_000];
        let within = |limit| weights.iter().filter(|w| w.abs() <= limit).count() as f32 / 40_000.0;
        assert!((within(1.0) - 0.7152).abs() < 0.01, "{}", within(1.0));
        assert!((within(1.9) - 0.9874).abs() < 0.003, "{}", within(1.9));
        assert_eq!(within(2.0), 1.0);
    }

    #[test]
    fn torchs_biases_are_drawn_like_its_weights() {
        let layers = [dense(50, &Relu)];
        let mut params = [9.0; 50 * 5];
        Init::TorchLinear.fill(&Topology::new(4, &layers), 2, &mut params).unwrap();
        assert!(params.iter().all(|p| p.abs() <= 0.5));
        assert!(params[200..].iter().any(|b| *b > 0.3) && params[200..].iter().any(|b| *b < -0.3));
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
