//! `image/packages.toml`: the packages that the pipeline takes, by set.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not valid: {message}")]
    Parse { path: PathBuf, message: String },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSets {
    /// The Debian suite, for example `trixie`.
    pub suite: String,
    pub sets: BTreeMap<String, BTreeSet<String>>,
}

impl PackageSets {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error: toml::de::Error| Error::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }
}
