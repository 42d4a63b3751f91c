//! What optimizers with moments share: the state's arrays, the decays' powers, and the check of their parameters.

use crate::error::{Error, Requirement, require};

/// The first `N` arrays of the state, each of `len` floats; empty where the state is too short.
pub(super) fn arrays<const N: usize>(state: &mut [f32], len: usize) -> [&mut [f32]; N] {
    let mut rest = state;
    core::array::from_fn(|_| {
        let (array, tail) = core::mem::take(&mut rest).split_at_mut_checked(len).unwrap_or_default();
        rest = tail;
        array
    })
}

/// Refuses decays outside `[0, 1)`, and an `eps` that is not finite and above 0.
pub(super) const fn check_moments(beta1: f64, beta2: f64, eps: f32) -> Result<(), Error> {
    match (
        require("beta1", Requirement::Fraction, beta1),
        require("beta2", Requirement::Fraction, beta2),
        require("eps", Requirement::Positive, eps as f64),
    ) {
        (Ok(()), Ok(()), eps) => eps,
        (Err(error), ..) | (_, Err(error), _) => Err(error),
    }
}

/// `decay^t`, by squaring: in f64, because 1 minus it, at a decay of 0.999, has four digits less than the power.
pub(super) fn power(decay: f64, mut t: u32) -> f64 {
    let (mut power, mut square) = (1.0, decay);
    while t > 0 {
        if t & 1 == 1 {
            power *= square;
        }
        square *= square;
        t >>= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_one_after_the_other() {
        let mut state = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(arrays::<2>(&mut state, 2), [&[1.0, 2.0], &[3.0, 4.0]]);
        assert_eq!(arrays::<3>(&mut state, 2)[2], [0.0; 0]);
    }

    #[test]
    fn powers_are_those_of_libm() {
        for t in [0, 1, 2, 3, 10, 99, 1000, 65_537] {
            let expected = libm::pow(0.999, f64::from(t));
            assert!((power(0.999, t) / expected - 1.0).abs() < 1e-12, "{t}");
        }
        assert_eq!(power(0.9, u32::MAX), 0.0);
    }
}
