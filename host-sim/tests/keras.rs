//! Models of Keras that are easily misread; `models/models.py` makes them.

use std::path::Path;

use microfit_sim::exchange::{Model, Selection};

fn read(name: &str, layers: Option<&[String]>) -> Result<Model, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name);
    Model::read(&path, &Selection { layers, ..Selection::default() }).map_err(|error| error.to_string())
}

/// The names of the layers, first to last; the weights say that they are called in this order.
fn called(name: &str) -> String {
    let model = read(name, None).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (number, layer) in (1_u8..).zip(&model.layers) {
        let number = f32::from(number);
        let weights = layer.units * layer.inputs;
        assert!(layer.params[..weights].iter().all(|weight| *weight == number), "{name}: {layer:?}");
        assert!(layer.params[weights..].iter().all(|bias| *bias == number / 2.0), "{name}: {layer:?}");
    }
    model.layers.iter().map(|layer| &*layer.name).collect::<Vec<_>>().join(" ")
}

/// The number in a layer's name is that of its making, and no shape tells that it is not that of its call.
#[test]
fn layers_are_in_the_order_of_their_calls() {
    for (name, expected) in [
        ("out_of_order.weights.h5", "dense_1 dense dense_2"),
        ("out_of_order.keras", "dense_1 dense dense_2"),
        ("out_of_order.h5", "dense_1 dense dense_2"),
        ("out_of_order_legacy.h5", "dense_1/dense_1 dense/dense dense_2/dense_2"),
        ("own_names.weights.h5", "layer2 layer1 layer3"),
    ] {
        assert_eq!(called(name), expected, "{name}");
    }
}

/// A model that is a class of its own has attributes, which are in no order, whatever numbers their layers have.
#[test]
fn an_order_that_only_the_program_knows_is_refused() {
    let error = read("attributes.weights.h5", None).unwrap_err();
    let expected = "layers `dense_2` (3 to 3), `dense_1` (3 to 3): expected one order in which each takes what the one before it \
                    gives, found more than one; --layers names it";
    assert_eq!(error, expected);
    let named = read("attributes.weights.h5", Some(&["dense_2".into(), "dense_1".into()])).unwrap();
    assert_eq!((named.layers[0].params[0], named.layers[1].params[0]), (1.0, 2.0));
}

/// Two opaque bytes each, of which an attribute says what they are, or the configuration.
#[test]
fn bfloat16_is_read() {
    for name in ["bfloat16.keras", "bfloat16.h5"] {
        assert_eq!(called(name), "a b", "{name}");
    }
}

#[test]
fn a_second_output_is_refused() {
    let error = read("two_outputs.keras", None).unwrap_err();
    assert_eq!(error, "layer `net`: expected a model of one output, found 2: a, b");
}
