//! microfit-sim

pub mod spec;
