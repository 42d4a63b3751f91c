//! Counts what a multiply-add in fixed point takes on an emulated MPS2. `microfit bench --fixed-point` builds it, runs it, and
//! reads what it logs.

#![no_std]
#![no_main]

use core::hint::black_box;

use microfit::Rng;
use microfit_firmware::fixed_point::{columns, dots, gradient, update};

#[path = "../emulated/counter.rs"]
mod counter;
use counter::count;

#[path = "../emulated/semihosted.rs"]
mod semihosted;

/// Rows as those of W2's first layer.
const FAN_IN: usize = 64;
const UNITS: usize = 32;

fn report(name: &str, instructions: u32, per: usize) {
    defmt::info!("bench name={=str} instructions={=u32} per={=u32}", name, instructions, per as u32);
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MATRIX: [i16; FAN_IN * UNITS] = [0; FAN_IN * UNITS];
    static mut WEIGHTS: [i32; FAN_IN * UNITS] = [0; FAN_IN * UNITS];
    static mut VELOCITY: [i32; FAN_IN * UNITS] = [0; FAN_IN * UNITS];
    let mut rng = Rng::new(7);
    let mut value = || (rng.next_u32() >> 20) as i16 - 2048;
    MATRIX.fill_with(&mut value);
    let x: [[i16; FAN_IN]; 2] = core::array::from_fn(|_| core::array::from_fn(|_| value()));
    let x = [&x[0][..], &x[1][..]];
    let rows = || MATRIX.as_chunks::<{ 2 * FAN_IN }>().0.iter().map(|rows| rows.split_at(FAN_IN));

    let forward = || {
        for (a, b) in rows() {
            black_box(dots(black_box([a, b]), black_box(x)));
        }
    };
    report("forward", count(forward), 2 * FAN_IN * UNITS);
    let d: [[i16; UNITS]; 2] = core::array::from_fn(|_| core::array::from_fn(|_| 1));
    let d = [&d[0][..], &d[1][..]];
    let backward = || {
        for first in (0..FAN_IN).step_by(2) {
            black_box(columns(black_box(&MATRIX[first..]), black_box(d), FAN_IN));
        }
    };
    report("backward", count(backward), 2 * FAN_IN * UNITS);
    let gradients = || {
        for row in VELOCITY.as_chunks_mut::<FAN_IN>().0 {
            gradient(row, black_box([1, -1]), black_box(x));
        }
    };
    report("gradient", count(gradients), 2 * FAN_IN * UNITS);
    report("update", count(|| update(WEIGHTS, MATRIX, VELOCITY, black_box(8), black_box(58_982))), FAN_IN * UNITS);
    semihosted::finish()
}
