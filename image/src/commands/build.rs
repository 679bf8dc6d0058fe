//! `cargo weft build`: the image's path is all that goes to standard output.

use super::Error;
use crate::cli::BuildArgs;
use crate::pipeline::{self, Request};
use crate::workspace::Workspace;
use std::process::ExitCode;

pub fn run(arguments: &BuildArgs) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    let request = Request { profile: arguments.profile.profile.clone(), rebuild: arguments.rebuild };
    let image = pipeline::build(&workspace, &request)?;
    println!("{}", image.image.display());
    Ok(ExitCode::SUCCESS)
}
