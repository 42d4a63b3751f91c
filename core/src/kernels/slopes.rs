//! What a layer's inputs are when deltas come down to them.

#[cfg(any(kernels = "tiles", kernels = "apart", test))]
use super::TILE;
use crate::unroll::one_turn_at_a_time;

/// What a layer's inputs hold when its deltas go down to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slopes {
    /// The derivatives of what made them.
    Any,
    /// The outputs of a gate, whose derivative is 1 where they are not 0: a ReLU.
    OfGate,
}

impl Slopes {
    /// Multiplies the four slopes by a sum each; what is inactive stays 0, whatever its sum. The sums are no array, which would be
    /// in memory on the way here.
    #[cfg(any(kernels = "tiles", kernels = "apart", test))]
    #[inline(always)]
    pub(super) fn scale(self, slopes: &mut [f32; TILE], s0: f32, s1: f32, s2: f32, s3: f32) {
        match self {
            Self::Any => {
                for (slope, sum) in slopes.iter_mut().zip([s0, s1, s2, s3]) {
                    *slope = if *slope == 0.0 { 0.0 } else { *slope * sum };
                }
            }
            Self::OfGate => {
                let [x0, x1, x2, x3] = slopes;
                // Integer comparisons, of what is loaded together. No sum is -0.0.
                let (b0, b1, b2, b3) = (x0.to_bits(), x1.to_bits(), x2.to_bits(), x3.to_bits());
                one_turn_at_a_time();
                macro_rules! gate {
                    ($($bits:ident $slope:ident $sum:ident),*) => {
                        $(
                            if $bits != 0 {
                                *$slope = $sum;
                                one_turn_at_a_time();
                            }
                        )*
                    };
                }
                gate!(b0 x0 s0, b1 x1 s1, b2 x2 s2, b3 x3 s3);
            }
        }
    }

    #[inline(always)]
    pub(super) fn scale_one(self, slope: &mut f32, sum: f32) {
        match self {
            Self::Any => *slope = if *slope == 0.0 { 0.0 } else { *slope * sum },
            // An integer comparison, and no sum is -0.0.
            Self::OfGate if slope.to_bits() != 0 => *slope = sum,
            Self::OfGate => {}
        }
    }
}

/// `slopes[k] *= sums[k]`; what is inactive stays 0, whatever its sum.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn scale_by(slopes: &mut [f32], sums: &[f32]) {
    for (slope, sum) in slopes.iter_mut().zip(sums) {
        *slope = if *slope == 0.0 { 0.0 } else { *slope * sum };
        one_turn_at_a_time();
    }
}

/// Replaces a layer's outputs from the given one on by derivatives.
type Differentiate<'a> = &'a mut dyn FnMut(usize, &mut [f32]);

/// What becomes of a layer's inputs in [`backward_online`].
pub(crate) enum Below<'a> {
    /// Nothing: there is no trained layer below.
    Nothing,
    /// Deltas: they are outputs of a gate.
    Gate,
    /// Deltas: this makes derivatives of them.
    Any(Differentiate<'a>),
}

impl Below<'_> {
    /// Makes derivatives of the inputs from `column` on, unless they are a gate's, and says which they hold.
    #[inline(always)]
    pub(super) fn differentiate(&mut self, column: usize, inputs: &mut [f32]) -> Slopes {
        match self {
            Self::Any(differentiate) => {
                differentiate(column, inputs);
                Slopes::Any
            }
            Self::Gate | Self::Nothing => Slopes::OfGate,
        }
    }
}
