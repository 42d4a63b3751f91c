//! Says in one place whether the target computes floats in software, `cfg(soft_float)`, and chooses the kernels:
//! `cfg(kernels = "...")` is what `src/kernels/mod.rs` names its modules by.

fn main() {
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let small = std::env::var_os("CARGO_FEATURE_SMALL").is_some();
    // Only Arm's targets say whether there is an FPU.
    let soft_float = target("ARCH") == "arm" && target("ABI") != "eabihf";
    // For tests on a computer, and there only: `MICROFIT_KERNELS=tiles cargo test`.
    let asked = std::env::var("MICROFIT_KERNELS").unwrap_or_default();
    let kernels = match &*target("OS") {
        "none" if small || soft_float => "plain",
        "none" if has_slow_vmla() => "apart",
        "none" => "tiles",
        _ => match &*asked {
            "" => "vectors",
            "plain" | "tiles" | "apart" | "vectors" => &asked,
            _ => panic!("MICROFIT_KERNELS: expected plain, tiles, apart or vectors, found {asked}"),
        },
    };
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MICROFIT_KERNELS");
    println!("cargo::rustc-check-cfg=cfg(kernels, values(\"plain\", \"tiles\", \"apart\", \"vectors\"))");
    println!("cargo::rustc-cfg=kernels=\"{kernels}\"");
    println!("cargo::rustc-check-cfg=cfg(soft_float)");
    if soft_float {
        println!("cargo::rustc-cfg=soft_float");
    }
}

/// Whether the compiler is told to build for a Cortex-M4, on which a `vmla` takes as long as three other instructions, and a `vmul`
/// and a `vadd` are taken instead: no `cfg` tells. Built for size, the kernels for it lose to the others what they gain, and more.
fn has_slow_vmla() -> bool {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace("target_cpu=", "target-cpu=");
    let cpu = flags.split('\x1f').filter_map(|flag| flag.split_once("target-cpu=")).next_back();
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    cpu.is_some_and(|(_, cpu)| cpu == "cortex-m4") && !matches!(&*level, "s" | "z")
}
