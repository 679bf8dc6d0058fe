//! The device's own programs, built against the pinned sysroot.

use super::device_env::{DeviceEnv, TARGET, rustc_version};
use super::sysroot::Sysroot;
use super::{Context, Error, copy_file};
use crate::key::{Key, list_files};
use crate::profile::{ENGINE, Profile};
use crate::tool::Tools;
use std::path::{Path, PathBuf};

/// Statically linked programs need nothing at all from the root image to start.
const STATIC: &str = " -Ctarget-feature=+crt-static";

/// The built programs.
#[derive(Clone, Debug)]
pub struct Components {
    /// One file a program, named like its package.
    pub folder: PathBuf,
    pub key: String,
}

/// Builds the programs of the profile, all but the engine.
pub fn build(
    context: &Context<'_>,
    sources: &Path,
    sysroot: &Sysroot,
    profile: &Profile,
) -> Result<Components, Error> {
    let root = context.cache.root();
    let dynamic_env = DeviceEnv::new(sysroot, root, &root.join("target/components"), "");
    let static_env = DeviceEnv::new(sysroot, root, &root.join("target/components-static"), STATIC);
    let wanted = |linked_statically| {
        let of_kind = move |name: &&String| profile.static_programs.contains(name) == linked_statically;
        profile.programs.iter().filter(|name| *name != ENGINE).filter(of_kind).map(String::as_str).collect()
    };
    let (dynamic, fixed): (Vec<&str>, Vec<&str>) = (wanted(false), wanted(true));

    let key = source_key("components", sources)?
        .text("rustc", &rustc_version()?)
        .text("dynamic", &dynamic.join(" "))
        .text("environment", &dynamic_env.text())
        .text("static", &fixed.join(" "))
        .text("environment", &static_env.text())
        .finish();
    let folder = context.output("components", &key, |tools, output| {
        compile(tools, &static_env, sources, &fixed)?;
        compile(tools, &dynamic_env, sources, &dynamic)?;
        for (programs, target) in [(&fixed, "components-static"), (&dynamic, "components")] {
            for program in programs.iter() {
                let built = root.join("target").join(target).join(TARGET).join("device").join(program);
                copy_file(&built, &output.join(program))?;
            }
        }
        Ok::<(), Error>(())
    })?;
    Ok(Components { folder, key })
}

fn compile(tools: &Tools<'_>, env: &DeviceEnv, sources: &Path, programs: &[&str]) -> Result<(), Error> {
    if programs.is_empty() {
        return Ok(());
    }
    let mut command = env.cargo_build(sources);
    command.args(["--profile", "device"]);
    command.args(programs.iter().flat_map(|program| ["--package", program]));
    Ok(tools.run("compiling the components", &mut command)?)
}

/// The key over the workspace's sources: everything that cargo may read for the device's programs.
fn source_key(stage: &str, sources: &Path) -> Result<Key, Error> {
    let mut key = Key::new(stage)
        .file("Cargo.toml", &sources.join("Cargo.toml"))?
        .file("Cargo.lock", &sources.join("Cargo.lock"))?;
    for folder in ["components", "ci/agent", "protocol", "wit"] {
        let path = sources.join(folder);
        for file in list_files(&path)?.into_iter().filter(|file| !beside_the_point(folder, file)) {
            let name = format!("{folder}/{}", file.display());
            key = key.file(&name, &path.join(&file))?;
        }
    }
    Ok(key)
}

/// Files that cannot change what is built: the engine's own crate (a stage of its own), tests, documentation.
fn beside_the_point(folder: &str, file: &Path) -> bool {
    let mut parts = file.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let first = parts.next().unwrap_or_default();
    let in_tests = parts.next().is_some_and(|part| part == "tests");
    folder == "components" && (first == ENGINE || in_tests)
        || file.extension().is_some_and(|extension| extension == "md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_compiled_counts() {
        let beside = |file: &str| beside_the_point("components", Path::new(file));
        assert!(beside("weft-web/src/main.rs"));
        assert!(beside("weft-verity/tests/veritysetup.rs"));
        assert!(beside("weft-verity/README.md"));
        assert!(!beside("weft-verity/src/tests.rs"));
        assert!(!beside("weft-init/Cargo.toml"));
    }
}
