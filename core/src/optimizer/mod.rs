//! Optimizers: how a gradient becomes a change of the parameters.
//!
//! | | floats of state a parameter | |
//! |---|---|---|
//! | [`OnlineSgd`] | 0 | batches of one, no momentum: no gradient is kept at all |
//! | [`Sgd`] | 1 | gradients are added straight into the velocity |
//! | [`Nesterov`], [`Lion`] | 2 | |
//! | [`Adagrad`] | 2 | |
//! | [`RmsProp`] | 2 to 4 | 1 more if centered, 1 more with momentum |
//! | [`Adam`] (and AdamW), [`Adamax`], [`RAdam`], [`Adadelta`] | 3 | 4 with AMSGrad |
//! | [`Nadam`] | 3 | and 1 in all |
//! | [`Clipped`] | the optimizer's | 1 more for those that gather no plain gradient: the first two |
//!
//! The gradient of a batch is the mean over its samples, whatever their number, so that gradient accumulation needs no
//! switch: a batch of any size is gathered a few samples at a time in the memory of one gradient.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod clip;
mod decay;
mod lion;
mod nadam;
mod nesterov;
mod online;
mod radam;
mod rmsprop;
mod sgd;
mod state;
mod variables;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use clip::{Clip, Clipped, GlobalNorm, Norm, Value};
pub use lion::Lion;
pub use nadam::Nadam;
pub use nesterov::Nesterov;
pub use online::OnlineSgd;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::{Convention, Sgd};
pub use variables::Variables;

use crate::kernels;

/// What an optimizer is told of the update it makes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Update {
    /// Updates done before this one.
    pub step: u32,
    /// Updates done since the optimizer's state was cleared: as a rule the same.
    pub age: u32,
    /// The learning rate of this update.
    pub rate: f32,
    /// The momentum, or first moment's decay, of this update where the schedule drives it; `None` leaves the optimizer's own.
    pub momentum: Option<f32>,
    /// Samples in this batch, at least 1.
    pub samples: u32,
}

/// Where a batch's gradient is gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Gather {
    /// Straight in the parameters, which is the gradient at one point only if batches are of one sample:
    /// [`Fit::start`](crate::Fit::start) and [`Learner::train_on_batch`](crate::Learner::train_on_batch) refuse others.
    InParameters,
    /// In the first array of the state, on top of what it remembers.
    InMomentum,
    /// In the first array of the state, which is cleared before and holds the gradient and nothing else.
    InGradient,
}

/// How a batch's gradient enters what [`Gather`] names.
///
/// Before the batch the array becomes `keep` times itself plus `decay` times the parameters; then `scale` times the mean over
/// the batch's samples of their gradients is added, so no gradient buffer is needed beside the state.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accumulation {
    /// Factor on what the array holds; 0 clears it. Not used for [`Gather::InParameters`].
    pub keep: f32,
    /// Factor on the parameters: an L2 penalty's part of the gradient. Not used for [`Gather::InParameters`].
    pub decay: f32,
    /// Factor on the batch's mean gradient.
    pub scale: f32,
}

impl Accumulation {
    /// The gradient itself, in an array of its own.
    pub const GRADIENT: Self = Self { keep: 0.0, decay: 0.0, scale: 1.0 };
}

/// An optimizer: its settings. Its state is an array the caller lends.
pub trait Optimizer {
    /// Where a batch's gradient is gathered.
    const GATHER: Gather = Gather::InGradient;

