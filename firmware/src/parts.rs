//! The parts of training whose flash `microfit bench --parts` weighs, by name; src/bin/one_part.rs builds them.

/// A small net trained with [`dense`](microfit::dense) layers, ReLU, linear outputs, mean squared error and SGD with
/// momentum, from weights of 0 and in the rows' order: what the other parts are compared with.
pub const BASELINE: &str = "baseline";

/// Every other part: a name and what it is instead of or beside the baseline's.
pub const PARTS: [&str; 50] = [
    "linear",
    "leaky ReLU",
    "ELU",
    "SELU",
    "sigmoid",
    "tanh",
    "softsign",
    "softplus",
    "hard sigmoid",
    "GELU",
    "GELU, tanh's",
    "SiLU",
    "mean absolute error",
    "Huber",
    "hinge",
    "binary cross-entropy",
    "cross-entropy, softmax",
    "sparse cross-entropy",
    "sparse, smoothed",
    "sparse, class weights",
    "sample weights",
    "online SGD",
    "SGD, all options",
    "Nesterov",
    "Adam",
    "AdamW",
    "Adam, AMSGrad",
    "Nadam",
    "RAdam",
    "Adamax",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Lion",
    "clip by value",
    "clip by norm",
    "clip by global norm",
    "dropout",
    "L1 and L2 penalties",
    "frozen layer",
    "early stopping, roll back",
    "shuffle",
    "Glorot, uniform",
    "He, truncated normal",
    "standardization",
    "replay buffer",
    "confusion matrix",
    "ROC-AUC",
    "MAE, RMSE, R2",
    "checkpoints in flash",
];

/// Whether two names are the same, for constants.
pub const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some((x, a_rest)), Some((y, b_rest))) = (a.split_first(), b.split_first()) {
        if *x != *y {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}
