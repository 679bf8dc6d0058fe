//! The cache of stage outputs, outside the checkout: `<cache>/<stage>/<key>/`.
//!
//! An output is made in `<cache>/tmp/` and renamed into place, so a folder that exists is whole. Long stages keep half-finished
//! work in `<cache>/work/`, from where the next run goes on.

use crate::progress::Progress;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Room that a whole build needs at its widest, with the engine.
const ROOM_FOR_ALL: u64 = 16 << 30;
/// Room below which no stage is started.
const ROOM_FOR_ANY: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write to the cache at {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "the disk is full: {free} MiB are free at {path} and {needed} MiB are needed; free some room, or set WEFT_CACHE to a larger disk"
    )]
    Full { path: PathBuf, free: u64, needed: u64 },
}

/// The cache, held by this process alone until it is dropped.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    _lock: File,
}

impl Cache {
    /// Opens the cache, waiting for another run to end where there is one, and clears what an interrupted run left.
    pub fn open(root: &Path, progress: &Progress) -> Result<Self, Error> {
        let error = |source| Error::Write { path: root.to_owned(), source };
        std::fs::create_dir_all(root).map_err(error)?;
        let mut lock = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(root.join("lock"))
            .map_err(error)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = lock.read_to_string(&mut holder);
            progress.note(&format!("waiting for another run of cargo weft (process {})", holder.trim()));
            flock(&lock, FlockOperation::LockExclusive).map_err(|errno| error(errno.into()))?;
        }
        lock.rewind()
            .and_then(|()| lock.set_len(0))
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(error)?;
        let temporary = root.join("tmp");
        remove_tree(&temporary)?;
        std::fs::create_dir_all(&temporary).map_err(error)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where logs of stages are written.
    pub fn logs(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The folder of a finished output; it may not exist.
    pub fn output(&self, stage: &str, key: &str) -> PathBuf {
        self.root.join(stage).join(key)
    }

    /// A folder for work that survives an interruption.
    pub fn work(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.root.join("work").join(name);
        std::fs::create_dir_all(&folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        Ok(folder)
    }

    /// An empty folder that is removed at the next start, for an output in the making.
    pub fn temporary(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.root.join("tmp").join(name);
        remove_tree(&folder)?;
        std::fs::create_dir_all(&folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        Ok(folder)
    }

    /// Puts a finished temporary folder in its place, over an older output of the same key.
    pub fn keep(&self, temporary: &Path, stage: &str, key: &str) -> Result<PathBuf, Error> {
        let place = self.output(stage, key);
        remove_tree(&place)?;
        let error = |source| Error::Write { path: place.clone(), source };
        std::fs::create_dir_all(self.root.join(stage)).map_err(error)?;
        std::fs::rename(temporary, &place).map_err(error)?;
        Ok(place)
    }

    /// Fails early where the disk has too little room: `engine` says whether the engine has yet to be built.
    pub fn check_room(&self, engine: bool) -> Result<(), Error> {
        let needed = if engine { ROOM_FOR_ALL } else { ROOM_FOR_ANY };
        let free = free_bytes(&self.root)?;
        if free < needed {
            return Err(Error::Full { path: self.root.clone(), free: free >> 20, needed: needed >> 20 });
        }
        Ok(())
    }
}

/// Bytes that an ordinary user may still write on the file system of a folder.
pub fn free_bytes(folder: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(folder)
        .map_err(|errno| Error::Write { path: folder.to_owned(), source: errno.into() })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Removes a file tree; it is no error when there is none.
pub fn remove_tree(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_appears_whole_and_an_interrupted_one_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let progress = Progress::new();
        let cache = Cache::open(folder.path(), &progress).unwrap();
        let making = cache.temporary("kernel").unwrap();
        std::fs::write(making.join("bzImage"), "x").unwrap();
        assert!(!cache.output("kernel", "k").exists());
        let kept = cache.keep(&making, "kernel", "k").unwrap();
        assert!(kept.join("bzImage").exists() && !making.exists());
        cache.temporary("left over").unwrap();
        drop(cache);
        let cache = Cache::open(folder.path(), &progress).unwrap();
        assert!(!folder.path().join("tmp/left over").exists());
        assert!(cache.output("kernel", "k").join("bzImage").exists());
    }

    #[test]
    fn the_cache_is_held_by_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let _cache = Cache::open(folder.path(), &Progress::new()).unwrap();
        let other = File::open(folder.path().join("lock")).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
