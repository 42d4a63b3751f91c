//! How far loops are unrolled.

/// Keeps LLVM from unrolling the loop it stands in, on a Cortex-M. In a kernel it would hoist the loads of several turns and
/// spill the sums; in loops that take no time beside the kernels it would only take flash. No instruction comes of it.
#[inline(always)]
pub(crate) const fn one_turn_at_a_time() {
    #[cfg(target_arch = "arm")]
    core::hint::black_box(());
}

/// `n`, as a number the compiler does not know. A loop of which it knows that there are at most eight turns it writes out
/// turn by turn, at `opt-level = 3`, whatever stands in it.
#[cfg(any(kernels = "tiles", test))]
#[inline(always)]
pub(crate) fn unknown(n: usize) -> usize {
    #[cfg(target_arch = "arm")]
    let n = core::hint::black_box(n);
    n
}
