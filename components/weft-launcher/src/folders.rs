//! The folders of apps' data and of the documents, made before the first process that may use them.

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot make the folder {}", path.display())]
    Make { path: PathBuf, source: Errno },
    #[error("the folder {} belongs to user {owner}, not to {expected}", path.display())]
    Owner { path: PathBuf, owner: u32, expected: u32 },
}

/// A folder of this owner, mode and place; one that exists must be its owner's already.
pub fn make(path: &Path, mode: u32, uid: u32, gid: u32) -> Result<(), Error> {
    let failed = |source| Error::Make { path: path.to_owned(), source };
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(Errno::INVAL));
    };
    let above = open(above).map_err(failed)?;
    let made = match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o700)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(source) => return Err(failed(source)),
    };
    let folder = open(path).map_err(failed)?;
    let owner = rustix::fs::fstat(&folder).map_err(failed)?.st_uid;
    if made {
        // In this order: once it is somebody else's, only a further capability could change its mode.
        rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode)).map_err(failed)?;
        rustix::fs::fchown(&folder, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(failed)
    } else if owner == uid {
        Ok(())
    } else {
        Err(Error::Owner { path: path.to_owned(), owner, expected: uid })
    }
}

/// Follows no link on the way: whoever owns a folder above could have put one there (openat2(2)).
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}
