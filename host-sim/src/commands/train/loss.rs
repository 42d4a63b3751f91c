//! The options of the loss.

use std::str::FromStr;

use clap::Args;
use microfit::activation::{Activation, Linear, Sigmoid, Softmax};
use microfit::data::Dataset;
use microfit::loss::{
    BinaryCrossEntropy, Hinge, Huber, Loss, MeanAbsoluteError, MeanSquaredError, Smoothed,
    SparseCategoricalCrossEntropy,
};

use super::names::{Choice, Number, number, parse};
use crate::dataset::Target;
use crate::error::Error;

/// Options of the loss.
#[derive(Debug, Clone, Args)]
pub struct LossOptions {
    /// bce, hinge (two classes in the CSV's last column), categorical (two or more), mse, mae or huber(delta=1) (a
    /// number there). Default: bce for two classes, categorical for more, mse for numbers that are not whole.
    #[arg(long, value_name = "NAME", value_parser = loss)]
    pub loss: Option<LossArg>,
    /// Moves the labels by this share towards all classes alike: with bce and categorical.
    #[arg(long, value_name = "SHARE")]
    pub label_smoothing: Option<f32>,
    /// How much a training sample of each class counts, in the order of the classes; balanced: inversely to how often
    /// it occurs.
    #[arg(long, value_name = "WEIGHT,..|balanced")]
    pub class_weights: Option<ClassWeightsArg>,
}

/// See [`microfit::loss`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossArg {
    /// Binary cross-entropy of two classes.
    Bce,
    /// Cross-entropy of any number of classes, an output each.
    Categorical,
    /// Mean squared error.
    Mse,
    /// Mean absolute error.
    Mae,
    /// Huber's loss.
    Huber(Huber),
    /// Hinge loss of two classes.
    Hinge,
}

const LOSSES: &[Choice<LossArg>] = &[
    Choice::new("bce", Number::None, |_| Ok(LossArg::Bce)),
    Choice::new("categorical", Number::None, |_| Ok(LossArg::Categorical)),
    Choice::new("mse", Number::None, |_| Ok(LossArg::Mse)),
    Choice::new("mae", Number::None, |_| Ok(LossArg::Mae)),
    Choice::new("huber", Number::Or("delta", 1.0), |delta| Ok(LossArg::Huber(Huber::new(delta)?))),
    Choice::new("hinge", Number::None, |_| Ok(LossArg::Hinge)),
];

fn loss(text: &str) -> Result<LossArg, String> {
    parse(text, LOSSES)
}

/// Weights of classes.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeightsArg {
    /// `samples / (classes * samples of the class)`, as scikit-learn's `class_weight="balanced"`, over the training
    /// samples.
    Balanced,
    /// One for each class.
    Each(Vec<f32>),
}

impl FromStr for ClassWeightsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "balanced" => Ok(Self::Balanced),
            weights => weights.split(',').map(|word| number(word.trim())).collect::<Result<_, _>>().map(Self::Each),
        }
    }
}

impl LossArg {
    /// The one for data whose classes are so many; 0 for numbers.
    pub(super) const fn of(classes: usize) -> Self {
        match classes {
            0 => Self::Mse,
            2 => Self::Bce,
            _ => Self::Categorical,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bce => "bce",
            Self::Categorical => "categorical",
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Huber(_) => "huber",
            Self::Hinge => "hinge",
        }
    }

    /// Whether the targets are classes.
    pub(super) const fn has_classes(self) -> bool {
        matches!(self, Self::Bce | Self::Categorical | Self::Hinge)
    }

