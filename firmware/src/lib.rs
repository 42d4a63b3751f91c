//! microfit-firmware
