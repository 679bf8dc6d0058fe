//! Changes below a folder, each on the disk when it returns.
//!
//! Services own folders of the partition and may have put links into them; PID 1 follows none (`openat2(2)`, RESOLVE_NO_SYMLINKS).

use super::Error;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, mkdirat, renameat, statat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use weft_file::open_beneath;

/// What steps do to the partition; tests cut it off at every point.
pub trait Changes {
    /// `None` where there is no such file.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error>;
    fn write(&mut self, path: &str, contents: &[u8]) -> Result<(), Error>;
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error>;
    fn copy(&mut self, from: &str, to: &str) -> Result<(), Error>;
    fn remove(&mut self, path: &str) -> Result<(), Error>;
    fn make_folder(&mut self, path: &str) -> Result<(), Error>;
}

/// Files of the partition that are read whole are small: numbers and lists.
const READ_LIMIT: u64 = 1 << 20;
const TEMPORARY: &str = ".weft-format.tmp";

/// The partition's own folder.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
}

impl Folder {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty());
        Ok(Self { fd: fd.map_err(|source| Error::Disk { doing: "open", path: path.to_owned(), source })? })
    }

    /// The folder that a path lies in, and the name in it; `None` where that folder is missing.
    fn place<'a>(&self, path: &'a str) -> Result<Option<(OwnedFd, &'a str)>, Errno> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() || name == "." || name == ".." {
            return Err(Errno::INVAL);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        match open_beneath(self.fd.as_fd(), Path::new(folder), flags, Mode::empty()) {
            Ok(folder) => Ok(Some((folder, name))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn needed<'a>(&self, path: &'a str) -> Result<(OwnedFd, &'a str), Errno> {
        self.place(path)?.ok_or(Errno::NOENT)
    }

    fn open_file(&self, path: &str) -> Result<Option<File>, Errno> {
        match open_beneath(self.fd.as_fd(), Path::new(path), OFlags::RDONLY, Mode::empty()) {
            Ok(fd) if FileType::from_raw_mode(fstat(&fd)?.st_mode) == FileType::RegularFile => {
                Ok(Some(File::from(fd)))
            }
            Ok(_) => Err(Errno::INVAL),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Changes for Folder {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let Some(file) = self.open_file(path)? else { return Ok(None) };
            let mut contents = Vec::new();
            file.take(READ_LIMIT).read_to_end(&mut contents).map_err(errno)?;
            Ok(Some(contents))
        };
        read().map_err(failed("read", path))
    }

    fn write(&mut self, path: &str, contents: &[u8]) -> Result<(), Error> {
        let write = || {
            let (folder, name) = self.needed(path)?;
            let mut file = temporary(&folder)?;
            file.write_all(contents).map_err(errno)?;
            put(&folder, &file, name)
        };
        write().map_err(failed("write", path))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let rename = || {
            let Some((source, name)) = self.place(from)? else { return Ok(()) };
            if !exists(&source, name)? {
                return Ok(());
            }
            let (target, new_name) = self.needed(to)?;
            // rename(2) takes no folder that is not empty away.
            if exists(&target, new_name)? && is_folder(&target, new_name)? {
                remove_tree(&target, new_name)?;
            }
            renameat(&source, name, &target, new_name)?;
            rustix::fs::fsync(&target)?;
            rustix::fs::fsync(&source)
        };
        rename().map_err(failed("move", from))
    }

    fn copy(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let copy = || {
            let Some(mut source) = self.open_file(from)? else { return Ok(()) };
            let (folder, name) = self.needed(to)?;
            if exists(&folder, name)? {
                return Ok(());
            }
            let status = fstat(&source)?;
            let mut file = temporary(&folder)?;
            io::copy(&mut source, &mut file).map_err(errno)?;
            std::os::unix::fs::fchown(&file, Some(status.st_uid), Some(status.st_gid)).map_err(errno)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(status.st_mode))?;
            put(&folder, &file, name)
        };
        copy().map_err(failed("copy", from))
    }

    fn remove(&mut self, path: &str) -> Result<(), Error> {
        let remove = || {
            let Some((folder, name)) = self.place(path)? else { return Ok(()) };
            match exists(&folder, name)? {
                false => return Ok(()),
                true if is_folder(&folder, name)? => remove_tree(&folder, name)?,
                true => unlinkat(&folder, name, AtFlags::empty())?,
            }
            rustix::fs::fsync(&folder)
        };
        remove().map_err(failed("remove", path))
    }

    fn make_folder(&mut self, path: &str) -> Result<(), Error> {
        let make = || {
            let (folder, name) = self.needed(path)?;
            match mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
                Err(Errno::EXIST) if is_folder(&folder, name)? => Ok(()),
                Err(error) => Err(error),
                Ok(()) => rustix::fs::fsync(&folder),
            }
        };
        make().map_err(failed("make the folder", path))
    }
}

fn failed(doing: &'static str, path: &str) -> impl FnOnce(Errno) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::Disk { doing, path, source }
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

/// A new file that nobody else has open; one that a power cut left is taken away.
fn temporary(folder: &OwnedFd) -> Result<File, Errno> {
    match unlinkat(folder, TEMPORARY, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, TEMPORARY, flags, Mode::from_raw_mode(0o644)).map(File::from)
}

/// Flushes the temporary file and gives it its name.
fn put(folder: &OwnedFd, file: &File, name: &str) -> Result<(), Errno> {
    rustix::fs::fsync(file)?;
    renameat(folder, TEMPORARY, folder, name)?;
    rustix::fs::fsync(folder)
}

fn exists(folder: &OwnedFd, name: &str) -> Result<bool, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_folder(folder: &OwnedFd, name: &str) -> Result<bool, Errno> {
    let status = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(status.st_mode) == FileType::Directory)
}

/// std's own removal follows no links either; it takes paths only, and the kernel gives every open folder one.
fn remove_tree(folder: &OwnedFd, name: &str) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd());
    std::fs::remove_dir_all(path).map_err(errno)
}
