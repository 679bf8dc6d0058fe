//! The mount tree: sources are cloned while the caller's identity can still reach them, then put together in a new root.

use crate::error::{Context, Failure};
use crate::kind::Kind;
use crate::places::{Access, Place};
use crate::sys;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Where the new root is put together; every system has this folder.
const WORKSHOP: &str = "/tmp";
/// Bytes for the folders and mount points of the new root.
const ROOT_OPTIONS: &CStr = c"mode=0755,size=1m,nr_inodes=4096";

/// Something to be seen in the new tree.
#[derive(Debug)]
enum Source {
    /// A detached mount.
    Tree {
        path: PathBuf,
        tree: OwnedFd,
        folder: bool,
    },
    Link {
        path: PathBuf,
        target: OsString,
    },
}

/// The detached parts of a tree.
#[derive(Debug)]
pub(crate) struct Tree(Vec<Source>);

impl Tree {
    /// Clones what the places name out of the present tree. `places` has folders before what lies in them.
    pub fn collect(places: &[Place]) -> Result<Self, Failure> {
        rustix::mount::mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
            .context(|| "cannot detach the mounts from the system's".into())?;
        let mut sources = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let earlier = places.get(..at).unwrap_or_default();
            if covered(place, earlier) {
                continue;
            }
            match source(place, places) {
                Ok(source) => sources.push(source),
                Err(Failure { errno: Errno::NOENT, .. }) if place.optional => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(Self(sources))
    }

    /// Makes a new root of the parts, enters it and lets go of the old one.
    pub fn enter(self, kind: Kind) -> Result<(), Failure> {
        let strict = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let mount = |what: &str, target: &str, options: Option<&CStr>| {
            rustix::mount::mount(what, format!("{WORKSHOP}{target}"), what, strict, options)
                .context(|| format!("cannot mount {what} at {target}/"))
        };
        let temporary = |size: u64| CString::new(format!("mode=0700,size={size},nr_inodes=16384"));
        mount("tmpfs", "", Some(ROOT_OPTIONS))?;
        for source in self.0 {
            place(source)?;
        }
        for folder in ["/tmp", "/proc", "/dev/shm"] {
            make_folders(Path::new(folder))?;
        }
        mount("tmpfs", "/tmp", temporary(kind.temporary()).ok().as_deref())?;
        if kind.shared_memory() {
            mount("tmpfs", "/dev/shm", temporary(kind.temporary()).ok().as_deref())?;
        }
        mount("proc", "/proc", Some(c"hidepid=invisible,subset=pid"))?;
        rustix::process::chdir(WORKSHOP).context(|| format!("cannot enter {WORKSHOP}"))?;
        rustix::process::pivot_root(".", ".").context(|| "cannot change the root".into())?;
        rustix::mount::unmount(".", UnmountFlags::DETACH).context(|| "cannot leave the old root".into())?;
        rustix::process::chdir("/").context(|| "cannot enter the new root".into())?;
        let flags = MountFlags::BIND | MountFlags::RDONLY | strict;
        rustix::mount::mount_remount("/", flags, c"").context(|| "cannot write-protect the root".into())
    }
}

/// Whether an earlier mount shows the place already, as it shall be: Landlock tells reading from executing, mounts need not.
fn covered(place: &Place, earlier: &[Place]) -> bool {
    let plain = |access: Access| matches!(access, Access::Read | Access::Execute);
    earlier.iter().any(|above| {
        place.path.starts_with(&above.path)
            && (place.path == above.path
                || plain(place.access) && plain(above.access)
                || place.access == above.access)
    })
}

fn source(place: &Place, all: &[Place]) -> Result<Source, Failure> {
    let path = place.path.clone();
    let cannot = || format!("cannot open {}", place.path.display());
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // A link on the way could lead anywhere; the last part may be one, which is copied as it is (openat2(2), RESOLVE_NO_SYMLINKS).
    let file =
        rustix::fs::openat2(CWD, &path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).context(cannot)?;
    let status = rustix::fs::fstat(&file).context(cannot)?;
    if FileType::from_raw_mode(status.st_mode) == FileType::Symlink {
        let target = rustix::fs::readlinkat(&file, "", Vec::new()).context(cannot)?;
        return Ok(Source::Link { path, target: OsString::from_vec(target.into_bytes()) });
    }
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(&file, "", flags)
        .context(|| format!("cannot clone the mount of {}", path.display()))?;
    let runs = all.iter().any(|other| other.access == Access::Execute && other.path.starts_with(&path));
    let mut attributes = libc::MOUNT_ATTR_NOSUID;
    if place.access != Access::Device {
        attributes |= libc::MOUNT_ATTR_NODEV;
    }
    if !runs {
        attributes |= libc::MOUNT_ATTR_NOEXEC;
    }
    if !matches!(place.access, Access::Write | Access::Own | Access::Device) {
        attributes |= libc::MOUNT_ATTR_RDONLY;
    }
    sys::mount_attributes(&tree, attributes)
        .context(|| format!("cannot restrict the mount of {}", path.display()))?;
    Ok(Source::Tree { path, tree, folder: FileType::from_raw_mode(status.st_mode) == FileType::Directory })
}

fn in_workshop(path: &Path) -> PathBuf {
    let mut inside = OsString::from(WORKSHOP);
    inside.push(path.as_os_str());
    inside.into()
}

fn place(source: Source) -> Result<(), Failure> {
    match source {
        Source::Link { path, target } => {
            make_folders(path.parent().unwrap_or(Path::new("/")))?;
            rustix::fs::symlink(target.as_bytes(), in_workshop(&path))
                .context(|| format!("cannot make the link {}", path.display()))
        }
        Source::Tree { path, tree, folder } => {
            let inside = in_workshop(&path);
            if folder {
                make_folders(&path)?;
            } else {
                make_folders(path.parent().unwrap_or(Path::new("/")))?;
                match rustix::fs::mknodat(CWD, &inside, FileType::RegularFile, Mode::from_raw_mode(0o444), 0)
                {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => {
                        return Err(Failure { what: format!("cannot make {}", inside.display()), errno });
                    }
                }
            }
            rustix::mount::move_mount(&tree, "", CWD, &inside, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
                .context(|| format!("cannot show {}", path.display()))
        }
    }
}

/// The folders that lead to a mount point.
fn make_folders(path: &Path) -> Result<(), Failure> {
    let mut inside = PathBuf::from(WORKSHOP);
    for part in path.components().skip(1) {
        inside.push(part);
        match rustix::fs::mkdirat(CWD, &inside, Mode::from_raw_mode(0o755)) {
            Ok(()) => {}
            // Part of something that is mounted already, or made for a neighbour.
            Err(Errno::EXIST) => {}
            Err(_) if rustix::fs::statat(CWD, &inside, AtFlags::empty()).is_ok() => {}
            Err(errno) => return Err(Failure { what: format!("cannot make {}", inside.display()), errno }),
        }
    }
    Ok(())
}
