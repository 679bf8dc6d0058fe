//! Why something is not mounted, or not taken away.

use rustix::io::Errno;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is no place for a package: a mountpoint is a plain name in {1}")]
    Mountpoint(PathBuf, PathBuf),
    #[error("{0} is in use already: take it away first")]
    InUse(PathBuf),
    #[error("nothing is mounted at {0}")]
    NotMounted(PathBuf),
    #[error("{0} must belong to this user and be writable for nobody else")]
    MountsFolder(PathBuf),
    #[error("{0} is in no store: images are mounted from {1}")]
    OutsideStores(PathBuf, String),
    #[error("{0} is no package image: its name ends in .app.img")]
    Name(PathBuf),
    #[error("cannot open {path}: {}", opening(*cause))]
    Open { path: PathBuf, cause: Errno },
    #[error("{0} is no plain file")]
    NotAFile(PathBuf),
    #[error("cannot read {path}: {cause}")]
    Read { path: PathBuf, cause: std::io::Error },
    #[error(
        "{0} is not signed: beside it must lie the .roothash and the .roothash.sig that `weft-pack build-image` wrote"
    )]
    NotSigned(PathBuf),
    #[error("{0} is signed by nobody whose key is in {1}")]
    Untrusted(PathBuf, String),
    #[error("{path} is no verity tree of this system: {cause}")]
    Superblock { path: PathBuf, cause: weft_verity::SuperblockError },
    #[error("{path} has {found} bytes, and its tree is over {expected}")]
    Length { path: PathBuf, found: u64, expected: u64 },
    #[error("cannot make a loop device for {path}: {cause}")]
    Loop { path: PathBuf, cause: Errno },
    #[error("device-mapper: {0}")]
    Mapper(#[from] devicemapper::DmError),
    #[error("{0} is damaged or was changed: it is not the image that was signed")]
    Corrupted(PathBuf),
    #[error("cannot make the folder {path}: {cause}")]
    Folder { path: PathBuf, cause: Errno },
    #[error("cannot mount {path}: {cause}")]
    Mount { path: PathBuf, cause: Errno },
    #[error("cannot unmount {path}: {cause}")]
    Unmount { path: PathBuf, cause: Errno },
}

fn opening(errno: Errno) -> String {
    match errno {
        Errno::LOOP => "a symbolic link lies on the way".to_owned(),
        Errno::XDEV => "it leads out of the store".to_owned(),
        errno => errno.to_string(),
    }
}
