//! The web engine: `components/weft-web` with Servo in it. Tens of minutes the first time, then only what changed.

use super::device_env::{DeviceEnv, TARGET, rustc_version};
use super::sysroot::{self, Sysroot};
use super::{Context, Error};
use crate::key::{Key, list_files};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The built engine.
#[derive(Clone, Debug)]
pub struct Engine {
    pub program: PathBuf,
    pub sysroot: Sysroot,
    pub key: String,
}

/// Crates of the workspace that the engine's crate uses by path.
const LIBRARIES: [&str; 6] =
    ["weft-file", "weft-ipc", "weft-manifest", "weft-protocol", "weft-service", "weft-web"];

pub fn build(context: &Context<'_>, sources: &Path) -> Result<Engine, Error> {
    let sysroot = sysroot::unpack(context, "engine")?;
    let target = context.cache.root().join("target/engine");
    let env = DeviceEnv::new(&sysroot, context.cache.root(), &target, "");
    let workspace = sources.join("components/weft-web");
    let mut key = Key::new("engine").text("rustc", &rustc_version()?).text("environment", &env.text());
    // The shared libraries inherit their dependencies' versions from the workspace.
    key = key.file("workspace", &sources.join("Cargo.toml"))?.tree("protocol", &sources.join("protocol"))?;
    for library in LIBRARIES {
        let folder = sources.join("components").join(library);
        for file in list_files(&folder)?.into_iter().filter(|file| !file.starts_with("tests")) {
            key = key.file(&format!("{library}/{}", file.display()), &folder.join(&file))?;
        }
    }
    let key = key.finish();
    let folder = context.output("engine", &key, |tools, output| {
        let mut command = env.cargo_build(&workspace);
        command.args(["--release", "--features", "servo-embed"]);
        tools.run("compiling the web engine", &mut command)?;
        let mut strip = Command::new("llvm-strip-19");
        strip.arg("-o").arg(output.join("weft-web")).arg(target.join(TARGET).join("release/weft-web"));
        Ok::<(), Error>(tools.run("stripping the web engine", &mut strip)?)
    })?;
    Ok(Engine { program: folder.join("weft-web"), sysroot, key })
}
