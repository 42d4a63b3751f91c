//! From tensors to layers.

use std::collections::BTreeMap;

use super::chain::{self, Link};
use super::error::{Expected, ModelError, Side};
use super::keras::Config;
use super::names::{self, Layout, Role, natural};
use super::tensor::{Conversion, Shape, Tensor};
use super::{DenseLayer, Model, Scaling};

/// More layers than this are no network for a microcontroller, and would take a while to put in order.
const MOST_LAYERS: usize = 256;

/// The tensors of one layer.
#[derive(Default)]
struct Parts {
    weights: Option<(Tensor, Layout)>,
    biases: Option<Tensor>,
}

#[derive(Default)]
struct ScalingParts {
    mean: Option<Tensor>,
    variance: Option<Tensor>,
    shift: Option<Tensor>,
    factor: Option<Tensor>,
}

/// Puts tensors in their places. `layers` names the layers that are wanted, first to last; else `config` has them; else
/// [`chain::order`] finds out.
pub(super) fn assemble(tensors: Vec<Tensor>, config: Config, layers: Option<&[String]>) -> Result<Model, ModelError> {
    let mut notes = Vec::new();
    let (mut parts, scaling) = sort(tensors, &config, layers)?;
    let order = match (layers, &config.layers) {
        (Some(layers), _) => layers.to_vec(),
        (None, Some(layers)) => layers.iter().map(|layer| layer.name.clone()).collect(),
        (None, None) => in_order(&parts, &config.places)?,
    };
    let mut conversion = Conversion::default();
    let mut found: Vec<DenseLayer> = Vec::with_capacity(order.len());
    for name in order {
        let part = parts.remove(&name).unwrap_or_default();
        let before = found.last().map(|layer| layer.units);
        let mut layer = dense(&name, part, before, &mut conversion, &mut notes)?;
        let spec = config.layers.iter().flatten().find(|spec| spec.name == name);
        if let Some(spec) = spec {
            if spec.units != layer.units {
                let (expected, found) = (format!("{} units", spec.units), format!("weights of {}", layer.units));
                return Err(ModelError::Layer { layer: name, expected, found });
            }
            layer.activation = Some(spec.activation.clone());
        }
        found.push(layer);
    }
    if !parts.is_empty() {
        let mut names: Vec<String> = parts.into_keys().map(|name| format!("`{name}`")).collect();
        names.sort_by(|a, b| natural(a, b));
        notes.push(format!("not taken: the layers {}", names.join(", ")));
    }
    let Some(first) = found.first() else { return Err(ModelError::Empty) };
    let scaling = match config.scaling {
        Some(scaling) => Some(scaling),
        None => scaling_of(scaling, &mut conversion)?,
    };
    if let Some(scaling) = &scaling {
        let (expected, found) = (first.inputs, scaling.shift.len());
        if expected != found {
            let (expected, found) = (format!("{expected} inputs as the first dense layer has"), format!("{found}"));
            return Err(ModelError::Layer { layer: "normalization".into(), expected, found });
        }
        microfit::data::Scaling::new(&scaling.shift, &scaling.factor)?;
    }
    notes.extend(conversion.note());
    Ok(Model { layers: found, scaling, loss: config.loss, notes })
}

/// Every tensor to its layer.
fn sort(
    tensors: Vec<Tensor>,
    config: &Config,
    layers: Option<&[String]>,
) -> Result<(BTreeMap<String, Parts>, ScalingParts), ModelError> {
    let (mut parts, mut scaling) = (BTreeMap::<String, Parts>::new(), ScalingParts::default());
    for tensor in tensors {
        let split = names::split(&tensor.name);
        let layer = split.map_or_else(|| tensor.name.rsplit_once('/').unwrap_or_default().0, |(layer, _)| layer);
        if config.has_no_use_for(layer) {
            continue;
        }
        let Some((layer, role)) = split else {
            if layers.is_some() {
                continue;
            }
            let (tensor, found) = (tensor.name, format!("a tensor of the shape {}", tensor.shape));
            return Err(ModelError::Role { tensor, expected: "weights or biases of a dense layer", found });
        };
        let layer = layer.to_owned();
        let name = tensor.name.clone();
        let twice = match role {
            Role::Weights(layout) => {
                parts.entry(layer).or_default().weights.replace((tensor, layout)).map(|(tensor, _)| tensor)
            }
            Role::Biases => parts.entry(layer).or_default().biases.replace(tensor),
            Role::Mean => scaling.mean.replace(tensor),
            Role::Variance => scaling.variance.replace(tensor),
            Role::Shift => scaling.shift.replace(tensor),
            Role::Factor => scaling.factor.replace(tensor),
            Role::Count => None,
        };
        if twice.is_some() {
            return Err(ModelError::Twice { tensor: name });
        }
        if parts.len() > MOST_LAYERS {
            let expected = "256 layers at most";
            return Err(ModelError::Role { tensor: name, expected, found: "another one".into() });
        }
    }
    Ok((parts, scaling))
}

