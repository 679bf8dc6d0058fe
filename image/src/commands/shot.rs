//! `cargo weft shot`.

use super::Error;
use crate::cli::ShotArgs;
use std::process::ExitCode;

pub fn run(_arguments: &ShotArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
