//! The kernel: Debian's source, `tinyconfig` and the fragments of `kernel-config/`.

use super::{Context, Error as StageError, copy_file, read_file, write_file};
use crate::key::Key;
use crate::packages::store;
use crate::tool::{Tools, query};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("{path} is not valid: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("the kernel does not accept these options as they are asked for in kernel-config (wrong name, or something they depend on is off): {}", .0.join(", "))]
    Dropped(Vec<String>),
    #[error("the package {0} holds no kernel source below usr/src")]
    NoSource(String),
}

/// `kernel-config/kernel.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KernelConfig {
    source: String,
    fragments: Vec<String>,
}

/// A built kernel.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub image: PathBuf,
    /// Hash of all it was made from.
    pub key: String,
}

/// Builds the kernel, or finds it built.
pub fn build(context: &Context<'_>) -> Result<Kernel, Error> {
    let folder = context.workspace.root().join("kernel-config");
    let config = read_config(&folder.join("kernel.toml"))?;
    let packages = context.packages("kernel")?;
    let package = packages.iter().find(|package| package.name == config.source);
    let package = package.ok_or_else(|| Error::NoSource(config.source.clone()))?;
    let compiler = query("asking gcc for its version", Command::new("gcc").arg("--version"))
        .map_err(StageError::from)?;

    let mut key = Key::new("kernel").text("source", &package.sha256).text("compiler", &compiler);
    let mut options = String::new();
    for fragment in &config.fragments {
        let path = folder.join(format!("{fragment}.config"));
        let text = read_file(&path)?;
        key = key.bytes("fragment", &text);
        options.push_str(&String::from_utf8_lossy(&text));
        options.push('\n');
    }
    let key = key.finish();

    let place = context.output("kernel", &key, |tools, output| {
        store::fetch(context.cache, tools, &context.sets.suite, &packages).map_err(StageError::from)?;
        let source = unpack(context, tools, &store::path(context.cache, package), &package.sha256)?;
        let work = context.cache.work(&format!("kernel-{key}")).map_err(StageError::from)?;
        configure(tools, &source, &work, &options)?;
        tools.run("compiling the kernel", make(&source, &work).arg("bzImage")).map_err(StageError::from)?;
        copy_file(&work.join("arch/x86/boot/bzImage"), &output.join("bzImage"))?;
        copy_file(&work.join(".config"), &output.join("config"))?;
        for done_with in [&work, &source] {
            crate::cache::remove_tree(done_with).map_err(StageError::from)?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(Kernel { image: place.join("bzImage"), key })
}

fn read_config(path: &Path) -> Result<KernelConfig, Error> {
    let text = read_file(path)?;
    toml::from_slice(&text)
        .map_err(|error| Error::Parse { path: path.to_owned(), message: error.to_string() })
}

/// The source tree, below `work/` so that an interrupted build goes on from where it was.
fn unpack(context: &Context<'_>, tools: &Tools<'_>, package: &Path, hash: &str) -> Result<PathBuf, Error> {
    let name = format!("linux-{}", hash.get(..16).unwrap_or(hash));
    let place = context.cache.root().join("work").join(&name);
    if place.exists() {
        return Ok(place);
    }
    let making = context.cache.temporary("linux").map_err(StageError::from)?;
    let mut command = Command::new("dpkg-deb");
    tools
        .run("unpacking the kernel package", command.arg("-x").arg(package).arg(&making))
        .map_err(StageError::from)?;
    let sources = making.join("usr/src");
    let archive = crate::key::list_files(&sources)
        .map_err(StageError::from)?
        .into_iter()
        .find(|file| file.to_string_lossy().ends_with(".tar.xz"))
        .ok_or_else(|| Error::NoSource(package.display().to_string()))?;
    let mut command = Command::new("tar");
    command.arg("-xf").arg(sources.join(archive)).arg("-C").arg(&making).arg("--strip-components=1");
    tools.run("unpacking the kernel source", &mut command).map_err(StageError::from)?;
    crate::cache::remove_tree(&making.join("usr/src")).map_err(StageError::from)?;
    context.cache.work("").map_err(StageError::from)?;
    std::fs::rename(&making, &place).map_err(|source| StageError::Write { path: place.clone(), source })?;
    Ok(place)
}

/// `tinyconfig`, the fragments appended (the last word on an option counts), `olddefconfig`, and the check that all survived.
fn configure(tools: &Tools<'_>, source: &Path, work: &Path, options: &str) -> Result<(), Error> {
    let config = work.join(".config");
    let wanted_before = work.join("weft-options");
    if std::fs::read_to_string(&wanted_before).is_ok_and(|before| before == options) {
        return Ok(());
    }
    tools.run("configuring the kernel", make(source, work).arg("tinyconfig")).map_err(StageError::from)?;
    let base = String::from_utf8_lossy(&read_file(&config)?).into_owned();
    write_file(&config, merge(&base, options))?;
    tools.run("configuring the kernel", make(source, work).arg("olddefconfig")).map_err(StageError::from)?;
    let dropped = dropped(options, &String::from_utf8_lossy(&read_file(&config)?));
    if !dropped.is_empty() {
        return Err(Error::Dropped(dropped));
    }
    Ok(write_file(&wanted_before, options)?)
}

fn make(source: &Path, work: &Path) -> Command {
    let mut command = Command::new("make");
    command.arg("-C").arg(source).arg(format!("O={}", work.display())).arg(format!("-j{}", parallel()));
    // The kernel prints these in its banner; fixed, so that two builds are alike.
    command.args(["KBUILD_BUILD_USER=weft", "KBUILD_BUILD_HOST=weft", "KBUILD_BUILD_VERSION=1"]);
    command.args(["KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970", "LC_ALL=C"]);
    command.env_remove("MAKEFLAGS").env_remove("CFLAGS");
    command
}

fn parallel() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The option that a line of a configuration sets, and whether it asks for it.
fn option(line: &str) -> Option<&str> {
    match line.strip_prefix("# CONFIG_") {
        Some(rest) => rest.strip_suffix(" is not set"),
        None => line.strip_prefix("CONFIG_")?.split_once('=').map(|(name, _)| name),
    }
}

/// The base without the options that the fragments set, then the fragments.
fn merge(base: &str, options: &str) -> String {
    let set: std::collections::BTreeSet<&str> = options.lines().filter_map(option).collect();
    let kept = base.lines().filter(|line| option(line).is_none_or(|name| !set.contains(name)));
    let wanted = options.lines().filter(|line| option(line).is_some());
    kept.chain(wanted).map(|line| format!("{line}\n")).collect()
}

/// The lines of the fragments that the finished configuration does not honour.
fn dropped(options: &str, result: &str) -> Vec<String> {
    let present: std::collections::BTreeSet<&str> = result.lines().collect();
    let honoured = |line: &str| match line.strip_prefix("# CONFIG_") {
        Some(_) => option(line).is_none_or(|name| {
            !present.iter().any(|have| have.starts_with("CONFIG_") && option(have) == Some(name))
        }),
        None => present.contains(line),
    };
    options.lines().filter(|line| option(line).is_some() && !honoured(line)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_replace_what_the_base_says() {
        let base = "CONFIG_A=y\n# CONFIG_B is not set\n# a comment\n";
        let merged = merge(base, "# why\nCONFIG_B=y\n# CONFIG_A is not set\n");
        assert_eq!(merged, "# a comment\nCONFIG_B=y\n# CONFIG_A is not set\n");
    }

    #[test]
    fn an_option_that_kconfig_dropped_is_found() {
        let wanted = "CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n# CONFIG_D is not set\n";
        let result = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=y\n";
        assert_eq!(dropped(wanted, result), ["CONFIG_B=y", "# CONFIG_D is not set"]);
    }

    #[test]
    fn the_committed_fragments_exist_and_do_not_contradict_each_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel-config");
        let config = read_config(&folder.join("kernel.toml")).unwrap();
        let mut seen = std::collections::BTreeMap::new();
        for fragment in &config.fragments {
            let text = std::fs::read_to_string(folder.join(format!("{fragment}.config"))).unwrap();
            for line in text.lines().filter(|line| option(line).is_some()) {
                if let Some(other) = seen.insert(option(line).unwrap().to_owned(), fragment.clone()) {
                    panic!("{line} of {fragment}.config is set in {other}.config already");
                }
            }
        }
    }
}
