//! No panic path is left in an image that calls every public operation of `microfit`: it links against a panic handler
//! that calls an undefined symbol. A planted index makes the check fail.

use microfit_sim::device::Toolchain;
use microfit_tests::device::available;

const TARGETS: [&str; 2] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf"];

/// Links the image and returns what the linker says if it does not.
fn link(target: &'static str, feature: &str, opt_level: &str, lto: &str, cpu: Option<&str>) -> Result<(), String> {
    let mut build = Toolchain::find(target).unwrap().build(target);
    build
        .args(["--profile", "firmware", "-p", "microfit-firmware", "--bin", "panic_free", "--features", feature])
        .env("CARGO_PROFILE_FIRMWARE_OPT_LEVEL", opt_level)
        .env("CARGO_PROFILE_FIRMWARE_LTO", lto)
        .env("CARGO_PROFILE_FIRMWARE_DEBUG", "false");
    if let Some(cpu) = cpu {
        let name = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
        build.env(name, format!("-C target-cpu={cpu}"));
    }
    let output = build.output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
fn no_panic_path_is_left() {
    if !available("no_panic_path_is_left", &TARGETS, false) {
        return;
    }
    for target in TARGETS {
        for (opt_level, lto) in [("3", "fat"), ("s", "fat"), ("3", "off"), ("s", "off")] {
            if let Err(error) = link(target, "panic-free", opt_level, lto, None) {
                panic!("{target} at opt-level {opt_level}, lto {lto}:\n{error}");
            }
        }
    }
}

/// What is smallest has the small kernels: those of an FPU ask whether rows have a length, at this level.
#[test]
fn nor_in_the_smallest_image() {
    if !available("nor_in_the_smallest_image", &TARGETS, false) {
        return;
    }
    for target in TARGETS {
        for lto in ["fat", "off"] {
            if let Err(error) = link(target, "panic-free,small", "z", lto, None) {
                panic!("{target}, lto {lto}:\n{error}");
            }
        }
    }
}

/// What is built for just a Cortex-M4 has kernels of its own.
#[test]
fn nor_in_an_image_for_a_cortex_m4() {
    let target = "thumbv7em-none-eabihf";
    if !available("nor_in_an_image_for_a_cortex_m4", &[target], false) {
        return;
    }
    for (opt_level, lto) in [("3", "fat"), ("3", "off"), ("2", "off")] {
        if let Err(error) = link(target, "panic-free", opt_level, lto, Some("cortex-m4")) {
            panic!("opt-level {opt_level}, lto {lto}:\n{error}");
        }
    }
}

#[test]
fn a_planted_index_is_found() {
    if !available("a_planted_index_is_found", &TARGETS, false) {
        return;
    }
    for target in TARGETS {
        let error = link(target, "planted-panic", "3", "fat", None).unwrap_err();
        assert!(error.contains("a_panic_path_is_left"), "{error}");
    }
}
