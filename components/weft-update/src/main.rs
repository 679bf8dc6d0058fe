//! `weft-update`: see the library. Exit codes: 0 done, 1 failed, 2 wrong usage.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    weft_service::init_logging();
    match weft_update::cli::run(weft_update::cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
