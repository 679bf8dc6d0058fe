//! Packages, keys and places for the tests.
#![allow(dead_code, reason = "every test file uses its own part")]

pub mod recorder;

use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use weft_manifest::AppId;
use weft_package::key::{self, SecretKey};
use weft_package::launch::{self, Launchable, Refusal};
use weft_package::store::{self, Installed, Options};
use weft_package::{Places, Store, signature};

pub const ID: &str = "org.example.clock";

/// Imports that every useful component has.
pub const BASICS: [&str; 2] = ["weft:app/notify@0.2.0", "wasi:filesystem/types@0.2.0"];

pub fn id() -> AppId {
    ID.parse().unwrap()
}

/// A component that imports one function from each of these interfaces; `interface#function` names the function.
pub fn component(imports: &[&str]) -> Vec<u8> {
    let import = |name: &&str| {
        let (interface, function) = name.split_once('#').unwrap_or((name, "call"));
        format!("(import \"{interface}\" (instance (export \"{function}\" (func))))")
    };
    let imports: String = imports.iter().map(import).collect();
    wat::parse_str(format!("(component {imports})")).unwrap()
}

pub fn manifest(version: &str, capabilities: &[&str]) -> String {
    let capabilities: Vec<String> = capabilities.iter().map(|text| format!("\"{text}\"")).collect();
    format!(
        "[package]\nid = \"{ID}\"\nname = \"Clock\"\nversion = \"{version}\"\ncapabilities = [{}]\n\n\
         [runtime]\nmodule = \"app.wasm\"\n\n[ui]\nentry = \"ui/index.html\"\n",
        capabilities.join(", ")
    )
}

/// Writes a package folder.
pub fn package(folder: &Path, version: &str, capabilities: &[&str]) {
    fs::create_dir_all(folder.join("ui")).unwrap();
    fs::write(folder.join("wapp.toml"), manifest(version, capabilities)).unwrap();
    fs::write(folder.join("app.wasm"), component(&BASICS)).unwrap();
    fs::write(folder.join("ui/index.html"), format!("<p>{version}")).unwrap();
}

/// Everything below one temporary folder.
pub struct World {
    root: TempDir,
    pub places: Places,
    serial: std::cell::Cell<u32>,
}

impl World {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let places = places(&root.path().join("world"));
        fs::create_dir_all(&places.trusted_keys[0]).unwrap();
        Self { places, root, serial: std::cell::Cell::new(0) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A new package folder.
    pub fn package(&self, version: &str, capabilities: &[&str]) -> PathBuf {
        self.serial.set(self.serial.get() + 1);
        let folder = self.path(&format!("package-{}", self.serial.get()));
        package(&folder, version, capabilities);
        folder
    }

    /// A key pair of its own folder.
    pub fn key(&self, name: &str) -> SecretKey {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        SecretKey::read(&key::generate(&folder).unwrap().secret).unwrap()
    }

    pub fn trust(&self, key: &SecretKey) {
        fs::write(self.trust_file(key), key.public().to_hex()).unwrap();
    }

    pub fn distrust(&self, key: &SecretKey) {
        fs::remove_file(self.trust_file(key)).unwrap();
    }

    fn trust_file(&self, key: &SecretKey) -> PathBuf {
        self.places.trusted_keys[0].join(format!("{}.pub", &key.public().to_hex()[..8]))
    }

    pub fn signed(&self, version: &str, capabilities: &[&str], key: &SecretKey) -> PathBuf {
        let folder = self.package(version, capabilities);
        signature::sign(&folder, key).unwrap();
        folder
    }

    pub fn install(&self, package: &Path) -> Result<Installed, store::Error> {
        Store::new(&self.places).install(package, Options::default())
    }

    pub fn install_dev(&self, package: &Path) -> Result<Installed, store::Error> {
        Store::new(&self.places).install(package, DEVELOPMENT)
    }

    pub fn open(&self) -> Result<Launchable, Refusal> {
        launch::open(&self.places, &id())
    }

    /// The version that would be launched.
    pub fn version(&self) -> String {
        self.open().unwrap().package.manifest.version.to_string()
    }

    /// The active revision's folder, by the link.
    pub fn active(&self) -> PathBuf {
        self.places.store().join(ID)
    }
}

pub const DEVELOPMENT: Options =
    Options { development: true, claim_data: false, approve: false, keep_image: false };

pub fn places(root: &Path) -> Places {
    let system = root.join("system");
    Places {
        stores: vec![root.join("apps"), system.clone()],
        system,
        trusted_keys: vec![root.join("keys")],
        data: root.join("data"),
    }
}

/// Every file below a folder with its contents, and links with their targets.
pub fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(snapshot(&path));
        } else if kind.is_symlink() {
            found.push((path.clone(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
