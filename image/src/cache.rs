//! The cache of stage outputs, outside the checkout: `<cache>/<stage>/<key>/`.
//!
//! An output is made in `<cache>/tmp/` and renamed into place, so a folder that exists is whole. Long stages keep half-finished
//! work in the folder `work` of the cache, from where the next run goes on. Of each kind of output the last used ones are kept.

use crate::progress::Progress;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Room that a whole build needs at its widest, with the engine.
const ROOM_FOR_ALL: u64 = 16 << 30;
/// Room below which no stage is started.
const ROOM_FOR_ANY: u64 = 1 << 30;
/// Outputs of one kind that are kept: enough to change between the profiles and a few branches without building anew.
const KEPT_OF_A_KIND: usize = 12;

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

    /// The folder of a finished output, which counts as used now.
    pub fn find(&self, stage: &str, key: &str) -> Result<Option<PathBuf>, Error> {
        let place = self.output(stage, key);
        if !place.exists() {
            return Ok(None);
        }
        mark_used(&place)?;
        Ok(Some(place))
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

    /// Puts a finished temporary folder in its place, over an older output of the same key, and forgets those of its kind that
    /// were not used for longest.
    pub fn keep(&self, temporary: &Path, stage: &str, key: &str) -> Result<PathBuf, Error> {
        let place = self.output(stage, key);
        remove_tree(&place)?;
        let error = |source| Error::Write { path: place.clone(), source };
        std::fs::create_dir_all(self.root.join(stage)).map_err(error)?;
        std::fs::rename(temporary, &place).map_err(error)?;
        mark_used(&place)?;
        self.forget(stage, kind(key))?;
        Ok(place)
    }

    fn forget(&self, stage: &str, of_kind: &str) -> Result<(), Error> {
        let folder = self.root.join(stage);
        let found = outputs(&folder, of_kind).map_err(|source| Error::Write { path: folder, source })?;
        found.iter().skip(KEPT_OF_A_KIND).try_for_each(|output| remove_tree(output))
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

/// The name in front of the hash, by which a stage tells its outputs apart; empty where it has one kind only.
pub fn kind(key: &str) -> &str {
    key.rsplit_once('-').map_or("", |(kind, _)| kind)
}

/// The outputs of one kind in a stage's folder, the last used first.
pub fn outputs(folder: &Path, of_kind: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if kind(&entry.file_name().to_string_lossy()) == of_kind {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn mark_used(output: &Path) -> Result<(), Error> {
    let error = |source| Error::Write { path: output.to_owned(), source };
    File::open(output).and_then(|folder| folder.set_modified(SystemTime::now())).map_err(error)
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
    fn of_each_kind_the_last_used_outputs_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), &Progress::new()).unwrap();
        let make = |key: &str| {
            let made = cache.temporary("components").unwrap();
            cache.keep(&made, "components", key).unwrap();
        };
        make("weft-init-0");
        (1..KEPT_OF_A_KIND).for_each(|number| make(&format!("weft-appd-{number}")));
        make("weft-appd-last");
        assert!(cache.find("components", "weft-appd-1").unwrap().is_some());
        make("weft-appd-more");
        assert!(cache.find("components", "weft-appd-2").unwrap().is_none(), "not used for longest");
        for kept in ["weft-appd-1", "weft-appd-3", "weft-appd-last", "weft-appd-more", "weft-init-0"] {
            assert!(cache.find("components", kept).unwrap().is_some(), "{kept}");
        }
    }

    #[test]
    fn the_cache_is_held_by_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let _cache = Cache::open(folder.path(), &Progress::new()).unwrap();
        let other = File::open(folder.path().join("lock")).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    }
}
