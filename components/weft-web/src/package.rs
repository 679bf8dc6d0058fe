//! Reads files of a package, and nothing outside it.

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The largest file that is given to a page, in bytes.
pub const MAX_FILE_LEN: u64 = 16 * 1024 * 1024;

/// Why a file is not given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open the folder {folder}")]
    Folder { folder: PathBuf, source: io::Error },
    #[error("{0:?} is not the path of a file in a package")]
    Path(String),
    #[error("cannot read {path:?} in the package")]
    Read { path: String, source: io::Error },
    #[error("{0:?} in the package is not a regular file")]
    NotAFile(String),
    #[error("{path:?} in the package has {len} bytes, over the limit of {MAX_FILE_LEN}")]
    TooLong { path: String, len: u64 },
}

impl Error {
    /// Whether the kernel could not read what is there (EIO), as when a block of a package image is not the one that was signed.
    pub fn is_damage(&self) -> bool {
        let damaged = rustix::io::Errno::IO.raw_os_error();
        matches!(self, Self::Read { source, .. } if source.raw_os_error() == Some(damaged))
    }
}

/// A folder whose files may be read; it stays the same folder when its name is given to another.
#[derive(Debug)]
pub struct Package {
    folder: OwnedFd,
}

impl Package {
    /// Opens the folder itself; symbolic links on the way to it are followed, for the caller chose them.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(folder, flags, Mode::empty())
            .map(|fd| Self { folder: fd })
            .map_err(|source| Error::Folder { folder: folder.to_owned(), source: source.into() })
    }

    /// The bytes of a regular file. `path` is the path of a URL: absolute, percent-encoded.
    ///
    /// The kernel resolves it below the folder without following any link (`openat2(2)`, `RESOLVE_BENEATH`), so that neither `..` nor
    /// a link nor a race on either leads out.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let name = decode(path).ok_or_else(|| Error::Path(path.to_owned()))?;
        let failed = |source: io::Error| Error::Read { path: name.clone(), source };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        // A pipe without a writer would hold up the reader for ever.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = openat2(&self.folder, &name, flags, Mode::empty(), resolve).map_err(|e| failed(e.into()))?;
        let stat = fstat(&fd).map_err(|e| failed(e.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Error::NotAFile(name));
        }
        let len = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if len > MAX_FILE_LEN {
            return Err(Error::TooLong { path: name, len });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        File::from(fd).take(MAX_FILE_LEN).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

/// The whole of one file that is not in a package but named by the device's own configuration.
pub fn read_trusted(file: &Path) -> Result<String, Error> {
    let failed = |source: io::Error| Error::Read { path: file.display().to_string(), source };
    let fd = rustix::fs::openat(CWD, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| failed(e.into()))?;
    let mut text = String::new();
    File::from(fd).take(MAX_FILE_LEN).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// The relative file name of a URL's path; `None` for one that no package has, such as a folder, a parent or an encoded slash.
fn decode(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?;
    let mut parts = Vec::new();
    for part in name.split('/') {
        let part = percent_encoding::percent_decode_str(part).decode_utf8().ok()?;
        if matches!(&*part, "" | "." | "..") || part.contains(['/', '\0', '\\']) {
            return None;
        }
        parts.push(part);
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn package() -> (tempfile::TempDir, Package) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("org.a.b");
        std::fs::create_dir_all(folder.join("ui/deep")).unwrap();
        std::fs::write(folder.join("ui/index.html"), "page").unwrap();
        std::fs::write(folder.join("ui/a b ü.txt"), "odd name").unwrap();
        std::fs::write(root.path().join("secret"), "secret").unwrap();
        symlink("../../secret", folder.join("ui/link")).unwrap();
        symlink(root.path(), folder.join("up")).unwrap();
        symlink("index.html", folder.join("ui/inner")).unwrap();
        let package = Package::open(&folder).unwrap();
        (root, package)
    }

    #[test]
    fn files_of_the_package_are_read() {
        let (_root, package) = package();
        assert_eq!(package.read("/ui/index.html").unwrap(), b"page");
        assert_eq!(package.read("/ui/a%20b%20%C3%BC.txt").unwrap(), b"odd name");
    }

    #[test]
    fn nothing_leads_out_of_the_package() {
        let (root, package) = package();
        let absolute = root.path().join("secret").display().to_string();
        for path in [
            "/../secret",
            "/ui/../../secret",
            "/%2e%2e/secret",
            "/%2E%2E%2Fsecret",
            "/ui/..%2f..%2fsecret",
            "/ui%5c..%5csecret",
            "/ui/link",
            "/up/secret",
            "/ui/inner",
            "/proc/self/environ",
            "//etc/passwd",
            "/",
            "",
            "/ui",
            "/ui/",
            "/ui//index.html",
            "/ui/./index.html",
            "/ui/index.html%00.png",
            "/ui/%ff",
            "ui/index.html",
            &absolute,
        ] {
            assert!(package.read(path).is_err(), "{path}");
        }
    }

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let (root, package) = package();
        let ui = root.path().join("org.a.b/ui");
        rustix::fs::mknodat(CWD, ui.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(matches!(package.read("/ui/pipe"), Err(Error::NotAFile(_))));
        assert!(matches!(package.read("/ui/deep"), Err(Error::NotAFile(_))));
        File::create(ui.join("huge")).unwrap().set_len(MAX_FILE_LEN + 1).unwrap();
        assert!(matches!(package.read("/ui/huge"), Err(Error::TooLong { .. })));
    }

    #[test]
    fn what_the_disk_cannot_give_back_is_damage_and_nothing_else_is() {
        let read = |errno: rustix::io::Errno| Error::Read { path: "ui/x".into(), source: errno.into() };
        assert!(read(rustix::io::Errno::IO).is_damage());
        assert!(!read(rustix::io::Errno::NOENT).is_damage() && !Error::NotAFile("ui".into()).is_damage());
    }

    #[test]
    fn the_folder_stays_the_one_that_was_opened() {
        let (root, package) = package();
        std::fs::rename(root.path().join("org.a.b"), root.path().join("moved")).unwrap();
        std::fs::create_dir_all(root.path().join("org.a.b/ui")).unwrap();
        std::fs::write(root.path().join("org.a.b/ui/index.html"), "other").unwrap();
        assert_eq!(package.read("/ui/index.html").unwrap(), b"page");
    }
}
