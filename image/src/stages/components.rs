//! The device's own programs, built against the pinned sysroot.

use super::device_env::{DeviceEnv, TARGET, rustc_version};
use super::sysroot::Sysroot;
use super::{Context, Error, copy_file};
use crate::key::{Key, list_files};
use crate::profile::{ENGINE, Profile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Statically linked programs need nothing at all from the root image to start.
const STATIC: &str = " -Ctarget-feature=+crt-static";

/// The built programs.
#[derive(Clone, Debug)]
pub struct Components {
    /// The file of each, by the name of its package.
    pub programs: BTreeMap<String, PathBuf>,
    pub key: String,
}

/// Builds the programs of the profile, all but the engine, each by itself: cargo would otherwise add up the features that they ask of
/// shared libraries, and a program would be another one in every profile.
pub fn build(
    context: &Context<'_>,
    sources: &Path,
    sysroot: &Sysroot,
    profile: &Profile,
) -> Result<Components, Error> {
    let root = context.cache.root();
    let dynamic_env = DeviceEnv::new(sysroot, root, &root.join("target/components"), "");
    let static_env = DeviceEnv::new(sysroot, root, &root.join("target/components-static"), STATIC);
    let source_key = source_key(sources)?.text("rustc", &rustc_version()?).finish();
    let mut components = Components { programs: BTreeMap::new(), key: String::new() };
    let mut keys = Key::new("components");
    for program in profile.programs.iter().filter(|name| *name != ENGINE) {
        let linked_statically = profile.static_programs.contains(program);
        let env = if linked_statically { &static_env } else { &dynamic_env };
        let key = Key::new("program").text("sources", &source_key).text("environment", &env.text());
        let key = format!("{program}-{}", key.finish());
        let folder = context.output("components", &key, |tools, output| {
            let mut command = env.cargo_build(sources);
            command.args(["--profile", "device", "--package", program]);
            tools.run(&format!("compiling {program}"), &mut command)?;
            let target = if linked_statically { "components-static" } else { "components" };
            let built = root.join("target").join(target).join(TARGET).join("device").join(program);
            copy_file(&built, &output.join(program))
        })?;
        keys = keys.text(program, &key);
        components.programs.insert(program.clone(), folder.join(program));
    }
    components.key = keys.finish();
    Ok(components)
}

/// The key over the workspace's sources: everything that cargo may read for the device's programs.
fn source_key(sources: &Path) -> Result<Key, Error> {
    let mut key = Key::new("sources")
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
