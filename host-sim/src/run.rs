//! One training run on the desk.

use std::fmt;

use microfit::data::{Dataset, Order};
use microfit::loss::Loss;
use microfit::optimizer::Optimizer;
use microfit::schedule::Schedule;
use microfit::{EarlyStopping, Event, Fit, Verdict, weights_hash};
use microfit_firmware::Record;

use crate::spec::Driven;

/// What a run left.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it is called: the schedule, as a rule.
    pub name: String,
    /// Its epochs.
    pub records: Vec<Record>,
    /// [`weights_hash`] of the trained parameters.
    pub hash: u64,
    /// Bytes that training took: parameters and workspace, and the best parameters where they are kept.
    pub ram: usize,
    /// How early stopping ended it, if it was asked to.
    pub ended: Option<Ended>,
}

/// How a run ended whose best weights were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Epochs done.
    pub epochs: u32,
    /// Whether they are fewer than there were to be because the loss had not fallen for so many.
    pub patience: Option<u32>,
    /// The epoch whose weights were restored, counted from 0; `None` if no loss was a number, which leaves the last.
    pub restored: Option<u32>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patience {
            Some(patience) => write!(f, "stopped after {} epochs: {patience} without a lower loss", self.epochs)?,
            None => write!(f, "all {} epochs done", self.epochs)?,
        }
        match self.restored {
            Some(epoch) => write!(f, "; the weights and the figures are those of epoch {epoch}, counted from 0"),
            None => Ok(()),
        }
    }
}

/// What may change a run's course after an epoch.
#[derive(Default)]
pub struct Guide<'a> {
    /// The rate answers to the validation loss, or to the training loss where nothing is validated, and the schedule is
    /// not asked.
    pub driver: Option<&'a mut dyn Driven>,
    /// Watches the same loss; the weights it finds best are restored at the end.
    pub stopping: Option<EarlyStopping>,
}

impl Run {
    /// The last epoch.
    pub fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    /// The epoch whose weights the run left: the last, or the one that was restored.
    pub fn kept(&self) -> Option<&Record> {
        let restored = self.ended.and_then(|ended| ended.restored);
        restored.map_or_else(|| self.last(), |epoch| self.records.get(epoch as usize))
    }

    /// The hash as it is printed everywhere.
    pub fn hash_text(&self) -> String {
        format!("{:#018x}", self.hash)
    }
}

/// Samples taken together at most.
const MOST_SAMPLES: u32 = 64;

/// Trains from the given parameters, tells `observe` of every epoch, and asks `guide` after it.
///
/// # Errors
/// Those of [`Fit::start`] and [`Trainer::step`](microfit::Trainer::step).
pub fn train<L: Loss, O: Optimizer, S: Schedule, R: Order>(
    name: &str,
    fit: Fit<'_, L, O, S, R>,
    train: &impl Dataset,
    validation: &impl Dataset,
    params: &mut [f32],
    guide: Guide<'_>,
    mut observe: impl FnMut(&Record),
) -> Result<Run, microfit::Error> {
    let Guide { mut driver, stopping } = guide;
    let mut stopping = stopping.map(|stopping| (stopping, stopping.start()));
    // No weights are best before the first epoch.
    let (mut best, mut restored, mut patience) = (Vec::new(), None, None);
    // A computer has room for more samples at a time than a board, whose RAM is what is reported; the bits are the same.
    let (samples, targets) = (fit.batch.min(MOST_SAMPLES) as usize, fit.loss.targets(fit.topology.outputs()));
    let mut workspace = vec![0.0; fit.topology.workspace_len_for::<O>(samples, targets)];
    let mut ram = fit.topology.train_bytes::<O>();
    if stopping.is_some() {
        ram += size_of_val(params);
    }
    let mut trainer = fit.start(params, &mut workspace)?;
    trainer.force_rate(driver.as_deref().map(Driven::rate));
    let mut records = Vec::new();
    loop {
        match trainer.step(train, validation)? {
            Event::Epoch(epoch) => {
                let record = Record::from(&epoch);
                observe(&record);
                records.push(record);
                let metric = epoch.validation.unwrap_or(epoch.train).loss();
                if let Some(driver) = driver.as_deref_mut() {
                    trainer.force_rate(Some(driver.observe(metric.into())));
                }
                let Some((stopping, state)) = &mut stopping else { continue };
                match stopping.observe(state, metric) {
                    Verdict::Improved => {
                        best.clear();
                        best.extend_from_slice(trainer.params());
                        restored = Some(epoch.epoch);
                    }
                    Verdict::Waiting => {}
                    Verdict::Stop => {
                        patience = Some(epoch.epoch - state.best_epoch());
                        break;
                    }
                }
            }
            Event::Done => break,
            _ => {}
        }
    }
    let ended = stopping.map(|(_, state)| Ended { epochs: state.epochs(), patience, restored });
    let hash = weights_hash(if restored.is_some() { &best } else { trainer.params() });
    if restored.is_some() {
        params.copy_from_slice(&best);
    }
    Ok(Run { name: name.to_owned(), records, hash, ram, ended })
}
