//! Where a package is gathered before it is checked: a folder in the store, so that putting it in place is one rename.

use super::Error;
use super::layout::Layout;
use crate::disk::{Disk, create_folders, grow_folders};
use crate::image::ImageFiles;
use crate::inventory::Inventory;
use crate::limits::MAX_BYTES;
use crate::lock::ChangeLock;
use crate::{archive, image};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open, openat};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static SERIAL: AtomicU64 = AtomicU64::new(0);

/// The magic number of a Zstandard frame (RFC 8878 section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What form a package has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Folder,
    Archive,
    Image,
}

impl Form {
    /// By what is there, not by its name.
    pub fn of(source: &Path) -> Result<Self, Error> {
        let read = |error| Error::Read { path: source.to_owned(), source: error };
        let metadata = std::fs::metadata(source).map_err(read)?;
        if metadata.is_dir() {
            return Ok(Self::Folder);
        }
        if !metadata.is_file() {
            return Err(Error::NoPackage(source.to_owned()));
        }
        let mut file = File::open(source).map_err(read)?;
        let mut start = [0; 4];
        let is_zstd = file.read_exact(&mut start).is_ok() && start == ZSTD;
        if is_zstd {
            return Ok(Self::Archive);
        }
        let mut magic = [0; 4];
        let at_magic = file.seek(SeekFrom::Start(image::MAGIC_AT)).and_then(|_| file.read_exact(&mut magic));
        if at_magic.is_ok() && u32::from_le_bytes(magic) == image::MAGIC {
            return Ok(Self::Image);
        }
        Err(Error::NoPackage(source.to_owned()))
    }
}

/// A folder of this process alone. It is left behind only by a process that died, and then removed by the next one.
#[derive(Debug)]
pub struct Staging<'a> {
    disk: &'a dyn Disk,
    /// `<store>/.staging/<number>`, locked.
    outer: PathBuf,
    pub folder: PathBuf,
    lock: OwnedFd,
}

impl std::fmt::Debug for dyn Disk + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl<'a> Staging<'a> {
    pub fn create(disk: &'a dyn Disk, staging: &Path) -> Result<Self, Error> {
        create_folders(disk, staging)?;
        // Between a folder's birth and its lock another process would take it for abandoned.
        let _birth = ChangeLock::take(&staging.join(".lock"))?;
        remove_abandoned(disk, staging);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let outer = staging.join(format!("{}-{serial}", std::process::id()));
        // One that a dead process of the same number left, and that nobody holds.
        disk.remove_tree(&outer)?;
        disk.create_folder(&outer)?;
        disk.sync_folder(staging)?;
        let lock = lock(&outer).map_err(|source| Error::Read { path: outer.clone(), source })?;
        let folder = outer.join("package");
        disk.create_folder(&folder)?;
        disk.sync_folder(&outer)?;
        Ok(Self { disk, outer, folder, lock })
    }

    /// Copies or unpacks a package into the folder, in whatever form it comes, and reads back what is there now.
    pub fn fill(&self, source: &Path) -> Result<Inventory, Error> {
        match Form::of(source)? {
            Form::Folder => self.copy(source)?,
            Form::Archive => archive::unpack(self.disk, source, &self.folder)?,
            Form::Image => image::unpack(self.disk, source, &self.folder)?,
        }
        self.disk.sync_tree(&self.folder)?;
        Ok(Inventory::of_folder(&self.folder)?)
    }

    /// Copies an image with its companions into the folder, and unpacks it beside, to be looked at: the folder with the contents.
    pub fn fill_with_image(&self, source: &Path) -> Result<(Inventory, PathBuf), Error> {
        let (from, to) =
            (ImageFiles::beside(source), ImageFiles::beside(&self.folder.join(image::INSTALLED_NAME)));
        for (from, to) in from.all().into_iter().zip(to.all()) {
            let is_optional = from.extension().is_some_and(|extension| extension == "sig");
            let file = match File::open(from) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound && is_optional => continue,
                Err(error) => return Err(Error::Read { path: from.to_owned(), source: error }),
            };
            self.disk.create_file(to, &mut file.take(MAX_BYTES))?;
        }
        self.disk.sync_tree(&self.folder)?;
        let contents = self.outer.join("contents");
        self.disk.create_folder(&contents)?;
        image::unpack(self.disk, &to.image, &contents)?;
        Ok((Inventory::of_folder(&self.folder)?, contents))
    }

    fn copy(&self, source: &Path) -> Result<(), Error> {
        let read = |source_error, path: &Path| Error::Read { path: path.to_owned(), source: source_error };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(source, flags, Mode::empty()).map_err(|errno| read(errno.into(), source))?;
        let inventory = Inventory::of_opened(std::os::fd::AsFd::as_fd(&root), source)?;
        for entry in inventory.entries() {
            let to = self.folder.join(&entry.path);
            if let Some(parent) = to.parent() {
                grow_folders(self.disk, parent)?;
            }
            // The file may have been replaced by a link since it was listed.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = openat(&root, &*entry.path, flags, Mode::empty())
                .map_err(|errno| read(errno.into(), &source.join(&entry.path)))?;
            self.disk.create_file(&to, &mut File::from(opened).take(entry.bytes))?;
        }
        Ok(())
    }

    /// Puts the folder in place as a revision; the staging folder is then empty.
    pub fn move_to(&self, layout: &Layout, revision: &Path) -> Result<(), Error> {
        create_folders(self.disk, &layout.revisions)?;
        if revision.symlink_metadata().is_ok() {
            // Only a damaged one is replaced; its name is the hash of what it should be.
            self.disk.rename(revision, &self.outer.join("damaged"))?;
        }
        self.disk.rename(&self.folder, revision)?;
        Ok(self.disk.sync_folder(&layout.revisions)?)
    }

    /// Takes a folder out of the store before it is removed, so that it is never seen half removed.
    pub fn discard(&self, path: &Path, name: &str) -> Result<(), Error> {
        self.disk.rename(path, &self.outer.join(name))?;
        Ok(())
    }

    /// Removes the folder, with everything discarded.
    pub fn remove(self) -> Result<(), Error> {
        self.disk.remove_tree(&self.outer)?;
        drop(self.lock);
        Ok(())
    }
}

fn lock(path: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = open(path, flags, Mode::empty())?;
    flock(&opened, FlockOperation::NonBlockingLockExclusive)?;
    Ok(opened)
}

fn remove_abandoned(disk: &dyn Disk, staging: &Path) {
    for entry in std::fs::read_dir(staging).into_iter().flatten().flatten() {
        let path = entry.path();
        if lock(&path).is_ok()
            && let Err(error) = disk.remove_tree(&path)
        {
            tracing::warn!("{error}, ignoring");
        }
    }
}
