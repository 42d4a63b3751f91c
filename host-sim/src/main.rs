//! `microfit`: see `microfit --help`.

use std::process::ExitCode;

use clap::Parser;
use microfit_sim::cli::Cli;
use microfit_sim::{config, output};

fn main() -> ExitCode {
    match config::expand(std::env::args_os()).and_then(|arguments| Cli::parse_from(arguments).run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&error);
            error.exit_code()
        }
    }
}
