//! The sums of units.

use super::octets::{Arrays, Octets};
use super::{LANES, TILE, at, columns, widest};
use crate::matrix::{rows, rows_mut};

/// `y = W x + b` for every sample.
pub(crate) fn forward(weights: &[f32], biases: &[f32], inputs: &[f32], outputs: &mut [f32], fan_in: usize) {
    #[cfg(target_arch = "x86_64")]
    if let pulp::Arch::V3(v3) = pulp::Arch::new() {
        return v3.vectorize(
            #[inline(always)]
            || forward_all(v3, weights, biases, inputs, outputs, fan_in),
        );
    }
    widest(
        #[inline(always)]
        || forward_all(Arrays, weights, biases, inputs, outputs, fan_in),
    );
}

#[inline(always)]
fn forward_all(
    octets: impl Octets,
    weights: &[f32],
    biases: &[f32],
    inputs: &[f32],
    outputs: &mut [f32],
    fan_in: usize,
) {
    let units = biases.len();
    let (mut x, mut y) = (inputs, outputs);
    while fan_in > 0
        && y.len() >= TILE * units
        && let Some((four, rest)) = x.split_at_checked(TILE * fan_in)
    {
        let (results, y_rest) = y.split_at_mut_checked(TILE * units).unwrap_or_default();
        forward_four(octets, weights, biases, four, results, fan_in);
        (x, y) = (rest, y_rest);
    }
    for (x, y) in rows(x, fan_in).zip(rows_mut(y, units)) {
        forward_one(octets, weights, biases, x, y, fan_in);
    }
}

/// Four samples, a vector of units each.
#[inline(always)]
fn forward_four(octets: impl Octets, weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let units = biases.len();
    let x = columns(x, fan_in, 0, fan_in);
    let mut first = 0;
    while first < units {
        // The last eight units may be some of those before them again.
        let from = if units < LANES { first } else { first.min(units - LANES) };
        let (w, b) = (weights.get(from * fan_in..).unwrap_or_default(), biases.get(from..).unwrap_or_default());
        let n = if let Some(b) = b.first_chunk() {
            set(y, units, from, dots_of_four(octets, columns(w, fan_in, 0, fan_in), x, *b));
            LANES
        } else {
            let row = w.get(..fan_in).unwrap_or_default();
            set(y, units, from, dots_of_unit(row, x, at(b, 0)).map(|sum| [sum]));
            1
        };
        first = from + n;
    }
}

/// Sets the columns from `first` on of four rows.
#[inline(always)]
fn set<const N: usize>(y: &mut [f32], width: usize, first: usize, values: [[f32; N]; TILE]) {
    for (s, values) in values.into_iter().enumerate() {
        if let Some(y) = y.get_mut(s * width + first..).and_then(<[f32]>::first_chunk_mut) {
            *y = values;
        }
    }
}

