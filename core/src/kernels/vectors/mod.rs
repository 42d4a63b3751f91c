//! For a computer: vectors as wide as the processor has.
//!
//! The kernels are generic over a vector's width, and which one is taken the processor is asked when they run. A vector's lanes are
//! sums of their own, and a product is rounded before it is added, so the bits are the same whatever it answers.

mod backward;
#[cfg(not(feature = "fast-math"))]
mod exponentials;
mod forward;
mod gradient;
mod octets;
mod online;

use pulp::{Arch, Simd, WithSimd};

use super::{Below, Slopes};

pub(crate) use backward::backward;
#[cfg(not(feature = "fast-math"))]
pub(crate) use exponentials::exponentials;
pub(crate) use forward::forward;
pub(crate) use gradient::gradient;
pub(crate) use online::backward_online;

/// What this processor has; in tests, what they ask for.
#[inline(always)]
fn arch() -> Arch {
    #[cfg(test)]
    if let Some(arch) = forced::ARCH.get() {
        return arch;
    }
    Arch::new()
}

/// Does `work` with the widest vectors this processor has.
#[inline(always)]
fn widest<W: WithSimd>(work: W) -> W::Output {
    match arch() {
        // Not one float at a time: arrays that LLVM makes vectors of, in what every processor of the target has.
        #[cfg(target_arch = "x86_64")]
        Arch::Scalar => pulp::Scalar256b.vectorize(work),
        arch => arch.dispatch(work),
    }
}

/// `sum + a * b`, rounded twice.
#[inline(always)]
fn multiply_add<S: Simd>(simd: S, sum: S::f32s, a: S::f32s, b: S::f32s) -> S::f32s {
    simd.add_f32s(sum, simd.mul_f32s(a, b))
}

/// `N` vectors from element `first` on.
#[inline(always)]
fn load<S: Simd, const N: usize>(values: &[f32], first: usize) -> Option<&[S::f32s; N]> {
    S::as_simd_f32s(values.get(first..)?).0.first_chunk()
}

/// A place for `N` vectors from element `first` on.
#[inline(always)]
fn place<S: Simd, const N: usize>(values: &mut [f32], first: usize) -> Option<&mut [S::f32s; N]> {
    S::as_mut_simd_f32s(values.get_mut(first..)?).0.first_chunk_mut()
}

/// Elements `first`, and as many after it as a vector has or there are.
#[inline(always)]
fn some<S: Simd>(values: &[f32], first: usize) -> &[f32] {
    let rest = values.get(first..).unwrap_or_default();
    rest.get(..S::F32_LANES).unwrap_or(rest)
}

#[cfg(test)]
pub(super) mod forced {
    extern crate std;
    use core::cell::Cell;
    use pulp::Arch;

    std::thread_local! {
        pub(super) static ARCH: Cell<Option<Arch>> = const { Cell::new(None) };
    }

    /// Arrays instead of any processor's instructions.
    pub(in super::super) fn no_instructions() {
        ARCH.set(Some(Arch::Scalar));
    }

    /// Vectors of eight where the processor has wider ones too.
    pub(in super::super) fn avx2() {
        #[cfg(target_arch = "x86_64")]
        ARCH.set(pulp::x86::V3::try_new().map(Arch::V3));
    }
}
