//! The processor that measurements come from.

use std::fs;

/// Its model, as Linux tells it, and the vector instructions it has.
pub(super) fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model(&info).unwrap_or(std::env::consts::ARCH);
    format!("{model} ({})", features().join(", "))
}

/// The first processor's model in `/proc/cpuinfo`.
fn model(info: &str) -> Option<&str> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let all = [
        ("sse2", true),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    all.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    vec![std::env::consts::ARCH]
}

#[cfg(test)]
mod tests {
    use super::model;

    #[test]
    fn the_first_model_that_linux_tells() {
        let info = "processor\t: 0\nmodel name\t: A CPU @ 2.4 GHz: new\n\nprocessor\t: 1\nmodel name\t: B\n";
        assert_eq!(model(info), Some("A CPU @ 2.4 GHz: new"));
        assert_eq!(model("CPU implementer\t: 0x41\n"), None);
    }
}
