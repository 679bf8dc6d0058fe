//! `cargo weft clean`.

use super::Error;
use crate::cli::CleanArgs;
use std::process::ExitCode;

pub fn run(_arguments: &CleanArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