/// Makes a function for `b + w . x` of eight units, as many samples as are named.
macro_rules! dots {
    ($(#[$doc:meta])* $name:ident, $samples:literal, $($x:ident $blocks:ident $rest:ident $sum:ident),*) => {
        $(#[$doc])*
        #[inline(always)]
        fn $name(
            octets: impl Octets,
            w: [&[f32]; LANES],
            x: [&[f32]; $samples],
            b: [f32; LANES],
        ) -> [[f32; LANES]; $samples] {
            let ([$($x),*], [$(mut $sum),*]) = (x, [octets.of(b); $samples]);
            $( let ($blocks, $rest) = $x.as_chunks::<LANES>(); )*
            let [w0, w1, w2, w3, w4, w5, w6, w7] = w.map(<[f32]>::as_chunks::<LANES>);
            let turns = w0.0.iter().zip(w1.0).zip(w2.0).zip(w3.0).zip(w4.0).zip(w5.0).zip(w6.0).zip(w7.0);
            $( let turns = turns.zip($blocks); )*
            for nested!(w0 w1 w2 w3 w4 w5 w6 w7 $($x)*) in turns {
                let [w0, w1, w2, w3, w4, w5, w6, w7] = octets.columns([w0, w1, w2, w3, w4, w5, w6, w7]);
                $( $sum = octets.multiply_add($sum, w0, octets.splat($x[0])); )*
                $( $sum = octets.multiply_add($sum, w1, octets.splat($x[1])); )*
                $( $sum = octets.multiply_add($sum, w2, octets.splat($x[2])); )*
                $( $sum = octets.multiply_add($sum, w3, octets.splat($x[3])); )*
                $( $sum = octets.multiply_add($sum, w4, octets.splat($x[4])); )*
                $( $sum = octets.multiply_add($sum, w5, octets.splat($x[5])); )*
                $( $sum = octets.multiply_add($sum, w6, octets.splat($x[6])); )*
                $( $sum = octets.multiply_add($sum, w7, octets.splat($x[7])); )*
            }
            let turns = w0.1.iter().zip(w1.1).zip(w2.1).zip(w3.1).zip(w4.1).zip(w5.1).zip(w6.1).zip(w7.1);
            $( let turns = turns.zip($rest); )*
            for nested!(w0 w1 w2 w3 w4 w5 w6 w7 $($x)*) in turns {
                let w = octets.of([*w0, *w1, *w2, *w3, *w4, *w5, *w6, *w7]);
                $( $sum = octets.multiply_add($sum, w, octets.splat(*$x)); )*
            }
            [$(octets.values($sum)),*]
        }
    };
}

dots!(
    /// Four samples.
    dots_of_four, 4, x0 b0 r0 s0, x1 b1 r1 s1, x2 b2 r2 s2, x3 b3 r3 s3
);
dots!(
    /// One sample.
    dots_of_one, 1, x0 b0 r0 s0
);

/// One unit, four samples.
#[inline(always)]
fn dots_of_unit(w: &[f32], x: [&[f32]; TILE], b: f32) -> [f32; TILE] {
    let [x0, x1, x2, x3] = x;
    let [mut s0, mut s1, mut s2, mut s3] = [b; TILE];
    for nested!(w x0 x1 x2 x3) in w.iter().zip(x0).zip(x1).zip(x2).zip(x3) {
        s0 += w * x0;
        s1 += w * x1;
        s2 += w * x2;
        s3 += w * x3;
    }
    [s0, s1, s2, s3]
}

/// One sample, a vector of units.
#[inline(always)]
fn forward_one(octets: impl Octets, weights: &[f32], biases: &[f32], x: &[f32], y: &mut [f32], fan_in: usize) {
    let mut rest = weights;
    let (y_tiles, y_rest) = y.as_chunks_mut::<LANES>();
    let (b_tiles, b_rest) = biases.as_chunks::<LANES>();
    for (y, b) in y_tiles.iter_mut().zip(b_tiles) {
        [*y] = dots_of_one(octets, columns(rest, fan_in, 0, fan_in), [x], *b);
        rest = rest.get(LANES * fan_in..).unwrap_or_default();
    }
    for ((y, b), w) in y_rest.iter_mut().zip(b_rest).zip(rows(rest, fan_in)) {
        let mut sum = *b;
        for (w, x) in w.iter().zip(x) {
            sum += w * x;
        }
        *y = sum;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::rng::Rng;

    /// The other tests see only what this processor takes.
    #[test]
    fn arrays_and_instructions_agree_to_the_bit() {
        let mut rng = Rng::new(8);
        for (fan_in, units, n) in [(1, 8, 4), (7, 9, 5), (8, 10, 4), (34, 34, 7), (67, 16, 1), (64, 7, 3)] {
            let mut values = |len: usize| -> std::vec::Vec<f32> { (0..len).map(|_| 2.0 * rng.unit() - 1.0).collect() };
            let (w, b, x) = (values(units * fan_in), values(units), values(n * fan_in));
            let (mut dispatched, mut arrays) = (std::vec![0.0; n * units], std::vec![1.0; n * units]);
            forward(&w, &b, &x, &mut dispatched, fan_in);
            forward_all(Arrays, &w, &b, &x, &mut arrays, fan_in);
            assert_eq!(dispatched, arrays, "{fan_in} {units} {n}");
        }
    }
}
