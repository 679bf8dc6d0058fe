//! Packages of test apps, made on the host as a publisher makes them.

use crate::images::checkout;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use weft_package::image::{self, ImageFiles};
use weft_package::key::SecretKey;
use weft_package::{archive, signature};

/// Everything that the probe `asks` imports.
pub const ASKS: [&str; 6] = [
    "net:fetch",
    "app:send:org.weft.test.other",
    "sys:notifications",
    "sys:clipboard:read",
    "sys:clipboard:write",
    "sys:supervisor",
];

/// One version of an app.
#[derive(Clone, Debug)]
pub struct App {
    pub id: String,
    pub version: String,
    pub capabilities: Vec<String>,
    /// Lines of `[runtime.limits]`.
    pub limits: String,
    /// Files below `ui/`; where there are any, `index.html` is the page.
    pub ui: Vec<(String, Vec<u8>)>,
    pub component: Vec<u8>,
}

impl App {
    /// Version 1.0.0 of an app without a page, which may nothing.
    pub fn new(id: &str, component: Vec<u8>) -> Self {
        let (version, limits) = ("1.0.0".to_owned(), String::new());
        Self { id: id.to_owned(), version, capabilities: Vec::new(), limits, ui: Vec::new(), component }
    }

    pub fn version(self, version: &str) -> Self {
        Self { version: version.to_owned(), ..self }
    }

    pub fn grant(mut self, capabilities: &[&str]) -> Self {
        self.capabilities.extend(capabilities.iter().map(|capability| (*capability).to_owned()));
        self
    }

    pub fn limit(self, limits: &str) -> Self {
        Self { limits: limits.to_owned(), ..self }
    }

    pub fn page(mut self, name: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.ui.push((name.to_owned(), contents.into()));
        self
    }

    fn manifest(&self) -> String {
        let capabilities: Vec<String> = self.capabilities.iter().map(|text| format!("{text:?}")).collect();
        let ui = if self.ui.is_empty() { "" } else { "[ui]\nentry = \"ui/index.html\"\n" };
        format!(
            "[package]\nid = {:?}\nname = {:?}\nversion = {:?}\ncapabilities = [{}]\n\n[runtime]\nmodule = \"app.wasm\"\n\n\
             [runtime.limits]\n{}\n\n{ui}",
            self.id,
            self.id.rsplit('.').next().unwrap_or_default(),
            self.version,
            capabilities.join(", "),
            self.limits,
        )
    }

    /// The package as a folder, signed where there is a key.
    fn write(&self, folder: &Path, key: Option<&SecretKey>) -> anyhow::Result<PathBuf> {
        let package = folder.join(&self.id);
        std::fs::create_dir_all(package.join("ui"))?;
        std::fs::write(package.join("wapp.toml"), self.manifest())?;
        std::fs::write(package.join("app.wasm"), &self.component)?;
        for (name, contents) in &self.ui {
            std::fs::write(package.join("ui").join(name), contents)?;
        }
        key.map(|key| signature::sign(&package, key)).transpose()?;
        Ok(package)
    }

    /// The package as `.app.tar.zst`.
    pub fn archive(&self, key: Option<&SecretKey>) -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let package = self.write(folder.path(), key)?;
        let archive = folder.path().join("archive");
        archive::pack(&package, &archive)?;
        Ok(std::fs::read(archive)?)
    }

    /// The package as `<folder>/<id>.app.img` and what lies beside one.
    pub fn image(&self, folder: &Path, key: &SecretKey) -> anyhow::Result<ImageFiles> {
        let package = self.write(folder, Some(key))?;
        Ok(image::build(&package, &folder.join(format!("{}.app.img", self.id)), Some(key))?)
    }
}

/// Bytes that do not compress, others for every seed (xorshift).
pub fn noise(seed: u32) -> impl Iterator<Item = u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as u8
    })
}

/// One of the two publishers that the test images trust: `first` or `second`.
pub fn publisher(name: &str) -> anyhow::Result<SecretKey> {
    Ok(SecretKey::read(&checkout().join(format!("ci/keys/weft-ci-{name}.key")))?)
}

/// The component of a probe of `ci/probes`, built once.
pub fn probe(name: &str) -> anyhow::Result<Vec<u8>> {
    static BUILDING: Mutex<bool> = Mutex::new(false);
    let target = checkout().join("build/probes");
    let mut built = BUILDING.lock().map_err(|_| anyhow::anyhow!("the probes could not be built"))?;
    if !*built {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(checkout().join("ci/probes"));
        cargo
            .args(["build", "--locked", "--release", "--target", "wasm32-wasip2", "--target-dir"])
            .arg(&target);
        // What cargo sets for the tests is for the host.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        let status = cargo.status().context("cannot run cargo to build the probes")?;
        ensure!(status.success(), "the probes are not built: rustup target add wasm32-wasip2");
        *built = true;
    }
    let file = target.join("wasm32-wasip2/release").join(name).with_extension("wasm");
    std::fs::read(&file).with_context(|| format!("there is no probe {}", file.display()))
}
