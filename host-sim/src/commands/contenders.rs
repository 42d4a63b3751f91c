//! The schedules `microfit compare` compares: one of every kind, over the tutorial's 450 updates, or 50 epochs.

use microfit::Clock;

/// A schedule, and how it is run.
pub struct Contender {
    /// Its name; that of `bench_schedules.json` where it stands there.
    pub name: &'static str,
    /// The schedule for a peak rate.
    pub spec: fn(f64) -> String,
    /// What its step counts.
    pub clock: Clock,
    /// Momentum of SGD, as Keras computes it, where the schedule does not drive it.
    pub momentum: f32,
}

impl Contender {
    /// What it is called in a table.
    pub fn label(&self) -> String {
        format!("{}, {}", self.name, self.momentum)
    }
}

/// The grammar has no fractions of a rate, so they are computed here.
fn written(spec: &str, rate: f64) -> String {
    spec.replace("RATE/50", &(rate / 50.0).to_string())
        .replace("RATE/100", &(rate / 100.0).to_string())
        .replace("RATE", &rate.to_string())
}

macro_rules! contenders {
    ($($name:literal, $clock:ident, $momentum:literal, $spec:literal;)*) => {
        &[$(Contender {
            name: $name,
            spec: |rate| written($spec, rate),
            clock: Clock::$clock,
            momentum: $momentum,
        }),*]
    };
}

/// The first two are the tutorial's time-based experiment and its baseline; drop-based is its other one.
pub const CONTENDERS: &[Contender] = contenders! {
    "time-based, per batch (Keras decay=lr/epochs)", Update, 0.8, "time_based(RATE, RATE/50)";
    "constant", Update, 0.8, "constant(RATE)";
    "constant", Update, 0.9, "constant(RATE)";
    "time-based, per batch (Keras decay=lr/epochs)", Update, 0.9, "time_based(RATE, RATE/50)";
    "time-based, per epoch (the printed formula)", Epoch, 0.9, "time_based(RATE, RATE/50)";
    "drop 0.5 every 10 epochs, (1+epoch)", Epoch, 0.9, "drop_based(RATE, 0.5, 10)";
    "step x0.1 at 60% and 80%", Update, 0.9, "torch.multi_step(RATE, [270, 360], 0.1)";
    "exponential to 1%", Update, 0.9, "keras.exponential_decay(RATE, 450, 0.01)";
    "polynomial power 2 to 0", Update, 0.9, "torch.polynomial(RATE, 450, 2)";
    "linear to 0", Update, 0.9, "torch.polynomial(RATE, 450, 1)";
    "cosine to 0", Update, 0.9, "cosine(RATE, 0, 450)";
    "warm-up 10% + cosine", Update, 0.9, "warmup(RATE, 45).then(cosine(RATE, 0, 405))";
    "warm-up 10% + linear", Update, 0.9, "warmup(RATE, 45).then(torch.polynomial(RATE, 405, 1))";
    "cosine restarts T0=64, x2 (64+128+256)", Update, 0.9, "torch.cosine_annealing_warm_restarts(RATE, 64, 2)";
    "cosine restarts T0=90, x1", Update, 0.9, "torch.cosine_annealing_warm_restarts(RATE, 90, 1)";
    "one-cycle (momentum 0.95-0.85)", Update, 0.9, "torch.one_cycle(RATE, 450)";
    "cyclic triangular, 5 cycles, lr/100..lr", Update, 0.9, "torch.cyclic(RATE/100, RATE, 45, cycle_momentum=false)";
    "cyclic triangular2, 5 cycles", Update, 0.9,
        "torch.cyclic(RATE/100, RATE, 45, mode=triangular2, cycle_momentum=false)";
    "inverse sqrt, warm-up 10%", Update, 0.9, "transformers.inverse_sqrt(RATE, 45)";
    "WSD 10/70/20 (1-sqrt)", Update, 0.9,
        "transformers.warmup_stable_decay(RATE, 45, 90, num_stable_steps=315, decay_type=\"1-sqrt\")";
    "tanh decay (-7..3)", Update, 0.9, "timm.tanh(RATE, 450)";
    "plateau on val loss, x0.5, patience 5", Epoch, 0.9, "keras.reduce_lr_on_plateau(RATE, factor=0.5, patience=5)";
};
