//! Which images may be mounted, and where.

use crate::Error;
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// The longest name of a mountpoint; with what is put before it, it names a device (at most 127 bytes).
const MAX_NAME: usize = 100;
/// What the name of an image ends in.
const SUFFIX: &str = ".app.img";

/// The folders that the helper works with. Links in them are followed, since they are the administrator's; none below them is.
#[derive(Debug, Clone)]
pub struct Places {
    /// Where images may lie.
    pub stores: Vec<PathBuf>,
    /// Folders of `*.pub` files: whose images may be mounted.
    pub trusted_keys: Vec<PathBuf>,
    /// Where they are mounted.
    pub mounts: PathBuf,
}

impl Places {
    /// The name that a mountpoint has in its folder.
    pub(crate) fn mount_name<'a>(&self, mountpoint: &'a Path) -> Result<&'a str, Error> {
        let name = mountpoint.strip_prefix(&self.mounts).ok().and_then(Path::to_str);
        name.filter(|name| is_name(name))
            .ok_or_else(|| Error::Mountpoint(mountpoint.to_owned(), self.mounts.clone()))
    }

    /// The store of an image, open, and the image's path in it.
    pub(crate) fn find_image<'a>(&self, image: &'a Path) -> Result<(OwnedFd, &'a Path), Error> {
        let plain = image.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let stores =
            || self.stores.iter().map(|store| store.display().to_string()).collect::<Vec<_>>().join(" and ");
        let outside = || Error::OutsideStores(image.to_owned(), stores());
        let of_image = |store: &&PathBuf| image.starts_with(store);
        let store = self.stores.iter().find(of_image).filter(|_| plain).ok_or_else(outside)?;
        let relative = image.strip_prefix(store).map_err(|_| outside())?;
        let name = relative.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.len() <= SUFFIX.len() || !name.ends_with(SUFFIX) {
            return Err(Error::Name(image.to_owned()));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(store, flags, Mode::empty())
            .map_err(|cause| Error::Open { path: store.clone(), cause })?;
        Ok((folder, relative))
    }

    /// Makes the folder for mountpoints, and makes sure that nobody else can put anything there.
    pub(crate) fn open_mounts(&self) -> Result<OwnedFd, Error> {
        let failed = |cause| Error::Folder { path: self.mounts.clone(), cause };
        match rustix::fs::mkdir(&self.mounts, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&self.mounts, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(folder.as_fd()).map_err(failed)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_mode & 0o022 != 0 {
            return Err(Error::MountsFolder(self.mounts.clone()));
        }
        Ok(folder)
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(folder: &Path) -> Places {
        Places { stores: vec![folder.join("store")], trusted_keys: Vec::new(), mounts: folder.join("mounts") }
    }

    #[test]
    fn a_mountpoint_is_a_plain_name_in_its_folder() {
        let places = places(Path::new("/run/weft"));
        let name = |path: &str| places.mount_name(Path::new(path)).map(str::to_owned).ok();
        assert_eq!(name("/run/weft/mounts/org.weft.notes-7").as_deref(), Some("org.weft.notes-7"));
        for path in [
            "/run/weft/mounts",
            "/run/weft/mounts/",
            "/run/weft/mounts/a/b",
            "/run/weft/mounts/..",
            "/run/weft/mounts/.hidden",
            "/run/weft/mounts/../../../etc",
            "/run/weft/mounts/a b",
            "/run/weft/mounts-of-another/a",
            "/etc",
            "a",
            "",
        ] {
            assert_eq!(name(path), None, "{path}");
        }
        assert_eq!(name(&format!("/run/weft/mounts/{}", "x".repeat(101))), None);
    }

    #[test]
    fn an_image_lies_in_a_store_and_is_named_as_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("store")).unwrap();
        let places = places(folder.path());
        let find = |name: &str| places.find_image(&folder.path().join(name)).map(|(_, path)| path.to_owned());
        assert_eq!(find("store/a/b.app.img").unwrap(), Path::new("a/b.app.img"));
        for outside in ["b.app.img", "store/../b.app.img", "store-of-another/b.app.img"] {
            assert!(matches!(find(outside), Err(Error::OutsideStores(..))), "{outside}");
        }
        for other in ["store/b.img", "store/.app.img", "store/b.app.img.sig", "store"] {
            assert!(matches!(find(other), Err(Error::Name(_))), "{other}");
        }
    }

    #[test]
    fn the_folder_for_mountpoints_must_be_out_of_reach_for_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        places.open_mounts().unwrap();
        std::fs::set_permissions(&places.mounts, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(places.open_mounts(), Err(Error::MountsFolder(_))));
        std::fs::remove_dir(&places.mounts).unwrap();
        std::os::unix::fs::symlink("/tmp", &places.mounts).unwrap();
        assert!(matches!(places.open_mounts(), Err(Error::Folder { .. })));
    }
}
