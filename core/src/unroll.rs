//! How far loops are unrolled.

/// Keeps LLVM from unrolling the loop it stands in, on a Cortex-M. In a kernel it would hoist the loads of several turns and
/// spill the sums; in loops that take no time beside the kernels it would only take flash. No instruction comes of it.
#[inline(always)]
pub(crate) fn one_turn_at_a_time() {
    #[cfg(target_arch = "arm")]
    core::hint::black_box(());
}
