//! The stages of the pipeline. Each computes a key over its inputs and makes its output only when the cache lacks it.

pub mod apps;
pub mod boot_program;
pub mod build_time;
pub mod c_component;
pub mod components;
pub mod device_env;
pub mod disk;
pub mod engine;
pub mod erofs;
pub mod esp;
pub mod host;
pub mod kernel;
pub mod mirror;
pub mod native;
pub mod rootfs;
pub mod scripted_app;
pub mod secure_boot;
pub mod state;
pub mod sysroot;
pub mod trusted_keys;
pub mod uki;
pub mod update_root;
pub mod verity;
pub mod wasm_toolchain;

use crate::cache::{self, Cache};
use crate::key;
use crate::packages::lock::{self, Lock, Package};
use crate::packages::sets::PackageSets;
use crate::packages::store;
use crate::progress::Progress;
use crate::tool::{self, Tools};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// What went wrong in a stage beyond its own errors: the parts all stages use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cache(#[from] cache::Error),
    #[error(transparent)]
    Key(#[from] key::Error),
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Tool(#[from] tool::Error),
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
}

/// What every stage works with.
pub struct Context<'a> {
    pub workspace: &'a Workspace,
    pub cache: &'a Cache,
    pub progress: &'a Progress,
    pub sets: &'a PackageSets,
    pub lock: &'a Lock,
    /// Cheap stages are made anew although the cache has them.
    pub rebuild: bool,
}

impl Context<'_> {
    /// The output of a stage: from the cache, or made by `make` in an empty folder that is renamed into place afterwards.
    pub fn output<E: From<Error>>(
        &self,
        stage: &'static str,
        key: &str,
        make: impl FnOnce(&Tools<'_>, &Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        self.progress.begin(&label(stage, key));
        if let Some(place) = self.cache.find(stage, key).map_err(Error::from)? {
            self.progress.finish(true);
            return Ok(place);
        }
        self.make(stage, key, make)
    }

    /// Like [`Self::output`] for stages of seconds, which `--rebuild` makes anew.
    pub fn cheap_output<E: From<Error>>(
        &self,
        stage: &'static str,
        key: &str,
        make: impl FnOnce(&Tools<'_>, &Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        if !self.rebuild {
            return self.output(stage, key, make);
        }
        self.progress.begin(&label(stage, key));
        self.make(stage, key, make)
    }

    fn make<E: From<Error>>(
        &self,
        stage: &'static str,
        key: &str,
        make: impl FnOnce(&Tools<'_>, &Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let tools = self.tools(stage)?;
        self.cache.check_room(stage == "engine").map_err(Error::from)?;
        // Made anew in another place than the first time: what depends on the place would show.
        let name = if self.rebuild { format!("{stage}-again") } else { stage.to_owned() };
        let making = self.cache.temporary(&name).map_err(Error::from)?;
        make(&tools, &making)?;
        let place = self.cache.keep(&making, stage, key).map_err(Error::from)?;
        self.progress.finish(false);
        Ok(place)
    }

    /// The tools of a stage, with its log.
    pub fn tools(&self, stage: &str) -> Result<Tools<'_>, Error> {
        Ok(Tools::new(&self.cache.logs(), stage, self.progress)?)
    }

    /// The pinned packages of a set.
    pub fn packages(&self, set: &str) -> Result<Vec<Package>, Error> {
        Ok(self.lock.set(&self.lock_path(), self.sets, set)?)
    }

    pub fn lock_path(&self) -> PathBuf {
        self.workspace.root().join("image/packages.lock")
    }
}

/// What the person sees: the stage, and where it has several outputs, which: the key then begins with its name.
fn label(stage: &str, key: &str) -> String {
    match cache::kind(key) {
        "" => stage.to_owned(),
        kind => format!("{stage}: {kind}"),
    }
}

/// Writes a file below an output in the making, with its folders.
pub(crate) fn write_file(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), Error> {
    let error = |source| Error::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    std::fs::write(path, contents).map_err(error)
}

/// Copies a file's contents and permission bits, making the folders above it.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    }
    if !from.exists() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(Error::Read { path: from.to_owned(), source });
    }
    std::fs::copy(from, to).map(drop).map_err(|source| Error::Write { path: to.to_owned(), source })
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
