//! Cross-entropy of one class among several.

use super::{CrossEntropy, Input, Loss};
use crate::activation::{Activation, Kind, exponentials_of, largest};
use crate::data::{argmax, class_index, is_argmax};
use crate::error::Error;
use crate::math;
use crate::unroll::one_turn_at_a_time;

/// Categorical cross-entropy: `-sum over u of y[u] ln p[u]`, with a target for every output: one-hot, or probabilities.
///
/// Computed from the logits `z` as `sum of y[u] (L - z[u])` with `L = max(z) + ln(sum of exp(z - max(z)))`, which does not
/// overflow; its derivative by `z` is `p sum(y) - y`. The last activation must be
/// [`Softmax`](crate::activation::Softmax) (Keras' `categorical_crossentropy`) or
/// [`Linear`](crate::activation::Linear) (`from_logits=True`, PyTorch's `CrossEntropyLoss`).
/// A sample is right if the largest output stands where the largest target does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CategoricalCrossEntropy;

/// [`CategoricalCrossEntropy`] with one target a sample, the class's index: Keras' `sparse_categorical_crossentropy`,
/// PyTorch's `CrossEntropyLoss` with class indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SparseCategoricalCrossEntropy;

fn input(last: &dyn Activation) -> Result<Input, Error> {
    match last.kind() {
        Kind::Softmax | Kind::Linear => Ok(Input::Logits),
        found => Err(Error::LossActivation { expected: "Softmax or Linear", found }),
    }
}

/// `ln(sum of exp(z - max(z)))`, and `max(z)`.
fn log_sum(logits: &[f32]) -> (f32, f32) {
    let largest = largest(logits);
    let mut total = 0.0;
    for z in logits {
        total += math::exp(z - largest);
    }
    (math::ln_from_one(total), largest)
}

impl Loss for CategoricalCrossEntropy {
    fn input(&self, last: &dyn Activation) -> Result<Input, Error> {
        input(last)
    }

    fn accepts(&self, target: f32, _outputs: usize) -> bool {
        (0.0..=1.0).contains(&target)
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        self.smoothed_value(inputs, target, 0.0)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        self.differentiate_smoothed(inputs, target, scale, 0.0)
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        Some(if argmax(inputs) == argmax(target) { 1.0 } else { 0.0 })
    }
}

/// Towards `1 / outputs`.
fn smooth(y: f32, smoothing: f32, outputs: usize) -> f32 {
    if smoothing == 0.0 { y } else { y * (1.0 - smoothing) + smoothing / outputs as f32 }
}

impl CrossEntropy for CategoricalCrossEntropy {
    fn smoothed_value(&self, inputs: &[f32], target: &[f32], smoothing: f32) -> f32 {
        let (log, largest) = log_sum(inputs);
        let mut sum = 0.0;
        for (z, &y) in inputs.iter().zip(target) {
            sum += smooth(y, smoothing, inputs.len()) * (log + (largest - z));
        }
        sum
    }

    fn differentiate_smoothed(&self, inputs: &[f32], target: &mut [f32], scale: f32, smoothing: f32) -> f32 {
        let largest = largest(inputs);
        let (mut total, mut mass) = (0.0, 0.0);
        for (z, y) in inputs.iter().zip(target.iter_mut()) {
            total += math::exp(z - largest);
            *y = smooth(*y, smoothing, inputs.len());
            mass += *y;
        }
        let (log, factor) = (math::ln_from_one(total), mass * (scale / total));
        let mut sum = 0.0;
        for (z, y) in inputs.iter().zip(target) {
            sum += *y * (log + (largest - z));
            *y = math::exp(z - largest) * factor - *y * scale;
        }
        sum
    }
}

/// A target as an index; [`Loss::accepts`] has seen that it is one.
fn label(target: &[f32]) -> usize {
    target.first().map_or(0, |&label| label as usize)
}

impl Loss for SparseCategoricalCrossEntropy {
    fn input(&self, last: &dyn Activation) -> Result<Input, Error> {
        input(last)
    }

    fn targets(&self, _outputs: usize) -> usize {
        1
    }

    fn accepts(&self, target: f32, outputs: usize) -> bool {
        class_index(target, outputs).is_some()
    }

    fn value(&self, inputs: &[f32], target: &[f32]) -> f32 {
        self.smoothed_value(inputs, target, 0.0)
    }