/// The layers' names in the one order that is possible.
fn in_order(parts: &BTreeMap<String, Parts>, places: &BTreeMap<String, String>) -> Result<Vec<String>, ModelError> {
    let mut links = Vec::with_capacity(parts.len());
    for (name, part) in parts {
        let (inputs, units, _) = sides(name, part)?;
        let place = places.get(name).unwrap_or(name);
        links.push(Link { name, place, inputs, units });
    }
    Ok(chain::order(&links)?.into_iter().filter_map(|at| links.get(at)).map(|link| link.name.to_owned()).collect())
}

/// Inputs, units and layout of a layer.
fn sides(name: &str, part: &Parts) -> Result<(usize, usize, Layout), ModelError> {
    let Some((weights, layout)) = &part.weights else {
        let tensor = part.biases.as_ref().map_or_else(|| name.to_owned(), |biases| biases.name.clone());
        let expected = "weights (`weight`, `kernel` or `vars/0`) in the same layer";
        return Err(ModelError::Role { tensor, expected, found: "none".into() });
    };
    match (layout, weights.shape.0.as_slice()) {
        (_, [0, _] | [_, 0]) => Err(shape_error(weights, *layout)),
        (Layout::Keras, &[inputs, units]) | (Layout::Torch, &[units, inputs]) => Ok((inputs, units, *layout)),
        _ => Err(shape_error(weights, *layout)),
    }
}

fn shape_error(weights: &Tensor, layout: Layout) -> ModelError {
    let expected = match layout {
        Layout::Keras => vec![Side::Inputs, Side::Units],
        Layout::Torch => vec![Side::Units, Side::Inputs],
    };
    ModelError::Shape { tensor: weights.name.clone(), expected: Expected(expected), found: weights.shape.clone() }
}

fn dense(
    name: &str,
    part: Parts,
    before: Option<usize>,
    conversion: &mut Conversion,
    notes: &mut Vec<String>,
) -> Result<DenseLayer, ModelError> {
    let (inputs, units, layout) = sides(name, &part)?;
    let Some((weights, _)) = part.weights else { return Err(ModelError::Empty) };
    if let Some(before) = before.filter(|&before| before != inputs) {
        let expected = match layout {
            Layout::Keras => vec![Side::Of(before), Side::Units],
            Layout::Torch => vec![Side::Units, Side::Of(before)],
        };
        return Err(ModelError::Shape { tensor: weights.name, expected: Expected(expected), found: weights.shape });
    }
    let mut params = weights.values(conversion)?;
    if layout == Layout::Keras {
        params = transposed(&params, inputs);
    }
    match part.biases {
        Some(biases) if biases.shape == Shape(vec![units]) => params.extend(biases.values(conversion)?),
        Some(biases) => {
            let expected = Expected(vec![Side::Of(units)]);
            return Err(ModelError::Shape { tensor: biases.name, expected, found: biases.shape });
        }
        None => {
            notes.push(format!("layer `{name}` has no biases: they are 0 here"));
            params.resize(params.len() + units, 0.0);
        }
    }
    Ok(DenseLayer { name: name.to_owned(), inputs, units, params, activation: None })
}

/// `[rows][columns]` from `[columns][rows]`.
pub(super) fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    (0..rows).flat_map(|row| values.iter().skip(row).step_by(rows).copied()).collect()
}

/// Keras' `Normalization` is `(x - mean) / max(sqrt(variance), 1e-7)`.
fn scaling_of(parts: ScalingParts, conversion: &mut Conversion) -> Result<Option<Scaling>, ModelError> {
    let mut pair = |first: Tensor, second: Option<Tensor>| {
        let Some(second) = second.filter(|second| second.shape == first.shape) else {
            let found = "none".to_owned();
            return Err(ModelError::Role { tensor: first.name, expected: "its counterpart of the same shape", found });
        };
        Ok((first.values(conversion)?, second.values(conversion)?))
    };
    match parts {
        ScalingParts { mean: Some(mean), variance, .. } => {
            let (shift, variance) = pair(mean, variance)?;
            Ok(Some(Scaling { shift, factor: variance.into_iter().map(factor).collect() }))
        }
        ScalingParts { shift: Some(shift), factor, .. } => {
            let (shift, factor) = pair(shift, factor)?;
            Ok(Some(Scaling { shift, factor }))
        }
        ScalingParts { variance: Some(lone), .. } | ScalingParts { factor: Some(lone), .. } => {
            pair(lone, None).map(|_| None)
        }
        ScalingParts { .. } => Ok(None),
    }
}

/// What a standard deviation divides by.
pub(super) fn factor(variance: f32) -> f32 {
    (1.0 / f64::from(variance).sqrt().max(1e-7)) as f32
}

#[cfg(test)]
mod tests {
    use super::super::tensor::Dtype;
    use super::*;

