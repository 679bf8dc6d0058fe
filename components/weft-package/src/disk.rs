//! Every change to a store goes through here, so that tests can stop after any of them and lose what was not flushed.

use rustix::fs::{Mode, OFlags, open};
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A change that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}", path.display())]
pub struct Error {
    pub what: &'static str,
    pub path: PathBuf,
    pub source: io::Error,
}

/// The changes that installations are made of. What they promise of the disk after a power cut is said at each; an order among several
/// is promised by none, only by [`Disk::sync_folder`] between them.
pub trait Disk {
    /// A new folder, mode 0755. Its name is safe after the parent is synced.
    fn create_folder(&self, path: &Path) -> Result<(), Error>;
    /// A new file, mode 0644, of everything that `contents` gives. Name and contents are safe after [`Disk::sync_tree`].
    fn create_file(&self, path: &Path, contents: &mut dyn Read) -> Result<u64, Error>;
    /// A new symbolic link. Its name is safe after the folder is synced.
    fn create_link(&self, target: &Path, path: &Path) -> Result<(), Error>;
    /// Gives a file, link or folder another name, over a file or link that has it, in one step. Safe after both folders are synced.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error>;
    /// Replaces a small file as a whole; safe afterwards.
    fn replace_file(&self, path: &Path, contents: &[u8]) -> Result<(), Error>;
    /// Removes a file or a link that may be missing.
    fn remove_file(&self, path: &Path) -> Result<(), Error>;
    /// Removes a folder with everything in it, in no order; it may be missing.
    fn remove_tree(&self, path: &Path) -> Result<(), Error>;
    /// Makes the names in a folder safe.
    fn sync_folder(&self, path: &Path) -> Result<(), Error>;
    /// Makes everything below a folder safe, names and contents.
    fn sync_tree(&self, path: &Path) -> Result<(), Error>;
}

/// The disk of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host;

impl Disk for Host {
    fn create_folder(&self, path: &Path) -> Result<(), Error> {
        std::fs::create_dir(path)
            .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o755)))
            .map_err(failed("create the folder", path))
    }

    fn create_file(&self, path: &Path, contents: &mut dyn Read) -> Result<u64, Error> {
        let failed = || failed("write", path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(path, flags, Mode::from_raw_mode(0o644)).map_err(|errno| failed()(errno.into()))?;
        let mut file = File::from(opened);
        let mut buffer = vec![0; 256 << 10];
        let mut written = 0;
        loop {
            match contents.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(buffer.get(..count).unwrap_or_default()).map_err(failed())?;
                    written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed()(error)),
            }
        }
        // Whatever the caller's umask: the system's other users read packages.
        file.set_permissions(Permissions::from_mode(0o644)).map_err(failed())?;
        Ok(written)
    }

    fn create_link(&self, target: &Path, path: &Path) -> Result<(), Error> {
        std::os::unix::fs::symlink(target, path).map_err(failed("create the link", path))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        std::fs::rename(from, to).map_err(failed("put the new version in place at", to))
    }

    fn replace_file(&self, path: &Path, contents: &[u8]) -> Result<(), Error> {
        weft_file::write_atomic(path, contents, 0o644)
            .map_err(|error| failed("replace", path)(io::Error::other(error)))
    }

    fn remove_file(&self, path: &Path) -> Result<(), Error> {
        missing_is_fine(std::fs::remove_file(path)).map_err(failed("remove", path))
    }

    fn remove_tree(&self, path: &Path) -> Result<(), Error> {
        missing_is_fine(std::fs::remove_dir_all(path)).map_err(failed("remove", path))
    }

    fn sync_folder(&self, path: &Path) -> Result<(), Error> {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("flush", path))
    }

    fn sync_tree(&self, path: &Path) -> Result<(), Error> {
        for entry in std::fs::read_dir(path).map_err(failed("read", path))? {
            let entry = entry.map_err(failed("read", path))?;
            let below = entry.path();
            if entry.file_type().map_err(failed("read", &below))?.is_dir() {
                self.sync_tree(&below)?;
            } else {
                File::open(&below).and_then(|file| file.sync_all()).map_err(failed("flush", &below))?;
            }
        }
        self.sync_folder(path)
    }
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error { what, path: path.to_owned(), source }
}

fn missing_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Makes a folder and those above it that are missing, each safe before anything is put into it.
pub(crate) fn create_folders(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_folders(disk, parent)?;
    match disk.create_folder(path) {
        // Somebody else made it in the meantime.
        Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        outcome => outcome?,
    }
    disk.sync_folder(parent)
}

/// The same without flushing, below a folder that will be flushed as a whole.
pub(crate) fn grow_folders(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        grow_folders(disk, parent)?;
    }
    disk.create_folder(path)
}
