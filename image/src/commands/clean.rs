//! `cargo weft clean`.

use super::Error;
use crate::cache::{Cache, remove_tree};
use crate::cli::CleanArgs;
use crate::progress::Progress;
use crate::workspace::Workspace;
use std::process::ExitCode;

pub fn run(arguments: &CleanArgs) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    let build = workspace.root().join("build");
    remove_tree(&build)?;
    println!("removed {}", build.display());
    if arguments.cache {
        // Held, so that no other run builds in what is being removed.
        let cache = Cache::open(workspace.cache(), &Progress::new())?;
        remove_tree(cache.root())?;
        println!("removed {}", cache.root().display());
    }
    Ok(ExitCode::SUCCESS)
}
