//! What `microfit` does when nothing else is said.

use microfit::schedule::Schedule;
use microfit::tutorial::{self, Experiment};
use microfit_firmware::SEED;

use crate::chart;
use crate::error::Error;
use crate::output;
use crate::progress;
use crate::run::{self, Guide, Run};
use crate::table::{percent, table};

/// The tutorial's two experiments and the constant baseline, from the seed the firmware has.
pub(crate) fn run() -> Result<(), Error> {
    output::line(
        "UCI Ionosphere, 34-34-1, trained on the first 235 rows, validated on the last 116 (the tutorial's split)\n",
    )?;
    let runs = [
        experiment("time_based(0.1, 0.002)", tutorial::time_based(SEED))?,
        experiment("drop_based(0.1, 0.5, 10)", tutorial::drop_based(SEED))?,
        experiment("constant(0.1)", tutorial::constant(SEED))?,
    ];
    for run in &runs {
        output::line(format_args!("{}\n{}", run.name, chart::curves(&run.records)))?;
    }
    output::line(summary(&runs))?;
    output::line(
        "\nThose 116 rows are 107 good to 9 bad: always saying \"good\" scores 92.24%.\n\
         On a stratified split expect about 90.5 to 91%: microfit compare --split stratified",
    )
}

fn experiment<S: Schedule>(name: &str, fit: Experiment<S>) -> Result<Run, Error> {
    let (train, validation) = tutorial::split()?;
    let mut params = [0.0; tutorial::NET.param_len()];
    tutorial::INIT.fill(&tutorial::NET, SEED, &mut params)?;
    let bar = progress::bar(u64::from(fit.epochs), name);
    let run = run::train(name, fit, &train, &validation, &mut params, Guide::default(), |record| {
        bar.set_message(format!("loss {:.4}", record.loss));
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    Ok(run)
}

/// A row a run: the epoch whose weights it left, and what it took.
pub(crate) fn summary(runs: &[Run]) -> String {
    let mut table = table(&[
        "schedule",
        "final rate",
        "train loss",
        "train acc.",
        "val. loss",
        "val. acc.",
        "weights' hash",
        "RAM, bytes",
    ]);
    for run in runs {
        let Some(last) = run.kept() else { continue };
        table.add_row([
            run.name.clone(),
            last.rate.to_string(),
            format!("{:.4}", last.loss),
            last.accuracy.map_or("-".into(), percent),
            last.validation_loss.map_or("-".into(), |loss| format!("{loss:.4}")),
            last.validation_accuracy.map_or("-".into(), percent),
            run.hash_text(),
            run.ram.to_string(),
        ]);
    }
    table.to_string()
}
