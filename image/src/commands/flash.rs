//! `cargo weft flash`.

use super::Error;
use crate::cli::FlashArgs;
use std::process::ExitCode;

pub fn run(_arguments: &FlashArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
