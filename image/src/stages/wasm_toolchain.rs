//! A Rust compiler with the target `wasm32-wasip2`: the host's, or where rustup cannot get the target, Debian's from the pinned suite.

use super::sysroot::{self, Sysroot};
use super::{Context, Error as StageError, write_file};
use crate::tool::query;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `host` or `debian` forces one of the two.
const SWITCH: &str = "WEFT_WASM_TOOLCHAIN";
const TARGET: &str = "wasm32-wasip2";
/// The linker that makes a component of a core module; Debian does not package it.
const COMPONENT_LD: &str = "0.5.31";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("{SWITCH}={0} is not known: leave it out, or set it to host or debian")]
    Switch(String),
    #[error("{SWITCH}=host, but the Rust target {TARGET} is not installed: run `rustup target add {TARGET}`")]
    NoTarget,
}

/// Where the compiler for apps comes from.
#[derive(Clone, Debug)]
pub enum Toolchain {
    Host,
    Debian(Sysroot),
}

/// Finds the compiler, installing the target where that is possible.
pub fn find(context: &Context<'_>) -> Result<Toolchain, Error> {
    let switch = std::env::var(SWITCH).unwrap_or_default();
    match switch.as_str() {
        "" if host_has_target()? || rustup_adds_target() => Ok(Toolchain::Host),
        "" | "debian" => debian(context),
        "host" if host_has_target()? => Ok(Toolchain::Host),
        "host" => Err(Error::NoTarget),
        _ => Err(Error::Switch(switch)),
    }
}

impl Toolchain {
    /// A name for keys and folders.
    pub fn describe(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::Debian(sysroot) => &sysroot.key,
        }
    }

    /// Makes a cargo command use this compiler.
    pub fn prepare(&self, command: &mut Command, cache: &Path) {
        let Self::Debian(sysroot) = self else { return };
        let mut path = format!("{}:/usr/lib/llvm-19/bin", component_ld(cache).join("bin").display());
        if let Ok(inherited) = std::env::var("PATH") {
            path.push(':');
            path.push_str(&inherited);
        }
        command.env("RUSTC", compiler(cache, sysroot)).env("PATH", path);
        // A toolchain chosen by rustup would put its own libraries before Debian's.
        command.env_remove("RUSTUP_TOOLCHAIN").env_remove("LD_LIBRARY_PATH");
    }
}

fn host_has_target() -> Result<bool, StageError> {
    let mut command = Command::new("rustc");
    let folder = query(
        "asking rustc for its targets",
        command.args(["--print", "target-libdir", "--target", TARGET]),
    )?;
    Ok(Path::new(folder.trim()).is_dir())
}

fn rustup_adds_target() -> bool {
    Command::new("rustup")
        .args(["target", "add", TARGET])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn compiler(cache: &Path, sysroot: &Sysroot) -> PathBuf {
    cache.join("tools").join(format!("rustc-{}", sysroot.key))
}

fn component_ld(cache: &Path) -> PathBuf {
    cache.join("tools").join(format!("wasm-component-ld-{COMPONENT_LD}"))
}

fn debian(context: &Context<'_>) -> Result<Toolchain, Error> {
    let sysroot = sysroot::unpack(context, "rust-wasm")?;
    let cache = context.cache.root();
    // The prefix is of another suite than the host: its own loader and libraries, and its own Rust sysroot.
    let root = sysroot.path.display();
    let script = format!(
        "#!/bin/sh\nexec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/llvm-19/lib {root}/usr/bin/rustc --sysroot {root}/usr \"$@\"\n"
    );
    let path = compiler(cache, &sysroot);
    write_file(&path, script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .map_err(|source| StageError::Write { path: path.clone(), source })?;
    component_linker(context)?;
    Ok(Toolchain::Debian(sysroot))
}

/// The linker that makes components, built once.
pub(super) fn component_linker(context: &Context<'_>) -> Result<PathBuf, StageError> {
    install(context, "wasm-component-ld", COMPONENT_LD, &[])
        .map(|folder| folder.join("bin/wasm-component-ld"))
}

/// A program of crates.io in a folder of its own below the cache's tools, built once.
pub(super) fn install(
    context: &Context<'_>,
    name: &str,
    version: &str,
    options: &[&str],
) -> Result<PathBuf, StageError> {
    let cache = context.cache.root();
    let folder = cache.join("tools").join(format!("{name}-{version}"));
    // Cargo writes it last.
    if folder.join(".crates.toml").exists() {
        return Ok(folder);
    }
    context.progress.begin(&format!("tool: {name}"));
    let tools = context.tools(name)?;
    let mut command = super::device_env::host_cargo(cache);
    command.args(["install", "--locked", name, "--version", version, "--root"]).arg(&folder).args(options);
    command.env("CARGO_TARGET_DIR", cache.join("target/tools"));
    tools.run(&format!("compiling {name}"), &mut command)?;
    context.progress.finish(false);
    Ok(folder)
}
