//! Where apps are installed, and where their data lives.

use crate::{AppId, Error, Package};
use std::collections::BTreeMap;
use std::env::VarError;
use std::path::{Path, PathBuf};

/// Apps inside the verified root image.
const SYSTEM_STORE: &str = "/usr/share/weft/apps";

/// The folders that hold packages, the first one that has an app wins.
#[derive(Debug, Clone)]
pub struct Store {
    roots: Vec<PathBuf>,
}

/// One folder of a store that looks like an app.
#[derive(Debug)]
pub struct Installed {
    /// The folder's name.
    pub id: AppId,
    /// A broken package is listed with its error, so that one of them does not hide the others.
    pub package: Result<Package, Error>,
}

impl Store {
    /// `WEFT_APP_STORE` alone where it is set; else the user's store, then the system's.
    pub fn from_env() -> Result<Self, Error> {
        if let Some(store) = absolute("WEFT_APP_STORE") {
            return Ok(Self::new([store]));
        }
        Ok(Self::new([data_home()?.join("weft/apps"), PathBuf::from(SYSTEM_STORE)]))
    }

    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { roots: roots.into_iter().collect() }
    }

    /// The package of an app, checked.
    pub fn find(&self, id: &AppId) -> Result<Package, Error> {
        let folder = self.roots.iter().map(|root| root.join(id.as_str())).find(|folder| folder.is_dir());
        match folder {
            Some(folder) => open_as(&folder, id),
            None => Err(Error::NotInstalled {
                id: id.to_string(),
                searched: self
                    .roots
                    .iter()
                    .map(|root| root.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// Every installed app, by id. A store that is not there or cannot be read has no apps.
    pub fn list(&self) -> Vec<Installed> {
        let mut apps = BTreeMap::new();
        for root in &self.roots {
            for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
                let folder = entry.path();
                let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<AppId>().ok()) else {
                    continue;
                };
                if folder.is_dir() {
                    apps.entry(id).or_insert(folder);
                }
            }
        }
        apps.into_iter().map(|(id, folder)| Installed { package: open_as(&folder, &id), id }).collect()
    }
}

fn open_as(folder: &Path, id: &AppId) -> Result<Package, Error> {
    let package = Package::open(folder)?;
    if package.manifest.id != *id {
        return Err(Error::OtherId { folder: folder.to_owned(), found: package.manifest.id.to_string() });
    }
    Ok(package)
}

/// `$XDG_DATA_HOME` or `~/.local/share` (XDG Base Directory Specification).
pub fn data_home() -> Result<PathBuf, Error> {
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or(Error::NoHome)
}

/// The folder of an app's own data, never inside its package.
pub fn app_data(data_home: &Path, id: &AppId) -> PathBuf {
    data_home.join("weft/app-data").join(id.as_str())
}

/// An absolute path from the environment; others are ignored, as the specification asks.
fn absolute(variable: &str) -> Option<PathBuf> {
    match std::env::var(variable) {
        Ok(path) => Some(PathBuf::from(path)).filter(|path| path.is_absolute()),
        Err(VarError::NotUnicode(path)) => Some(PathBuf::from(path)).filter(|path| path.is_absolute()),
        Err(VarError::NotPresent) => None,
    }
}
