//! The list of every file of a package with its hash: what is signed, and what a revision is named by.

use crate::hex;
use crate::limits::{MAX_BYTES, MAX_DEPTH, MAX_FILES, MAX_NAME, MAX_PATH};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, open, openat, statat};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use weft_manifest::RelativePath;

/// The signature's name inside its package; the only file that the signature does not cover.
pub const SIGNATURE_NAME: &str = "signature.sig";
/// The name that appd gives to an app's data beside its package in older systems; no package may bring it.
const RESERVED: &str = "data";
const BUFFER: usize = 256 << 10;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Below the package, with slashes.
    pub path: String,
    pub bytes: u64,
    pub sha256: Digest,
}

/// Every file of a package, sorted by the bytes of its path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory(Vec<Entry>);

/// Why a folder is no package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} has a name that is not UTF-8 or has control characters or backslashes: rename it", .0.display())]
    Name(PathBuf),
    #[error("{} is a link or a special file: a package has plain files and folders only", .0.display())]
    Special(PathBuf),
    #[error("{} is reserved for the app's own data: give it another name", .0.display())]
    Reserved(PathBuf),
    #[error("{} has over {MAX_FILES} files", .0.display())]
    TooMany(PathBuf),
    #[error("{} lies over {MAX_DEPTH} folders deep, or its path is over {MAX_PATH} bytes long", .0.display())]
    TooDeep(PathBuf),
    #[error("{} has over {} MiB of files", .0.display(), MAX_BYTES >> 20)]
    TooLarge(PathBuf),
    #[error("{} changed while it was read: try again when nothing writes to it", .0.display())]
    Changed(PathBuf),
}

impl Inventory {
    /// Reads and hashes every file of `folder`. The folder itself may be named by a link; nothing below it is followed.
    pub fn of_folder(folder: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open(folder, flags, Mode::empty()).map_err(|errno| match errno {
            rustix::io::Errno::NOTDIR => Error::NotAFolder(folder.to_owned()),
            errno => Error::Read { path: folder.to_owned(), source: errno.into() },
        })?;
        Self::of_opened(opened.as_fd(), folder)
    }

    /// The same for a folder that is open already; `name` is what errors call it.
    pub fn of_opened(folder: BorrowedFd<'_>, name: &Path) -> Result<Self, Error> {
        let mut walk =
            Walk { root: name, entries: Vec::new(), left: MAX_BYTES, visited: 0, buffer: vec![0; BUFFER] };
        walk.folder(folder, "", 0)?;
        walk.entries.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(Self(walk.entries))
    }

    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|entry| entry.bytes).sum()
    }

    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.path == path)
    }

    /// What a publisher signs: SHA-256 over the lines `path<TAB>sha256<LF>` of every file but the signature.
    pub fn signed_digest(&self) -> Digest {
        digest(self.0.iter().filter(|entry| entry.path != SIGNATURE_NAME))
    }

    /// What a revision in the store is named by: the same over every file, with the signature.
    pub fn revision(&self) -> Digest {
        digest(self.0.iter())
    }
}

fn digest<'a>(entries: impl Iterator<Item = &'a Entry>) -> Digest {
    let mut hasher = Sha256::new();
    for entry in entries {
        hasher.update(format!("{}\t{}\n", entry.path, hex::encode(&entry.sha256)));
    }
    hasher.finalize().into()
}

struct Walk<'a> {
    root: &'a Path,
    entries: Vec<Entry>,
    /// Bytes that may still come.
    left: u64,
    /// Names seen, also of folders: empty ones must not be free.
    visited: usize,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: BorrowedFd<'_>, below: &str, depth: usize) -> Result<(), Error> {
        let here = self.root.join(below);
        let read = |source: io::Error| Error::Read { path: here.clone(), source };
        for name in Dir::read_from(folder).map_err(|errno| read(errno.into()))? {
            let name = name.map_err(|errno| read(errno.into()))?;
            let name = name.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let text = name.to_str().map_err(|_| Error::Name(here.join(name.to_string_lossy().as_ref())))?;
            let path = if below.is_empty() { text.to_owned() } else { format!("{below}/{text}") };
            self.admit(&path, depth)?;
            self.entry(folder, text, path, depth)?;
        }
        Ok(())
    }

    fn admit(&mut self, path: &str, depth: usize) -> Result<(), Error> {
        check_path(path).map_err(|fault| fault.at(self.root.join(path)))?;
        self.visited += 1;
        if self.visited > MAX_FILES {
            return Err(Error::TooMany(self.root.to_owned()));
        }
        if depth >= MAX_DEPTH {
            return Err(Error::TooDeep(self.root.join(path)));
        }
        Ok(())
    }

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &str, path: String, depth: usize) -> Result<(), Error> {
        let whole = self.root.join(&path);
        let read = |source: io::Error| Error::Read { path: whole.clone(), source };
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| read(errno.into()))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if !matches!(kind, FileType::RegularFile | FileType::Directory) {
            return Err(Error::Special(whole));
        }
        // Whatever takes the name's place now, no link is followed and no pipe waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(folder, name, flags, Mode::empty()).map_err(|errno| match errno {
            rustix::io::Errno::LOOP => Error::Special(whole.clone()),
            errno => read(errno.into()),
        })?;
        let now = fstat(&opened).map_err(|errno| read(errno.into()))?;
        if FileType::from_raw_mode(now.st_mode) != kind {
            return Err(Error::Changed(whole));
        }
        match kind {
            FileType::Directory => self.folder(opened.as_fd(), &path, depth + 1),
            _ => self.file(opened, path, u64::try_from(now.st_size).unwrap_or(u64::MAX), &whole),
        }
    }

    fn file(&mut self, opened: OwnedFd, path: String, size: u64, whole: &Path) -> Result<(), Error> {
        self.left = self.left.checked_sub(size).ok_or_else(|| Error::TooLarge(self.root.to_owned()))?;
        // One byte more than expected shows a file that grows.
        let mut file = File::from(opened).take(size + 1);
        let mut hasher = Sha256::new();
        let mut bytes = 0;
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => {
                    hasher.update(self.buffer.get(..count).unwrap_or_default());
                    bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Read { path: whole.to_owned(), source }),
            }
        }
        if bytes != size {
            return Err(Error::Changed(whole.to_owned()));
        }
        self.entries.push(Entry { path, bytes, sha256: hasher.finalize().into() });
        Ok(())
    }
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathFault {
    Name,
    Reserved,
    TooDeep,
}

impl PathFault {
    fn at(self, path: PathBuf) -> Error {
        match self {
            Self::Name => Error::Name(path),
            Self::Reserved => Error::Reserved(path),
            Self::TooDeep => Error::TooDeep(path),
        }
    }
}

/// Whether a package may have something of that path; the same rule for folders, archives and images.
pub(crate) fn check_path(path: &str) -> Result<(), PathFault> {
    let depth = path.split('/').count();
    if path.len() > MAX_PATH || depth > MAX_DEPTH || path.split('/').any(|name| name.len() > MAX_NAME) {
        return Err(PathFault::TooDeep);
    }
    if path.parse::<RelativePath>().is_err() {
        return Err(PathFault::Name);
    }
    if path == RESERVED || path.starts_with("data/") {
        return Err(PathFault::Reserved);
    }
    Ok(())
}
