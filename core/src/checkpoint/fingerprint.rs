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
        // By one weight each: a sum of both would be one equation for two unknowns.
        hash.add_float(penalty.of(&[0.5]));
        hash.add_float(penalty.of(&[-1.5]));
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
mod tests;
