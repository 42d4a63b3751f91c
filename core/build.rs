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
        "none" => "tiles",
        _ => match &*asked {
            "" => "vectors",
            "plain" | "tiles" | "vectors" => &asked,
            _ => panic!("MICROFIT_KERNELS: expected plain, tiles or vectors, found {asked}"),
        },
    };
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MICROFIT_KERNELS");
    println!("cargo::rustc-check-cfg=cfg(kernels, values(\"plain\", \"tiles\", \"vectors\"))");
    println!("cargo::rustc-cfg=kernels=\"{kernels}\"");
    println!("cargo::rustc-check-cfg=cfg(soft_float)");
    if soft_float {
        println!("cargo::rustc-cfg=soft_float");
    }
}
