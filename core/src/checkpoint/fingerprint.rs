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
        let mut mask = [1.0; 8];
        dropout.apply(Key { layer: at as u32, ..Key::of(1, 2) }, 1, &mut mask, 0);
        hash.add_floats(&mask);
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

    /// The same, and told apart by what a rate driven by a metric makes of twelve observations, better and worse ones, as
    /// [`Self::tagged`] is.
    #[must_use]
    pub fn with_feedback(self, feedback: &impl Feedback) -> Self {
        let mut hash = Fnv(self.fingerprint);
        let mut state = feedback.start();
        for metric in [1.0, 0.5, 0.4995, 0.49, 0.6, 0.6, 0.6, 0.6, 0.7, 0.8, 0.9, 1.0] {
            feedback.observe(&mut state, metric);
            hash.add_float(feedback.rate(&state));
        }
        Self { fingerprint: hash.0, ..self }
    }
}

impl<'a, L: Loss, O: Optimizer, S: Schedule, R: Order> Fit<'a, L, O, S, R> {
    /// Whose checkpoints continue this run. Settings are told apart by what they do, so it needs nothing of a caller's own
    /// optimizer, loss or schedule. Its fingerprint is FNV-1a over
    ///
    /// - the layers' widths, which are frozen and up to 64 of their parameters, what the activations make of six values, a dropout's
    ///   mask of eight units, the penalties on two weights;
    /// - the loss of samples with a first target of 0, 1 and 1024, as far as it accepts them, its derivative, and the weights of the
    ///   first 32 classes;
    /// - what three updates of the optimizer do, the last with a gradient of the norm 1000;
    /// - the schedule's rates and momenta at every step to 64, from there at each that is an eighth later, and from 2^14 on at the double
    ///   of the last, to 2^20 or [`Schedule::last_tried`]: about 120 calls of each;
    /// - the first eight places of the order of a set of 97, clock and batch.
    ///
    /// Not seen: the data; the number of epochs, so that a run can be made longer (a shorter one refuses the progress); early
    /// stopping's and a feedback's settings ([`Identity::tagged`] and [`Identity::with_feedback`] add what you like); and settings
    /// that change none of these values: a clip that a gradient of the norm 1000 does not reach, a Huber's delta beyond 1024, a boundary
    /// moved between two steps that are looked at, a patience longer than twelve, or any of an optimizer with more than 64 floats of
    /// state for two parameters.
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
        const TWO: &Variables<'_> = &Variables::one(2);
        const FIRST: &Update = &Update { step: 0, age: 0, rate: 0.01, momentum: None, samples: 1 };
        const SECOND: &Update = &Update { step: 1, age: 1, ..*FIRST };
        const THIRD: &Update = &Update { step: 2, age: 2, ..*FIRST };
        let (mut params, mut state) = ([0.5, -0.25], [0.0; STATE]);
        let len = 2 * O::STATE_PER_PARAM + O::STATE_SCALARS;
        hash.add(len as u32);
        let state = state.get_mut(..len).unwrap_or_default();
        descend(&self.optimizer, FIRST, TWO, &mut params, &[0.125, -0.75], state);
        descend(&self.optimizer, SECOND, TWO, &mut params, &[0.5, 0.0625], state);
        hash.add_floats(&params);
        // What is clipped.
        descend(&self.optimizer, THIRD, TWO, &mut params, &[600.0, -800.0], state);
        hash.add_floats(&params);
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
    use crate::optimizer::{Adam, Clip, Clipped, GlobalNorm, Norm, Sgd, Value};
    use crate::schedule::{Constant, constant, keras, torch};

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
}
