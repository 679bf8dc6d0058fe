//! The two verbs.

use crate::image::Image;
use crate::loop_device::LoopDevice;
use crate::mapper::{Health, Mapping};
use crate::{Error, Places};
use rustix::fs::{AtFlags, Mode, mkdirat, unlinkat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, unmount};
use std::os::fd::OwnedFd;
use std::path::Path;

/// How a mount ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmounted {
    /// A block was read that is not the one that was signed; its reader got EIO.
    pub corrupted: bool,
}

/// Mounts an image; returns the public key of the one who signed it, in hexadecimal digits.
pub fn mount(places: &Places, image: &Path, mountpoint: &Path) -> Result<String, Error> {
    let name = places.mount_name(mountpoint)?;
    let image = Image::open(places, image)?;
    if Mapping::find(name)?.is_some() {
        return Err(Error::InUse(mountpoint.to_owned()));
    }
    let folder = Folder::make(places, name, mountpoint)?;
    let loop_device =
        |file| LoopDevice::over(file).map_err(|cause| Error::Loop { path: image.path.clone(), cause });
    let (data, hashes) = (loop_device(&image.data)?, loop_device(&image.hashes)?);
    let mapping = Mapping::new(name, &image, &data, &hashes)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let mounted = rustix::mount::mount(mapping.node(), mountpoint, c"erofs", flags, None);
    match mounted {
        Ok(()) => {}
        Err(_) if mapping.health() == Health::Corrupted => return Err(Error::Corrupted(image.path)),
        Err(cause) => return Err(Error::Mount { path: image.path, cause }),
    }
    mapping.keep();
    folder.keep();
    Ok(image.publisher)
}

/// Takes a mounted image away, with its devices and its folder. Who still uses it keeps it until the end.
pub fn umount(places: &Places, mountpoint: &Path) -> Result<Unmounted, Error> {
    let name = places.mount_name(mountpoint)?;
    let mapping = Mapping::find(name)?.ok_or_else(|| Error::NotMounted(mountpoint.to_owned()))?;
    let corrupted = mapping.health() == Health::Corrupted;
    let failed = |cause| Error::Unmount { path: mountpoint.to_owned(), cause };
    match unmount(mountpoint, UnmountFlags::NOFOLLOW) {
        // EINVAL: a device without a mount, left behind by a helper that was killed in between.
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
        Err(Errno::BUSY) => {
            unmount(mountpoint, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH).map_err(failed)?
        }
        Err(errno) => return Err(failed(errno)),
    }
    mapping.remove()?;
    let mounts = places.open_mounts()?;
    match unlinkat(&mounts, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => tracing::warn!("cannot remove {} ({errno}), ignoring", mountpoint.display()),
    }
    Ok(Unmounted { corrupted })
}

/// The folder of a mountpoint; removed when this is dropped, unless it is kept.
struct Folder<'a> {
    mounts: OwnedFd,
    name: &'a str,
    kept: bool,
}

impl<'a> Folder<'a> {
    fn make(places: &Places, name: &'a str, mountpoint: &Path) -> Result<Self, Error> {
        let mounts = places.open_mounts()?;
        match mkdirat(&mounts, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => Ok(Self { mounts, name, kept: false }),
            // Left behind empty, or made by hand. Anything else is not covered up by a mount.
            Err(Errno::EXIST) => match unlinkat(&mounts, name, AtFlags::REMOVEDIR) {
                Ok(()) => Self::make(places, name, mountpoint),
                Err(_) => Err(Error::InUse(mountpoint.to_owned())),
            },
            Err(cause) => Err(Error::Folder { path: mountpoint.to_owned(), cause }),
        }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // An empty folder that stays is used by the next mount of this name.
            let _ = unlinkat(&self.mounts, self.name, AtFlags::REMOVEDIR);
        }
    }
}
