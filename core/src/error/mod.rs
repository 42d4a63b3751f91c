//! Every way an operation of this crate can fail.

mod constant;
mod number;

use core::fmt;

use number::Number;

use crate::activation::Kind;

/// Why an operation was refused.
///
/// Its `Display` names what was expected and what was found, and has no path to a panic.
///
/// An operation that returns an error has changed nothing the caller lent: parameters, optimizer state and
/// progress are what they were before the call, and the call may be repeated. One that takes many steps, such as
/// [`Trainer::run`](crate::Trainer::run) or [`Standardization::observe_all`](crate::data::Standardization::observe_all), has done those
/// before the one that failed; and [`Learner::train_on_batch`](crate::Learner::train_on_batch) says what a divergence may cost there.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
// Whole words, which a Cortex-M copies in line; what stands at odd bytes it calls `memcpy` for, 0.7 KB of flash.
#[repr(u32)]
pub enum Error {
    /// A buffer the caller lent is too short (or, for parameters, not of the exact length).
    BufferLength {
        /// Which buffer.
        buffer: Buffer,
        /// Elements the operation needs: floats, or words, rows or indices.
        expected: usize,
        /// Elements it was lent.
        found: usize,
    },
    /// A topology without layers, or without inputs.
    TopologyEmpty,
    /// A layer of no units.
    LayerWidth {
        /// Index of the layer, 0 for the first after the inputs.
        layer: usize,
    },
    /// A topology with a buffer of more than 2^26 floats.
    TopologyTooLarge,
    /// A frozen layer was given another number of parameters than it has weights and biases.
    FrozenLength {
        /// Index of the layer, 0 for the first after the inputs.
        layer: usize,
        /// Floats it needs.
        expected: usize,
        /// Floats it was given.
        found: usize,
    },
    /// Every layer is frozen: nothing is left to train.
    AllLayersFrozen,
    /// Dropout on the last layer, whose outputs are the prediction.
    OutputDropout,
    /// An activation over all units at once, such as softmax, in a layer that is not the last.
    RowActivationHidden {
        /// Index of the layer, 0 for the first after the inputs.
        layer: usize,
    },
    /// A penalty with an optimizer that has no gradient to add its derivative to.
    PenaltyWithoutGradient,
    /// A loss that is not defined on the outputs of the topology's last activation, for instance binary
    /// cross-entropy after ReLU.
    LossActivation {
        /// The activations it is defined on, by their names.
        expected: &'static str,
        /// The last layer's.
        found: Kind,
    },
    /// A loss with more targets than the topology has outputs: where they stand its derivative by the outputs is written.
    LossTargets {
        /// The topology's outputs: targets at most.
        expected: usize,
        /// The loss's targets.
        found: usize,
    },
    /// A parameter outside its range.
    Parameter {
        /// The parameter's name, as in the constructor's signature or its options, or a formula of such: `lr - lr_end`.
        name: &'static str,
        /// What was expected.
        must_be: Requirement,
        /// What was found, rounded to f32.
        found: f32,
    },
    /// A dataset without samples.
    DatasetEmpty,
    /// A dataset of more than `u32::MAX` samples, a split by indices of more than 65,536, or a replay buffer of more than
    /// 2^31 rows.
    DatasetTooLarge {
        /// Samples, or rows, at most.
        expected: usize,
        /// Samples, or rows, there are.
        found: usize,
    },
    /// A dataset of fewer samples than a split needs.
    DatasetTooSmall {
        /// Samples the split needs.
        expected: usize,
        /// Samples there are.
        found: usize,
    },
    /// A dataset whose samples have another number of features than the topology has inputs.
    FeatureCount {
        /// The topology's inputs.
        expected: usize,
        /// The dataset's features.
        found: usize,
    },
    /// A dataset whose samples have another number of targets than the loss takes.
    TargetCount {
        /// What the loss takes: as a rule one for each of the topology's outputs, a class's number for all of them.
        expected: usize,
        /// The dataset's targets.
        found: usize,
    },
    /// A sample was asked for past the dataset's end.
    SampleIndex {
        /// The index asked for.
        index: usize,
        /// Samples there are.
        len: usize,
    },
    /// The dataset could not read a sample: a bus error, a card pulled.
    SampleRead {
        /// The sample's index.
        index: usize,
    },
    /// A feature that is NaN or infinite.
    SampleNotFinite {
        /// The sample's index in the dataset.
        index: usize,
        /// The feature's position, from 0.
        feature: usize,
        /// What was found.
        found: f32,
    },
    /// A target that is no whole number from 0 and below the number of classes.
    ClassInvalid {
        /// The sample's index: in the dataset, or the number of samples before it.
        index: usize,
        /// Classes there are.
        classes: usize,
        /// What was found.
        found: f32,
    },
    /// A target the loss or the metric is not defined for, for instance 2 for binary cross-entropy, or NaN.
    TargetInvalid {
        /// The sample's index in the dataset.
        index: usize,
        /// The target's position, from 0.
        output: usize,
        /// What was found.
        found: f32,
    },
    /// A sample's weight that is negative, NaN or infinite.
    WeightInvalid {
        /// The sample's index in the dataset.
        index: usize,
        /// What was found.
        found: f32,
    },
    /// A batch's gradient, or what the optimizer made of it, is NaN or infinite. The parameters are those of the last
    /// update; see [`Trainer::roll_back`](crate::Trainer::roll_back) and [`Learner::roll_back`](crate::Learner::roll_back).
    GradientNotFinite {
        /// Updates done before.
        step: u32,
    },
    /// The learning rate of the next update, a schedule's, a [forced](crate::Trainer::force_rate) or a
    /// [scaled](crate::Trainer::scale_rate) one, or a [learner's](crate::Learner::train_on_batch), is NaN or infinite. An f64 above
    /// `f32::MAX` is infinite, too.
    RateNotFinite {
        /// Updates done before.
        step: u32,
    },
    /// An output that is NaN or infinite was given to a metric.
    OutputNotFinite {
        /// Samples the metric has counted before.
        index: usize,
        /// The output's position, from 0.
        output: usize,
        /// What was found.
        found: f32,
    },
    /// The state of a replay buffer that memory of the lent length cannot be in.
    ReplayState,
    /// Words that the state of a rate driven by a metric cannot have written; see [`Words`](crate::schedule::Words).
    FeedbackState,
    /// The sum of an epoch's losses so far, or of a [learner's](crate::Learner) batch, with the penalties on the weights, is NaN or infinite,
    /// though each is a number. The
    /// parameters are those of the last update.
    LossNotFinite {
        /// Updates done before.
        step: u32,
    },
    /// A parameter became NaN or infinite with an epoch's last update, or with this one of a [learner's](crate::Learner).
    ParametersNotFinite {
        /// Updates done.
        step: u32,
    },
    /// A run was to be resumed with settings it was not made with.
    ProgressMismatch,
    /// The loss of a sample, or the sum of the losses up to it, became NaN or infinite: of a batch's, or of the validation samples'. The
    /// parameters are those of the last update.
    Diverged {
        /// Updates done before.
        step: u32,
        /// The sample's index in the dataset.
        index: usize,
    },
}

