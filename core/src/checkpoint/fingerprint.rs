//! Which run a checkpoint belongs to, and which network a model.

use super::LayerShape;
use crate::data::Order;
use crate::dropout::Key;
use crate::fit::{Clock, Fit};
use crate::layer::Layer;
use crate::loss::{Input, Loss};
use crate::network::loss_input;
use crate::optimizer::{Optimizer, Update, Variables, descend};
use crate::schedule::{Feedback, LAST_TRIED, Schedule};
use crate::topology::Topology;

/// FNV-1a over 32-bit words.
pub(super) struct Fnv(u64);

impl Fnv {
    pub(super) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Not inlined, so that a caller's frame has no room for its numbers while an activation or an optimizer is tried.
    #[inline(never)]
    pub(super) fn add(&mut self, word: u32) {
        for byte in word.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn add_float(&mut self, value: f32) {
        // A NaN is a NaN, whichever a chip makes.
        self.add(if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() });
    }

    fn add_floats<'f>(&mut self, values: impl IntoIterator<Item = &'f f32>) {
        for value in values {
            self.add_float(*value);
        }
    }

    /// 32 bits of it.
    pub(super) const fn folded(&self) -> u32 {
        (self.0 ^ self.0 >> 32) as u32
    }
}

/// What activations and losses are tried on.
pub(super) const PROBES: [f32; 6] = [-8.0, -2.5, -0.5, 0.25, 1.5, 8.0];

/// Units of a dropout's mask that are looked at: of two seeds, at a rate of 0.05, a tenth of them differ.
const UNITS: usize = 256;

/// Classes whose weights are looked at.
const CLASSES: usize = 32;

/// A one among zeros: the target of any of the classes is a part of it.
static ONE_HOT: [f32; 2 * CLASSES - 1] = {
    let mut row = [0.0; 2 * CLASSES - 1];
    let (_, behind) = row.split_at_mut(CLASSES - 1);
    if let Some(one) = behind.first_mut() {
        *one = 1.0;
    }
    row
};

/// What optimizers are tried on, each part for what the others do not show. Gradients at which an eps counts, of a first update and of a
/// late one, which RAdam rectifies. A large one, which moments keep. Then others against it, which grow until they outweigh it: where they
/// turn Lion's sign shows its `beta1`, and each is clipped by another norm.
static GRADIENTS: [[f32; 2]; 28] = {
    let mut gradients = [[1e-6, -2e-6]; 28];
    let [_, _, large, rest @ ..] = &mut gradients;
    *large = [1000.0, -1000.0];
    let (mut rest, mut size): (&mut [_], _) = (rest, 1.0);
    while let [gradient, tail @ ..] = rest {
        *gradient = [-size, 1.16 * size];
        size *= 1.35;
        rest = tail;
    }
    gradients
};

/// The update of each of [`GRADIENTS`]: the first, and then the other two by turns. The rates differ, so that a velocity with them in it is
/// another; so do the variables, because a clip of each is that of all in the one case, and that of an element in the other.
static UPDATES: [(Update, Variables<'static>); 3] = {
    const FIRST: Update = Update { step: 0, age: 0, rate: 0.5, momentum: None, samples: 1 };
    [
        (FIRST, Variables::one(2)),
        (Update { step: 9, age: 9, rate: 0.3, ..FIRST }, Variables::one(2)),
        (Update { step: 20, age: 20, rate: 0.7, ..FIRST }, Variables::with_lengths(&[1, 1])),
    ]
};

impl Topology<'_> {
    /// A number that differs, but for chance, between networks that must not take each other's parameters: FNV-1a over the
    /// [shapes](LayerShape) of the layers, and up to 64 of each frozen layer's parameters. Not seen: an activation that differs by
    /// less than 1/64, as GELU's form with tanh does; frozen parameters between those looked at.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv::new();
        hash.add(self.inputs() as u32);
        for layer in self.layers() {
            for word in LayerShape::of(layer).words() {
                hash.add(word);
            }
            if let Some(params) = layer.frozen {
                hash.add_floats(params.iter().step_by(params.len() / 64 + 1));
            }
        }
        hash.0
    }
}

/// What [`Topology::fingerprint`] does not see of a layer. Not inlined, like the others, so that no two are on the stack at once.
#[inline(never)]
fn hash_layer(layer: &Layer, at: usize, hash: &mut Fnv) {
    let mut values = PROBES;
    layer.activation().apply(&mut values, PROBES.len());
    hash.add_floats(&values);
    if let Some(dropout) = &layer.dropout {
        for first in 0..UNITS / 8 {
            let mut mask = [1.0; 8];
            dropout.apply(Key { layer: at as u32, ..Key::of(1, 2) }, 1, &mut mask, 8 * first);
            hash.add_floats(&mask);
        }
    }
    if let Some(penalty) = &layer.penalty {
        hash.add_float(penalty.of(&[0.5, -1.5]));
    }
}

