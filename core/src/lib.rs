#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod error;
mod math;
pub mod schedule;

pub use error::{Buffer, Error, Requirement};

/// Evaluates a constructor at compile time: what it would refuse does not build.
///
/// Constructors of this crate return a [`Result`], because the simulator and a configurable device make them from
/// input. Where the arguments are constants this macro takes the value out without a panic path in the image.
///
/// ```
/// use microfit::{checked, schedule::TimeBased};
///
/// const RATE: TimeBased = checked!(TimeBased::new(0.1, 0.002));
/// ```
///
/// ```compile_fail
/// use microfit::{checked, schedule::TimeBased};
///
/// const RATE: TimeBased = checked!(TimeBased::new(-0.1, 0.002)); // no negative rates
/// ```
#[macro_export]
macro_rules! checked {
    ($constructor:expr) => {
        const {
            match $constructor {
                Ok(value) => value,
                Err(_) => panic!("microfit: a parameter of this constructor is out of range"),
            }
        }
    };
}
