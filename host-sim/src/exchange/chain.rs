//! The order of layers of which only names and shapes are known.

use std::fmt;

use super::error::ModelError;
use super::names::{natural, stem};

/// A layer that has no place yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) name: &'a str,
    /// What tells its place by its numbers: the name, or what the file has in place of it.
    pub(super) place: &'a str,
    pub(super) inputs: usize,
    pub(super) units: usize,
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({} to {})", self.name, self.inputs, self.units)
    }
}

/// Files with so many ways to go that no order is found in these steps are refused.
const STEPS: usize = 100_000;

/// The places of the layers, first to last: each takes what the one before it has units, and layers whose names (or places) differ in
/// numbers only are in the order of these. A file is in no order of its own (safetensors sorts by name), so more than one
/// way to do it is refused.
pub(super) fn order(links: &[Link]) -> Result<Vec<usize>, ModelError> {
    let mut sorted: Vec<usize> = (0..links.len()).collect();
    sorted.sort_by(|&a, &b| natural(links[a].place, links[b].place));
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for &at in &sorted {
        let stem = stem(links[at].place);
        match groups.iter_mut().find(|(known, _)| *known == stem) {
            Some((_, group)) => group.push(at),
            None => groups.push((stem, vec![at])),
        }
    }
    let groups: Vec<Vec<usize>> = groups.into_iter().map(|(_, group)| group).collect();
    let taken = vec![0; groups.len()];
    let mut search = Search { links, groups, taken, found: Vec::new(), chain: Vec::new(), steps: 0 };
    search.extend();
    let refuse = |found| {
        let names: Vec<String> = sorted.iter().map(|&at| links[at].to_string()).collect();
        Err(ModelError::Order { layers: names.join(", "), found })
    };
    match search.found.as_slice() {
        [_, _, ..] => refuse("more than one"),
        _ if search.steps > STEPS => refuse("too many to try"),
        [] => refuse("none"),
        [one] => Ok(one.clone()),
    }
}

struct Search<'a> {
    links: &'a [Link<'a>],
    /// Layers of one stem, in order.
    groups: Vec<Vec<usize>>,
    /// Of each group, those that stand in the chain.
    taken: Vec<usize>,
    chain: Vec<usize>,
    found: Vec<Vec<usize>>,
    steps: usize,
}

impl Search<'_> {
    fn extend(&mut self) {
        if self.chain.len() == self.links.len() {
            self.found.push(self.chain.clone());
            return;
        }
        for group in 0..self.groups.len() {
            if self.found.len() > 1 || self.steps > STEPS {
                return;
            }
            self.steps += 1;
            let Some(&next) = self.groups[group].get(self.taken[group]) else { continue };
            if self.chain.last().is_none_or(|&last| self.links[last].units == self.links[next].inputs) {
                self.chain.push(next);
                self.taken[group] += 1;
                self.extend();
                self.taken[group] -= 1;
                self.chain.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(layers: &[(&str, usize, usize)]) -> Result<String, String> {
        let links: Vec<Link> =
            layers.iter().map(|&(name, inputs, units)| Link { name, place: name, inputs, units }).collect();
        let order = order(&links).map_err(|error| error.to_string())?;
        Ok(order.iter().map(|&at| links[at].name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn numbers_or_shapes_tell_the_order() {
        assert_eq!(ordered(&[("fc10", 5, 5), ("fc2", 5, 5), ("fc1", 5, 5)]).unwrap(), "fc1 fc2 fc10");
        assert_eq!(ordered(&[("dense_1", 4, 4), ("dense", 4, 4)]).unwrap(), "dense dense_1");
        // By name hidden, input, out.
        assert_eq!(ordered(&[("hidden", 8, 5), ("input", 3, 8), ("out", 5, 1)]).unwrap(), "input hidden out");
        assert_eq!(ordered(&[("fc1", 9, 9), ("fc2", 9, 9), ("a", 9, 1)]).unwrap(), "fc1 fc2 a");
        assert_eq!(ordered(&[("", 9, 9)]).unwrap(), "");
    }

    #[test]
    fn what_could_be_in_two_orders_is_refused() {
        // In the order of their names these would chain, and be wrong.
        let error = ordered(&[("hidden", 34, 34), ("input", 34, 34), ("out", 34, 1)]).unwrap_err();
        let expected = "layers `hidden` (34 to 34), `input` (34 to 34), `out` (34 to 1): expected one order in which each takes \
                        what the one before it gives, found more than one; --layers names it";
        assert_eq!(error, expected);
        let autoencoder = [("decoder.0", 2, 4), ("decoder.2", 4, 8), ("encoder.0", 8, 4), ("encoder.2", 4, 2)];
        assert!(ordered(&autoencoder).unwrap_err().contains("found more than one"));
        assert!(ordered(&[("a", 3, 4), ("b", 5, 6)]).unwrap_err().contains("found none"));
        // Numbered, but in another order than the numbers'.
        assert!(ordered(&[("fc1", 5, 1), ("fc2", 3, 5)]).unwrap_err().contains("found none"));
    }

    #[test]
    fn ends_whatever_it_is_given() {
        let names: Vec<String> = (b'A'..b'A' + 40).map(|letter| char::from(letter).to_string()).collect();
        let mut layers: Vec<(&str, usize, usize)> = names.iter().map(|name| (&**name, 7, 7)).collect();
        assert!(ordered(&layers).unwrap_err().contains("found more than one"));
        (layers[39].1, layers[38].1) = (1, 2);
        assert!(ordered(&layers).unwrap_err().contains("found too many to try"));
    }
}
