//! The boards QEMU emulates and the firmware has a binary for.

/// An emulated board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Board {
    /// What the command line and reports call it.
    pub name: &'static str,
    /// QEMU's name of the machine.
    pub machine: &'static str,
    /// Its core, for people.
    pub core: &'static str,
    /// Rust's name of the target.
    pub target: &'static str,
    /// The firmware's binary, and the feature that builds it.
    pub package: &'static str,
}

/// All of them; the first is the one used unless another is named.
pub const BOARDS: [Board; 4] = [
    Board {
        name: "mps2-an386",
        machine: "mps2-an386",
        core: "Cortex-M4F",
        target: "thumbv7em-none-eabihf",
        package: "mps2",
    },
    Board {
        name: "mps2-an385",
        machine: "mps2-an385",
        core: "Cortex-M3",
        target: "thumbv7m-none-eabi",
        package: "mps2",
    },
    Board {
        name: "mps2-an500",
        machine: "mps2-an500",
        core: "Cortex-M7",
        target: "thumbv7em-none-eabihf",
        package: "mps2",
    },
    Board {
        name: "microbit",
        machine: "microbit",
        core: "Cortex-M0",
        target: "thumbv6m-none-eabi",
        package: "microbit",
    },
];

impl Board {
    /// The board of that name.
    pub fn named(name: &str) -> Option<Self> {
        BOARDS.into_iter().find(|board| board.name == name)
    }
}
