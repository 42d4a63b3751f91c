//! The shape of a network, and from it the length of every buffer.

use core::ops::Range;

use crate::error::{Buffer, Error};
use crate::kernels::LANES;
use crate::layer::Layer;
use crate::optimizer::Optimizer;
use crate::unroll::one_turn_at_a_time;

/// Layer widths and activations: a small `Copy` value, usually a `const`.
///
/// ```
/// use microfit::{Topology, dense};
/// use microfit::activation::{Relu, Sigmoid};
/// use microfit::optimizer::Sgd;
///
/// const NET: Topology = Topology::new(34, &[dense(34, &Relu), dense(1, &Sigmoid)]);
/// const _: () = assert!(NET.train_bytes::<Sgd>() <= 11_000, "must train in 11,000 bytes");
///
/// let params = [0.0; NET.param_len()];
/// assert_eq!(params.len(), 34 * 34 + 34 + 34 + 1);
/// ```
///
/// # Layout of the parameters
///
/// One slice. Layer after layer, [frozen](crate::frozen) ones left out, as they keep their own: the weights,
/// `[units][fan_in]` in row-major order (PyTorch's layout: a row holds what one unit multiplies its inputs by; Keras stores
/// the transpose), then the biases, `[units]`.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Topology<'a> {
    inputs: u16,
    /// Whether a layer has a penalty, or dropout: known to the compiler where the topology is, which leaves out what there is not.
    has_penalty: bool,
    has_dropout: bool,
    layers: &'a [Layer<'a>],
}

impl<'a> Topology<'a> {
    /// The most floats a topology may need for its parameters and one sample's activations: 2^26, or 256 MiB, so
    /// that every buffer's size in bytes fits in 32 bits.
    pub const MAX_LEN: usize = 1 << 26;

