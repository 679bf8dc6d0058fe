//! `cargo weft test`.

use super::Error;
use crate::cli::TestArgs;
use std::process::ExitCode;

pub fn run(_arguments: &TestArgs) -> Result<ExitCode, Error> {
    Err("not there yet".into())
}
