//! `cargo weft build`: the image's path is all that goes to standard output.

use super::Error;
use crate::cli::BuildArgs;
use crate::pipeline::{self, Request};
use crate::workspace::Workspace;
use std::process::ExitCode;

pub fn run(arguments: &BuildArgs) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    let request = Request {
        rebuild: arguments.rebuild,
        signing: arguments.secure_boot.signing_key(),
        ..Request::new(&arguments.profile.profile)
    };
    let image = pipeline::build(&workspace, &request)?;
    println!("{}", image.image.display());
    Ok(ExitCode::SUCCESS)
}