/// A buffer lent by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u32)] // as [`Error`]
pub enum Buffer {
    /// The network's parameters: weights and biases.
    Parameters,
    /// Optimizer state and tape; see [`Topology::workspace_len`](crate::Topology::workspace_len).
    Workspace,
    /// Activations of one or more samples.
    Tape,
    /// One sample's input.
    Input,
    /// One sample's target.
    Target,
    /// Indices of samples.
    Indices,
    /// One sample's outputs, as a metric takes them.
    Outputs,
    /// Weights of samples in the loss.
    SampleWeights,
    /// A number for each feature: means, limits, factors.
    Scaling,
    /// Samples kept for replay, or their labels.
    Replay,
    /// The scores a metric keeps.
    Scores,
    /// The state of a rate driven by a metric, as words; see [`Words`](crate::schedule::Words).
    Feedback,
}

/// What a parameter has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u32)] // as [`Error`]
pub enum Requirement {
    /// Neither NaN nor infinite.
    Finite,
    /// Finite and not below 0.
    NonNegative,
    /// Finite and above 0.
    Positive,
    /// At least 0 and below 1.
    Fraction,
    /// Above 0 and below 1.
    OpenFraction,
    /// A number of at least 1.
    AtLeastOne,
    /// A number of at least 2.
    AtLeastTwo,
    /// Just 1.
    One,
    /// At least 0 and at most 1.
    UnitInterval,
    /// Finite and not 0.
    NonZero,
    /// Each above the one before it.
    Increasing,
    /// One value before the first boundary and one from each boundary on.
    OneMoreThanBoundaries,
    /// At least the parameter before it in the constructor's signature.
    AtLeastThePrevious,
    /// Below the number of folds.
    BelowFolds,
    /// Above the parameter before it.
    AboveThePrevious,
}