    /// What it takes the last column of a CSV for.
    pub(super) fn target(self, classes: Option<Vec<String>>) -> Result<Target, Error> {
        match (self, classes) {
            (Self::Mse | Self::Mae | Self::Huber(_), None) => Ok(Target::Number),
            (Self::Mse | Self::Mae | Self::Huber(_), Some(_)) => Err(Error::Option {
                option: "--classes",
                expected: "a loss of classes: bce, categorical or hinge".into(),
                found: self.name().into(),
            }),
            (Self::Categorical, classes) => Ok(Target::Classes(classes)),
            (Self::Bce | Self::Hinge, classes) => match classes.map(<[String; 2]>::try_from).transpose() {
                Ok(two) => Ok(Target::Class(two)),
                Err(classes) => Err(Error::Option {
                    option: "--classes",
                    expected: format!("two different classes with a comma between them for {}", self.name()),
                    found: format!("`{}`", classes.join(",")),
                }),
            },
        }
    }

    /// Units of the last layer.
    pub(super) const fn outputs(self, classes: usize) -> usize {
        if matches!(self, Self::Categorical) { classes } else { 1 }
    }

    /// The last layer's activation where none is named.
    pub(super) const fn output(self) -> &'static dyn Activation {
        match self {
            Self::Bce => &Sigmoid,
            Self::Categorical => &Softmax,
            Self::Mse | Self::Mae | Self::Huber(_) | Self::Hinge => &Linear,
        }
    }

    /// The loss, its labels smoothed.
    fn smoothed(self, smoothing: f32) -> Result<Box<dyn Loss>, Error> {
        match self {
            Self::Bce => Ok(Box::new(Smoothed::new(BinaryCrossEntropy, smoothing)?)),
            Self::Categorical => Ok(Box::new(Smoothed::new(SparseCategoricalCrossEntropy, smoothing)?)),
            _ => Err(Error::Option {
                option: "--label-smoothing",
                expected: "the loss bce or categorical".into(),
                found: self.name().into(),
            }),
        }
    }

    fn plain(self) -> Box<dyn Loss> {
        match self {
            Self::Bce => Box::new(BinaryCrossEntropy),
            Self::Categorical => Box::new(SparseCategoricalCrossEntropy),
            Self::Mse => Box::new(MeanSquaredError),
            Self::Mae => Box::new(MeanAbsoluteError),
            Self::Huber(huber) => Box::new(huber),
            Self::Hinge => Box::new(Hinge),
        }
    }
}

impl LossOptions {
    /// The loss without weights of classes, for the last layer's activation, which the user calls `output`.
    pub(super) fn loss(&self, which: LossArg, last: &dyn Activation, output: &str) -> Result<Box<dyn Loss>, Error> {
        let loss = match self.label_smoothing {
            Some(smoothing) => which.smoothed(smoothing)?,
            None => which.plain(),
        };
        match loss.input(last) {
            Ok(_) => Ok(loss),
            Err(_) => Err(Error::Option {
                option: "--output",
                expected: match which {
                    LossArg::Categorical => "softmax or linear with categorical".into(),
                    _ => format!("sigmoid or linear with {}", which.name()),
                },
                found: output.into(),
            }),
        }
    }

    /// The weight of every class, if there are any.
    pub(super) fn weights(&self, which: LossArg, classes: usize, train: &dyn Dataset) -> Result<Vec<f32>, Error> {
        let Some(wanted) = &self.class_weights else { return Ok(Vec::new()) };
        let fail = |expected: String, found: String| Error::Option { option: "--class-weights", expected, found };
        if !which.has_classes() {
            return Err(fail("a loss of classes".into(), which.name().into()));
        }
        match wanted {
            ClassWeightsArg::Each(weights)
                if weights.len() == classes && weights.iter().all(|weight| *weight == 0.0) =>
            {
                Err(fail("a weight above 0".into(), "none".into()))
            }
            ClassWeightsArg::Each(weights) if weights.len() == classes => Ok(weights.clone()),
            ClassWeightsArg::Each(weights) => {
                Err(fail(format!("a weight for each of the {classes} classes"), weights.len().to_string()))
            }
            ClassWeightsArg::Balanced => balanced(classes, train),
        }
    }
}

