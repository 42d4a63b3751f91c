//! The gradient, four samples at a time: what a unit's row of it takes from those of the four that have a delta.

use core::cell::Cell;

use super::super::TILE;
use super::loads::Quad;
use super::products::add_products;
use crate::matrix::rows;
use crate::multiply_add::multiply_add;
use crate::unroll::{keep_the_end_in_the_middle, one_turn_at_a_time};

/// Inputs a turn takes: with four samples' values of each they fill the registers that hold arguments.
const THREE: usize = 3;

/// Adds every sample's `d x` to the weights' gradient and `d` to the biases'.
#[inline(never)]
pub(crate) fn gradient(
    weight_gradient: &mut [f32],
    bias_gradient: &mut [f32],
    inputs: &[f32],
    deltas: &[f32],
    fan_in: usize,
) {
    let units = bias_gradient.len();
    let (mut x, mut d) = (inputs, deltas);
    while let (Some((inputs, x_rest)), Some((deltas, d_rest))) =
        (x.split_at_checked(TILE * fan_in), d.split_at_checked(TILE * units))
        && !inputs.is_empty()
        && !deltas.is_empty()
    {
        add_four(weight_gradient, bias_gradient, inputs, deltas.as_chunks().0, fan_in);
        (x, d) = (x_rest, d_rest);
    }
    for (x, d) in rows(x, fan_in).zip(rows(d, units)) {
        add_products(weight_gradient, bias_gradient, x, d);
    }
}

/// Of four samples.
#[inline(always)]
fn add_four(weights: &mut [f32], biases: &mut [f32], x: &[f32], deltas: &[[f32; TILE]], fan_in: usize) {
    let cells = Cell::from_mut(weights).as_slice_of_cells();
    add_to_rows(cells, x, deltas, fan_in);
    add_to_columns(cells, Cell::from_mut(biases).as_slice_of_cells(), x, deltas, fan_in);
}

/// The inputs that are whole turns, unit by unit.
#[inline(never)]
fn add_to_rows(weights: &[Cell<f32>], x: &[f32], deltas: &[[f32; TILE]], fan_in: usize) {
    let Some((first, turns)) = x.as_chunks().0.split_first() else { return };
    // Chunks of nothing are a panic.
    if fan_in == 0 {
        return;
    }
    for (row, deltas) in weights.chunks_exact(fan_in).zip(deltas.iter()) {
        let [d0, d1, d2, d3] = deltas.map(f32::to_bits);
        // 32 leading zeros are a zero. To compare takes longer.
        let bit = |delta: u32, at: u32| (delta.leading_zeros() & 32) << at;
        let inactive = (bit(d0, 0) | bit(d1, 1) | bit(d2, 2) | bit(d3, 3)) / 32;
        let (Some(Some(add)), row) = (TURNS.get(inactive as usize), row.as_chunks().0) else { continue };
        let Some((g, next)) = row.split_first() else { return };
        one_turn_at_a_time();
        let [x0, x1, x2] = three(*first);
        one_turn_at_a_time();
        let g = Triple::get(g);
        one_turn_at_a_time();
        add(g, x0, x1, x2, row, next, &turns, deltas);
    }
}

/// The inputs that are in no turn, each for all units, and the biases.
#[inline(never)]
fn add_to_columns(weights: &[Cell<f32>], biases: &[Cell<f32>], x: &[f32], deltas: &[[f32; TILE]], fan_in: usize) {
    let (turns, rest) = x.as_chunks::<{ THREE * TILE }>();
    let Some((first, others)) = deltas.split_first() else { return };
    let (d, start) = (Quad::of(*first), THREE * turns.len());
    let column = |at| weights.get(start + at..).unwrap_or_default();
    match rest.as_chunks().0 {
        [] => add_deltas(d, biases, others),
        [x] => add_column_and_deltas(Quad::of(*x), d, column(0), biases, others, fan_in),
        [x, y, ..] => {
            add_column(Quad::of(*x), d, column(0), others, fan_in);
            add_column_and_deltas(Quad::of(*y), d, column(1), biases, others, fan_in);
        }
    }
}

#[inline(always)]
fn add_to_weight(g: &Cell<f32>, d: Quad, x: Quad) {
    let sum = multiply_add(multiply_add(g.get(), d.s0, x.s0), d.s1, x.s1);
    g.set(multiply_add(multiply_add(sum, d.s2, x.s2), d.s3, x.s3));
}

#[inline(always)]
fn add_to_bias(g: &Cell<f32>, d: Quad) {
    g.set(g.get() + d.s0 + d.s1 + d.s2 + d.s3);
}

/// To the biases. The first unit's deltas are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn add_deltas(mut d: Quad, biases: &[Cell<f32>], others: &[[f32; TILE]]) {
    let mut others = others.iter();
    for bias in biases {
        add_to_bias(bias, d);
        keep_the_end_in_the_middle();
        let Some(next) = others.next() else { return };
        d = Quad::of(*next);
        one_turn_at_a_time();
    }
}

/// To an input's weights and to the biases. The first unit's deltas are here already.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn add_column_and_deltas(
    x: Quad,
    mut d: Quad,
    columns: &[Cell<f32>],
    biases: &[Cell<f32>],
    deltas: &[[f32; TILE]],
    fan_in: usize,
) {
    let (Some((mut g, below)), Some((mut bias, biases))) = (columns.split_first(), biases.split_first()) else {
        return;
    };
    if fan_in == 0 {
        return;
    }
    let mut units = deltas.iter().zip(biases).zip(below.chunks_exact(fan_in));
    loop {
        add_to_weight(g, d, x);
        add_to_bias(bias, d);
        keep_the_end_in_the_middle();
        let Some(((deltas, next_bias), row)) = units.next() else { return };
        let Some(next) = row.last() else { return };
        one_turn_at_a_time();
        d = Quad::of(*deltas);
        one_turn_at_a_time();
        (g, bias) = (next, next_bias);
    }
}

