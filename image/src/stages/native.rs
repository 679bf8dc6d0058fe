//! The device's programs built for this host: what the apps are compiled with, and what `cargo weft bench apps` measures.

use super::device_env::host_cargo;
use super::{Context, Error};
use crate::tool::Tools;
use std::path::{Path, PathBuf};

/// Everything that takes part in a session of an app, but the engine.
pub const SESSION: [&str; 6] =
    ["weft-appd", "weft-compile", "weft-fetch", "weft-file-portal", "weft-pack", "weft-runtime"];

/// Builds programs, each by itself as for the device, and returns their folder.
pub fn build(context: &Context<'_>, sources: &Path, programs: &[&str]) -> Result<PathBuf, Error> {
    let tools = context.tools("native")?;
    for name in programs {
        context.progress.begin(&format!("native: {name}"));
        program(context, &tools, sources, name)?;
        context.progress.finish(false);
    }
    Ok(folder(context))
}

/// Builds one program and returns its file.
pub fn program(
    context: &Context<'_>,
    tools: &Tools<'_>,
    sources: &Path,
    name: &str,
) -> Result<PathBuf, Error> {
    let mut command = host_cargo(sources);
    command.args(["build", "--locked", "--release", "--package", name, "--bin", name]);
    command.env("CARGO_TARGET_DIR", target(context));
    tools.run(&format!("compiling {name} for this host"), &mut command)?;
    Ok(folder(context).join(name))
}

fn target(context: &Context<'_>) -> PathBuf {
    context.cache.root().join("target/host")
}

fn folder(context: &Context<'_>) -> PathBuf {
    target(context).join("release")
}
