//! Weight decay, in both its forms.

/// How an optimizer pulls parameters, biases too, towards 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Decay {
    /// An L2 penalty: part of the gradient.
    pub(super) l2: f32,
    /// Decoupled: part of the step.
    pub(super) decoupled: f32,
}

impl Decay {
    pub(super) const NONE: Self = Self { l2: 0.0, decoupled: 0.0 };

    /// The gradient, with the penalty's.
    pub(super) fn gradient(self, w: f32, g: f32) -> f32 {
        g + self.l2 * w
    }

    /// The parameter, before the step.
    pub(super) fn shrunk(self, w: f32, rate: f32) -> f32 {
        w - rate * self.decoupled * w
    }
}

/// The two methods every optimizer with a field `decay` has.
macro_rules! decay_methods {
    () => {
        /// `g + l2 w` in the place of `g`, for biases too: PyTorch's `weight_decay`, except that of `AdamW`. It is no part of the
        /// reported loss; [`Layer::l2`](crate::Layer::l2) is.
        ///
        /// # Errors
        /// [`Error::Parameter`] for a factor that is negative or not finite.
        pub const fn l2(self, l2: f32) -> Result<Self, Error> {
            match require("l2", Requirement::NonNegative, l2 as f64) {
                Ok(()) => Ok(Self { decay: Decay { l2, ..self.decay }, ..self }),
                Err(error) => Err(error),
            }
        }

        /// `w -= lr decay w` before the update, for biases too: decoupled weight decay (Loshchilov and Hutter 2019), Keras' and
        /// optax' `weight_decay` and that of PyTorch's `AdamW`.
        ///
        /// # Errors
        /// [`Error::Parameter`] for a factor that is negative or not finite.
        pub const fn weight_decay(self, decay: f32) -> Result<Self, Error> {
            match require("weight_decay", Requirement::NonNegative, decay as f64) {
                Ok(()) => Ok(Self { decay: Decay { decoupled: decay, ..self.decay }, ..self }),
                Err(error) => Err(error),
            }
        }
    };
}

pub(super) use decay_methods;
