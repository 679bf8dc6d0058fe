//! The device as an update sees it: which slot runs, and the partitions that may be read or written.

use crate::device::{BlockDevice, FileDevice, partitions};
use crate::esp::{self, BootEntries, Esp};
use crate::state::Store;
use semver::Version;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use weft_release::Slot;
use weft_release::boot::{Assessment, Entry};

/// The epoch of the release that the image was made for.
const EPOCH: &str = "/usr/share/weft/update/epoch";

/// Why the device could not be made out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot tell which slot runs: the kernel's command line names neither root-a nor root-b")]
    Slot,
    #[error("cannot tell which version runs: {path} has no VERSION_ID like 1.2.3")]
    Version { path: PathBuf },
    #[error("{path} holds no epoch: it must be a number")]
    Epoch { path: PathBuf },
    #[error(transparent)]
    Partitions(#[from] partitions::Error),
    #[error("cannot open the partition {label} ({path})")]
    Open { label: String, path: PathBuf, source: std::io::Error },
    #[error("the partition {0} is missing: flash the device again")]
    Missing(String),
}

pub type Device = Arc<dyn BlockDevice + Send + Sync>;

/// Everything that an update touches. The running slot can only be read.
pub struct Machine {
    pub running: Slot,
    pub version: Version,
    /// Of the release that runs, as its image says. It holds where the device's records are lost.
    pub epoch: u64,
    pub store: Box<dyn Store>,
    pub esp: Device,
    pub running_root: Device,
    pub running_verity: Device,
    pub other_root: Device,
    pub other_verity: Device,
}

impl Machine {
    /// The system that this process runs on.
    pub fn of_this_system(store: Box<dyn Store>) -> Result<Self, Error> {
        let running = running_slot(&read(Path::new("/proc/cmdline"))?).ok_or(Error::Slot)?;
        let version = running_version(Path::new("/etc/os-release"))?;
        let epoch = running_epoch(Path::new(EPOCH))?;
        let nodes = partitions::of_root(Path::new("/sys"), Path::new("/"))?;
        Ok(Self { epoch, ..Self::of(running, version, store, |label| nodes.get(label).cloned())? })
    }

    /// Partitions as files of a folder, named as their labels.
    pub fn of_folder(
        folder: &Path,
        running: Slot,
        version: Version,
        store: Box<dyn Store>,
    ) -> Result<Self, Error> {
        Self::of(running, version, store, |label| Some(folder.join(label)))
    }

    fn of(
        running: Slot,
        version: Version,
        store: Box<dyn Store>,
        node: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, Error> {
        let open = |label: &str, writable| -> Result<Device, Error> {
            let path = node(label).ok_or_else(|| Error::Missing(label.to_owned()))?;
            let opened = FileDevice::open(&path, writable);
            let device = opened.map_err(|source| Error::Open { label: label.to_owned(), path, source })?;
            Ok(Arc::new(device))
        };
        let (own, other) = (running.labels(), running.other().labels());
        Ok(Self {
            running,
            version,
            epoch: 0,
            store,
            esp: open("esp", true)?,
            running_root: open(own.0, false)?,
            running_verity: open(own.1, false)?,
            other_root: open(other.0, true)?,
            other_verity: open(other.1, true)?,
        })
    }

    pub fn open_esp(&self) -> Result<Esp<Device>, esp::Error> {
        Esp::open(self.esp.clone())
    }
}

/// The boot entries of a slot, by file name.
pub fn entries(esp: &dyn BootEntries, slot: Slot) -> Result<Vec<(String, Entry)>, esp::Error> {
    let named = esp.names()?.into_iter().filter_map(|name| Some((name.clone(), Entry::parse(&name)?)));
    Ok(named.filter(|(_, entry)| entry.slot == slot).collect())
}

/// Whether the running slot's release was found good at an earlier boot, and is to boot again. Where it is started for want of another, it
/// may have no try left.
pub fn is_kept(esp: &dyn BootEntries, slot: Slot) -> Result<bool, esp::Error> {
    let is_kept =
        |entry: &Entry| entry.kept && (entry.assessment() == Assessment::Good || entry.is_exhausted());
    Ok(entries(esp, slot)?.iter().any(|(_, entry)| is_kept(entry)))
}

/// The slot that a kernel's command line takes its root from.
pub fn running_slot(command_line: &str) -> Option<Slot> {
    let is_named = |slot: &Slot| command_line.contains(&format!("PARTLABEL={} ", slot.labels().0));
    Slot::ALL.into_iter().find(is_named)
}

fn running_version(path: &Path) -> Result<Version, Error> {
    let text = read(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
    let version = value.and_then(|value| value.trim_matches('"').parse().ok());
    version.ok_or_else(|| Error::Version { path: path.to_owned() })
}

/// 0 in an image that says nothing of it.
fn running_epoch(path: &Path) -> Result<u64, Error> {
    match read(path) {
        Ok(text) => text.trim().parse().map_err(|_| Error::Epoch { path: path.to_owned() }),
        Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_tells_the_slot() {
        let line = |slot: &str| {
            format!(
                "ro dm-mod.create=\"vroot,,,ro,0 8 verity 1 PARTLABEL=root-{slot} PARTLABEL=verity-{slot} 4096\""
            )
        };
        assert_eq!(running_slot(&line("a")), Some(Slot::A));
        assert_eq!(running_slot(&line("b")), Some(Slot::B));
        assert_eq!(running_slot("root=/dev/vda2 ro"), None);
    }

    #[test]
    fn the_image_tells_its_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epoch");
        assert_eq!(running_epoch(&path).unwrap(), 0, "an older image");
        std::fs::write(&path, "7\n").unwrap();
        assert_eq!(running_epoch(&path).unwrap(), 7);
        std::fs::write(&path, "").unwrap();
        assert!(running_epoch(&path).unwrap_err().to_string().contains("must be a number"));
    }
}
