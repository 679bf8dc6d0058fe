//! `cargo weft bench`.

use super::Error;
use crate::cli::BenchArgs;
use std::process::ExitCode;

pub fn run(_arguments: &BenchArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
