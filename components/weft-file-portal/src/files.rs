//! The operations, on descriptors below a folder.
//!
//! Every step is resolved by the kernel ([`weft_file::open_beneath`]), so that neither a link that is there nor one that is put there
//! meanwhile leads out. A file with a second name (hard link) is refused for reading and for
//! writing, since its other name may lie outside.

use crate::protocol::{MAX_FILE_LEN, Operation, Reply};
use crate::roots::Place;
use crate::{Refusal, Roots};
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RawMode, Stat, fchmod, fstat, fsync, mkdirat, renameat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The most names that a list has.
pub(crate) const MAX_ENTRIES: usize = 10_000;

const NEW_FILE: RawMode = 0o660;
const NEW_FOLDER: RawMode = 0o770;

impl Roots {
    /// Does what a client asks for.
    pub fn execute(&self, operation: &Operation) -> Result<Reply, Refusal> {
        match operation {
            Operation::Read { path } => read(&self.find(path)?),
            Operation::List { path } => list(&self.find(path)?),
            Operation::Write { path, data } => write(&self.find(path)?, data),
        }
    }
}

fn open(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: RawMode) -> Result<OwnedFd, Errno> {
    weft_file::open_beneath(folder, path, flags, Mode::from_raw_mode(mode))
}

fn read(place: &Place<'_>) -> Result<Reply, Refusal> {
    let failed = |errno| Refusal::from_errno(place.text, errno);
    let fd = open(place.folder, &place.relative, OFlags::RDONLY, 0).map_err(failed)?;
    let stat = fstat(&fd).map_err(failed)?;
    refuse_all_but_plain_files(place, &stat)?;
    let mut contents = Vec::new();
    File::from(fd)
        .take(MAX_FILE_LEN as u64 + 1)
        .read_to_end(&mut contents)
        .map_err(|error| Refusal::Failed(format!("{}: {error}", place.text)))?;
    if contents.len() > MAX_FILE_LEN {
        return Err(Refusal::TooLarge(format!("{} has more than {MAX_FILE_LEN} bytes", place.text)));
    }
    Ok(Reply::data(&contents))
}

fn refuse_all_but_plain_files(place: &Place<'_>, stat: &Stat) -> Result<(), Refusal> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_nlink > 1 => {
            Err(Refusal::Denied(format!("{} has other names (hard links)", place.text)))
        }
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Refusal::BadRequest(format!("{} is a folder", place.text))),
        _ => Err(Refusal::Denied(format!("{} is no file", place.text))),
    }
}

/// Names that are not UTF-8 are left out: no request could name them.
fn list(place: &Place<'_>) -> Result<Reply, Refusal> {
    let failed = |errno| Refusal::from_errno(place.text, errno);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let fd = open(place.folder, &place.relative, flags, 0).map_err(|errno| match errno {
        Errno::NOTDIR => Refusal::BadRequest(format!("{} is no folder", place.text)),
        errno => failed(errno),
    })?;
    let mut entries = Vec::new();
    for entry in Dir::new(fd).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(_) if entries.len() == MAX_ENTRIES => {
                return Err(Refusal::TooLarge(format!("{} has more than {MAX_ENTRIES} names", place.text)));
            }
            Ok(name) => entries.push(name.to_owned()),
        }
    }
    entries.sort_unstable();
    Ok(Reply::Entries { entries })
}

/// Replaces or creates a file: a reader sees the whole old one or the whole new one, also after a power cut.
fn write(place: &Place<'_>, data: &[u8]) -> Result<Reply, Refusal> {
    if !place.write {
        return Err(Refusal::Denied(format!("{} may only be read", place.text)));
    }
    let failed = |errno| Refusal::from_errno(place.text, errno);
    let Some(name) = place.relative.file_name().filter(|_| !place.text.ends_with('/')) else {
        return Err(Refusal::BadRequest(format!("{} is a folder", place.text)));
    };
    let parent = open_parent(place).map_err(failed)?;
    let mode = match open(parent.as_fd(), Path::new(name), OFlags::PATH, 0) {
        Ok(old) => {
            let stat = fstat(&old).map_err(failed)?;
            refuse_all_but_plain_files(place, &stat)?;
            Some(stat.st_mode & 0o777)
        }
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(failed(errno)),
    };
    replace(parent.as_fd(), name, data, mode)
        .map_err(|error| Refusal::Failed(format!("{}: {error}", place.text)))?;
    Ok(Reply::Written { ok: true })
}

/// The folder of the file, made where it is missing.
fn open_parent(place: &Place<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut folder = open(place.folder, Path::new(""), flags, 0)?;
    for name in place.relative.parent().unwrap_or(Path::new("")) {
        let name = Path::new(name);
        folder = match open(folder.as_fd(), name, flags, 0) {
            Err(Errno::NOENT) => {
                match mkdirat(&folder, name, Mode::from_raw_mode(NEW_FOLDER)) {
                    // Another connection may have been faster.
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno),
                }
                fsync(&folder)?;
                open(folder.as_fd(), name, flags, 0)?
            }
            outcome => outcome?,
        };
    }
    Ok(folder)
}

fn replace(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    data: &[u8],
    mode: Option<RawMode>,
) -> Result<(), std::io::Error> {
    let temporary = temporary_name()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let mut file = File::from(open(folder, Path::new(&temporary), flags, NEW_FILE)?);
    let filled = file
        .write_all(data)
        .and_then(|()| match mode {
            Some(mode) => Ok(fchmod(&file, Mode::from_raw_mode(mode))?),
            None => Ok(()),
        })
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(renameat(folder, &temporary, folder, name)?));
    if filled.is_err() {
        // The first error is the one to report; a left-over temporary file harms nobody.
        let _ = unlinkat(folder, &temporary, AtFlags::empty());
    }
    filled?;
    Ok(fsync(folder)?)
}

/// A name that nobody can have taken in advance.
fn temporary_name() -> Result<String, Errno> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!(".weft-{:016x}.tmp", u64::from_ne_bytes(random)))
}
