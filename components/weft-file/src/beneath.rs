//! Opening what lies below a folder, and nothing else.

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// Opens `path` below the folder, an empty path being the folder itself; `mode` counts where the flags create a file.
///
/// The kernel resolves it (`openat2(2)`): ELOOP where a symbolic or magic link lies on the way or at the end, EXDEV where the path leads
/// out, whatever anybody renames meanwhile. Nothing that is opened makes the process wait or becomes its terminal.
pub fn open_beneath(
    folder: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    // openat2(2) refuses these flags where nothing is opened to be used.
    let used = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NOCTTY | OFlags::NONBLOCK };
    let flags = flags | used | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(folder, path, flags, mode, resolve) {
            // Something was renamed meanwhile, or a signal came: openat2(2) says to try again.
            Err(Errno::AGAIN | Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn links_and_ways_out_are_refused() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("file"), "").unwrap();
        std::fs::write(outer.path().join("secret"), "").unwrap();
        std::os::unix::fs::symlink("file", inner.join("link")).unwrap();
        let folder = File::open(&inner).unwrap();
        let open = |path: &str| {
            open_beneath(folder.as_fd(), Path::new(path), OFlags::RDONLY, Mode::empty()).map(drop)
        };
        assert_eq!((open("file"), open(""), open("../inner/file")), (Ok(()), Ok(()), Err(Errno::XDEV)));
        assert_eq!(
            (open("link"), open("../secret"), open("/etc")),
            (Err(Errno::LOOP), Err(Errno::XDEV), Err(Errno::XDEV))
        );
    }
}
