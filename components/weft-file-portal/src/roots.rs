//! The folders a session may reach, held open from the start.

use crate::Refusal;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open the folder {path} that the session is given")]
    Open { path: PathBuf, source: Errno },
    #[error("the folder {0} must be an absolute path without `..`")]
    NotAbsolute(PathBuf),
}

struct Root {
    path: PathBuf,
    folder: OwnedFd,
    write: bool,
}

/// All folders of a session; none is a session that may reach nothing.
#[derive(Default)]
pub struct Roots(Vec<Root>);

/// A place below one of the folders.
pub(crate) struct Place<'a> {
    pub folder: BorrowedFd<'a>,
    /// Plain names only; empty for the folder itself.
    pub relative: PathBuf,
    pub write: bool,
    /// As the client wrote it, for errors.
    pub text: &'a str,
}

impl Roots {
    /// Opens a folder; links on the way to it are followed, for whoever names it decides.
    pub fn add(&mut self, path: &Path, write: bool) -> Result<(), Error> {
        let plain = normal(path).ok_or_else(|| Error::NotAbsolute(path.to_owned()))?;
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty())
            .map_err(|source| Error::Open { path: path.to_owned(), source })?;
        self.0.push(Root { path: plain, folder, write });
        Ok(())
    }

    /// The place that a client's path names. Nothing is asked of the file system, so that a refusal says nothing about it.
    pub(crate) fn find<'a>(&'a self, text: &'a str) -> Result<Place<'a>, Refusal> {
        let path = Path::new(text);
        if !path.is_absolute() {
            return Err(Refusal::BadRequest("the path must be absolute".to_owned()));
        }
        let plain = normal(path).ok_or_else(|| Refusal::Denied(format!("{text} has a `..` in it")))?;
        let roots = self.0.iter().filter(|root| plain.starts_with(&root.path));
        // The innermost folder decides; of two that are the same, the stricter.
        let root = roots
            .max_by_key(|root| (root.path.components().count(), !root.write))
            .ok_or_else(|| Refusal::Denied(format!("{text} is outside the session's folders")))?;
        let relative = plain.strip_prefix(&root.path).unwrap_or(Path::new("")).to_owned();
        Ok(Place { folder: root.folder.as_fd(), relative, write: root.write, text })
    }
}

/// The path without `.` and repeated slashes; `None` where it is relative or has a `..`, which means nothing before links are known.
fn normal(path: &Path) -> Option<PathBuf> {
    let plain = |part: &Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    (path.is_absolute() && path.components().all(|part| plain(&part))).then(|| path.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(folder: &Path) -> Roots {
        let inner = folder.join("docs/shared");
        std::fs::create_dir_all(&inner).unwrap();
        let mut roots = Roots::default();
        roots.add(&folder.join("docs"), true).unwrap();
        roots.add(&inner, false).unwrap();
        roots
    }

    #[test]
    fn a_path_belongs_to_the_innermost_folder_by_whole_names() {
        let folder = tempfile::tempdir().unwrap();
        let roots = roots(folder.path());
        let find = |tail: &str| {
            let text = format!("{}/{tail}", folder.path().display());
            roots
                .find(&text)
                .map(|place| (place.relative, place.write))
                .map_err(|refusal| refusal.to_string())
        };
        assert_eq!(find("docs").unwrap(), ("".into(), true));
        assert_eq!(find("docs/./a//b").unwrap(), ("a/b".into(), true));
        assert_eq!(find("docs/shared/a").unwrap(), ("a".into(), false));
        for outside in ["docs-of-another", "", "doc", "docs/../docs/a", "docs/shared/../a"] {
            assert!(find(outside).unwrap_err().starts_with("access denied: "), "{outside}");
        }
        assert!(Roots::default().find("/etc/passwd").is_err());
        assert!(matches!(roots.find("docs/a"), Err(Refusal::BadRequest(_))));
    }

    #[test]
    fn of_the_same_folder_given_twice_the_stricter_counts() {
        let folder = tempfile::tempdir().unwrap();
        for order in [[true, false], [false, true]] {
            let mut roots = Roots::default();
            for write in order {
                roots.add(folder.path(), write).unwrap();
            }
            assert!(!roots.find(folder.path().to_str().unwrap()).unwrap().write);
        }
    }

    #[test]
    fn a_folder_must_exist_and_be_named_in_full() {
        let mut roots = Roots::default();
        assert!(matches!(roots.add(Path::new("relative"), true), Err(Error::NotAbsolute(_))));
        assert!(matches!(roots.add(Path::new("/no/such/folder"), true), Err(Error::Open { .. })));
    }
}
