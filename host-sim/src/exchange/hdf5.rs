//! Keras' HDF5 files: `model.weights.h5` within a `.keras`, `.weights.h5`, and the older `.h5`.

use std::collections::{BTreeMap, BTreeSet};

use hdf5_reader::group::Group;
use hdf5_reader::{ByteOrder, Dataset, Datatype, Hdf5File, OpenOptions};

use super::error::ModelError;
use super::keras::Config;
use super::tensor::{Dtype, Shape, Tensor};

/// No file of a model for a microcontroller needs more.
const MOST_BYTES: usize = 1 << 28;
/// Keras' groups lie in four levels, those of models within models in a few more.
const DEEPEST: usize = 16;

fn refuse(error: impl std::fmt::Display) -> ModelError {
    ModelError::Format { expected: "a whole HDF5 file", found: error.to_string() }
}

/// The tensors of a file, and its configuration: only the older format has a whole one, of the others' layers no more is known than
/// their places.
pub(super) fn file(bytes: Vec<u8>) -> Result<(Vec<Tensor>, Config), ModelError> {
    let options = OpenOptions { max_read_bytes: MOST_BYTES, max_chunk_bytes: MOST_BYTES, ..OpenOptions::default() };
    let len = bytes.len() as u64;
    let file = Hdf5File::from_vec_with_options(bytes, options).map_err(refuse)?;
    let expected = file.superblock().eof_address;
    if len < expected {
        return Err(refuse(format!("{len} of its {expected} bytes")));
    }
    let root = file.root_group().map_err(refuse)?;
    let mut found = Gathered::default();
    let Some(model) = text(&root, "model_config") else {
        found.gather(&root, "", None, 0)?;
        found.places.extend(places(&root, &found.tensors));
        return Ok((found.tensors, Config::of_places(found.places)));
    };
    let config =
        Config::of_h5(&model, text(&root, "training_config").as_deref(), text(&root, "keras_version").as_deref())?;
    let weights = root.group("model_weights").map_err(refuse)?;
    for layer in weights.groups().map_err(refuse)? {
        let name = last(layer.name()).to_owned();
        let above = Layer { name: &name, bfloat16: config.is_bfloat16(&name) };
        found.gather(&layer, &name, Some(above), 0)?;
    }
    Ok((found.tensors, config))
}

/// The places of layers in the weights that Keras 2 wrote, whose groups are called as the layers are: the root lists these as they
/// stand in the model. A group with several layers, which is a model within the model, lists what is trained first, so that their
/// order is not known.
fn places(root: &Group, tensors: &[Tensor]) -> BTreeMap<String, String> {
    let listed = root.attribute("layer_names").ok().and_then(|attribute| attribute.read_strings().ok());
    let listed = listed.unwrap_or_default();
    let mut layers = BTreeMap::<&str, BTreeSet<&str>>::new();
    for tensor in tensors {
        if let (Some((group, _)), Some((layer, _))) = (tensor.name.split_once('/'), tensor.name.rsplit_once('/')) {
            layers.entry(group).or_default().insert(layer);
        }
    }
    let single = |(place, group): (usize, &String)| {
        let layers = layers.get(group.as_str()).filter(|layers| layers.len() == 1)?;
        Some((layers.first()?.to_string(), place.to_string()))
    };
    listed.iter().enumerate().filter_map(single).collect()
}

fn text(group: &Group, name: &str) -> Option<String> {
    group.attribute(name).ok().and_then(|attribute| attribute.read_string().ok())
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// What is known from above of the datasets below a group.
#[derive(Clone, Copy)]
struct Layer<'a> {
    name: &'a str,
    bfloat16: bool,
}

#[derive(Default)]
struct Gathered {
    tensors: Vec<Tensor>,
    /// The paths of the layers whose names are other than these.
    places: BTreeMap<String, String>,
}

impl Gathered {
    /// All datasets below a group, called `layer/kernel` and so on. The layer's name, where it is known from above or from the
    /// attribute of its `vars`, stands in place of the path: groups are called by class and number, and Keras calls the first
    /// dense layer's group `dense` whatever its name is. The name's own number is that of the layer's making, so the path is kept.
    fn gather(&mut self, group: &Group, path: &str, layer: Option<Layer>, depth: usize) -> Result<(), ModelError> {
        if depth > DEEPEST {
            return Err(refuse("groups nested too deep"));
        }
        let bfloat16 = layer.is_some_and(|layer| layer.bfloat16);
        let (groups, datasets) = group.members().map_err(refuse)?;
        for dataset in datasets {
            let own = last(dataset.name());
            let name = match (path.strip_suffix("/vars"), layer) {
                (Some(above), _) => {
                    let named = text(group, "name").filter(|name| !name.is_empty());
                    let layer = named.as_deref().unwrap_or(above);
                    let roles: &[&str] = if last(above).starts_with("normalization") {
                        &["mean", "variance", "count"]
                    } else {
                        &["kernel", "bias"]
                    };
                    let role = own.parse::<usize>().ok().and_then(|index| roles.get(index).copied()).unwrap_or(own);
                    let name = format!("{layer}/{role}");
                    self.places.extend(named.map(|named| (named, above.to_owned())));
                    name
                }
                (None, Some(layer)) => format!("{}/{own}", layer.name),
                (None, None) => format!("{path}/{own}"),
            };
            self.tensors.push(tensor(name, &dataset, bfloat16)?);
        }
        for child in groups {
            let own = last(child.name());
            // The optimizer's state is as good as none to another library, and dropout needs no generator here.
            if (path.is_empty() && own == "optimizer") || own.starts_with("seed_generator") {
                continue;
            }
            let below = if path.is_empty() { own.to_owned() } else { format!("{path}/{own}") };
            self.gather(&child, &below, layer, depth + 1)?;
        }
        Ok(())
    }
}

/// HDF5 has no bfloat16: Keras writes two opaque bytes, and what they are into an attribute; not so in the older format, where the
/// configuration tells.
fn tensor(name: String, dataset: &Dataset, bfloat16: bool) -> Result<Tensor, ModelError> {
    let sides = dataset.shape().iter().map(|&side| usize::try_from(side).map_err(refuse));
    let shape = Shape(sides.collect::<Result<_, _>>()?);
    let (dtype, swap) = match dataset.dtype() {
        Datatype::FloatingPoint { size: 2, byte_order } => (Ok(Dtype::F16), Some(byte_order)),
        Datatype::FloatingPoint { size: 4, byte_order } => (Ok(Dtype::F32), Some(byte_order)),
        Datatype::FloatingPoint { size: 8, byte_order } => (Ok(Dtype::F64), Some(byte_order)),
        Datatype::FixedPoint { size, signed, .. } => {
            (Err(format!("{}int{}", if *signed { "" } else { "u" }, 8 * u32::from(*size))), None)
        }
        Datatype::Opaque { size: 2, .. } if bfloat16 || is_bfloat16(dataset) => {
            (Ok(Dtype::Bf16), Some(&ByteOrder::LittleEndian))
        }
        _ => (Err("another type".into()), None),
    };
    let bytes = match (&dtype, swap) {
        (Ok(dtype), Some(order)) => {
            let mut bytes = dataset.read_raw_bytes().map_err(refuse)?;
            if *order == ByteOrder::BigEndian {
                bytes.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
            }
            bytes
        }
        _ => Vec::new(),
    };
    Ok(Tensor { name, shape, dtype, bytes })
}

fn is_bfloat16(dataset: &Dataset) -> bool {
    let dtype = dataset.attribute("dtype").ok().and_then(|attribute| attribute.read_string().ok());
    dtype.as_deref() == Some("bfloat16")
}
