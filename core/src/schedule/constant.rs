//! A rate that does not change.

use super::Schedule;
use crate::error::Error;

/// `rate(t) = lr`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Constant {
    lr: f64,
    /// `lr` as an f32: rounded when it is made, in a `const` by the compiler, so that no routine for f64 is linked.
    rate: f32,
}

impl Constant {
    /// The rate `lr`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `lr` is finite and not negative.
    pub const fn new(lr: f64) -> Result<Self, Error> {
        require_all!("lr": NonNegative = lr);
        Ok(Self { lr, rate: lr as f32 })
    }
}

impl Schedule for Constant {
    fn value(&self, _step: u32) -> f64 {
        self.lr
    }

    fn rate(&self, _step: u32) -> f32 {
        self.rate
    }
}

/// A rate that does not change: [`Constant::new`].
///
/// # Errors
/// [`Error::Parameter`] unless `lr` is finite and not negative.
pub const fn constant(lr: f64) -> Result<Constant, Error> {
    Constant::new(lr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays() {
        let schedule = Constant::new(0.1).unwrap();
        assert_eq!(schedule.rate(0).to_bits(), 0.1_f32.to_bits());
        assert_eq!(schedule.rate(u32::MAX), schedule.rate(0));
    }

    #[test]
    fn refuses_what_is_no_rate() {
        for lr in [f64::NAN, f64::INFINITY, -0.1] {
            assert!(matches!(Constant::new(lr), Err(Error::Parameter { name: "lr", .. })));
        }
    }
}