    /// A network of `inputs` features and the given layers, **for constants**: what [`Self::try_new`] refuses does not
    /// build.
    ///
    /// ```compile_fail
    /// # use microfit::{Topology, activation::Relu, dense};
    /// const NET: Topology = Topology::new(34, &[dense(0, &Relu)]); // a layer of no units
    /// ```
    ///
    /// # Panics
    /// In a constant never at run time. Elsewhere call [`Self::try_new`]: it has no panic path.
    pub const fn new(inputs: u16, layers: &'a [Layer<'a>]) -> Self {
        match Self::try_new(inputs, layers) {
            Ok(topology) => topology,
            Err(error) => error.stops_the_build(),
        }
    }

    /// A network of `inputs` features and the given layers.
    ///
    /// # Errors
    /// [`Error::TopologyEmpty`] without inputs or layers, [`Error::LayerWidth`] for a layer of no units,
    /// [`Error::FrozenLength`] for a frozen layer with another number of parameters than its weights and biases,
    /// [`Error::Parameter`] for a dropout or a penalty out of range, [`Error::OutputDropout`] for dropout on the last layer,
    /// and [`Error::TopologyTooLarge`] past [`Self::MAX_LEN`].
    pub const fn try_new(inputs: u16, layers: &'a [Layer<'a>]) -> Result<Self, Error> {
        if inputs == 0 || layers.is_empty() {
            return Err(Error::TopologyEmpty);
        }
        let mut floats = inputs as u64;
        let mut fan_in = inputs as u64;
        let (mut has_penalty, mut has_dropout) = (false, false);
        let mut rest = layers;
        while let Some((layer, tail)) = rest.split_first() {
            if layer.units == 0 {
                return Err(Error::LayerWidth { layer: layers.len() - rest.len() });
            }
            if let Some(dropout) = &layer.dropout {
                if tail.is_empty() {
                    return Err(Error::OutputDropout);
                }
                if let Err(error) = dropout.check() {
                    return Err(error);
                }
                has_dropout = true;
            }
            if let Some(penalty) = &layer.penalty {
                if let Err(error) = penalty.check() {
                    return Err(error);
                }
                has_penalty = true;
            }
            let units = layer.units as u64;
            if let Some(params) = layer.frozen {
                let (expected, found) = (units * (fan_in + 1), params.len());
                if expected != found as u64 {
                    let layer = layers.len() - rest.len();
                    return Err(Error::FrozenLength { layer, expected: expected as usize, found });
                }
            }
            floats += units * (fan_in + 2);
            if floats > Self::MAX_LEN as u64 {
                return Err(Error::TopologyTooLarge);
            }
            fan_in = units;
            rest = tail;
        }
        Ok(Self { inputs, has_penalty, has_dropout, layers })
    }

    /// Features of a sample.
    pub const fn inputs(&self) -> usize {
        self.inputs as usize
    }

    /// Units of the last layer.
    pub const fn outputs(&self) -> usize {
        match self.layers.last() {
            Some(layer) => layer.units(),
            None => 0,
        }
    }

    /// Whether a layer has a penalty on its weights.
    pub(crate) const fn has_penalty(&self) -> bool {
        self.has_penalty
    }

    /// Whether a layer has dropout.
    pub(crate) const fn has_dropout(&self) -> bool {
        self.has_dropout
    }

    /// The layers, first to last.
    pub const fn layers(&self) -> &'a [Layer<'a>] {
        self.layers
    }

    /// Weights and biases of all layers that are trained: what stands in the parameters' buffer.
    #[inline(never)]
    pub const fn param_len(&self) -> usize {
        let mut len = 0;
        let mut fan_in = self.inputs();
        let mut rest = self.layers;
        while let Some((layer, tail)) = rest.split_first() {
            if !layer.is_frozen() {
                len += layer.len(fan_in);
            }
            fan_in = layer.units();
            rest = tail;
            one_turn_at_a_time();
        }
        len
    }

    /// Where the weights and biases of layer `layer`, 0 for the first after the inputs, stand in the parameters' buffer; nowhere for a
    /// [frozen](crate::frozen) one, which keeps its own, and for one that is not there.
    ///
    /// So a body trained as a part of one network becomes the frozen body of another:
    ///
    /// ```
    /// # use microfit::{Init, Topology, activation::{Relu, Softmax}, dense, frozen};
    /// # let all = [dense(8, &Relu), dense(3, &Softmax)];
    /// # let whole = Topology::try_new(4, &all)?;
    /// # let mut params = [0.0; 4 * 8 + 8 + 8 * 3 + 3];
    /// # Init::GlorotUniform.fill(&whole, 1, &mut params)?;
    /// let body = whole.layer_params(0).and_then(|at| params.get(at)).unwrap_or_default();
    /// let layers = [frozen(8, &Relu, body), dense(2, &Softmax)];
    /// let with_another_head = Topology::try_new(4, &layers)?;
    /// # assert_eq!((body.len(), with_another_head.param_len()), (4 * 8 + 8, 8 * 2 + 2));
    /// # assert_eq!((whole.layer_params(1), whole.layer_params(2)), (Some(40..67), None));
    /// # assert_eq!((with_another_head.layer_params(0), with_another_head.layer_params(1)), (None, Some(0..18)));
    /// # Ok::<(), microfit::Error>(())
    /// ```
    pub const fn layer_params(&self, layer: usize) -> Option<Range<usize>> {
        let (mut start, mut fan_in, mut rest) = (0, self.inputs(), self.layers);
        while let Some((first, tail)) = rest.split_first() {
            let len = if first.is_frozen() { 0 } else { first.len(fan_in) };
            if self.layers.len() - rest.len() == layer {
                return if first.is_frozen() { None } else { Some(start..start + len) };
            }
            (start, fan_in, rest) = (start + len, first.units(), tail);
        }
        None
    }

    /// Floats that `lanes` samples' activations take, inputs included: `lanes * sum(widths)`.
    #[inline(never)]
    pub const fn tape_len(&self, lanes: usize) -> usize {
        let mut widths = self.inputs();
        let mut rest = self.layers;
        while let Some((layer, tail)) = rest.split_first() {
            widths += layer.units();
            rest = tail;
            one_turn_at_a_time();
        }
        lanes.saturating_mul(widths)
    }

    /// Floats training with the optimizer `O` takes beside the parameters, whatever the loss:
    /// [`Self::workspace_len_for`]`::<O>(`[`O::LANES`](Optimizer::LANES)`, `[`self.outputs()`](Self::outputs)`)`.
    pub const fn workspace_len<O: Optimizer>(&self) -> usize {
        self.workspace_len_for::<O>(O::LANES, self.outputs())
    }

    /// Floats training takes where `samples` of a batch are taken together, each with so many targets:
    /// `state_len + outputs + samples * (sum(widths) + targets + 1)`; and, from four samples on, `outputs` more, or what a sample's
    /// features take more than all layers' outputs for all samples, behind which they are read: where that is more, for there are
    /// many features and few units.
    ///
    /// How many are taken together is what memory buys: the bits do not depend on it, but the more there are, the more often
    /// each weight that is loaded is used. One is the least; more than a batch has are never used. A sample has
    /// [`Loss::targets`](crate::loss::Loss::targets) targets: one for labels, else one an output.
    ///
    /// ```
    /// # use microfit::{Topology, activation::{Relu, Softmax}, dense, optimizer::Sgd};
    /// const NET: Topology = Topology::new(64, &[dense(32, &Relu), dense(10, &Softmax)]);
    /// // A whole batch of 32 digits with their labels.
    /// let mut workspace = [0.0; NET.workspace_len_for::<Sgd>(32, 1)];
    /// assert_eq!(workspace.len(), NET.param_len() + 10 + 32 * (64 + 32 + 10 + 1 + 1) + 10);
    /// ```
    pub const fn workspace_len_for<O: Optimizer>(&self, samples: usize, targets: usize) -> usize {
        let lanes = samples.saturating_mul(self.sample_len(targets)).saturating_add(self.spare_len(samples));
        (self.state_len::<O>() + self.outputs()).saturating_add(lanes)
    }

    /// Floats behind the tape, where a sample's values are a row that are none in it: features when they are read, outputs when they
    /// are judged.
    pub(crate) const fn spare_len(&self, samples: usize) -> usize {
        if samples < LANES {
            return 0;
        }
        let behind_features = samples.saturating_mul(self.tape_len(1) - self.inputs());
        let (features, outputs) = (self.inputs().saturating_sub(behind_features), self.outputs());
        if features > outputs { features } else { outputs }
    }

    /// Floats of one sample that is taken together with others: its activations, its targets, its weight.
    pub(crate) const fn sample_len(&self, targets: usize) -> usize {
        (self.tape_len(1) + 1).saturating_add(targets)
    }

    /// Floats of the optimizer's state: all that has to outlive a step, beside the parameters and the progress.
    pub const fn state_len<O: Optimizer>(&self) -> usize {
        O::STATE_PER_PARAM * self.param_len() + O::STATE_SCALARS
    }

    /// Bytes of RAM training with `O` takes: parameters and workspace.
    pub const fn train_bytes<O: Optimizer>(&self) -> usize {
        size_of::<f32>() * (self.param_len() + self.workspace_len::<O>())
    }

    /// The same length check for every buffer that holds this network's parameters.
    pub(crate) const fn check_params(&self, found: usize) -> Result<(), Error> {
        let expected = self.param_len();
        if found == expected {
            Ok(())
        } else {
            Err(Error::BufferLength { buffer: Buffer::Parameters, expected, found })
        }
    }
}