impl Error {
    /// Whether training has diverged: what [`Trainer::roll_back`](crate::Trainer::roll_back) and
    /// [`Learner::roll_back`](crate::Learner::roll_back) lead on from.
    pub const fn is_divergence(&self) -> bool {
        matches!(
            self,
            Self::Diverged { .. }
                | Self::GradientNotFinite { .. }
                | Self::LossNotFinite { .. }
                | Self::ParametersNotFinite { .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BufferLength { buffer, expected, found } => {
                write!(f, "{buffer}: expected a buffer of {expected}, found {found}")
            }
            Self::TopologyEmpty => f.write_str("topology: expected inputs and at least one layer, found none"),
            Self::LayerWidth { layer } => write!(f, "topology: expected at least 1 unit in layer {layer}, found 0"),
            Self::TopologyTooLarge => {
                f.write_str("topology: expected buffers of at most 67108864 floats, found a longer one")
            }
            Self::FrozenLength { layer, expected, found } => {
                write!(f, "topology: expected {expected} parameters for frozen layer {layer}, found {found}")
            }
            Self::AllLayersFrozen => f.write_str("topology: expected a layer to train, found frozen ones only"),
            Self::OutputDropout => f.write_str("topology: expected no dropout on the last layer, found some"),
            Self::RowActivationHidden { layer } => {
                write!(f, "topology: expected softmax and its like in the last layer only, found one in layer {layer}")
            }
            Self::PenaltyWithoutGradient => {
                f.write_str("topology: expected no l1 or l2 with an optimizer that keeps no gradient, found one")
            }
            Self::LossActivation { expected, found } => {
                write!(f, "loss: expected {expected} as the last layer's activation, found {found:?}")
            }
            Self::LossTargets { expected, found } => {
                write!(f, "loss: expected at most {expected} targets a sample, one for each output, found {found}")
            }
            Self::Parameter { name, must_be, found } => {
                write!(f, "{name}: expected {must_be}, found {}", Number(found))
            }
            Self::DatasetEmpty => f.write_str("dataset: expected at least 1 sample, found none"),
            Self::DatasetTooLarge { expected, found } => {
                write!(f, "samples: expected at most {expected}, found {found}")
            }
            Self::DatasetTooSmall { expected, found } => {
                write!(f, "samples: expected at least {expected}, found {found}")
            }
            Self::FeatureCount { expected, found } => {
                write!(f, "dataset: expected {expected} features a sample, found {found}")
            }
            Self::TargetCount { expected, found } => {
                write!(f, "dataset: expected {expected} targets a sample, found {found}")
            }
            Self::SampleIndex { index, len } => write!(f, "sample {index}: expected an index below {len}"),
            Self::SampleRead { index } => write!(f, "sample {index}: could not be read"),
            Self::SampleNotFinite { index, feature, found } => {
                write!(f, "sample {index}, feature {feature}: expected a finite number, found {}", Number(found))
            }
            Self::ClassInvalid { index, classes, found } => {
                write!(f, "sample {index}: expected a class from 0 and below {classes}, found {}", Number(found))
            }
            Self::TargetInvalid { index, output, found } => {
                write!(
                    f,
                    "sample {index}, target {output}: expected a value the loss or metric is defined for, found {}",
                    Number(found)
                )
            }
            Self::WeightInvalid { index, found } => {
                let found = Number(found);
                write!(f, "sample {index}: expected a weight that is finite and not negative, found {found}")
            }
            Self::GradientNotFinite { step } => {
                write!(
                    f,
                    "diverged after {step} updates: expected a finite gradient for the next one, found NaN or infinity"
                )
            }
            Self::RateNotFinite { step } => {
                write!(f, "after {step} updates: expected a finite learning rate, found NaN or infinity")
            }
            Self::OutputNotFinite { index, output, found } => {
                write!(f, "sample {index}, output {output}: expected a finite number, found {}", Number(found))
            }
            Self::ReplayState => f.write_str("replay: expected the state of a buffer of this length, found another's"),
            Self::FeedbackState => f.write_str("feedback: expected the words of a state, found others"),
            Self::LossNotFinite { step } => {
                write!(f, "diverged after {step} updates: expected a finite loss of the epoch, found NaN or infinity")
            }
            Self::ParametersNotFinite { step } => {
                write!(f, "diverged after {step} updates: expected finite parameters, found NaN or infinity")
            }
            Self::ProgressMismatch => {
                f.write_str("progress: expected that of a run with these settings, found another's")
            }
            Self::Diverged { step, index } => {
                write!(
                    f,
                    "diverged after {step} updates: expected finite losses up to sample {index}, found NaN or infinity"
                )
            }
        }
    }
}

impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parameters => "parameters",
            Self::Workspace => "workspace",
            Self::Tape => "tape",
            Self::Input => "input",
            Self::Target => "target",
            Self::Indices => "indices",
            Self::Outputs => "outputs",
            Self::SampleWeights => "sample weights",
            Self::Scaling => "scaling",
            Self::Replay => "replay",
            Self::Scores => "scores",
            Self::Feedback => "feedback",
        })
    }
}

