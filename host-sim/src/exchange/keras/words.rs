//! What Keras calls its activations and losses.

use serde_json::Value;

use super::graph::Entry;
use crate::exchange::error::ModelError;

pub(super) fn leaky(slope: f64) -> String {
    if slope == 0.0 { "relu".into() } else { format!("leaky-relu({})", slope as f32) }
}

/// The configuration's `activation` in microfit's words.
pub(super) fn named_activation(entry: &Entry, version: Option<&str>) -> Result<String, ModelError> {
    let value = entry.config.get("activation").unwrap_or(&Value::Null);
    // A function is written by its name, alone or in an object.
    let name = match value {
        Value::Null => "linear",
        Value::String(name) => name,
        value => value.get("config").and_then(Value::as_str).unwrap_or_default(),
    };
    Ok(match name {
        "linear" | "relu" | "elu" | "selu" | "sigmoid" | "tanh" | "softsign" | "softplus" | "gelu" | "softmax" => {
            name.to_owned()
        }
        "silu" | "swish" => "silu".to_owned(),
        "leaky_relu" => "leaky-relu(0.2)".to_owned(),
        "hard_sigmoid" if version.is_none_or(|version| !version.starts_with(['1', '2'])) => "hard-sigmoid".to_owned(),
        "hard_sigmoid" => {
            return Err(entry.refuse("an activation of Keras 3", "hard_sigmoid of Keras 2, which is another function"));
        }
        _ => {
            let found = if name.is_empty() { value.to_string() } else { name.to_owned() };
            return Err(entry.refuse("an activation that microfit has", found));
        }
    })
}

/// A loss by its name.
pub(super) fn loss_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(name) => Some(name.clone()),
        Value::Object(object) => match (object.get("config"), object.get("class_name")) {
            (Some(Value::String(name)), _) | (_, Some(Value::String(name))) => Some(name.clone()),
            _ => Some(value.to_string()),
        },
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn losses_have_their_names() {
        let of = |loss: Value| loss_of(&loss);
        assert_eq!(of(json!("mse")).unwrap(), "mse");
        assert_eq!(of(json!({ "class_name": "Huber", "config": { "delta": 1.0 } })).unwrap(), "Huber");
        let function = json!({ "module": "builtins", "class_name": "function", "config": "mean_absolute_error" });
        assert_eq!(of(function).unwrap(), "mean_absolute_error");
        assert_eq!(of(json!(null)), None);
    }
}
