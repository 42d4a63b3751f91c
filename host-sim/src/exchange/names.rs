//! What a tensor's name says: the layer it belongs to, and what it is there.

use std::cmp::Ordering;

/// How a layer's weights are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `[inputs][units]`: Keras' kernels.
    Keras,
    /// `[units][inputs]`: PyTorch's weights, and microfit's.
    Torch,
}

/// What a tensor is to its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The weights, in this layout.
    Weights(Layout),
    /// The biases.
    Biases,
    /// Of Keras' `Normalization`.
    Mean,
    /// Of Keras' `Normalization`.
    Variance,
    /// How many samples a `Normalization` has seen, which nobody needs.
    Count,
    /// Of microfit's data scaling.
    Shift,
    /// Of microfit's data scaling.
    Factor,
}

/// The layer's name and the tensor's role; `None` for a name that is no dense layer's or scaling's.
///
/// PyTorch: `fc1.weight`, `0.bias`. Keras: `dense/kernel`, `sequential/dense/kernel`, the older `dense/kernel:0`, and
/// `layers/dense/vars/0` of its HDF5 files, in which a `Normalization` is known by its class's name.
pub(super) fn split(name: &str) -> Option<(&str, Role)> {
    let bare = name.strip_suffix(":0").unwrap_or(name);
    let (layer, last) = match bare.rfind(['.', '/']) {
        Some(at) => (&bare[..at], &bare[at + 1..]),
        None => ("", bare),
    };
    let role = match last {
        "weight" => Role::Weights(Layout::Torch),
        "kernel" => Role::Weights(Layout::Keras),
        "bias" => Role::Biases,
        "mean" => Role::Mean,
        "variance" => Role::Variance,
        "count" => Role::Count,
        "shift" if layer == SCALING => Role::Shift,
        "factor" if layer == SCALING => Role::Factor,
        "0" | "1" | "2" => {
            let layer = layer.strip_suffix("/vars")?;
            let class = layer.rsplit('/').next().unwrap_or_default();
            let role = match (class.starts_with("normalization"), last) {
                (true, "0") => Role::Mean,
                (true, "1") => Role::Variance,
                (true, _) => Role::Count,
                (false, "0") => Role::Weights(Layout::Keras),
                (false, "1") => Role::Biases,
                (false, _) => return None,
            };
            return Some((layer, role));
        }
        _ => return None,
    };
    Some((layer, role))
}

/// What the data scaling is called in files that microfit writes.
pub(super) const SCALING: &str = "scaling";

/// A name cut into text and numbers, so that `fc10` comes after `fc9`.
fn pieces(name: &str) -> Vec<Result<u64, &str>> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        // A number that no layer's can be is text.
        pieces.push(if digits { piece.parse().map_err(|_| piece) } else { Err(piece) });
        rest = tail;
    }
    pieces
}

/// By text, and by numbers where both have one: the order in which people count.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    for (a, b) in pieces(a).into_iter().zip(pieces(b)) {
        let order = match (a, b) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Err(a), Err(b)) => a.cmp(b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
        };
        if order.is_ne() {
            return order;
        }
    }
    pieces(a).len().cmp(&pieces(b).len()).then_with(|| a.cmp(b))
}

/// A name without its numbers: names of one stem, such as `fc1` and `fc2`, or Keras' `dense` and `dense_1`, are in the
/// order of these; of other names nobody knows it.
pub(super) fn stem(name: &str) -> String {
    let text: String = name.chars().filter(|c| !c.is_ascii_digit()).collect();
    text.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_libraries_are_understood() {
        let keras = Role::Weights(Layout::Keras);
        for (name, expected) in [
            ("0.weight", Some(("0", Role::Weights(Layout::Torch)))),
            ("body.fc1.bias", Some(("body.fc1", Role::Biases))),
            ("weight", Some(("", Role::Weights(Layout::Torch)))),
            ("dense/kernel:0", Some(("dense", keras))),
            ("sequential/dense_1/bias", Some(("sequential/dense_1", Role::Biases))),
            ("params.Dense_0.kernel", Some(("params.Dense_0", keras))),
            ("layers/dense/vars/0", Some(("layers/dense", keras))),
            ("layers/dense/vars/1", Some(("layers/dense", Role::Biases))),
            ("layers/dense/vars/2", None),
            ("layers/normalization_1/vars/1", Some(("layers/normalization_1", Role::Variance))),
            ("norm/mean", Some(("norm", Role::Mean))),
            ("scaling.shift", Some(("scaling", Role::Shift))),
            ("other.shift", None),
            ("1.running_mean", None),
            ("0", None),
            ("", None),
        ] {
            assert_eq!(split(name), expected, "{name}");
        }
    }

    #[test]
    fn numbers_are_counted() {
        let mut names = ["fc10", "fc9", "fc", "out", "a.10.b", "a.2.b", "dense_1", "dense", "99999999999999999999999"];
        names.sort_by(|a, b| natural(a, b));
        let expected = ["99999999999999999999999", "a.2.b", "a.10.b", "dense", "dense_1", "fc", "fc9", "fc10", "out"];
        assert_eq!(names, expected);
        assert_eq!(
            (stem("dense_12"), stem("dense"), stem("net.0.fc1")),
            ("dense".into(), "dense".into(), "net..fc".into())
        );
    }
}
