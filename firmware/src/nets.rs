//! The networks that `microfit bench --training` measures, and the random data they are trained on.
//!
//! Random data on purpose: none of the features is 0, so no figure gains from empty inputs.

use microfit::activation::{Relu, Sigmoid, Softmax};
use microfit::{Rng, Topology, dense};

/// Samples of an epoch: whole batches of 28 and of 32.
pub const SAMPLES: usize = 224;

/// Samples a batch of W1 has.
pub const W1_BATCH: u32 = 28;
/// Samples a batch of the other networks has, W3 apart, which takes one at a time.
pub const BATCH: u32 = 32;

/// A binary classifier with 34 inputs, as the tutorial's.
pub const W1: Topology = Topology::new(34, &[dense(34, &Relu), dense(1, &Sigmoid)]);
/// Ten classes of 8 x 8 pixels; W3 is the same network online.
pub const W2: Topology = Topology::new(64, &[dense(32, &Relu), dense(10, &Softmax)]);
/// Three hidden layers.
pub const DEEP: Topology =
    Topology::new(64, &[dense(64, &Relu), dense(64, &Relu), dense(64, &Relu), dense(10, &Softmax)]);
/// Ten classes of 14 x 14 pixels.
pub const WIDE: Topology = Topology::new(196, &[dense(128, &Relu), dense(64, &Relu), dense(10, &Softmax)]);

/// Features uniform in [-1, 1), and for every sample one of `classes` labels.
pub fn random_data<const F: usize>(features: &mut [[f32; F]], labels: &mut [[f32; 1]], classes: u32) {
    let mut rng = Rng::new(5);
    for (features, label) in features.iter_mut().zip(labels) {
        for feature in features {
            *feature = 2.0 * rng.unit() - 1.0;
        }
        *label = [rng.below(classes) as f32];
    }
}
