//! The apps of `apps/`: compiled to components, checked against their manifests, precompiled for the device.

use super::device_env::{host_cargo, rustc_version};
use super::scripted_app::{self, Built};
use super::{Context, Error as StageError, copy_file, read_file};
use crate::key::{Key, list_files, sha256_file};
use crate::profile::Profile;
use crate::tool::Tools;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use weft_manifest::{MANIFEST_NAME, Manifest};

const TARGET: &str = "wasm32-wasip2";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Manifest(#[from] weft_manifest::ManifestError),
    #[error(transparent)]
    Package(#[from] weft_manifest::Error),
    #[error("the profile names the app {id}, but there is no {path}")]
    NoApp { id: String, path: PathBuf },
    #[error(
        "{manifest}: ui.entry names {entry}, which is not in {folder}: add the page, or leave [ui] out for an app without one"
    )]
    NoEntry { manifest: PathBuf, entry: String, folder: PathBuf },
    #[error("{path}: the manifest's id is {found}, and its folder is named {expected}: make them the same")]
    OtherId { path: PathBuf, found: String, expected: String },
    #[error("cargo built no component for {package}: give the crate a `[[bin]]` or a `cdylib` target")]
    NoComponent { package: String },
    #[error("{path} is not valid: {message}")]
    CargoToml { path: PathBuf, message: String },
    #[error(transparent)]
    Toolchain(#[from] super::wasm_toolchain::Error),
}

/// The built apps: `apps/<id>/…` as installed and `compiled/<sha256>.cwasm`.
#[derive(Clone, Debug)]
pub struct Apps {
    pub folder: PathBuf,
    pub key: String,
}

/// Checks the manifests and pages of the profile's apps in the checkout, before anything is built.
pub fn check(checkout: &Path, profile: &Profile) -> Result<(), Error> {
    for id in &profile.apps {
        let folder = package(&checkout.join("apps").join(id));
        let path = folder.join(MANIFEST_NAME);
        let text = std::fs::read_to_string(&path)
            .map_err(|_| Error::NoApp { id: id.clone(), path: path.clone() })?;
        let manifest = Manifest::parse(&text, &path)?;
        let found = manifest.id.to_string();
        if found != *id {
            return Err(Error::OtherId { path, found, expected: id.clone() });
        }
        let entry = manifest.ui.map(|ui| ui.entry);
        if let Some(entry) = entry.filter(|entry| !entry.below(&folder).is_file()) {
            return Err(Error::NoEntry { manifest: path, entry: entry.to_string(), folder });
        }
    }
    Ok(())
}

/// Whether the profile has apps that are built with Node.js or Python.
pub fn has_scripted(checkout: &Path, profile: &Profile) -> bool {
    profile.apps.iter().any(|id| scripted_app::is_scripted(&checkout.join("apps").join(id)))
}

