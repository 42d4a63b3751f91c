//! One training run on the desk.

use microfit::data::{Dataset, Order};
use microfit::loss::Loss;
use microfit::optimizer::Optimizer;
use microfit::schedule::Schedule;
use microfit::{Event, Fit, weights_hash};
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
    /// Bytes that training took: parameters and workspace.
    pub ram: usize,
}

impl Run {
    /// The last epoch.
    pub fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    /// The hash as it is printed everywhere.
    pub fn hash_text(&self) -> String {
        format!("{:#018x}", self.hash)
    }
}

/// Trains from the given parameters and tells `observe` of every epoch. With a `driver` the rate answers to the
/// validation loss, or to the training loss where nothing is validated, and the schedule is not asked.
///
/// # Errors
/// Those of [`Fit::start`] and [`Trainer::step`](microfit::Trainer::step).
pub fn train<L: Loss, O: Optimizer, S: Schedule, R: Order>(
    name: &str,
    fit: Fit<'_, L, O, S, R>,
    train: &impl Dataset,
    validation: &impl Dataset,
    params: &mut [f32],
    mut driver: Option<&mut dyn Driven>,
    mut observe: impl FnMut(&Record),
) -> Result<Run, microfit::Error> {
    let mut workspace = vec![0.0; fit.topology.workspace_len::<O>()];
    let ram = fit.topology.train_bytes::<O>();
    let mut trainer = fit.start(params, &mut workspace)?;
    trainer.force_rate(driver.as_deref().map(Driven::rate));
    let mut records = Vec::new();
    loop {
        match trainer.step(train, validation)? {
            Event::Epoch(epoch) => {
                let record = Record::from(&epoch);
                observe(&record);
                records.push(record);
                if let Some(driver) = driver.as_deref_mut() {
                    let metric = epoch.validation.unwrap_or(epoch.train).loss();
                    trainer.force_rate(Some(driver.observe(metric.into())));
                }
            }
            Event::Done => break,
            _ => {}
        }
    }
    Ok(Run { name: name.to_owned(), records, hash: weights_hash(trainer.params()), ram })
}
