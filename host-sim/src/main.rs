//! `microfit`: see `microfit --help`.

use std::process::ExitCode;

use clap::Parser;
use microfit_sim::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("microfit: {error}");
            error.exit_code()
        }
    }
}