    /// Arrays of state, each with a float a parameter; the first is the one the gradient is gathered in. None is for
    /// [`Gather::InParameters`] only: a [`Fit`](crate::Fit) or a [`Learner`](crate::Learner) with another such optimizer does not compile.
    ///
    /// ```compile_fail,E0080
    /// # use microfit::{Clock, Fit, Topology, activation::Linear, data::Sequential, dense, loss::MeanSquaredError, schedule::Constant};
    /// # use microfit::optimizer::{Optimizer, Update, Variables};
    /// struct SignSgd;
    ///
    /// impl Optimizer for SignSgd {
    ///     const STATE_PER_PARAM: usize = 0;
    ///     fn apply(&self, _: &Update, _: &Variables, _: &mut [f32], _: &mut [f32]) {}
    /// }
    /// # const NET: Topology = Topology::new(1, &[dense(1, &Linear)]);
    /// # let (mut params, mut workspace) = ([0.0; 2], [0.0; 99]);
    /// # let schedule = Constant::new(0.1).unwrap();
    /// # let (loss, clock, order, batch, epochs) = (MeanSquaredError, Clock::Update, Sequential, 1, 1);
    /// # let fit = Fit { topology: NET, loss, optimizer: SignSgd, schedule, clock, order, batch, epochs };
    /// fit.start(&mut params, &mut workspace).unwrap();
    /// ```
    const STATE_PER_PARAM: usize;

    /// Further floats of state, in all; they stand behind the arrays.
    const STATE_SCALARS: usize = 0;

    /// Samples that [`Topology::workspace_len`](crate::Topology::workspace_len) has room for at a time. With more of them, see
    /// [`Topology::workspace_len_for`](crate::Topology::workspace_len_for), each weight loaded is used more often; the bits are
    /// the same.
    const LANES: usize = 4;

    /// How this batch's gradient is gathered: by default as the mean over the batch, from 0.
    fn accumulation(&self, update: &Update) -> Accumulation {
        let _ = update;
        Accumulation::GRADIENT
    }

    /// Changes the parameters once the batch's gradient is gathered.
    fn apply(&self, update: &Update, variables: &Variables, params: &mut [f32], state: &mut [f32]);
}

/// So that several runs share one.
impl<O: Optimizer> Optimizer for &O {
    const GATHER: Gather = O::GATHER;
    const STATE_PER_PARAM: usize = O::STATE_PER_PARAM;
    const STATE_SCALARS: usize = O::STATE_SCALARS;
    const LANES: usize = O::LANES;

    fn accumulation(&self, update: &Update) -> Accumulation {
        (**self).accumulation(update)
    }

    fn apply(&self, update: &Update, variables: &Variables, params: &mut [f32], state: &mut [f32]) {
        (**self).apply(update, variables, params, state);
    }
}

/// One update from a gradient that is known already, as a program that has its own model takes it: what the trainer does, in
/// one call. `gradient` is that of the loss by each parameter, the mean over a batch; `state` has
/// [`Optimizer::STATE_PER_PARAM`] floats a parameter and [`Optimizer::STATE_SCALARS`] more, 0 before the first update.
/// Slices of other lengths do less work; they do not fail.
///
/// ```
/// use microfit::optimizer::{Sgd, Update, Variables, descend};
///
/// let (mut params, mut velocity) = ([1.0, 2.0], [0.0; 2]);
/// let update = Update { step: 0, age: 0, rate: 0.5, momentum: None, samples: 1 };
/// descend(&Sgd::keras(0.9)?, &update, &Variables::one(2), &mut params, &[1.0, -1.0], &mut velocity);
/// assert_eq!(params, [0.5, 2.5]);
/// # Ok::<(), microfit::Error>(())
/// ```
pub fn descend<O: Optimizer>(
    optimizer: &O,
    update: &Update,
    variables: &Variables,
    params: &mut [f32],
    gradient: &[f32],
    state: &mut [f32],
) {
    let into = optimizer.accumulation(update);
    if O::GATHER == Gather::InParameters {
        kernels::add_scaled(params, gradient, into.scale);
    } else {
        let (first, _) = state.split_at_mut_checked(params.len()).unwrap_or_default();
        kernels::begin(first, params, into.keep, into.decay);
        kernels::add_scaled(first, gradient, into.scale);
    }
    optimizer.apply(update, variables, params, state);
}