/// Refuses a buffer below `expected` floats; a longer one is fine.
pub(crate) const fn check_len(buffer: Buffer, expected: usize, found: usize) -> Result<(), Error> {
    if found >= expected { Ok(()) } else { Err(Error::BufferLength { buffer, expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::{Relu, Sigmoid};
    use crate::layer::{dense, frozen};
    use crate::optimizer::{OnlineSgd, Sgd};

    const SEED: Topology = Topology::new(34, &[dense(34, &Relu), dense(1, &Sigmoid)]);

    #[test]
    fn counts_what_it_needs() {
        assert_eq!(SEED.param_len(), 1225);
        assert_eq!(SEED.tape_len(1), 69);
        assert_eq!((SEED.inputs(), SEED.outputs()), (34, 1));
        assert_eq!(SEED.workspace_len::<Sgd>(), 1225 + 1 + 4 * (69 + 1 + 1) + 1);
        assert_eq!(SEED.workspace_len::<OnlineSgd>(), 1 + 69 + 1 + 1);
        assert_eq!(SEED.workspace_len_for::<Sgd>(usize::MAX, 1), usize::MAX);
    }

    #[test]
    fn refuses_shapes_that_make_no_sense() {
        assert_eq!(Topology::try_new(0, &[dense(1, &Relu)]).err(), Some(Error::TopologyEmpty));
        assert_eq!(Topology::try_new(1, &[]).err(), Some(Error::TopologyEmpty));
        let gap = [dense(1, &Relu), dense(0, &Relu)];
        assert_eq!(Topology::try_new(1, &gap).err(), Some(Error::LayerWidth { layer: 1 }));
        let wide = [dense(u16::MAX, &Relu)];
        assert_eq!(Topology::try_new(u16::MAX, &wide).err(), Some(Error::TopologyTooLarge));
    }

    #[test]
    fn a_frozen_layer_takes_no_memory_but_its_activations() {
        let body = [0.0; 34 * 35];
        let layers = [frozen(34, &Relu, &body), dense(1, &Sigmoid)];
        let head = Topology::try_new(34, &layers).unwrap();
        assert_eq!((head.param_len(), head.tape_len(1)), (35, 69));
        assert_eq!(head.state_len::<Sgd>(), 35);
        let short = [frozen(34, &Relu, &body[1..])];
        let error = Topology::try_new(34, &short).unwrap_err();
        assert_eq!(error, Error::FrozenLength { layer: 0, expected: 34 * 35, found: 34 * 35 - 1 });
    }

    #[test]
    fn refuses_dropouts_and_penalties_out_of_range() {
        let refused = |layer| Topology::try_new(1, &[layer, dense(1, &Relu)]).err();
        assert_eq!(refused(dense(1, &Relu).dropout(0.5, 0).l1(0.1).l2(0.0)), None);
        assert!(matches!(refused(dense(1, &Relu).dropout(1.0, 0)), Some(Error::Parameter { name: "dropout", .. })));
        assert!(matches!(refused(dense(1, &Relu).l1(-1.0)), Some(Error::Parameter { name: "l1", .. })));
        assert!(matches!(refused(dense(1, &Relu).l2(f32::NAN)), Some(Error::Parameter { name: "l2", .. })));
        let last = [dense(1, &Relu).dropout(0.1, 0)];
        assert_eq!(Topology::try_new(1, &last).err(), Some(Error::OutputDropout));
    }
}
