//! microfit-tests