/// To an input's weights only.
#[inline(never)]
#[allow(improper_ctypes_definitions)] // Rust calls it. See `loads`.
extern "C" fn add_column(x: Quad, mut d: Quad, columns: &[Cell<f32>], deltas: &[[f32; TILE]], fan_in: usize) {
    let Some((mut g, below)) = columns.split_first() else { return };
    if fan_in == 0 {
        return;
    }
    let mut units = deltas.iter().zip(below.chunks_exact(fan_in));
    loop {
        add_to_weight(g, d, x);
        keep_the_end_in_the_middle();
        let Some((deltas, row)) = units.next() else { return };
        let Some(next) = row.last() else { return };
        d = Quad::of(*deltas);
        g = next;
        one_turn_at_a_time();
    }
}

/// Three values.
#[derive(Clone, Copy)]
#[repr(C)]
struct Triple {
    k0: f32,
    k1: f32,
    k2: f32,
}

impl Triple {
    #[inline(always)]
    fn get(cells: &[Cell<f32>; 3]) -> Self {
        let [a, b, c] = cells;
        Self { k0: a.get(), k1: b.get(), k2: c.get() }
    }

    #[inline(always)]
    fn set(self, cells: &[Cell<f32>; 3]) {
        let [a, b, c] = cells;
        a.set(self.k0);
        b.set(self.k1);
        c.set(self.k2);
    }
}

#[inline(always)]
fn three(values: [f32; THREE * TILE]) -> [Quad; THREE] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = values;
    [Quad::of([a, b, c, d]), Quad::of([e, f, g, h]), Quad::of([i, j, k, l])]
}

/// See [`turns`].
#[allow(improper_ctypes_definitions)] // As there.
type Turns = extern "C" fn(
    Triple,
    Quad,
    Quad,
    Quad,
    &[[Cell<f32>; THREE]],
    &[[Cell<f32>; THREE]],
    &&[[f32; THREE * TILE]],
    &[f32; TILE],
);

/// Three inputs a turn, the first of which are here already, of the samples that are named: `row` is where they go, `next` where those
/// of the next turns come from. Whatever the samples, all values of a turn are loaded, as that is one instruction.
macro_rules! turns {
    ($($name:ident($($lane:ident)*)),* $(,)?) => {
        $(
            #[inline(never)]
            #[allow(improper_ctypes_definitions, clippy::too_many_arguments)] // Rust calls it. See `loads`.
            extern "C" fn $name(
                mut g: Triple,
                mut x0: Quad,
                mut x1: Quad,
                mut x2: Quad,
                row: &[[Cell<f32>; THREE]],
                next: &[[Cell<f32>; THREE]],
                x: &&[[f32; THREE * TILE]],
                deltas: &[f32; TILE],
            ) {
                let (d, n, mut next, turns) = (Quad::of(*deltas), next.len(), next, *x);
                let (Some(last), Some(mut row)) = (row.get(n), row.get(..n)) else { return };
                // What arguments point to is loaded before the last comparison, several values at once.
                one_turn_at_a_time();
                let Some(mut x) = turns.get(..n) else { return };
                loop {
                    $(
                        g.k0 = multiply_add(g.k0, d.$lane, x0.$lane);
                        g.k1 = multiply_add(g.k1, d.$lane, x1.$lane);
                        g.k2 = multiply_add(g.k2, d.$lane, x2.$lane);
                    )*
                    keep_the_end_in_the_middle();
                    let Some((from, next_rest)) = next.split_first() else { break };
                    let Some((inputs, x_rest)) = x.split_first() else { break };
                    let Some((to, row_rest)) = row.split_first() else { break };
                    g.set(to);
                    // What is loaded together stands by itself.
                    one_turn_at_a_time();
                    g = Triple::get(from);
                    one_turn_at_a_time();
                    [x0, x1, x2] = three(*inputs);
                    one_turn_at_a_time();
                    (row, next, x) = (row_rest, next_rest, x_rest);
                }
                // So that LLVM does not leave out of a turn's values those that are not used.
                if [$(d.$lane),*].len() < TILE {
                    core::hint::black_box((x0, x1, x2));
                }
                g.set(last);
            }
        )*
    };
}

turns! {
    of_0(s0), of_1(s1), of_01(s0 s1), of_2(s2), of_02(s0 s2), of_12(s1 s2), of_012(s0 s1 s2), of_3(s3),
    of_03(s0 s3), of_13(s1 s3), of_013(s0 s1 s3), of_23(s2 s3), of_023(s0 s2 s3), of_123(s1 s2 s3), of_0123(s0 s1 s2 s3),
}

/// By which of the four samples have no delta: a bit each.
static TURNS: [Option<Turns>; 16] = [
    Some(of_0123),
    Some(of_123),
    Some(of_023),
    Some(of_23),
    Some(of_013),
    Some(of_13),
    Some(of_03),
    Some(of_3),
    Some(of_012),
    Some(of_12),
    Some(of_02),
    Some(of_2),
    Some(of_01),
    Some(of_1),
    Some(of_0),
    None,
];
