//! Hands the linker the memory of the board that is built for.

use std::path::PathBuf;
use std::{env, fs};

fn has(feature: &str) -> bool {
    env::var_os(format!("CARGO_FEATURE_{feature}")).is_some()
}

fn main() {
    println!("cargo:rerun-if-changed=boards");
    if !has("IMAGE") || env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let board = if has("MICROBIT") { "microbit" } else { "mps2" };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let memory = PathBuf::from("boards").join(board).with_extension("x");
    fs::copy(memory, out.join("memory.x")).expect("the board's memory layout");
    // An argument and no `rustc-link-search`, which dependents get as well: another board would be linked with this memory.
    println!("cargo:rustc-link-arg-bins=-L{}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if has("DEFMT") {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
}