/// Which run a checkpoint belongs to, and what progress it can have made: made by [`Fit::identity`].
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity<'a> {
    pub(crate) topology: Topology<'a>,
    pub(super) fingerprint: u64,
    pub(super) batch: u32,
    pub(super) epochs: u32,
    /// Floats of the optimizer's state.
    pub(super) state: usize,
}

impl Identity<'_> {
    /// The fingerprint in the frame's header.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The same, and told apart by `tag` too: the version of the data, the layout of the caller's own bytes, or whatever
    /// [`Fit::identity`] does not see. Checkpoints have to be saved and loaded with the same tags in the same order.
    #[must_use]
    pub fn tagged(self, tag: u64) -> Self {
        let mut hash = Fnv(self.fingerprint);
        hash.add(tag as u32);
        hash.add((tag >> 32) as u32);
        Self { fingerprint: hash.0, ..self }
    }

    /// The same, and told apart, as [`Self::tagged`] is, by what a rate driven by a metric makes of sixteen runs of 128 observations. A
    /// run begins at 0.5 or 0.125, falls or rises 47 times by one step, which is 2^-7 in the first and half as much in each run after it,
    /// and then stays where it began.
    ///
    /// Not seen: what is counted past the 128th observation, as `reset_start` of `GreedyLR` is by default; thresholds and windows by which
    /// none of these values becomes a better or a worse one; a floor or a ceiling that the rate does not come to.
    #[must_use]
    pub fn with_feedback(self, feedback: &impl Feedback) -> Self {
        let mut hash = Fnv(self.fingerprint);
        let mut step = 1.0 / 128.0;
        for run in 0..16_u8 {
            // Each from the start: a rate that is cut again and again is 0, and tells nothing.
            let mut state = feedback.start();
            let first = if run & 2 == 0 { 0.5 } else { 0.125 };
            for observation in 0..128_u8 {
                let steps = if observation < 48 { observation } else { 0 };
                feedback.observe(&mut state, first - step * f64::from(steps));
                hash.add_float(feedback.rate(&state));
            }
            step *= -0.5;
        }
        Self { fingerprint: hash.0, ..self }
    }
}

