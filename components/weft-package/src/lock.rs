//! Locks that end with their holder, however it ends: flock(2).

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot lock {}", path.display())]
    Lock { path: PathBuf, source: io::Error },
    #[error("cannot create {}", path.display())]
    Create { path: PathBuf, source: io::Error },
}

/// Held by a live session: its revision is not removed while one of these exists. Any number of sessions hold it together.
#[derive(Debug)]
pub struct SessionLock(OwnedFd);

impl SessionLock {
    /// Opens a revision and locks it for reading; `None` where it is just being removed.
    pub(crate) fn take(revision: &Path) -> Result<Option<Self>, Error> {
        let failed = |errno: Errno| Error::Lock { path: revision.to_owned(), source: errno.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match open(revision, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        match flock(&opened, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(Some(Self(opened))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// The folder of the revision, as it was when it was locked.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The right to remove a revision: nobody uses it.
#[derive(Debug)]
pub(crate) struct RemovalLock(#[allow(dead_code, reason = "held, never read")] OwnedFd);

impl RemovalLock {
    /// `None` while a session uses the revision.
    pub fn take(revision: &Path) -> Result<Option<Self>, Error> {
        let failed = |errno: Errno| Error::Lock { path: revision.to_owned(), source: errno.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(revision, flags, Mode::empty()).map_err(failed)?;
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(opened))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(failed(errno)),
        }
    }
}

/// Held by whoever changes an app: one at a time, the others wait.
#[derive(Debug)]
pub(crate) struct ChangeLock(#[allow(dead_code, reason = "held, never read")] OwnedFd);

impl ChangeLock {
    pub fn take(path: &Path) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::Create { path: folder.to_owned(), source })?;
        }
        let failed = |errno: Errno| Error::Lock { path: path.to_owned(), source: errno.into() };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
        flock(&file, FlockOperation::LockExclusive).map_err(failed)?;
        Ok(Self(file))
    }
}
