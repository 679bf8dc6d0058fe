//! `image/packages.lock`: version and SHA-256 of every package.

use super::sets::PackageSets;
use crate::key::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The command that writes the lock anew; errors name it.
pub const UPDATE: &str = "cargo weft lock update";

/// The set whose pins are kept by a plain update, since another version rebuilds the web engine. It is only compiled against: what the
/// image ships comes from the set `system`, which an update always brings to the newest versions.
pub const HELD: &str = "engine";

const HEADER: &str = "# Written by `cargo weft lock update` from packages.toml. Do not edit.\n\n";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: run `{UPDATE}` to write it")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid, run `{UPDATE}` to write it anew: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("{path} pins nothing for the package {package} of the set {set}: run `{UPDATE}`")]
    Unpinned { path: PathBuf, package: String, set: String },
    #[error("packages.toml has no set {0}")]
    UnknownSet(String),
    #[error("cannot write the lock as TOML")]
    Serialize(#[source] toml::ser::Error),
}

impl Package {
    /// The command that replaces this pin.
    pub fn update_command(&self) -> String {
        let held = self.sets.iter().all(|set| set == HELD);
        format!("{UPDATE}{}", if held { " --engine" } else { "" })
    }
}

/// One pinned package.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// Hex SHA-256 of the .deb file.
    pub sha256: String,
    /// Size of the .deb file in bytes.
    pub size: u64,
    /// The sets of packages.toml that it is in.
    pub sets: Vec<String>,
}

/// All pinned packages, sorted by name and version.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub suite: String,
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

impl Lock {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error: toml::de::Error| Error::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<String, Error> {
        Ok(format!("{HEADER}{}", toml::to_string(self).map_err(Error::Serialize)?))
    }

    /// The pin of a package in one set; another set may pin another version.
    pub fn pin(&self, name: &str, set: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name && package.sets.iter().any(|one| one == set))
    }

    /// The packages of one set, each pinned; sorted by name.
    pub fn set(&self, path: &Path, sets: &PackageSets, set: &str) -> Result<Vec<Package>, Error> {
        let names = sets.sets.get(set).ok_or_else(|| Error::UnknownSet(set.to_owned()))?;
        let pinned = |name: &String| {
            self.pin(name, set).cloned().ok_or_else(|| Error::Unpinned {
                path: path.to_owned(),
                package: name.clone(),
                set: set.to_owned(),
            })
        };
        names.iter().map(pinned).collect()
    }
}

/// The key of a folder that a set of packages is unpacked in: a hash of their sorted names, versions and hashes.
pub fn set_key(packages: &[Package]) -> String {
    let mut lines: Vec<String> = packages
        .iter()
        .map(|package| format!("{} {} {}\n", package.name, package.version, package.sha256))
        .collect();
    lines.sort();
    let digest = Sha256::new().chain_update("weft-sysroot-1\n").chain_update(lines.concat()).finalize();
    let mut key = hex(&digest);
    key.truncate(16);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: "ab".repeat(32),
            size: 5,
            sets: vec!["system".to_owned()],
        }
    }

    #[test]
    fn the_lock_reads_back_as_written() {
        let lock = Lock { suite: "trixie".to_owned(), packages: vec![package("libc6", "2.41-12")] };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packages.lock");
        std::fs::write(&path, lock.to_text().unwrap()).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
    }

    #[test]
    fn a_package_without_a_pin_names_the_update_command() {
        let sets: PackageSets =
            toml::from_str("suite = 'trixie'\n[sets]\nsystem = ['libc6', 'libudev1']").unwrap();
        let lock = Lock { suite: "trixie".to_owned(), packages: vec![package("libc6", "2.41-12")] };
        let error = lock.set(Path::new("packages.lock"), &sets, "system").unwrap_err().to_string();
        assert!(error.contains("libudev1") && error.contains(UPDATE), "{error}");
    }

    #[test]
    fn the_key_of_a_set_follows_versions_and_not_order() {
        let one = [package("a", "1"), package("b", "1")];
        let turned = [package("b", "1"), package("a", "1")];
        assert_eq!(set_key(&one), set_key(&turned));
        assert_ne!(set_key(&one), set_key(&[package("a", "1"), package("b", "2")]));
    }

    #[test]
    fn the_committed_lock_pins_every_package_of_every_set() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sets = PackageSets::read(&folder.join("packages.toml")).unwrap();
        let path = folder.join("packages.lock");
        let lock = Lock::read(&path).unwrap();
        assert_eq!(lock.suite, sets.suite);
        for set in sets.sets.keys() {
            lock.set(&path, &sets, set).unwrap();
        }
        let known = |package: &Package| package.sets.iter().all(|set| sets.sets[set].contains(&package.name));
        assert!(lock.packages.iter().all(known), "the lock pins packages that no set names");
    }
}
