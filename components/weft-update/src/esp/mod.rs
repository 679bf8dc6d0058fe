//! The EFI system partition: the unified kernel images that systemd-boot finds in `EFI/Linux`.
//!
//! Written here and not through a mount, so that the order of writes is ours: a file's clusters and their chain are on the disk before
//! its name is, a name comes, goes or changes by one sector, and clusters are taken from files only after their names are gone. Which
//! clusters are free is told from the files themselves, never from the allocation table: what an interrupted update left behind in the
//! table neither fills the volume nor harms a file.

mod folder;
mod record;
mod volume;

use crate::device::BlockDevice;
use folder::{Folder, Item};
use record::{Own, short_name};
use std::io::{self, Read};
use volume::{Used, Volume};

/// Where systemd-boot looks, see the boot loader specification, "Type #2 EFI Unified Kernel Images".
const PLACE: [&str; 2] = ["EFI", "Linux"];
/// With 13 characters a record and all records of a name in one sector.
const MAX_NAME: usize = 15 * 13;
/// Bytes written at a time. Clusters may be smaller than the kernel's pages: both ends of a piece cost a read then.
const CHUNK: usize = 512 << 10;

/// Why the partition could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the EFI system partition")]
    Read(#[source] io::Error),
    #[error("cannot write the EFI system partition")]
    Write(#[source] io::Error),
    #[error("the EFI system partition is not FAT32: flash the device again")]
    NotFat32,
    #[error("the EFI system partition is damaged ({0}): flash the device again")]
    Corrupt(&'static str),
    #[error("the EFI system partition has no folder {0}: flash the device again")]
    NoFolder(String),
    #[error("the EFI system partition has no file {0} in EFI/Linux")]
    NoFile(String),
    #[error("the EFI system partition has a file {0} in EFI/Linux already")]
    Exists(String),
    #[error("the EFI system partition is full: {needed} bytes are needed, {room} are free")]
    Full { needed: u64, room: u64 },
    #[error("{0:?} cannot be the name of a boot entry")]
    Name(String),
    #[error("cannot read the kernel image that was staged")]
    Source(#[source] io::Error),
}

/// The names of `EFI/Linux`, as [`crate::bless`] and activation change them.
pub trait BootEntries {
    /// Names of the files that systemd-boot sees.
    fn names(&self) -> Result<Vec<String>, Error>;
    /// Gives a file another name; certain to survive a power cut when it returns, and never without a name before.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error>;
    /// [`Self::rename`] if it can be done by one write; else nothing is done and `false` comes back. [`Self::rename`] then adds the new name
    /// before it takes the old one away.
    fn rename_at_once(&mut self, from: &str, to: &str) -> Result<bool, Error>;
}

#[derive(Debug)]
pub struct Esp<D> {
    volume: Volume<D>,
    /// First cluster of `EFI/Linux`.
    place: u32,
}

impl<D: BlockDevice> Esp<D> {
    pub fn open(device: D) -> Result<Self, Error> {
        let volume = Volume::open(device)?;
        let mut place = volume.root;
        for name in PLACE {
            let folder = Folder::read(&volume, place)?;
            let item = folder.find(name).filter(|item| item.own.is_folder());
            place = item.ok_or_else(|| Error::NoFolder(PLACE.join("/")))?.own.cluster;
        }
        Ok(Self { volume, place })
    }

    /// Adds a file of `len` bytes. It has its name only when all of it is on the disk.
    pub fn install(&mut self, name: &str, len: u32, contents: impl Read) -> Result<(), Error> {
        check_name(name)?;
        let mut folder = Folder::read(&self.volume, self.place)?;
        if folder.find(name).is_some() {
            return Err(Error::Exists(name.to_owned()));
        }
        let mut used = self.used()?;
        let count = (len as usize).div_ceil(self.volume.cluster_bytes);
        let chain = self.volume.allocate(count, &used)?;
        self.fill(&chain, len as usize, contents)?;
        self.volume.write_table()?;
        self.volume.flush()?;
        let cluster = chain.first().copied().unwrap_or_default();
        used.take(&chain);
        let own = Own { short: free_short_name(&folder)?, attributes: 0, cluster, size: len };
        folder.insert(&mut self.volume, &own.records(name), |volume| take_one(volume, &used))
    }

    /// Takes a file away; one that is not there is no error.
    pub fn remove(&mut self, name: &str) -> Result<(), Error> {
        let mut folder = Folder::read(&self.volume, self.place)?;
        match folder.find(name).cloned() {
            Some(item) => folder.remove(&self.volume, &item),
            None => Ok(()),
        }
    }

    /// Whether a file of `len` bytes would fit once those files are gone.
    pub fn check_room(&self, len: u64, gone: &[String]) -> Result<(), Error> {
        let folder = Folder::read(&self.volume, self.place)?;
        let mut used = self.used()?;
        for item in gone.iter().filter_map(|name| folder.find(name)) {
            used.give(&self.volume.chain(item.own.cluster)?);
        }
        // The folder may have to grow by one.
        let needed = len.div_ceil(self.volume.cluster_bytes as u64) as usize + 1;
        self.volume.check_room(needed, self.volume.free(&used).len())
    }

    /// The bytes of a file.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let folder = Folder::read(&self.volume, self.place)?;
        let item = folder.find(name).ok_or_else(|| Error::NoFile(name.to_owned()))?;
        let chain = self.volume.chain(item.own.cluster)?;
        let mut bytes = vec![0; chain.len() * self.volume.cluster_bytes];
        for (cluster, part) in chain.iter().zip(bytes.chunks_mut(self.volume.cluster_bytes)) {
            self.volume.device.read(self.volume.offset(*cluster), part).map_err(Error::Read)?;
        }
        match bytes.len() < item.own.size as usize {
            true => Err(Error::Corrupt("a file has fewer clusters than bytes")),
            false => Ok({
                bytes.truncate(item.own.size as usize);
                bytes
            }),
        }
    }

    /// Every cluster that a file or folder has.
    fn used(&self) -> Result<Used, Error> {
        let mut used = self.volume.unused();
        used.take(&self.volume.chain(self.volume.root)?);
        let mut folders = vec![self.volume.root];
        while let Some(cluster) = folders.pop() {
            for item in Folder::read(&self.volume, cluster)?.items.iter().filter(|item| !item.own.is_link()) {
                let is_new = !used.has(item.own.cluster);
                used.take(&self.volume.chain(item.own.cluster)?);
                if item.own.is_folder() && is_new {
                    folders.push(item.own.cluster);
                }
            }
        }
        Ok(used)
    }

    /// Writes the contents, clusters that lie together in one go.
    fn fill(&self, chain: &[u32], len: usize, mut contents: impl Read) -> Result<(), Error> {
        let cluster_bytes = self.volume.cluster_bytes;
        let most = (CHUNK / cluster_bytes).max(1);
        let mut left = len;
        let runs = chain.chunk_by(|before, after| before + 1 == *after).flat_map(|run| run.chunks(most));
        for run in runs {
            let mut bytes = vec![0; run.len() * cluster_bytes];
            let part = left.min(bytes.len());
            contents.read_exact(bytes.get_mut(..part).unwrap_or_default()).map_err(Error::Source)?;
            left -= part;
            let Some(first) = run.first() else { continue };
            self.volume.device.write(self.volume.offset(*first), &bytes).map_err(Error::Write)?;
        }
        Ok(())
    }

    /// Adds the new name before the old one goes: in between, both name the same bytes.
    fn rename_by_copy(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let mut folder = Folder::read(&self.volume, self.place)?;
        let item = find(&folder, from)?;
        let used = self.used()?;
        let own = Own { short: free_short_name(&folder)?, ..item.own };
        folder.insert(&mut self.volume, &own.records(to), |volume| take_one(volume, &used))?;
        let mut folder = Folder::read(&self.volume, self.place)?;
        folder.remove(&self.volume, &item)
    }
}

impl<D: BlockDevice> BootEntries for Esp<D> {
    fn names(&self) -> Result<Vec<String>, Error> {
        let folder = Folder::read(&self.volume, self.place)?;
        let files = folder.items.into_iter().filter(|item| !item.own.is_folder());
        Ok(files.map(|item| item.name).collect())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        match self.rename_at_once(from, to)? {
            true => Ok(()),
            false => self.rename_by_copy(from, to),
        }
    }

    fn rename_at_once(&mut self, from: &str, to: &str) -> Result<bool, Error> {
        check_name(to)?;
        let mut folder = Folder::read(&self.volume, self.place)?;
        let item = find(&folder, from)?;
        match folder.find(to).cloned() {
            Some(_) if from.eq_ignore_ascii_case(to) => Ok(true),
            // A rename was interrupted between its two steps.
            Some(other) if other.own.cluster == item.own.cluster => {
                folder.remove(&self.volume, &item)?;
                Ok(true)
            }
            Some(_) => Err(Error::Exists(to.to_owned())),
            None => folder.rename_in_place(&self.volume, &item, to),
        }
    }
}

fn find(folder: &Folder, name: &str) -> Result<Item, Error> {
    folder.find(name).cloned().ok_or_else(|| Error::NoFile(name.to_owned()))
}

fn take_one<D: BlockDevice>(volume: &mut Volume<D>, used: &Used) -> Result<u32, Error> {
    let chain = volume.allocate(1, used)?;
    chain.first().copied().ok_or(Error::Full { needed: 1, room: 0 })
}

fn free_short_name(folder: &Folder) -> Result<[u8; 11], Error> {
    let taken: Vec<[u8; 11]> = folder.items.iter().map(|item| item.own.short).collect();
    short_name(&taken).ok_or(Error::Corrupt("EFI/Linux has no short name left"))
}

fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.+~".contains(character);
    let good =
        !name.is_empty() && name.len() <= MAX_NAME && !name.starts_with('.') && name.chars().all(allowed);
    if good { Ok(()) } else { Err(Error::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests;