/// See [`ClassWeightsArg::Balanced`]; a class that does not occur, which counts nothing, is no class.
fn balanced(classes: usize, train: &dyn Dataset) -> Result<Vec<f32>, Error> {
    let mut counts = vec![0_usize; classes];
    let (mut features, mut target) = (vec![0.0; train.features()], [0.0]);
    for index in 0..train.len() {
        train.read(index, &mut features, &mut target)?;
        if let Some(count) = counts.get_mut(target[0] as usize) {
            *count += 1;
        }
    }
    let present = counts.iter().filter(|&&count| count > 0).count();
    let weight = |&count: &usize| match count {
        0 => 1.0,
        count => (train.len() as f64 / (present as f64 * count as f64)) as f32,
    };
    Ok(counts.iter().map(weight).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use microfit::data::{Ionosphere, Rows, holdout};

    fn options(label_smoothing: Option<f32>, class_weights: Option<&str>) -> LossOptions {
        let class_weights = class_weights.map(|text| text.parse().unwrap());
        LossOptions { loss: None, label_smoothing, class_weights }
    }

    #[test]
    fn every_loss_has_a_name() {
        for (text, expected) in [("huber(2)", Huber::new(2.0)), ("huber", Huber::new(1.0))] {
            assert_eq!(loss(text), Ok(LossArg::Huber(expected.unwrap())));
        }
        for entry in ["bce", "categorical", "mse", "mae", "huber", "hinge"] {
            assert_eq!(loss(entry).unwrap().name(), entry);
        }
        let error = loss("mes").unwrap_err();
        assert_eq!(error, "expected one of bce, categorical, mse, mae, huber(delta=1), hinge, found `mes`");
    }

    #[test]
    fn a_loss_knows_its_output() {
        let options = options(Some(0.5), None);
        let smoothed = options.loss(LossArg::Bce, &Linear, "linear").unwrap();
        assert_eq!(smoothed.value(&[3.0], &[1.0]), 3.0 - 0.75 * 3.0 + (-3.0_f32).exp().ln_1p());
        let refused =
            |which, output: &dyn Activation, name| options.loss(which, output, name).err().unwrap().to_string();
        assert_eq!(
            refused(LossArg::Categorical, &Sigmoid, "sigmoid"),
            "--output: expected softmax or linear with categorical, found sigmoid"
        );
        assert_eq!(
            refused(LossArg::Mse, &Linear, "linear"),
            "--label-smoothing: expected the loss bce or categorical, found mse"
        );
    }

    #[test]
    fn balanced_classes_have_the_same_weight_in_all() {
        let rows = Rows { features: &[[0.0]; 6], targets: &[[0.0], [2.0], [0.0], [2.0], [2.0], [2.0]] };
        let weights = options(None, Some("balanced")).weights(LossArg::Categorical, 3, &rows).unwrap();
        assert_eq!(weights, [6.0 / 4.0, 1.0, 6.0 / 8.0]);
        let (train, _) = holdout(Ionosphere, 0.33).unwrap();
        let weights = options(None, Some("balanced")).weights(LossArg::Bce, 2, &train).unwrap();
        let zeros = (0..235).filter(|&index| Ionosphere::class(index) == 0).count() as f32;
        assert_eq!(weights, [235.0 / (2.0 * zeros), 235.0 / (2.0 * (235.0 - zeros))]);
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let weights = |text, which| options(None, Some(text)).weights(which, 2, &Ionosphere).map_err(|e| e.to_string());
        assert_eq!(weights("1, 2.5", LossArg::Hinge), Ok(vec![1.0, 2.5]));
        assert_eq!(
            weights("1,2,3", LossArg::Bce),
            Err("--class-weights: expected a weight for each of the 2 classes, found 3".into())
        );
        assert_eq!(weights("0,0", LossArg::Bce), Err("--class-weights: expected a weight above 0, found none".into()));
        assert_eq!(
            weights("balanced", LossArg::Mae),
            Err("--class-weights: expected a loss of classes, found mae".into())
        );
        assert_eq!("1,b".parse::<ClassWeightsArg>(), Err("expected a number, found `b`".into()));
    }
}
