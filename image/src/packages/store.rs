//! Fetched packages by the hash of their contents: `<cache>/debs/<sha256>.deb`.

use super::apt::{self, Apt};
use super::lock::{Package, UPDATE};
use crate::cache::{self, Cache};
use crate::key::{self, sha256_file};
use crate::tool::{self, Tools};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Apt(#[from] apt::Error),
    #[error(transparent)]
    Cache(#[from] cache::Error),
    #[error(transparent)]
    Key(#[from] key::Error),
    #[error(transparent)]
    Tool(#[from] tool::Error),
    #[error("cannot move a package to {path}")]
    Move { path: PathBuf, source: std::io::Error },
    #[error(
        "the mirror's {package} has other contents than image/packages.lock pins (SHA-256 {wanted}): do not use it; if Debian really replaced it, run `{UPDATE}`"
    )]
    Hash { package: String, wanted: String },
}

/// Where a package is once [`fetch`] succeeded.
pub fn path(cache: &Cache, package: &Package) -> PathBuf {
    cache.root().join("debs").join(format!("{}.deb", package.sha256))
}

/// Fetches those packages that the store lacks; every one is checked against its pinned hash before it is stored.
pub fn fetch(cache: &Cache, tools: &Tools<'_>, suite: &str, packages: &[Package]) -> Result<(), Error> {
    let missing: Vec<&Package> = packages.iter().filter(|package| !path(cache, package).exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let apt = Apt::open(cache.root(), suite)?;
    apt.update(tools, false)?;
    let arriving = cache.temporary("debs")?;
    match apt.download(tools, &missing, &arriving) {
        // Lists of a few hours ago may name what has just been replaced; only fresh ones can say that it is gone.
        Err(apt::Error::Gone { .. }) => {
            apt.update(tools, true)?;
            apt.download(tools, &missing, &arriving)?;
        }
        other => other?,
    }
    let store = cache.root().join("debs");
    std::fs::create_dir_all(&store).map_err(|source| Error::Move { path: store.clone(), source })?;
    for arrived in key::list_files(&arriving)? {
        let from = arriving.join(arrived);
        let to = store.join(format!("{}.deb", sha256_file(&from)?));
        std::fs::rename(&from, &to).map_err(|source| Error::Move { path: to, source })?;
    }
    match missing.iter().find(|package| !path(cache, package).exists()) {
        Some(package) => Err(Error::Hash { package: package.name.clone(), wanted: package.sha256.clone() }),
        None => Ok(()),
    }
}

/// Unpacks a fetched package below `folder`.
pub fn unpack(cache: &Cache, tools: &Tools<'_>, package: &Package, folder: &Path) -> Result<(), Error> {
    let mut command = Command::new("dpkg-deb");
    command.arg("-x").arg(path(cache, package)).arg(folder);
    Ok(tools.run(&format!("unpacking {}", package.name), &mut command)?)
}