impl<'a, L: Loss, O: Optimizer, S: Schedule, R: Order> Fit<'a, L, O, S, R> {
    /// Whose checkpoints continue this run. Settings are told apart by what they do, so it needs nothing of a caller's own
    /// optimizer, loss or schedule. Its fingerprint is FNV-1a over
    ///
    /// - the layers' widths, which are frozen and up to 64 of their parameters, what the activations make of six values, the first 256
    ///   units of a dropout's mask, the penalties on two weights;
    /// - the loss of samples with a first target of 0, 1 and 1024, as far as it accepts them, its derivative, and the weights of the
    ///   first 32 classes;
    /// - what 28 updates of the optimizer make of two parameters, 0.5 and 0, and the state that each leaves: gradients from 1e-6 to 1557,
    ///   three rates, as the first update, the 10th and the 21st;
    /// - the schedule's rates and momenta at every step to 64, from there at each that is an eighth later, and from 2^14 on at the double
    ///   of the last, to 2^20 or [`Schedule::last_tried`]: about 120 calls of each;
    /// - the first eight places of the order of a set of 97, clock and batch.
    ///
    /// Not seen: the data; the number of epochs, so that a run can be made longer (a shorter one refuses the progress); early
    /// stopping's and a feedback's settings ([`Identity::tagged`] and [`Identity::with_feedback`] add what you like); and settings
    /// that change none of these values:
    ///
    /// - a `beta1` of [`Lion`](crate::optimizer::Lion) so near that no sign of these updates is another, as 0.905 is to 0.9;
    /// - an eps that rounding takes from what it is added to even where gradients are 1e-6: one of 1e-14, one beside an `initial` of
    ///   [`Adagrad`](crate::optimizer::Adagrad); that of [`RAdam`](crate::optimizer::RAdam) if it does not rectify the 10th update, as
    ///   with a `beta2` of 0.5; the 1e-6 of [`GlobalNorm::torch`](crate::optimizer::GlobalNorm::torch) for norms above 32;
    /// - a `weight_decay` that differs by less than 2^-22; a clip beyond these gradients; what an optimizer does from its 22nd update on
    ///   and not before, and any setting of one with more than 64 floats of state for two parameters;
    /// - a Huber's delta beyond 1024, a boundary moved between two steps that are looked at, and another seed of a dropout whose mask is
    ///   the same so far, which at a rate of 0.01 is one of 167.
    pub fn identity(&self) -> Identity<'a> {
        Identity {
            topology: self.topology,
            fingerprint: self.fingerprint(),
            batch: self.batch,
            epochs: self.epochs,
            state: self.topology.state_len::<O>(),
        }
    }

    /// That of [`Self::identity`].
    #[inline(never)]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv(self.topology.fingerprint());
        for (at, layer) in self.topology.layers().iter().enumerate() {
            hash_layer(layer, at, &mut hash);
        }
        self.hash_loss(&mut hash);
        self.hash_weights(&mut hash);
        self.hash_optimizer(&mut hash);
        self.hash_schedule(&mut hash);
        self.hash_order(&mut hash);
        hash.add(u32::from(self.clock == Clock::Epoch));
        hash.add(self.batch);
        hash.0
    }

    #[inline(never)]
    fn hash_schedule(&self, hash: &mut Fnv) {
        let (mut step, last) = (0, self.schedule.last_tried().min(LAST_TRIED));
        while step <= last {
            hash.add_float(self.schedule.rate(step));
            hash.add(self.schedule.momentum(step).map_or(u32::MAX, f32::to_bits));
            step += match step {
                0..64 => 1,
                64..0x4000 => step / 8,
                _ => step,
            };
        }
    }

    #[inline(never)]
    fn hash_order(&self, hash: &mut Fnv) {
        for position in 0..8 {
            hash.add(self.order.index(1, position, 97));
        }
    }

    fn hash_optimizer(&self, hash: &mut Fnv) {
        // An optimizer's step may go deep: no more of a state is under it than most have.
        if const { 2 * O::STATE_PER_PARAM + O::STATE_SCALARS <= 8 } {
            self.hash_updates::<8>(hash);
        } else if const { 2 * O::STATE_PER_PARAM + O::STATE_SCALARS <= 20 } {
            self.hash_updates::<20>(hash);
        } else {
            self.hash_updates::<64>(hash);
        }
    }

    #[inline(never)]
    fn hash_updates<const STATE: usize>(&self, hash: &mut Fnv) {
        let mut state = [0.0; STATE];
        let len = 2 * O::STATE_PER_PARAM + O::STATE_SCALARS;
        hash.add(len as u32);
        let state = state.get_mut(..len).unwrap_or_default();
        let [first, second, third] = &UPDATES;
        let mut with = first;
        for gradient in &GRADIENTS {
            let (update, variables) = with;
            // One that decays, and one in whose place the step stands in all its digits.
            let mut params = [0.5, 0.0];
            descend(&self.optimizer, update, variables, &mut params, gradient, state);
            hash.add_floats(&params);
            hash.add_floats(&*state);
            // Not by an iterator that says so, which takes 24 bytes of stack.
            with = if core::ptr::eq(with, second) { third } else { second };
        }
    }

    #[inline(never)]
    fn hash_loss(&self, hash: &mut Fnv) {
        let input = loss_input(&self.topology, &self.loss);
        hash.add(match input {
            Ok(Input::Logits) => 1,
            Ok(Input::Outputs) => 2,
            Err(_) => 0,
        });
        let mut inputs = PROBES;
        let outputs = self.topology.outputs().min(inputs.len());
        let inputs = inputs.get_mut(..outputs).unwrap_or_default();
        if input == Ok(Input::Outputs) {
            // Between 0 and 1, where every loss of outputs is defined.
            for value in &mut *inputs {
                *value = 0.5 + *value / 32.0;
            }
        }
        for known in [0.0, 1.0, 1024.0] {
            let mut target = [0.0; PROBES.len()];
            let target = target.get_mut(..outputs).unwrap_or_default();
            if let Some(first) = target.first_mut().filter(|_| self.loss.accepts(known, outputs)) {
                *first = known;
            }
            hash.add_float(self.loss.differentiate(inputs, target, 0.5));
            hash.add_floats(&*target);
        }
    }

    #[inline(never)]
    fn hash_weights(&self, hash: &mut Fnv) {
        let outputs = self.topology.outputs();
        let targets = self.loss.targets(outputs);
        // One output has two classes.
        for class in 0..outputs.clamp(2, CLASSES) {
            let index = class as f32;
            if targets > 1 {
                // In flash, where there is room for a row.
                let row = ONE_HOT.get(CLASSES - 1 - class..).and_then(|row| row.get(..targets.min(CLASSES)));
                hash.add_float(self.loss.weight(row.unwrap_or_default()));
            } else if self.loss.accepts(index, outputs) {
                hash.add_float(self.loss.weight(&[index]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::activation::{LeakyRelu, Linear, Relu, Sigmoid, Softmax};
    use crate::data::{Sequential, Shuffle};
    use crate::layer::{dense, frozen};
    use crate::loss::{
        BinaryCrossEntropy, CategoricalCrossEntropy, ClassWeights, Huber, MeanAbsoluteError, MeanSquaredError,
        Smoothed, SparseCategoricalCrossEntropy,
    };
    use crate::optimizer::{
        Adadelta, Adagrad, Adam, Adamax, Clip, Clipped, GlobalNorm, Lion, Nadam, Nesterov, Norm, OnlineSgd, RAdam,
        RmsProp, Sgd, Value,
    };
    use crate::schedule::{Constant, Mode, Threshold, constant, keras, optax, torch, transformers};

    fn fit<'a, L>(layers: &'a [Layer<'a>], loss: L) -> Fit<'a, L, Sgd, Constant, Shuffle> {
        Fit {
            topology: Topology::try_new(2, layers).unwrap(),
            loss,
            optimizer: Sgd::keras(0.9).unwrap(),
            schedule: Constant::new(0.5).unwrap(),
            clock: Clock::Update,
            order: Shuffle::new(1),
            batch: 4,
            epochs: 9,
        }
    }

    /// Keeps much, and uses a factor.
    struct Hoarder(f32);

    impl Optimizer for Hoarder {
        const STATE_PER_PARAM: usize = 2;
        const STATE_SCALARS: usize = 60;

        fn apply(&self, update: &Update, _: &Variables, params: &mut [f32], state: &mut [f32]) {
            crate::kernels::add_scaled(params, state.get(..params.len()).unwrap(), -self.0 * update.rate);
        }
    }

    #[test]
    fn sees_an_optimizer_that_keeps_much() {
        let layers = [dense(1, &Sigmoid)];
        let of = |factor| {
            let Fit { topology, loss, schedule, clock, order, batch, epochs, .. } = fit(&layers, MeanSquaredError);
            Fit { topology, loss, optimizer: Hoarder(factor), schedule, clock, order, batch, epochs }.fingerprint()
        };
        assert_ne!(of(0.5), of(0.9));
    }

    fn of_optimizer<O: Optimizer>(optimizer: Result<O, crate::Error>) -> u64 {
        let layers = [dense(1, &Sigmoid)];
        let Fit { topology, loss, schedule, clock, order, batch, epochs, .. } = fit(&layers, MeanSquaredError);
        Fit { topology, loss, optimizer: optimizer.unwrap(), schedule, clock, order, batch, epochs }.fingerprint()
    }

    /// Names those that are seen as one.
    fn all_differ(seen: &[(&str, u64)]) {
        for (index, (name, one)) in seen.iter().enumerate() {
            for (other_name, other) in seen.iter().skip(index + 1) {
                assert_ne!(one, other, "{name} and {other_name}");
            }
        }
    }

    macro_rules! all_differ {
        ($($optimizer:expr),* $(,)?) => { all_differ(&[$((stringify!($optimizer), of_optimizer($optimizer))),*]) };
    }

    /// Every parameter of every optimizer of the crate, a little changed; and those with as much state from each other.
    #[test]
    fn sees_every_parameter_of_every_optimizer() {
        all_differ!(
            Ok(OnlineSgd),
            Sgd::keras(0.0),
            Sgd::torch(0.0),
            Sgd::keras(0.9),
            Sgd::torch(0.9),
            Sgd::torch(0.901),
            Sgd::torch(0.9).map(Sgd::ascending),
            Sgd::keras(0.9).and_then(|sgd| sgd.dampening(0.1)),
            Sgd::torch(0.9).and_then(|sgd| sgd.dampening(0.1)),
            Sgd::torch(0.9).and_then(|sgd| sgd.dampening(0.101)),
            Lion::new(0.9, 0.99),
            Lion::new(0.9, 0.9901),
            Nesterov::keras(0.9),
            Nesterov::torch(0.9),
            Nesterov::torch(0.901),
            Adagrad::torch(0.0, 0.0, 1e-10),
            Adagrad::torch(0.0, 0.0, 1.1e-10),
            Adagrad::torch(1e-4, 0.0, 1e-10),
            Adagrad::torch(1.01e-4, 0.0, 1e-10),
            Adagrad::torch(0.0, 0.1, 1e-10),
            Adagrad::torch(0.0, 0.101, 1e-10),
            Adagrad::keras(0.1, 1e-7),
            Adagrad::keras(0.101, 1e-7),
            Adagrad::keras(0.1, 2e-7),
            RmsProp::keras(0.9, 1e-7),
            RmsProp::torch(0.9, 1e-7),
            RmsProp::torch(0.9, 1.01e-7),
            RmsProp::torch(0.9, 1e-8),
            RmsProp::torch(0.901, 1e-8),
            RmsProp::keras(0.901, 1e-7),
            RmsProp::keras(0.9, 1.01e-7),
            RmsProp::keras(0.9, 1e-8),
            Adam::torch(0.9, 0.999, 1e-8),
            Adam::torch(0.901, 0.999, 1e-8),
            Adam::torch(0.9, 0.9991, 1e-8),
            Adam::torch(0.9, 0.999, 1.01e-8),
            Adam::torch(0.9, 0.999, 1e-7),
            Adam::keras(0.9, 0.999, 1e-8),
            Adam::keras(0.901, 0.999, 1e-8),
            Adam::keras(0.9, 0.9991, 1e-8),
            Adam::keras(0.9, 0.999, 1.01e-8),
            Adam::keras(0.9, 0.999, 1e-7),
            Adam::optax(0.9, 0.999, 1e-8, 0.0),
            Adam::optax(0.9, 0.999, 1e-8, 1e-16),
            Adam::optax(0.9, 0.999, 1e-8, 1e-10),
            Adam::optax(0.9, 0.999, 1e-8, 1.01e-10),
            Adam::optax(0.9, 0.999, 1e-8, 1e-8),
            Adam::torch(0.9, 0.999, 1e-8).map(Adam::amsgrad),
            Adam::keras(0.9, 0.999, 1e-8).map(Adam::amsgrad),
            Adam::optax(0.9, 0.999, 1e-8, 0.0).map(Adam::amsgrad),
            RAdam::torch(0.9, 0.999, 1e-8),
            RAdam::torch(0.901, 0.999, 1e-8),
            RAdam::torch(0.9, 0.9991, 1e-8),
            RAdam::torch(0.9, 0.9, 1e-8),
            RAdam::torch(0.9, 0.9, 1.01e-8),
            RAdam::torch(0.9, 0.999, 1.01e-8),
            RAdam::torch(0.9, 0.999, 1e-3),
            RAdam::torch(0.9, 0.999, 1.01e-3),
            Nadam::torch(0.9, 0.999, 1e-8),
            Nadam::torch(0.901, 0.999, 1e-8),
            Nadam::torch(0.9, 0.9991, 1e-8),
            Nadam::torch(0.9, 0.999, 1.01e-8),
            Nadam::keras(0.9, 0.999, 1e-8),
            Nadam::keras(0.9, 0.999, 1e-7),
            Nadam::keras(0.9, 0.999, 1.01e-7),
            Adamax::torch(0.9, 0.999, 1e-8),
            Adamax::torch(0.901, 0.999, 1e-8),
            Adamax::torch(0.9, 0.9991, 1e-8),
            Adamax::torch(0.9, 0.999, 1.01e-8),
            Adamax::keras(0.9, 0.999, 1e-8),
            Adamax::keras(0.901, 0.999, 1e-8),
            Adamax::keras(0.9, 0.9991, 1e-8),
            Adamax::keras(0.9, 0.999, 1.01e-8),
            Adadelta::new(0.9, 1e-6),
            Adadelta::new(0.901, 1e-6),
            Adadelta::new(0.9, 1.01e-6),
            Adadelta::new(0.9, 1e-7),
            Adadelta::new(0.9, 1.01e-7),
            RmsProp::torch(0.9, 1e-8).map(RmsProp::centered),
            RmsProp::keras(0.9, 1e-8).map(RmsProp::centered),
            RmsProp::torch(0.9, 1e-8).and_then(|rms| rms.momentum(0.5)),
            RmsProp::keras(0.9, 1e-8).and_then(|rms| rms.momentum(0.5)),
            RmsProp::keras(0.9, 1e-8).and_then(|rms| rms.momentum(0.501)),
            RmsProp::keras(0.9, 1e-8).and_then(|rms| rms.momentum(0.5)).map(RmsProp::centered),
        );
    }

    #[test]
    fn sees_every_optimizers_weight_decay() {
        macro_rules! decays {
            ($($optimizer:expr),* $(,)?) => {
                $(all_differ!(
                    $optimizer,
                    $optimizer.and_then(|one| one.l2(1e-6)),
                    $optimizer.and_then(|one| one.l2(1e-4)),
                    $optimizer.and_then(|one| one.l2(1.01e-4)),
                    $optimizer.and_then(|one| one.weight_decay(1e-6)),
                    $optimizer.and_then(|one| one.weight_decay(1e-4)),
                    $optimizer.and_then(|one| one.weight_decay(1.01e-4)),
                    $optimizer.and_then(|one| one.weight_decay(1e-2)),
                );)*
            };
        }
        decays!(
            Sgd::keras(0.9),
            Sgd::torch(0.0),
            Nesterov::keras(0.9),
            Nesterov::torch(0.9),
            Lion::new(0.9, 0.99),
            Adagrad::torch(0.0, 0.0, 1e-10),
            Adagrad::keras(0.1, 1e-7),
            RmsProp::torch(0.99, 1e-8),
            RmsProp::keras(0.9, 1e-7),
            RmsProp::keras(0.9, 1e-7).map(RmsProp::centered),
            Adam::torch(0.9, 0.999, 1e-8),
            Adam::keras(0.9, 0.999, 1e-7),
            Adam::torch(0.9, 0.999, 1e-8).map(Adam::amsgrad),
            RAdam::torch(0.9, 0.999, 1e-8),
            Nadam::torch(0.9, 0.999, 1e-8),
            Nadam::keras(0.9, 0.999, 1e-7),
            Adamax::torch(0.9, 0.999, 1e-8),
            Adamax::keras(0.9, 0.999, 1e-7),
            Adadelta::new(0.95, 1e-7),
        );
    }

    /// Its `beta1` shows in a sign only, and so as far as the gradients looked at turn it.
    #[test]
    fn sees_lions_first_beta_nearly() {
        for beta2 in [0.98, 0.99, 0.999] {
            let beta1s = [0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.98];
            let seen = beta1s.map(|beta1| ("Lion", of_optimizer(Lion::new(beta1, beta2))));
            all_differ(&seen);
        }
    }

    /// As [`Fit::identity`] says.
    #[test]
    fn does_not_see_what_does_not_show() {
        let same = |one, other| assert_eq!(one, other);
        same(of_optimizer(Lion::new(0.9, 0.99)), of_optimizer(Lion::new(0.905, 0.99)));
        same(of_optimizer(Adam::torch(0.9, 0.999, 1e-14)), of_optimizer(Adam::torch(0.9, 0.999, 2e-14)));
        same(of_optimizer(Adagrad::torch(0.0, 0.1, 1e-10)), of_optimizer(Adagrad::torch(0.0, 0.1, 1e-9)));
        same(of_optimizer(RAdam::torch(0.9, 0.5, 1e-8)), of_optimizer(RAdam::torch(0.9, 0.5, 1e-3)));
        let decays = |by| of_optimizer(Sgd::keras(0.9).and_then(|sgd| sgd.weight_decay(by)));
        same(decays(0.0), decays(1e-8));
        assert_ne!(decays(0.0), decays(0.5_f32.powi(22)));
        let optimizer = Sgd::keras(0.9).unwrap();
        let clipped = |clip: Result<GlobalNorm, _>| of_optimizer(clip.map(|clip| Clipped { optimizer, clip }));
        same(clipped(GlobalNorm::keras(32.0)), clipped(GlobalNorm::torch(32.0)));
        same(clipped(GlobalNorm::keras(2100.0)), clipped(GlobalNorm::keras(3000.0)));
    }

    #[test]
    fn sees_whose_clip_it_is() {
        let sgd = Sgd::torch(0.9);
        for max in [0.1, 1.0, 5.0, 10.0] {
            all_differ!(
                sgd.map(|optimizer| Clipped { optimizer, clip: Value::new(max).unwrap() }),
                sgd.map(|optimizer| Clipped { optimizer, clip: Norm::new(max).unwrap() }),
                sgd.map(|optimizer| Clipped { optimizer, clip: GlobalNorm::keras(max).unwrap() }),
                sgd.map(|optimizer| Clipped { optimizer, clip: GlobalNorm::torch(max).unwrap() }),
                sgd.map(|optimizer| Clipped { optimizer, clip: GlobalNorm::torch(1.01 * max).unwrap() }),
            );
        }
    }

    #[test]
    fn sees_a_dropouts_seed_and_rate() {
        let of = |rate, seed| {
            fit(&[dense(3, &Relu).dropout(rate, seed), dense(1, &Sigmoid)], BinaryCrossEntropy).fingerprint()
        };
        for rate in [0.05, 0.1, 0.2, 0.5] {
            let seen: std::vec::Vec<_> = (0..100).map(|seed| of(rate, seed)).chain([of(1.01 * rate, 0)]).collect();
            for (index, one) in seen.iter().enumerate() {
                assert!(!seen.iter().skip(index + 1).any(|other| one == other), "{rate} {index}");
            }
        }
    }

    #[test]
    fn sees_what_changes_training() {
        let plain = [dense(3, &Relu), dense(1, &Sigmoid)];
        let own = fit(&plain, BinaryCrossEntropy).fingerprint();
        let leaky = LeakyRelu::new(0.01).unwrap();
        let body = [0.5; 9];
        let other_body = [0.5, 0.5, 0.5, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5];
        let hidden = [
            dense(3, &Relu).dropout(0.1, 1),
            dense(3, &Relu).dropout(0.1, 2),
            dense(3, &Relu).dropout(0.3, 1),
            dense(3, &Relu).l1(0.1),
            dense(3, &Relu).l2(0.1),
            dense(3, &leaky),
            dense(4, &Relu),
            frozen(3, &Relu, &body),
            frozen(3, &Relu, &other_body),
        ];
        let mut seen = std::vec![own];
        for hidden in hidden {
            seen.push(fit(&[hidden, dense(1, &Sigmoid)], BinaryCrossEntropy).fingerprint());
        }
        let smoothed = Smoothed::new(BinaryCrossEntropy, 0.1).unwrap();
        seen.push(fit(&plain, smoothed).fingerprint());
        seen.push(fit(&plain, MeanSquaredError).fingerprint());
        seen.push(fit(&plain, MeanAbsoluteError).fingerprint());
        seen.push(fit(&plain, Huber::new(0.1).unwrap()).fingerprint());
        seen.push(Fit { batch: 5, ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
        seen.push(Fit { clock: Clock::Epoch, ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
        seen.push(Fit { schedule: Constant::new(0.25).unwrap(), ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
        seen.push(Fit { order: Shuffle::new(2), ..fit(&plain, BinaryCrossEntropy) }.fingerprint());
        for (index, one) in seen.iter().enumerate() {
            assert!(!seen.iter().skip(index + 1).any(|other| one == other), "{index} of {seen:x?}");
        }
        assert_eq!(Fit { epochs: 90, ..fit(&plain, BinaryCrossEntropy) }.fingerprint(), own);
        let sequential = Fit { order: Sequential, ..fit_with_order(&plain) };
        assert_ne!(sequential.fingerprint(), own);
    }

    /// Whether runs that differ in one thing are told apart.
    fn differ<L: Loss, O: Optimizer, S: Schedule>(outputs: &[Layer<'_>], [a, b]: [(L, O, S); 2]) -> bool {
        let of = |(loss, optimizer, schedule)| Fit {
            topology: Topology::try_new(2, outputs).unwrap(),
            loss,
            optimizer,
            schedule,
            clock: Clock::Update,
            order: Sequential,
            batch: 4,
            epochs: 9,
        };
        of(a).fingerprint() != of(b).fingerprint()
    }

    #[test]
    fn sees_clips_and_large_residuals() {
        fn clips<C: Clip>(clips: [C; 2]) -> bool {
            let adam = Adam::keras(0.9, 0.999, 1e-7).unwrap();
            let [a, b] =
                clips.map(|clip| (MeanSquaredError, Clipped { optimizer: adam, clip }, constant(0.5).unwrap()));
            differ(&[dense(1, &Linear)], [a, b])
        }
        for (low, high) in [(1.0, 5.0), (5.0, 100.0), (100.0, 500.0)] {
            assert!(clips([low, high].map(|max| GlobalNorm::torch(max).unwrap())), "{low} {high}");
            assert!(clips([low, high].map(|max| Norm::new(max).unwrap())), "{low} {high}");
            assert!(clips([low, high].map(|max| Value::new(max).unwrap())), "{low} {high}");
            let huber = |delta| (Huber::new(delta).unwrap(), Sgd::keras(0.9).unwrap(), constant(0.5).unwrap());
            assert!(differ(&[dense(1, &Linear)], [huber(low), huber(high)]), "{low} {high}");
        }
    }

    #[test]
    fn sees_the_weight_of_every_class() {
        fn weights<L: Loss + Copy>(loss: L, layer: Layer<'_>, classes: usize) {
            let even = [1.0; 40];
            for class in 0..classes {
                let mut other = even;
                other[class] = 9.0;
                let of = |weights| {
                    (ClassWeights::new(loss, weights).unwrap(), Sgd::keras(0.9).unwrap(), constant(0.5).unwrap())
                };
                let seen = differ(core::slice::from_ref(&layer), [of(&even), of(&other)]);
                assert_eq!(seen, class < CLASSES, "{class}");
            }
        }
        weights(BinaryCrossEntropy, dense(1, &Sigmoid), 2);
        weights(SparseCategoricalCrossEntropy, dense(3, &Softmax), 3);
        weights(CategoricalCrossEntropy, dense(3, &Softmax), 3);
        weights(SparseCategoricalCrossEntropy, dense(40, &Softmax), 40);
        weights(CategoricalCrossEntropy, dense(40, &Softmax), 40);
    }

    #[test]
    fn sees_boundaries_that_move() {
        fn schedules<S: Schedule>(schedules: [S; 2]) -> bool {
            let [a, b] = schedules.map(|schedule| (MeanSquaredError, Sgd::keras(0.9).unwrap(), schedule));
            differ(&[dense(1, &Linear)], [a, b])
        }
        let steps: [[&[u32]; 2]; 5] =
            [[&[20, 40], &[18, 60]], [&[33, 65], &[60, 120]], [&[10], &[15]], [&[62], &[63]], [&[20_000], &[40_000]]];
        for boundaries in steps {
            assert!(schedules(boundaries.map(|at| torch::multi_step(0.1, at, 0.1).unwrap())), "{boundaries:?}");
            // An eighth later there is a step that is looked at.
            for boundary in [64, 100, 1000, 10_000] {
                let moved = [&[boundary][..], &[boundary + boundary / 8][..]];
                let [a, b] = moved.map(|at| keras::piecewise_constant_decay(at, &[0.1, 0.01]).unwrap());
                assert!(schedules([a, b]), "{boundary}");
            }
        }
        let decay = |at| keras::piecewise_constant_decay(at, &[0.1, 0.01]).unwrap();
        assert!(schedules([decay(&[40]), decay(&[60])]));
    }

    #[test]
    fn a_rate_without_a_closed_form_is_tried_as_far_as_it_is_fast() {
        let calls = core::cell::Cell::new(0_u32);
        let schedule = torch::multiplicative(0.1, |_| {
            calls.set(calls.get() + 1);
            0.999
        });
        let layers = [dense(1, &Linear)];
        let plain = fit(&layers, MeanSquaredError);
        let Fit { topology, loss, optimizer, clock, order, batch, epochs, .. } = plain;
        Fit { topology, loss, optimizer, schedule: &schedule.unwrap(), clock, order, batch, epochs }.identity();
        assert!(calls.get() < 12_000, "{}", calls.get());
    }

    fn fit_with_order<'a>(layers: &'a [Layer<'a>]) -> Fit<'a, BinaryCrossEntropy, Sgd, Constant, Sequential> {
        let Fit { topology, loss, optimizer, schedule, clock, batch, epochs, .. } = fit(layers, BinaryCrossEntropy);
        Fit { topology, loss, optimizer, schedule, clock, order: Sequential, batch, epochs }
    }

    #[test]
    fn a_caller_adds_what_it_likes() {
        let layers = [dense(1, &Linear)];
        let own = fit(&layers, MeanSquaredError).identity();
        assert_ne!(own.tagged(1).fingerprint(), own.tagged(2).fingerprint());
        assert_ne!(own.tagged(1).fingerprint(), own.tagged(1 << 32).fingerprint());
        let options = keras::ReduceLrOnPlateauOptions { patience: 2, ..keras::ReduceLrOnPlateauOptions::DEFAULT };
        let patient = keras::ReduceLrOnPlateauOptions { patience: 3, ..options };
        let [a, b] = [options, patient].map(|options| keras::reduce_lr_on_plateau(0.1, options).unwrap());
        let found = [own, own.with_feedback(&a), own.with_feedback(&b)].map(|identity| identity.fingerprint());
        assert!(found[0] != found[1] && found[1] != found[2], "{found:x?}");
    }

    /// The fingerprints of the default options, and of each with one of them changed.
    macro_rules! options {
        ($seen:expr, $default:expr, $($option:ident = $value:expr),* $(,)?) => {
            all_differ(&[
                ("default", $seen($default)),
                $((stringify!($option = $value), {
                    let mut options = $default;
                    options.$option = $value;
                    $seen(options)
                })),*
            ])
        };
    }

    #[test]
    fn sees_every_option_of_a_rate_driven_by_a_metric() {
        let layers = [dense(1, &Linear)];
        let identity = fit(&layers, MeanSquaredError).identity();
        // In Keras a cool-down of 1 is none.
        let seen = |options| identity.with_feedback(&keras::reduce_lr_on_plateau(0.1, options).unwrap()).fingerprint();
        let default = keras::ReduceLrOnPlateauOptions::DEFAULT;
        options!(
            seen,
            default,
            factor = 0.101,
            factor = 0.5,
            patience = 9,
            patience = 11,
            patience = 40,
            patience = 41,
            patience = 126,
            patience = 127,
            mode = Mode::Max,
            min_delta = 0.0,
            min_delta = 5e-5,
            min_delta = 2e-4,
            min_delta = 1e-3,
            min_delta = 1e-2,
            cooldown = 2,
            cooldown = 3,
            cooldown = 30,
            cooldown = 100,
            min_lr = 1e-6,
            min_lr = 1e-3,
            min_lr = 0.05,
        );
        let default = keras::ReduceLrOnPlateauOptions { mode: Mode::Max, ..default };
        options!(seen, default, patience = 11, min_delta = 0.0, min_delta = 2e-4, min_delta = 1e-2);
        let seen = |options| identity.with_feedback(&torch::reduce_lr_on_plateau(0.1, options).unwrap()).fingerprint();
        let default = torch::ReduceLrOnPlateauOptions::DEFAULT;
        options!(
            seen,
            default,
            factor = 0.101,
            factor = 0.5,
            patience = 9,
            patience = 11,
            patience = 40,
            patience = 41,
            patience = 125,
            patience = 126,
            mode = Mode::Max,
            threshold = Threshold::Absolute(1e-4),
            threshold = Threshold::Relative(0.0),
            threshold = Threshold::Relative(5e-5),
            threshold = Threshold::Relative(2e-4),
            threshold = Threshold::Relative(1e-3),
            cooldown = 1,
            cooldown = 2,
            cooldown = 100,
            min_lr = 1e-6,
            min_lr = 1e-3,
            min_lr = 0.05,
            eps = 0.0,
            eps = 1e-7,
        );
        let seen = |options| identity.with_feedback(&optax::reduce_on_plateau(0.1, options).unwrap()).fingerprint();
        options!(
            seen,
            optax::ReduceOnPlateauOptions::DEFAULT,
            factor = 0.101,
            patience = 0,
            patience = 9,
            patience = 40,
            rtol = 1e-3,
            rtol = 1e-5,
            atol = 1e-4,
            cooldown = 1,
            accumulation_size = 2,
            min_scale = 1e-6,
            min_scale = 0.5,
        );
        let seen = |options| identity.with_feedback(&transformers::greedy::<50>(0.1, options).unwrap()).fingerprint();
        options!(
            seen,
            transformers::GreedyOptions::DEFAULT,
            mode = Mode::Max,
            factor = 0.951,
            patience = 9,
            patience = 40,
            threshold = Threshold::Absolute(1e-5),
            cooldown = 1,
            warmup = 1,
            min_lr = 0.09,
            max_lr = 0.11,
            eps = 0.01,
            smooth = true,
        );
        let smooth = transformers::GreedyOptions { smooth: true, ..transformers::GreedyOptions::DEFAULT };
        options!(seen, smooth, window_size = 40, window_size = 10);
        let short = transformers::GreedyOptions { factor: 0.5, patience: 1, ..transformers::GreedyOptions::DEFAULT };
        options!(seen, short, reset_start = 2, reset_start = 3);
    }
}
