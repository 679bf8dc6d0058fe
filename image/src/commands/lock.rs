//! `cargo weft lock`.

use super::Error;
use crate::cli::LockCommand;
use std::process::ExitCode;

pub fn run(_arguments: &LockCommand) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