pub fn build(context: &Context<'_>, sources: &Path, profile: &Profile) -> Result<Apps, Error> {
    let checkout = sources.join("apps");
    let mut scripted = BTreeMap::new();
    for id in &profile.apps {
        let app = checkout.join(id);
        if scripted_app::is_scripted(&app) {
            scripted.insert(id.as_str(), scripted_app::build(context, sources, &app)?);
        }
    }
    let toolchain = super::wasm_toolchain::find(context)?;
    let key = key(sources, profile, &toolchain, &scripted)?;
    let folder = context.output("apps", &key, |tools, output| {
        if profile.apps.is_empty() {
            return Ok(());
        }
        // The same Wasmtime and settings as the device's.
        let compiler = super::native::program(context, tools, sources, "weft-compile")?;
        for id in &profile.apps {
            let app = output.join("apps").join(id);
            install(&package(&checkout.join(id)), &app)?;
            let module = module(&app)?;
            let compiled = |hash: String| output.join("compiled").join(format!("{hash}.cwasm"));
            if let Some(built) = scripted.get(id.as_str()) {
                copy_file(&built.module, &module)?;
                copy_file(&built.compiled, &compiled(sha256_file(&module).map_err(StageError::from)?))?;
            } else {
                copy_file(&compile(context, tools, &toolchain, &checkout, id)?, &module)?;
                let to = compiled(sha256_file(&module).map_err(StageError::from)?);
                scripted_app::compile(tools, &compiler, &module, &app.join(MANIFEST_NAME), &to)?;
            }
            // As the device will open it.
            weft_manifest::Package::open(&app)?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(Apps { folder, key })
}

fn key(
    sources: &Path,
    profile: &Profile,
    toolchain: &super::wasm_toolchain::Toolchain,
    scripted: &BTreeMap<&str, Built>,
) -> Result<String, StageError> {
    let checkout = sources.join("apps");
    let mut key = Key::new("apps")
        .text("rustc", &rustc_version()?)
        .text("toolchain", toolchain.describe())
        .file("workspace", &checkout.join("Cargo.toml"))?
        .file("apps lock", &checkout.join("Cargo.lock"))?
        .tree("wit", &sources.join("wit"))?
        .file("lock", &sources.join("Cargo.lock"))?;
    for id in &profile.apps {
        key = match scripted.get(id.as_str()) {
            Some(built) => key.text(id, &built.key).tree(id, &package(&checkout.join(id)))?,
            None => key.tree(id, &checkout.join(id))?,
        };
    }
    for library in ["weft-compile", "weft-component", "weft-manifest"] {
        key = key.tree(library, &sources.join("components").join(library))?;
    }
    Ok(key.finish())
}

/// Where the package of an app lies: a folder of its own in one that `weft-pack new` made.
fn package(app: &Path) -> PathBuf {
    let folder = app.join(scripted_app::PACKAGE);
    if scripted_app::is_scripted(app) { folder } else { app.to_owned() }
}

/// The manifest and everything in `ui/`.
fn install(from: &Path, to: &Path) -> Result<(), Error> {
    for file in list_files(from).map_err(StageError::from)? {
        if file == Path::new(MANIFEST_NAME) || file.starts_with("ui") {
            copy_file(&from.join(&file), &to.join(&file))?;
        }
    }
    Ok(())
}

/// Where the manifest wants the component.
fn module(app: &Path) -> Result<PathBuf, Error> {
    let path = app.join(MANIFEST_NAME);
    let text = String::from_utf8_lossy(&read_file(&path)?).into_owned();
    Ok(Manifest::parse(&text, &path)?.module.below(app))
}

/// Compiles the app's crate and returns its component.
fn compile(
    context: &Context<'_>,
    tools: &Tools<'_>,
    toolchain: &super::wasm_toolchain::Toolchain,
    apps: &Path,
    id: &str,
) -> Result<PathBuf, Error> {
    let package = package_name(&apps.join(id).join("Cargo.toml"))?;
    let root = context.cache.root();
    let target = root.join("target").join(format!("apps-{}", toolchain.describe()));
    let mut command = host_cargo(apps);
    command.args(["build", "--locked", "--release", "--target", TARGET, "--package", &package]);
    command.env("CARGO_TARGET_DIR", &target);
    toolchain.prepare(&mut command, root);
    tools.run(&format!("compiling {id}"), &mut command).map_err(StageError::from)?;
    let built = target.join(TARGET).join("release");
    let names = [format!("{package}.wasm"), format!("{}.wasm", package.replace('-', "_"))];
    let found = names.iter().map(|name| built.join(name)).find(|path| path.exists());
    found.ok_or(Error::NoComponent { package })
}

fn package_name(path: &Path) -> Result<String, Error> {
    #[derive(serde::Deserialize)]
    struct CargoToml {
        package: Package,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
    }
    let parsed: CargoToml = toml::from_slice(&read_file(path)?)
        .map_err(|error| Error::CargoToml { path: path.to_owned(), message: error.to_string() })?;
    Ok(parsed.package.name)
}