impl Requirement {
    const fn text(self) -> &'static str {
        match self {
            Self::Finite => "a finite number",
            Self::NonNegative => "a finite number of at least 0",
            Self::Positive => "a finite number above 0",
            Self::Fraction => "at least 0 and below 1",
            Self::OpenFraction => "above 0 and below 1",
            Self::AtLeastOne => "at least 1",
            Self::AtLeastTwo => "at least 2",
            Self::One => "1",
            Self::UnitInterval => "from 0 to 1",
            Self::NonZero => "a finite number other than 0",
            Self::Increasing => "each above the one before",
            Self::OneMoreThanBoundaries => "one value more than boundaries",
            Self::AtLeastThePrevious => "at least the parameter before it",
            Self::BelowFolds => "below the number of folds",
            Self::AboveThePrevious => "above the parameter before it",
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Error {}

/// Checks one parameter of a constructor; `const`, so that [`checked!`](crate::checked) refuses it at compile time.
#[allow(clippy::neg_cmp_op_on_partial_ord)] // NaN has to fail every comparison
pub(crate) const fn require(name: &'static str, must_be: Requirement, found: f64) -> Result<(), Error> {
    let holds = match must_be {
        Requirement::NonNegative => found.is_finite() && found >= 0.0,
        Requirement::Positive => found.is_finite() && found > 0.0,
        Requirement::Fraction => found >= 0.0 && found < 1.0,
        Requirement::OpenFraction => found > 0.0 && found < 1.0,
        Requirement::AtLeastOne => found.is_finite() && found >= 1.0,
        Requirement::AtLeastTwo => found.is_finite() && found >= 2.0,
        Requirement::One => found == 1.0,
        Requirement::UnitInterval => found >= 0.0 && found <= 1.0,
        Requirement::NonZero => found.is_finite() && found != 0.0,
        // All but the first compare with something else, so their constructors do it.
        Requirement::Finite
        | Requirement::Increasing
        | Requirement::OneMoreThanBoundaries
        | Requirement::AtLeastThePrevious
        | Requirement::BelowFolds
        | Requirement::AboveThePrevious => found.is_finite(),
    };
    if holds { Ok(()) } else { Err(Error::Parameter { name, must_be, found: found as f32 }) }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn says_what_was_expected_and_what_was_found() {
        let (expected, found, index, step, layer) = (3, 4, 5, 6, 7);
        let bad = f32::NAN;
        let errors = [
            Error::BufferLength { buffer: Buffer::Tape, expected, found },
            Error::TopologyEmpty,
            Error::LayerWidth { layer },
            Error::TopologyTooLarge,
            Error::FrozenLength { layer, expected, found },
            Error::AllLayersFrozen,
            Error::OutputDropout,
            Error::RowActivationHidden { layer },
            Error::PenaltyWithoutGradient,
            Error::LossActivation { expected: "Sigmoid or Linear", found: Kind::Relu },
            Error::LossTargets { expected, found },
            Error::Parameter { name: "decay", must_be: Requirement::Positive, found: bad },
            Error::DatasetEmpty,
            Error::DatasetTooLarge { expected, found },
            Error::DatasetTooSmall { expected, found },
            Error::FeatureCount { expected, found },
            Error::TargetCount { expected, found },
            Error::SampleNotFinite { index, feature: 0, found: bad },
            Error::ClassInvalid { index, classes: 2, found: bad },
            Error::TargetInvalid { index, output: 0, found: bad },
            Error::WeightInvalid { index, found: bad },
            Error::GradientNotFinite { step },
            Error::RateNotFinite { step },
            Error::OutputNotFinite { index, output: 0, found: bad },
            Error::ReplayState,
            Error::FeedbackState,
            Error::LossNotFinite { step },
            Error::ParametersNotFinite { step },
            Error::ProgressMismatch,
            Error::Diverged { step, index },
        ];
        for error in errors {
            let text = error.to_string();
            let (what, behind) = text.split_once(": expected ").unwrap_or_default();
            assert!(!what.is_empty() && behind.contains(", found "), "{text}");
        }
        assert_eq!(Error::SampleIndex { index, len: 2 }.to_string(), "sample 5: expected an index below 2");
        assert_eq!(
            Error::LossActivation { expected: "Sigmoid or Linear", found: Kind::Relu }.to_string(),
            "loss: expected Sigmoid or Linear as the last layer's activation, found Relu"
        );
    }
}
