//! One layer of a network, and what may be attached to it.

use core::fmt;

use crate::activation::Activation;
use crate::dropout::Dropout;
use crate::penalty::Penalty;

/// One fully connected layer; see [`dense`] and [`frozen`].
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    pub(crate) units: u16,
    activation: &'a dyn Activation,
    pub(crate) frozen: Option<&'a [f32]>,
    pub(crate) dropout: Option<Dropout>,
    pub(crate) penalty: Option<Penalty>,
}

/// A fully connected layer of `units` units: `y = activation(W x + b)`.
///
/// Its fan-in is the width of what stands before it, so layers that do not fit together cannot be written.
pub const fn dense(units: u16, activation: &dyn Activation) -> Layer<'_> {
    Layer { units, activation, frozen: None, dropout: None, penalty: None }
}

/// A fully connected layer that is not trained (Keras' `trainable = False`): its weights and biases stay where they are,
/// in flash as a rule, in the layout of [`Topology`](crate::Topology)'s parameters: a `const` array, as a `const` topology cannot refer
/// to a `static`. They are no part of the network's parameters; it has neither gradient nor optimizer state, and below the lowest layer
/// that is trained nothing goes backward.
///
/// ```
/// use microfit::{Topology, activation::{Relu, Sigmoid}, dense, frozen, optimizer::Sgd};
///
/// const BODY: &[f32; 34 * 35] = &[0.1; 34 * 35]; // from a network trained elsewhere: in flash
/// const HEAD: Topology = Topology::new(34, &[frozen(34, &Relu, BODY), dense(1, &Sigmoid)]);
/// assert_eq!(HEAD.param_len(), 35);
/// assert_eq!(HEAD.train_bytes::<Sgd>(), 4 * (35 + 35 + 1 + 4 * (34 + 34 + 1 + 2) + 1));
/// ```
pub const fn frozen<'a>(units: u16, activation: &'a dyn Activation, params: &'a [f32]) -> Layer<'a> {
    Layer { units, activation, frozen: Some(params), dropout: None, penalty: None }
}

impl<'a> Layer<'a> {
    /// Drops each of this layer's outputs with probability `rate` while training, and divides those that are left by
    /// `1 - rate` (Srivastava et al. 2014, "inverted", as in Keras and PyTorch). Validation and prediction drop nothing.
    ///
    /// Which ones is a hash of `seed`, the epoch, the sample's position in it, the layer and the unit ([`Learner`](crate::Learner): the update
    /// and the position in its batch), so that it costs no memory and an interrupted run goes on with the same bits.
    /// [`Topology::try_new`](crate::Topology::try_new) refuses a rate outside `[0, 1)`, and dropout on the last layer.
    #[must_use]
    pub const fn dropout(self, rate: f32, seed: u32) -> Self {
        Self { dropout: Some(Dropout::new(rate, seed)), ..self }
    }

    /// Adds `l1 * sum(|w|)` over this layer's weights, not its biases, to the loss (Keras' `kernel_regularizer`).
    /// [`Topology::try_new`](crate::Topology::try_new) refuses a factor that is negative or not finite.
    #[must_use]
    pub const fn l1(self, factor: f32) -> Self {
        let l2 = match self.penalty {
            Some(penalty) => penalty.l2,
            None => 0.0,
        };
        Self { penalty: Some(Penalty::new(factor, l2)), ..self }
    }

    /// Adds `l2 * sum(w^2)` over this layer's weights, not its biases, to the loss (Keras' `kernel_regularizer`; without
    /// PyTorch's factor of 1/2). [`Topology::try_new`](crate::Topology::try_new) refuses a factor that is negative or not
    /// finite.
    #[must_use]
    pub const fn l2(self, factor: f32) -> Self {
        let l1 = match self.penalty {
            Some(penalty) => penalty.l1,
            None => 0.0,
        };
        Self { penalty: Some(Penalty::new(l1, factor)), ..self }
    }

    /// Units, which is the layer's number of outputs.
    pub const fn units(&self) -> usize {
        self.units as usize
    }

    /// What is applied to the units' sums.
    pub const fn activation(&self) -> &'a dyn Activation {
        self.activation
    }

    /// Whether the layer keeps its parameters; see [`frozen`].
    pub const fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Weights and biases.
    pub(crate) const fn len(&self, fan_in: usize) -> usize {
        self.units() * (fan_in + 1)
    }
}

impl fmt::Debug for Layer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_frozen() { "frozen" } else { "dense" };
        write!(f, "{name}({}, {:?})", self.units, self.activation.kind())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Layer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let name = if self.is_frozen() { "frozen" } else { "dense" };
        defmt::write!(f, "{=str}({}, {})", name, self.units, self.activation.kind());
    }
}
