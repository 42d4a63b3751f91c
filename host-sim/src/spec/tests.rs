use super::*;
use microfit::schedule::{self as s, Finite, keras, optax, paper, timm, torch, transformers};

fn error(spec: &str) -> SpecError {
    parse_any(spec).err().unwrap_or_else(|| panic!("{spec}: should be refused"))
}
