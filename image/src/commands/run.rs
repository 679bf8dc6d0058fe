//! `cargo weft run`.

use super::Error;
use crate::cli::RunArgs;
use std::process::ExitCode;

pub fn run(_arguments: &RunArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
