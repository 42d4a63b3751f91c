//! microfit-sim
