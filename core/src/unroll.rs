//! How far loops are unrolled, and where they end.

/// Keeps LLVM from unrolling the loop it stands in, on a Cortex-M. In a kernel it would hoist the loads of several turns and
/// spill the sums; in loops that take no time beside the kernels it would only take flash. No instruction comes of it.
#[inline(always)]
pub(crate) const fn one_turn_at_a_time() {
    #[cfg(target_arch = "arm")]
    core::hint::black_box(());
}

/// `n`, as a number the compiler does not know. A loop of which it knows that there are at most eight turns it writes out
/// turn by turn, at `opt-level = 3`, whatever stands in it.
#[cfg(any(kernels = "tiles", kernels = "apart", test))]
#[inline(always)]
pub(crate) fn unknown(n: usize) -> usize {
    #[cfg(target_arch = "arm")]
    let n = core::hint::black_box(n);
    n
}

/// Keeps LLVM from turning around the loop it stands in, in front of where that ends: it does so with loops that have no more than
/// some sixteen instructions up to there, and then steps pointers apart from their loads. No instruction comes of it.
#[cfg(any(kernels = "tiles", test))]
#[inline(always)]
pub(crate) const fn keep_the_end_in_the_middle() {
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
    one_turn_at_a_time();
}
