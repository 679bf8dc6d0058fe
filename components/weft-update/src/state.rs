//! What the device remembers of updates: small records in `/state/update`, each replaced whole.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a record could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot remove {path}")]
    Remove { path: PathBuf, source: std::io::Error },
    #[error("cannot keep {name}")]
    Write { name: String, source: weft_file::Error },
    #[error("cannot lock {path}")]
    Lock { path: PathBuf, source: std::io::Error },
    #[error("another process updates this device: wait until it is done")]
    Busy,
    #[error("{name} is not what this version writes: {source}")]
    Format { name: String, source: serde_json::Error },
}

/// Records by name. A save is durable when it returns; a power cut during it leaves the old record or the new one.
pub trait Store: Send + Sync {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error>;
    fn save(&self, name: &str, contents: &[u8]) -> Result<(), Error>;
    fn remove(&self, name: &str) -> Result<(), Error>;
    /// Keeps every other process from the records, the other slot and the boot loader's entries until the lock is dropped;
    /// [`Error::Busy`] where another has it.
    fn lock(&self) -> Result<Lock, Error>;
}

/// Held by whoever changes what an update consists of. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// For storage that one process has for itself.
    pub const NONE: Self = Self { _file: None };
}

/// A record in JSON; `None` where there is none.
pub fn load<T: DeserializeOwned>(store: &dyn Store, name: &str) -> Result<Option<T>, Error> {
    let parse = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
    store.load(name)?.map(parse).transpose().map_err(|source| Error::Format { name: name.to_owned(), source })
}

pub fn save<T: Serialize>(store: &dyn Store, name: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec_pretty(value);
    store.save(name, &bytes.map_err(|source| Error::Format { name: name.to_owned(), source })?)
}

/// Records as files of a folder, `/state/update` on a device.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// Where a device keeps them.
pub const FOLDER: &str = "/state/update";
/// An empty file in it.
const LOCK: &str = "lock";

impl Folder {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// [`Store::lock`], waiting for as long as another process has it.
    pub fn wait(&self) -> Result<Lock, Error> {
        self.lock_by(FlockOperation::LockExclusive)
    }

    fn lock_by(&self, operation: FlockOperation) -> Result<Lock, Error> {
        let path = self.0.join(LOCK);
        let error = |source| Error::Lock { path: path.clone(), source };
        let file = File::options().create(true).append(true).open(&path).map_err(error)?;
        match flock(&file, operation) {
            Ok(()) => Ok(Lock { _file: Some(file) }),
            Err(Errno::WOULDBLOCK) => Err(Error::Busy),
            Err(errno) => Err(error(errno.into())),
        }
    }
}

impl Store for Folder {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.0.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    fn save(&self, name: &str, contents: &[u8]) -> Result<(), Error> {
        weft_file::write_atomic(&self.0.join(name), contents, 0o644)
            .map_err(|source| Error::Write { name: name.to_owned(), source })
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.0.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => weft_file::sync_folder(&self.0)
                .map_err(|source| Error::Write { name: name.to_owned(), source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(Error::Remove { path, source }),
        }
    }

    fn lock(&self) -> Result<Lock, Error> {
        self.lock_by(FlockOperation::NonBlockingLockExclusive)
    }
}

/// `status.json`: what an update is at, for the system UI and `weft-update status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub phase: Phase,
    /// The release that the phase is about.
    pub version: Option<String>,
    pub progress: Option<Progress>,
    /// Why the last attempt ended, one sentence; gone when a later one succeeds.
    pub error: Option<String>,
}

pub const STATUS: &str = "status.json";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing to do, as far as known.
    #[default]
    Idle,
    /// A release is there to be had.
    Available,
    Downloading,
    /// Complete in the other slot, not yet given to the boot loader.
    Staged,
    /// The next boot tries it.
    Activated,
}

/// In bytes of the root image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// In place in the other slot.
    pub done: u64,
    pub total: u64,
    /// Of these, come over the network in this attempt.
    pub fetched: u64,
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("?");
        match self.phase {
            Phase::Idle => write!(formatter, "nothing to do")?,
            Phase::Available => write!(formatter, "version {version} can be downloaded")?,
            Phase::Downloading => write!(formatter, "version {version} is being downloaded")?,
            Phase::Staged => write!(formatter, "version {version} is downloaded")?,
            Phase::Activated => write!(formatter, "the next boot tries version {version}")?,
        }
        if let Some(Progress { done, total, fetched }) = self.progress {
            write!(formatter, ", {done} of {total} bytes are in place, {fetched} were fetched")?;
        }
        match &self.error {
            Some(error) => write!(formatter, "; the last attempt failed: {error}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_missing_ones_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path());
        assert_eq!(load::<Status>(&store, STATUS).unwrap(), None);
        let status = Status { phase: Phase::Staged, version: Some("1.2.0".into()), ..Status::default() };
        save(&store, STATUS, &status).unwrap();
        assert_eq!(load(&store, STATUS).unwrap(), Some(status));
        store.remove(STATUS).unwrap();
        store.remove(STATUS).unwrap();
        assert_eq!(load::<Status>(&store, STATUS).unwrap(), None);
    }
}
