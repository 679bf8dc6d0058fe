//! Where packages, keys and records lie.

use std::env::VarError;
use std::path::{Path, PathBuf};
use weft_manifest::AppId;

/// Apps inside the verified root image.
const SYSTEM_STORE: &str = "/usr/share/weft/apps";
/// Keys that the machine's administrator trusts.
const SYSTEM_KEYS: &str = "/etc/weft/trusted-keys";

/// The folders that everything here works with; nothing else is read or written.
#[derive(Debug, Clone)]
pub struct Places {
    /// Stores in the order in which an app is looked for. The first one is where apps are installed.
    pub stores: Vec<PathBuf>,
    /// The store whose contents the root's dm-verity tree vouches for; its packages need no signature.
    pub system: PathBuf,
    /// Folders of `*.pub` files, the keys of trusted publishers.
    pub trusted_keys: Vec<PathBuf>,
    /// `$XDG_DATA_HOME/weft`: owners, approvals, app data.
    pub data: PathBuf,
}

/// There is no folder to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("cannot find the user's data folder: set XDG_DATA_HOME or HOME to an absolute path")]
    NoHome,
    #[error("{0} is set, but not to an absolute path: correct or unset it")]
    Relative(&'static str),
}

impl Places {
    /// As the environment says: `WEFT_APP_STORE` and `WEFT_TRUSTED_KEYS`, each alone where it is set, else the folders of the XDG Base
    /// Directory Specification and the system's.
    pub fn from_env() -> Result<Self, Error> {
        let home = absolute("HOME");
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| home.as_ref().map(|home| home.join(".local/share")))
            .ok_or(Error::NoHome)?
            .join("weft");
        let system = PathBuf::from(SYSTEM_STORE);
        let stores = match explicit("WEFT_APP_STORE")? {
            Some(store) => vec![store],
            None => vec![data.join("apps"), system.clone()],
        };
        let trusted_keys = match explicit("WEFT_TRUSTED_KEYS")? {
            Some(keys) => vec![keys],
            None => absolute("XDG_CONFIG_HOME")
                .or_else(|| home.map(|home| home.join(".config")))
                .map(|config| config.join("weft/trusted-keys"))
                .into_iter()
                .chain([PathBuf::from(SYSTEM_KEYS)])
                .collect(),
        };
        Ok(Self { stores, system, trusted_keys, data })
    }

    /// Where apps are installed.
    pub fn store(&self) -> &Path {
        self.stores.first().unwrap_or(&self.system)
    }

    /// The folder of an app's own data, never inside its package.
    pub fn app_data(&self, id: &AppId) -> PathBuf {
        self.data.join("app-data").join(id.as_str())
    }
}

/// A variable that must be right where it is set: a mistake in it must not lead to another store or other keys.
fn explicit(variable: &'static str) -> Result<Option<PathBuf>, Error> {
    match std::env::var_os(variable) {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => Some(PathBuf::from(text))
            .filter(|path| path.is_absolute())
            .ok_or(Error::Relative(variable))
            .map(Some),
    }
}

/// An absolute path from the environment; others are ignored, as the specification asks.
fn absolute(variable: &str) -> Option<PathBuf> {
    let path = match std::env::var(variable) {
        Ok(path) => PathBuf::from(path),
        Err(VarError::NotUnicode(path)) => PathBuf::from(path),
        Err(VarError::NotPresent) => return None,
    };
    Some(path).filter(|path| path.is_absolute())
}
