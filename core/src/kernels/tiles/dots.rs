//! Four sums of products that share one factor: one unit of four samples.

use super::four::four_rows;
use super::loads::Triple;
use crate::multiply_add::multiply_add;
use crate::unroll::one_turn_at_a_time;

/// Four sums that share one factor: `start[k] + rows[k] . shared`, the rows being as long as that.
#[inline(always)]
pub(super) fn dot_four(start: [f32; 4], rows: &[f32], shared: &[f32]) -> [f32; 4] {
    let mut sums = start;
    let Some([r0, r1, r2, r3]) = four_rows(rows, shared.len()) else { return start };
    // Those that are no triple come first: a loop whose pointers are used behind it is the slower one.
    let single = shared.len() % 3;
    let (Some((h0, r0)), Some((h1, r1)), Some((h2, r2)), Some((h3, r3)), Some((head, shared))) = (
        r0.split_at_checked(single),
        r1.split_at_checked(single),
        r2.split_at_checked(single),
        r3.split_at_checked(single),
        shared.split_at_checked(single),
    ) else {
        return start;
    };
    for nested!(v w0 w1 w2 w3) in head.iter().zip(h0).zip(h1).zip(h2).zip(h3) {
        let [s0, s1, s2, s3] = sums;
        sums = [
            multiply_add(s0, *w0, *v),
            multiply_add(s1, *w1, *v),
            multiply_add(s2, *w2, *v),
            multiply_add(s3, *w3, *v),
        ];
        one_turn_at_a_time();
    }
    if let (Some((a, r0)), Some((b, r1)), Some((c, r2)), Some((d, r3)), Some((v, shared))) =
        (Triple::first(r0), Triple::first(r1), Triple::first(r2), Triple::first(r3), Triple::first(shared))
    {
        dot_four_triples(a, b, c, d, v, &[r0, r1, r2, r3], shared, &mut sums);
    }
    sums
}

/// Three terms a turn, the first of which are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
extern "C" fn dot_four_triples(
    mut a: Triple,
    mut b: Triple,
    mut c: Triple,
    mut d: Triple,
    mut v: Triple,
    rows: &[&[f32]; 4],
    shared: &[f32],
    sums: &mut [f32; 4],
) {
    let [mut s0, mut s1, mut s2, mut s3] = *sums;
    let [r0, r1, r2, r3] = *rows;
    let (n, mut shared) = (shared.len(), shared);
    let (Some(mut r0), Some(mut r1), Some(mut r2), Some(mut r3)) = (r0.get(..n), r1.get(..n), r2.get(..n), r3.get(..n))
    else {
        return;
    };
    loop {
        macro_rules! add {
            ($($k:ident)*) => {
                $(
                    s0 = multiply_add(s0, a.$k, v.$k);
                    s1 = multiply_add(s1, b.$k, v.$k);
                    s2 = multiply_add(s2, c.$k, v.$k);
                    s3 = multiply_add(s3, d.$k, v.$k);
                )*
            };
        }
        add!(k0 k1 k2);
        let Some((next, rest)) = Triple::first(shared) else { break };
        let Some((next_a, rest0)) = Triple::first(r0) else { break };
        let Some((next_b, rest1)) = Triple::first(r1) else { break };
        let Some((next_c, rest2)) = Triple::first(r2) else { break };
        let Some((next_d, rest3)) = Triple::first(r3) else { break };
        (a, b, c, d, v) = (next_a, next_b, next_c, next_d, next);
        (r0, r1, r2, r3, shared) = (rest0, rest1, rest2, rest3, rest);
        one_turn_at_a_time();
    }
    *sums = [s0, s1, s2, s3];
}