    fn tensor(name: &str, shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        let bytes = (0..count).flat_map(|k| (k as f32 + 1.0).to_le_bytes()).collect();
        Tensor { name: name.into(), shape: Shape(shape.to_vec()), dtype: Ok(Dtype::F32), bytes }
    }

    /// A name and a shape.
    type Named<'a> = (&'a str, &'a [usize]);

    fn made(tensors: &[Named], layers: Option<&[String]>) -> Result<Model, String> {
        let tensors = tensors.iter().map(|(name, shape)| tensor(name, shape)).collect();
        assemble(tensors, Config::default(), layers).map_err(|error| error.to_string())
    }

    #[test]
    fn keras_kernels_are_turned_and_pytorchs_weights_are_not() {
        let keras = made(&[("d/kernel", &[2, 3]), ("d/bias", &[3])], None).unwrap();
        assert_eq!(keras.params(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0, 1.0, 2.0, 3.0]);
        let torch = made(&[("d.weight", &[3, 2])], None).unwrap();
        assert_eq!(torch.params(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0]);
        assert_eq!(torch.notes, ["layer `d` has no biases: they are 0 here"]);
        assert_eq!(transposed(&transposed(&keras.params()[..6], 3), 2), keras.params()[..6]);
    }

    #[test]
    fn names_the_tensor_and_both_shapes() {
        let cases: [(&[Named], &str); 11] = [
            (&[("a.weight", &[3])], "tensor `a.weight`: expected the shape [units, inputs], found [3]"),
            (&[("a/kernel", &[3, 3, 1])], "tensor `a/kernel`: expected the shape [inputs, units], found [3, 3, 1]"),
            (&[("a.weight", &[0, 3])], "tensor `a.weight`: expected the shape [units, inputs], found [0, 3]"),
            (&[("a.weight", &[3, 2]), ("a.bias", &[2])], "tensor `a.bias`: expected the shape [3], found [2]"),
            (
                &[("a.bias", &[2])],
                "tensor `a.bias`: expected weights (`weight`, `kernel` or `vars/0`) in the same layer, found none",
            ),
            (
                &[("a.weight", &[2, 2]), ("a.running_mean", &[2])],
                "tensor `a.running_mean`: expected weights or biases of a dense layer, found a tensor of the shape [2]",
            ),
            (&[("a/bias", &[2]), ("a/bias:0", &[2])], "tensor `a/bias:0`: expected one such name, found two"),
            (&[], "expected at least one dense layer, found none"),
            (
                &[("a/kernel", &[2, 2]), ("n/mean", &[2]), ("n/variance", &[3])],
                "tensor `n/mean`: expected its counterpart of the same shape, found none",
            ),
            (
                &[("a/kernel", &[2, 2]), ("n/variance", &[3])],
                "tensor `n/variance`: expected its counterpart of the same shape, found none",
            ),
            (
                &[("a/kernel", &[2, 2]), ("scaling/shift", &[3]), ("scaling/factor", &[3])],
                "layer `normalization`: expected 2 inputs as the first dense layer has, found 3",
            ),
        ];
        for (tensors, expected) in cases {
            assert_eq!(made(tensors, None).unwrap_err(), expected);
        }
    }

    #[test]
    fn layers_are_those_that_are_named() {
        let tensors: [Named; 4] =
            [("in.weight", &[4, 4]), ("body.weight", &[4, 4]), ("out.weight", &[1, 4]), ("step", &[1])];
        let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let all = made(&tensors, Some(&named(&["in", "body", "out"]))).unwrap();
        assert_eq!((all.widths(), &*all.layers[1].name), ("4-4-4-1".into(), "body"));
        let some = made(&tensors, Some(&named(&["in", "body"]))).unwrap();
        assert_eq!(some.widths(), "4-4-4");
        assert_eq!(some.notes.last().unwrap(), "not taken: the layers `out`");
        let error = made(&tensors, Some(&named(&["out", "in"]))).unwrap_err();
        assert_eq!(error, "tensor `in.weight`: expected the shape [units, 1], found [4, 4]");
        let error = made(&tensors, Some(&named(&["out", "inn"]))).unwrap_err();
        assert!(error.starts_with("tensor `inn`: expected weights"), "{error}");
    }

    #[test]
    fn a_scaling_has_to_be_one() {
        let zero = Tensor { bytes: vec![0; 8], ..tensor("scaling.factor", &[2]) };
        let tensors = vec![tensor("a.weight", &[1, 2]), tensor("scaling.shift", &[2]), zero];
        let error = assemble(tensors, Config::default(), None).unwrap_err().to_string();
        assert_eq!(error, "factor: expected a finite number other than 0, found 0");
    }

    #[test]
    fn a_file_of_many_layers_is_refused_in_time() {
        let tensors = (0..5000).map(|k| tensor(&format!("l{k}.weight"), &[1, 1])).collect();
        let error = assemble(tensors, Config::default(), None).unwrap_err().to_string();
        assert!(error.contains("expected 256 layers at most"), "{error}");
    }
}
