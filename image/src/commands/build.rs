//! `cargo weft build`.

use super::Error;
use crate::cli::BuildArgs;
use std::process::ExitCode;

pub fn run(_arguments: &BuildArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