    fn differentiate(&self, inputs: &[f32], target: &mut [f32], scale: f32) -> f32 {
        self.differentiate_smoothed(inputs, target, scale, 0.0)
    }

    fn accuracy(&self, inputs: &[f32], target: &[f32]) -> Option<f32> {
        Some(if is_argmax(label(target), inputs) { 1.0 } else { 0.0 })
    }
}

/// The loss where class `label` is right.
fn of_label(inputs: &[f32], label: usize, log: f32, largest: f32, smoothing: f32) -> f32 {
    let right = log + (largest - inputs.get(label).copied().unwrap_or(f32::NAN));
    if smoothing == 0.0 {
        return right;
    }
    let mut sum = 0.0;
    for z in inputs {
        sum += log + (largest - z);
        one_turn_at_a_time();
    }
    (1.0 - smoothing) * right + smoothing / inputs.len() as f32 * sum
}

impl CrossEntropy for SparseCategoricalCrossEntropy {
    fn smoothed_value(&self, inputs: &[f32], target: &[f32], smoothing: f32) -> f32 {
        let (log, largest) = log_sum(inputs);
        of_label(inputs, label(target), log, largest, smoothing)
    }

    fn differentiate_smoothed(&self, inputs: &[f32], target: &mut [f32], scale: f32, smoothing: f32) -> f32 {
        let label = label(target);
        let (total, largest) = exponentials_of(inputs, target);
        let factor = scale / total;
        // In pairs, or by the least code.
        let in_pairs = if cfg!(kernels = "plain") { 0 } else { target.len() - target.len() % 2 };
        let (pairs, rest) = target.split_at_mut_checked(in_pairs).unwrap_or_default();
        for [a, b] in pairs.as_chunks_mut().0 {
            (*a, *b) = (*a * factor, *b * factor);
            one_turn_at_a_time();
        }
        for delta in rest {
            *delta *= factor;
            one_turn_at_a_time();
        }
        if smoothing != 0.0 {
            let everywhere = smoothing / inputs.len() as f32 * scale;
            for delta in target.iter_mut() {
                *delta -= everywhere;
                one_turn_at_a_time();
            }
        }
        if let Some(delta) = target.get_mut(label) {
            *delta -= (1.0 - smoothing) * scale;
        }
        of_label(inputs, label, math::ln_from_one(total), largest, smoothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Smoothed;

    #[test]
    fn is_exact_where_the_exponentials_overflow() {
        let logits = [500.0, -500.0, 0.0];
        assert_eq!(SparseCategoricalCrossEntropy.value(&logits, &[0.0]), 0.0);
        assert_eq!(SparseCategoricalCrossEntropy.value(&logits, &[1.0]), 1000.0);
        assert_eq!(CategoricalCrossEntropy.value(&logits, &[0.0, 0.0, 1.0]), 500.0);
        assert!(SparseCategoricalCrossEntropy.value(&[f32::NAN, 0.0], &[1.0]).is_nan());
    }

    #[test]
    fn a_label_is_its_one_hot_row() {
        let logits = [0.5, -1.0, 2.0, 0.0];
        for smoothing in [0.0, 0.1] {
            for label in 0..4 {
                let mut row = [0.0; 4];
                row[label] = 1.0;
                let mut labelled = [label as f32, f32::NAN, f32::NAN, f32::NAN];
                let sparse = Smoothed::new(SparseCategoricalCrossEntropy, smoothing).unwrap();
                let dense = Smoothed::new(CategoricalCrossEntropy, smoothing).unwrap();
                assert!((sparse.value(&logits, &labelled[..1]) - dense.value(&logits, &row)).abs() < 1e-6);
                assert_eq!(sparse.accuracy(&logits, &labelled[..1]), dense.accuracy(&logits, &row));
                let value = sparse.value(&logits, &labelled[..1]);
                assert_eq!(sparse.differentiate(&logits, &mut labelled, 2.0), value);
                dense.differentiate(&logits, &mut row, 2.0);
                for (a, b) in labelled.iter().zip(row) {
                    assert!((a - b).abs() < 1e-6, "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn takes_labels_that_are_indices() {
        let accepts = |target| SparseCategoricalCrossEntropy.accepts(target, 3);
        assert!(accepts(0.0) && accepts(2.0) && !accepts(3.0) && !accepts(-1.0) && !accepts(0.5));
        assert_eq!(SparseCategoricalCrossEntropy.targets(10), 1);
    }
}
