//! Apps in languages with an interpreter, which carry it in their component. Each is made by its own `build.sh`, as `weft-pack new` wrote it,
//! and kept under a key of its own: their tools take minutes, and an everyday change touches none of what they are made of.

use super::{Context, Error, copy_file, read_file, write_file};
use crate::cache::remove_tree;
use crate::key::{Key, list_files, sha256_file};
use crate::tool::Tools;
use std::path::{Path, PathBuf};
use std::process::Command;
use weft_manifest::MANIFEST_NAME;

/// The folder of a package in such an app's folder.
pub const PACKAGE: &str = "package";
const BUILD: &str = "build.sh";
const COMPONENT: &str = "package/app.wasm";
/// Crates whose sources decide what machine code is made of a component, beside Wasmtime's own.
const COMPILER: [&str; 3] = ["weft-compile", "weft-component", "weft-manifest"];

/// A built app.
#[derive(Clone, Debug)]
pub struct Built {
    /// The component.
    pub module: PathBuf,
    /// Its machine code.
    pub compiled: PathBuf,
    pub key: String,
}

/// Whether an app of the checkout is one of these.
pub fn is_scripted(app: &Path) -> bool {
    app.join(BUILD).is_file()
}

/// Builds the app in `app`, a folder named by its id, or finds it in the cache.
pub fn build(context: &Context<'_>, sources: &Path, app: &Path) -> Result<Built, Error> {
    let id = app.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let key = component_key(app)?;
    let component = context.output("app-component", &format!("{id}-{key}"), |tools, output| {
        make_component(context, tools, app, &id, output)
    })?;
    let module = component.join("app.wasm");
    let manifest = app.join(PACKAGE).join(MANIFEST_NAME);
    let key = code_key(sources, &module, &manifest)?;
    let code = context.output("app-code", &format!("{id}-{key}"), |tools, output| {
        // The same Wasmtime and settings as the device's.
        let compiler = super::native::program(context, tools, sources, "weft-compile")?;
        compile(tools, &compiler, &module, &manifest, &output.join("app.cwasm"))
    })?;
    Ok(Built { module, compiled: code.join("app.cwasm"), key })
}

/// Makes machine code for the device.
pub fn compile(
    tools: &Tools<'_>,
    compiler: &Path,
    module: &Path,
    manifest: &Path,
    to: &Path,
) -> Result<(), Error> {
    write_file(to, [])?;
    let mut command = Command::new(compiler);
    command.arg(module).arg("--output").arg(to).arg("--manifest").arg(manifest);
    Ok(tools.run(&format!("compiling {}", module.display()), &mut command)?)
}

/// Runs `build.sh` in a copy of the app. What it fetches is pinned by the hashes in the app's lock file.
fn make_component(
    context: &Context<'_>,
    tools: &Tools<'_>,
    app: &Path,
    id: &str,
    output: &Path,
) -> Result<(), Error> {
    let folder = context.cache.temporary("app-sources")?;
    for file in component_sources(app)? {
        copy_file(&app.join(&file), &folder.join(&file))?;
    }
    std::fs::create_dir_all(folder.join(PACKAGE))
        .map_err(|source| Error::Write { path: folder.join(PACKAGE), source })?;
    tools.run(&format!("building {id}"), Command::new("sh").arg(folder.join(BUILD)))?;
    copy_file(&folder.join(COMPONENT), &output.join("app.wasm"))?;
    Ok(remove_tree(&folder)?)
}

/// What the component is made of: all but the package, and what a build in the checkout leaves behind.
fn component_sources(app: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = list_files(app)?;
    files.retain(|file| !file.starts_with(PACKAGE) && !file.starts_with("__pycache__"));
    Ok(files)
}

fn component_key(app: &Path) -> Result<String, Error> {
    let mut key = Key::new("app-component");
    for file in component_sources(app)? {
        key = key.file(&file.to_string_lossy(), &app.join(&file))?;
    }
    Ok(key.finish())
}

fn code_key(sources: &Path, module: &Path, manifest: &Path) -> Result<String, Error> {
    let lock = String::from_utf8_lossy(&read_file(&sources.join("Cargo.lock"))?).into_owned();
    let mut key = Key::new("app-code")
        .text("engine", &engine_pins(&lock).join("\n"))
        .text("module", &sha256_file(module)?)
        .file("manifest", manifest)?;
    for library in COMPILER {
        key = key.tree(library, &sources.join("components").join(library))?;
    }
    Ok(key.finish())
}

/// Names and versions of Wasmtime's crates in a Cargo.lock.
fn engine_pins(lock: &str) -> Vec<&str> {
    lock.split("[[package]]\n")
        .filter_map(|package| package.split_once("\nsource = ").map(|(pin, _)| pin))
        .filter(|pin| {
            ["wasmtime", "cranelift", "regalloc2"]
                .iter()
                .any(|name| pin.starts_with(&format!("name = \"{name}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(folder: &Path) -> PathBuf {
        let app = folder.join("org.example.app");
        for (file, text) in [
            (BUILD, "cp app.js package/app.wasm"),
            ("app.js", "one"),
            ("package/wapp.toml", ""),
            ("package/ui/index.html", ""),
        ] {
            write_file(&app.join(file), text).unwrap();
        }
        app
    }

    #[test]
    fn a_page_or_a_build_in_the_checkout_makes_no_component_anew_and_a_source_does() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        let first = component_key(&app).unwrap();
        for file in ["package/ui/index.html", COMPONENT, "__pycache__/app.pyc", "node_modules/x/index.js"] {
            write_file(&app.join(file), "changed").unwrap();
            assert_eq!(component_key(&app).unwrap(), first, "{file}");
        }
        write_file(&app.join("app.js"), "two").unwrap();
        assert_ne!(component_key(&app).unwrap(), first);
    }

    #[test]
    fn only_the_engines_pins_of_the_lock_count() {
        let lock = include_str!("../../../Cargo.lock");
        let pins = engine_pins(lock);
        assert!(pins.contains(&"name = \"wasmtime\"\nversion = \"48.0.8\""), "{pins:?}");
        assert!(pins.iter().any(|pin| pin.contains("cranelift-codegen\"")));
        assert!(pins.len() < 40, "{pins:?}");
    }
}
