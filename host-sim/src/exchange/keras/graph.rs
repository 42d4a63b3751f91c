//! The layers of a Keras model in the order in which a sample goes through them.

use serde_json::Value;

use crate::exchange::error::ModelError;

/// A layer as the configuration lists it.
pub(super) struct Entry<'a> {
    pub(super) class: &'a str,
    pub(super) name: &'a str,
    pub(super) config: &'a Value,
    /// Sides of what it was built for, the batch included.
    pub(super) rank: Option<usize>,
}

impl Entry<'_> {
    pub(super) fn refuse(&self, expected: impl Into<String>, found: impl Into<String>) -> ModelError {
        ModelError::Layer { layer: self.name.to_owned(), expected: expected.into(), found: found.into() }
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.config.get(key).and_then(Value::as_f64)
    }
}

/// The layers in the order in which a sample goes through them.
pub(super) fn entries(model: &Value) -> Result<Vec<Entry<'_>>, ModelError> {
    let missing =
        |what: &str| ModelError::Format { expected: "the configuration of a Keras model", found: format!("no {what}") };
    let class = model.get("class_name").and_then(Value::as_str).ok_or_else(|| missing("class_name"))?;
    let layers = model.get("config").and_then(|config| match config {
        // Keras before 2.2.3.
        Value::Array(_) => Some(config),
        config => config.get("layers"),
    });
    let layers = layers.and_then(Value::as_array).ok_or_else(|| missing("layers"))?;
    let mut entries = Vec::with_capacity(layers.len());
    for layer in layers {
        let class = layer.get("class_name").and_then(Value::as_str).ok_or_else(|| missing("class of a layer"))?;
        let config = layer.get("config").ok_or_else(|| missing("configuration of a layer"))?;
        let name = config.get("name").or_else(|| layer.get("name")).and_then(Value::as_str).unwrap_or_default();
        let built = layer.get("build_config").and_then(|built| built.get("input_shape")?.as_array());
        entries.push((Entry { class, name, config, rank: built.map(Vec::len) }, layer));
    }
    let refuse = |expected: &str, found| ModelError::Layer {
        layer: model.get("config").and_then(|config| config.get("name")?.as_str()).unwrap_or_default().to_owned(),
        expected: expected.into(),
        found,
    };
    match class {
        "Sequential" => Ok(entries.into_iter().map(|(entry, _)| entry).collect()),
        "Functional" | "Model" => {
            // A layer in the chain may be an output too, of which the chain says nothing.
            let mut outputs = Vec::new();
            inbound(
                model.get("config").and_then(|config| config.get("output_layers")).unwrap_or(&Value::Null),
                &mut outputs,
            );
            if outputs.len() > 1 {
                return Err(refuse("a model of one output", format!("{}: {}", outputs.len(), outputs.join(", "))));
            }
            chained(entries)
        }
        other => Err(refuse("a model of the class Sequential or Functional", other.into())),
    }
}

/// The layers of a graph that is a chain.
fn chained<'a>(mut entries: Vec<(Entry<'a>, &'a Value)>) -> Result<Vec<Entry<'a>>, ModelError> {
    let mut chain: Vec<Entry> = Vec::with_capacity(entries.len());
    while !entries.is_empty() {
        let last = chain.last().map(|entry| entry.name);
        let mut next = None;
        for (at, (entry, layer)) in entries.iter().enumerate() {
            let mut before = Vec::new();
            inbound(layer.get("inbound_nodes").unwrap_or(&Value::Null), &mut before);
            match (before.as_slice(), last) {
                ([], None) => next = next.or(Some(at)),
                ([], Some(_)) => return Err(entry.refuse("one input", "another one")),
                ([one], Some(last)) if *one == last => {
                    if next.replace(at).is_some() {
                        return Err(entry.refuse("a chain of layers", format!("a branch behind `{last}`")));
                    }
                }
                ([_], _) => {}
                (many, _) => return Err(entry.refuse("a chain of layers", format!("{} layers before it", many.len()))),
            }
        }
        let Some(next) = next else {
            let (entry, _) = &entries[0];
            return Err(entry.refuse("a chain of layers", "a layer that none leads to"));
        };
        chain.push(entries.remove(next).0);
    }
    Ok(chain)
}

/// The layers that a layer is called on, or that a model's outputs are of: Keras 3 writes objects with a `keras_history`, Keras 2 lists that begin with a name and
/// two numbers.
fn inbound<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    match value {
        Value::Array(values) => match values.as_slice() {
            [Value::String(name), Value::Number(_), Value::Number(_), ..] => names.push(name),
            values => values.iter().for_each(|value| inbound(value, names)),
        },
        Value::Object(object) => match object.get("keras_history") {
            Some(history) => inbound(history, names),
            None => object.values().for_each(|value| inbound(value, names)),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A layer and those before it.
    type Edges<'a> = (&'a str, &'a [&'a str]);

    /// A graph in the words of Keras 2, its layers in no order.
    fn graph(edges: &[Edges]) -> Value {
        let layers = edges.iter().map(|(name, before)| {
            let nodes: Vec<Value> = before.iter().map(|name| json!([name, 0, 0, {}])).collect();
            let inbound = if before.is_empty() { json!([]) } else { json!([nodes]) };
            let class = if before.is_empty() { "InputLayer" } else { "Dense" };
            json!({ "class_name": class, "config": { "name": name, "units": 1 }, "name": name, "inbound_nodes": inbound })
        });
        json!({ "class_name": "Functional", "config": { "name": "net", "layers": layers.collect::<Vec<_>>() } })
    }

    fn names(model: &Value) -> Result<String, String> {
        let entries = entries(model).map_err(|error| error.to_string())?;
        Ok(entries.iter().map(|entry| entry.name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_model_has_one_output() {
        let with = |outputs: Value| {
            let mut model = graph(&[("in", &[]), ("a", &["in"]), ("b", &["a"])]);
            model["config"]["output_layers"] = outputs;
            names(&model)
        };
        // As Keras 2 and 3 write one.
        for one in [json!([["b", 0, 0]]), json!(["b", 0, 0])] {
            assert_eq!(with(one).unwrap(), "in a b");
        }
        for two in [json!([["a", 0, 0], ["b", 0, 0]]), json!({ "x": ["a", 0, 0], "y": ["b", 0, 0] })] {
            assert_eq!(with(two).unwrap_err(), "layer `net`: expected a model of one output, found 2: a, b");
        }
    }

    #[test]
    fn a_graph_has_to_be_a_chain() {
        let chain = graph(&[("c", &["b"]), ("in", &[]), ("b", &["a"]), ("a", &["in"])]);
        assert_eq!(names(&chain).unwrap(), "in a b c");
        let wrong: [(&[Edges], &str); 5] = [
            (
                &[("in", &[]), ("a", &["in"]), ("b", &["in"])],
                "layer `b`: expected a chain of layers, found a branch behind `in`",
            ),
            (
                &[("in", &[]), ("a", &["in"]), ("b", &["in", "a"])],
                "layer `b`: expected a chain of layers, found 2 layers before it",
            ),
            (&[("in", &[]), ("too", &[]), ("a", &["in"])], "layer `too`: expected one input, found another one"),
            (
                &[("in", &[]), ("a", &["b"]), ("b", &["a"])],
                "layer `a`: expected a chain of layers, found a layer that none leads to",
            ),
            (&[("a", &["a"])], "layer `a`: expected a chain of layers, found a layer that none leads to"),
        ];
        for (edges, expected) in wrong {
            assert_eq!(names(&graph(edges)).unwrap_err(), expected);
        }
    }
}
