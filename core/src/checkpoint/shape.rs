//! The shape of a network in a frame, so that it can be read without knowing the run.

use super::fingerprint::{Fnv, PROBES};
use crate::activation::{Activation, Kind};
use crate::layer::Layer;

/// A layer, as a frame describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LayerShape {
    /// Units.
    pub units: u16,
    /// Whether its parameters are not in the frame; see [`frozen`](crate::frozen).
    pub frozen: bool,
    /// Which activation, of those this crate has.
    pub activation: Kind,
    /// What the activation makes of six values, to 1/64: tells apart the slopes of leaky ReLUs and activations of the caller's
    /// own, but not libm from micromath.
    pub behaviour: u32,
}

/// In the order of their codes; what is none of them is 255.
const KINDS: [Kind; 14] = [
    Kind::Linear,
    Kind::Relu,
    Kind::LeakyRelu,
    Kind::Elu,
    Kind::Selu,
    Kind::Sigmoid,
    Kind::HardSigmoid,
    Kind::Tanh,
    Kind::Softsign,
    Kind::Softplus,
    Kind::Softmax,
    Kind::Gelu,
    Kind::GeluTanh,
    Kind::Silu,
];
const OTHER: u32 = 255;
const FROZEN: u32 = 1 << 16;

impl LayerShape {
    /// That of a layer.
    pub fn of(layer: &Layer) -> Self {
        let activation = layer.activation();
        Self {
            units: layer.units,
            frozen: layer.is_frozen(),
            activation: activation.kind(),
            behaviour: behaviour(activation),
        }
    }

    /// All but the behaviour.
    fn word(self) -> u32 {
        let code = KINDS.iter().position(|&kind| kind == self.activation).map_or(OTHER, |code| code as u32);
        let frozen = if self.frozen { FROZEN } else { 0 };
        u32::from(self.units) | frozen | code << 24
    }

    pub(super) fn words(self) -> [u32; 2] {
        [self.word(), self.behaviour]
    }

    /// The first of the words of a layer. Not inlined: nothing of it is on the stack when its activation is tried for the second.
    #[inline(never)]
    pub(super) fn first_word(layer: &Layer) -> u32 {
        let (units, frozen, activation) = (layer.units, layer.is_frozen(), layer.activation().kind());
        Self { units, frozen, activation, behaviour: 0 }.word()
    }

    /// The second one.
    pub(super) fn second_word(layer: &Layer) -> u32 {
        behaviour(layer.activation())
    }

    /// `None` for words no layer has.
    pub(super) fn of_words([first, behaviour]: [u32; 2]) -> Option<Self> {
        let (units, code) = (first as u16, first >> 24);
        let activation = if code == OTHER { Kind::Other } else { *KINDS.get(code as usize)? };
        let whole = first & 0x00fe_0000 == 0 && units > 0;
        whole.then_some(Self { units, frozen: first & FROZEN != 0, activation, behaviour })
    }
}

/// Nothing of it is inlined: while the activation is tried, the six values are on the stack and no more.
#[inline(never)]
fn behaviour(activation: &dyn Activation) -> u32 {
    let mut values = probes();
    activation.apply(&mut values, PROBES.len());
    folded(&values)
}

#[inline(never)]
const fn probes() -> [f32; PROBES.len()] {
    PROBES
}

#[inline(never)]
fn folded(values: &[f32; PROBES.len()]) -> u32 {
    let mut hash = Fnv::new();
    for value in values {
        // To the nearest 1/64, if it is positive; a cast is total.
        hash.add((*value * 64.0 + 0.5) as i32 as u32);
    }
    hash.folded()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::{
        Elu, Gelu, GeluTanh, HardSigmoid, LeakyRelu, Linear, Relu, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign,
        Tanh,
    };
    use crate::layer::{dense, frozen};

    #[test]
    fn comes_back_from_its_words() {
        let params = [0.0; 6];
        let layers = [dense(7, &Relu), frozen(2, &Sigmoid, &params), dense(u16::MAX, &Softmax)];
        for layer in &layers {
            let shape = LayerShape::of(layer);
            assert_eq!(LayerShape::of_words(shape.words()), Some(shape));
        }
        assert_eq!(LayerShape::of(&layers[1]).words()[0], 2 | 1 << 16 | 5 << 24);
        for nonsense in [0, 1 << 16, 1 | 1 << 17, 1 | 14 << 24, 1 | 254 << 24] {
            assert_eq!(LayerShape::of_words([nonsense, 0]), None, "{nonsense:#x}");
        }
        assert!(LayerShape::of_words([1 | 255 << 24, 9]).is_some());
    }

    /// A model trained with libm is loaded by a board with micromath, and years later: these numbers are part of the format.
    #[test]
    fn behaviours_are_those_of_the_format() {
        let leaky = LeakyRelu::KERAS;
        let activations: [&dyn Activation; 14] = [
            &Linear,
            &Relu,
            &leaky,
            &Elu::DEFAULT,
            &Selu,
            &Sigmoid,
            &HardSigmoid,
            &Tanh,
            &Softsign,
            &Softplus,
            &Softmax,
            &Gelu,
            &GeluTanh,
            &Silu,
        ];
        let expected = [
            0x3d37_dd75,
            0xd771_78d0,
            0x39c5_8f9c,
            0xf80a_5a2b,
            0x9428_5255,
            0x031b_0b3d,
            0x25ed_36d9,
            0xf20d_30bd,
            0x4948_c0ee,
            0xec5d_f5b0,
            0x0dd6_06a9,
            0xe95a_ad06,
            0xe95a_ad06,
            0x6d69_27ce,
        ];
        let found = activations.map(behaviour);
        assert_eq!(found, expected, "{found:#x?}");
    }
}
