//! Files: atomic writes (load, mutate, write once), and opening what lies below a folder.
//!
//! Every file that must survive a power cut is written by [`write_atomic`]: into a temporary file beside it, flushed, renamed over the
//! old one, and the folder flushed. A reader sees the whole old file or the whole new one, never a part.

mod beneath;

pub use beneath::open_beneath;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a file could not be written; the old file is untouched in every case but [`Error::SyncFolder`], where the new one is in
/// place but a power cut may still bring the old one back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write {0}: it has no folder, name it with one")]
    NoFolder(PathBuf),
    #[error("cannot create {path}")]
    Create { path: PathBuf, source: io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot flush {path} to the disk")]
    Sync { path: PathBuf, source: io::Error },
    #[error("cannot rename {from} to {to}")]
    Rename { from: PathBuf, to: PathBuf, source: io::Error },
    #[error("cannot flush the folder {path} to the disk")]
    SyncFolder { path: PathBuf, source: io::Error },
}

/// Replaces `path` by a file with `contents` and the permission bits `mode` (as in `chmod`, e.g. `0o644`).
pub fn write_atomic(path: &Path, contents: &[u8], mode: u32) -> Result<(), Error> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::NoFolder(path.to_owned()));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(format!(".{}.tmp", std::process::id()));
    let temporary = folder.join(temporary_name);

    let outcome = fill(&temporary, contents, mode).and_then(|()| {
        std::fs::rename(&temporary, path).map_err(|source| Error::Rename {
            from: temporary.clone(),
            to: path.to_owned(),
            source,
        })
    });
    if outcome.is_err() {
        // The first error is the one to report; a left-over temporary file harms nobody.
        let _ = std::fs::remove_file(&temporary);
    }
    outcome?;
    sync_folder(folder)
}

/// Flushes a folder, so that names created, renamed or removed in it survive a power cut.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(|source| Error::SyncFolder { path: folder.to_owned(), source })
}

fn fill(temporary: &Path, contents: &[u8], mode: u32) -> Result<(), Error> {
    let path = || temporary.to_owned();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(temporary)
        .map_err(|source| Error::Create { path: path(), source })?;
    file.write_all(contents).map_err(|source| Error::Write { path: path(), source })?;
    file.sync_all().map_err(|source| Error::Sync { path: path(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("count");
        write_atomic(&path, b"a longer first content", 0o644).unwrap();
        write_atomic(&path, b"two", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("occupied");
        std::fs::create_dir(&occupied).unwrap();
        let error = write_atomic(&occupied, b"x", 0o644).unwrap_err();
        assert!(error.to_string().contains("occupied"), "{error}");
        assert!(occupied.is_dir());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "temporary file left behind");
    }
}
