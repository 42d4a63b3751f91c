//! Which run a checkpoint belongs to.

use crate::data::Order;
use crate::fit::{Clock, Fit};
use crate::loss::Loss;
use crate::optimizer::{Optimizer, Update, Variables, descend};
use crate::schedule::Schedule;

/// FNV-1a over 32-bit words.
struct Fnv(u64);

impl Fnv {
    fn add(&mut self, word: u32) {
        for byte in word.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl<L: Loss, O: Optimizer, S: Schedule, R: Order> Fit<'_, L, O, S, R> {
    /// A number that differs, but for chance, between runs that must not continue each other: FNV-1a over the layers' widths,
    /// which of them are frozen, what their activations make of a few values, what two updates of the optimizer do, the
    /// schedule's rates and momenta at the steps 0, 1, 2, 4, ... 2^20, the first places of the order, clock and batch.
    /// Settings are told apart by what they do, so it needs nothing of a caller's own optimizer or schedule. Not seen:
    /// the loss, penalties, dropout, the number of epochs, and settings that change none of these.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        hash.add(self.topology.inputs() as u32);
        for layer in self.topology.layers() {
            hash.add(layer.units() as u32);
            hash.add(u32::from(layer.is_frozen()));
            let mut values = [-2.5, -0.5, 0.25, 1.5];
            layer.activation().apply(&mut values, 4);
            for value in values {
                hash.add(value.to_bits());
            }
        }
        let (mut params, mut state) = ([0.5, -0.25], [0.0; 20]);
        let len = 2 * O::STATE_PER_PARAM + O::STATE_SCALARS;
        hash.add(len as u32);
        let state = state.get_mut(..len).unwrap_or_default();
        for (step, gradient) in [(0, [0.125, -0.75]), (1, [0.5, 0.0625])] {
            let update = Update { step, age: step, rate: 0.01, momentum: None, samples: 1 };
            descend(&self.optimizer, &update, &Variables::one(2), &mut params, &gradient, state);
        }
        for param in params {
            hash.add(param.to_bits());
        }
        for step in core::iter::once(0).chain((0..=20).map(|power| 1 << power)) {
            hash.add(self.schedule.rate(step).to_bits());
            hash.add(self.schedule.momentum(step).map_or(u32::MAX, f32::to_bits));
        }
        for position in 0..8 {
            hash.add(self.order.index(1, position, 97));
        }
        hash.add(u32::from(self.clock == Clock::Epoch));
        hash.add(self.batch);
        hash.0
    }
}
