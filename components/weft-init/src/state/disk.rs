//! Finds the state partition: labelled `state`, on the disk that the root lies on, told from sysfs.

use crate::device::uevent::Uevent;
use std::fs;
use std::path::{Path, PathBuf};

/// GPT name of the partition.
const LABEL: &str = "state";
/// Device mapper tables are not stacked deeper than this.
const DEPTH: u8 = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Node in `/dev`.
    pub node: PathBuf,
    /// In bytes.
    pub size: u64,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("cannot tell which disk the root lies on: no block device {0}:{1} in sysfs")]
    Root(u32, u32),
    #[error("the disk {0} has no partition with the label \"state\"")]
    None(String),
    #[error("the disk {0} has several partitions with the label \"state\"")]
    Several(String),
}

/// `sys` is where sysfs is mounted, `root` the device number of the root filesystem.
pub fn state_partition(sys: &Path, root: (u32, u32)) -> Result<Partition, Error> {
    let (major, minor) = root;
    let device = fs::canonicalize(sys.join(format!("dev/block/{major}:{minor}"))).ok();
    let disk = device.and_then(|device| disk_of(&device, DEPTH)).ok_or(Error::Root(major, minor))?;
    let disk_name = disk.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let entries = fs::read_dir(&disk).map_err(|_| Error::Root(major, minor))?;
    let mut found: Vec<Partition> = entries.flatten().filter_map(|entry| labelled(&entry.path())).collect();
    match (found.pop(), found.is_empty()) {
        (Some(partition), true) => Ok(partition),
        (Some(_), false) => Err(Error::Several(disk_name)),
        (None, _) => Err(Error::None(disk_name)),
    }
}

/// The disk below a partition or a device mapper device, as a folder of sysfs.
fn disk_of(device: &Path, depth: u8) -> Option<PathBuf> {
    let slave = fs::read_dir(device.join("slaves")).ok().and_then(|mut slaves| slaves.next()?.ok());
    match slave {
        Some(slave) => disk_of(&fs::canonicalize(slave.path()).ok()?, depth.checked_sub(1)?),
        None if device.join("partition").exists() => device.parent().map(Path::to_owned),
        None => Some(device.to_owned()),
    }
}

fn labelled(folder: &Path) -> Option<Partition> {
    let event = Uevent::parse_file(&fs::read_to_string(folder.join("uevent")).ok()?);
    if event.get("PARTNAME") != Some(LABEL) {
        return None;
    }
    // The size is in sectors of 512 bytes, whatever the device's own are.
    let sectors: u64 = fs::read_to_string(folder.join("size")).ok()?.trim().parse().ok()?;
    Some(Partition { node: Path::new("/dev").join(event.get("DEVNAME")?), size: sectors.checked_mul(512)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A disk `vda` with partitions of these labels, and a device mapper device over the first of them.
    fn sysfs(labels: &[&str]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let disk = sys.path().join("devices/vda");
        fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        for (at, label) in labels.iter().enumerate() {
            let number = at + 1;
            let part = disk.join(format!("vda{number}"));
            fs::create_dir_all(&part).unwrap();
            fs::write(part.join("partition"), format!("{number}\n")).unwrap();
            fs::write(part.join("size"), "2048\n").unwrap();
            fs::write(part.join("uevent"), format!("DEVNAME=vda{number}\nPARTNAME={label}\n")).unwrap();
            symlink(&part, sys.path().join(format!("dev/block/254:{number}"))).unwrap();
        }
        fs::create_dir_all(disk.join("queue")).unwrap();
        let mapper = sys.path().join("devices/dm-0");
        fs::create_dir_all(mapper.join("slaves")).unwrap();
        symlink(disk.join("vda1"), mapper.join("slaves/vda1")).unwrap();
        symlink(&mapper, sys.path().join("dev/block/253:0")).unwrap();
        sys
    }

    #[test]
    fn found_below_verity_and_below_a_plain_partition() {
        let sys = sysfs(&["root-a", "verity-a", "state"]);
        let expected = Partition { node: "/dev/vda3".into(), size: 1 << 20 };
        assert_eq!(state_partition(sys.path(), (253, 0)), Ok(expected.clone()));
        assert_eq!(state_partition(sys.path(), (254, 2)), Ok(expected));
    }

    #[test]
    fn missing_or_ambiguous_partitions_are_named() {
        let none = sysfs(&["root-a", "verity-a"]);
        assert_eq!(state_partition(none.path(), (253, 0)), Err(Error::None("vda".into())));
        let several = sysfs(&["root-a", "state", "state"]);
        assert_eq!(state_partition(several.path(), (253, 0)), Err(Error::Several("vda".into())));
        assert_eq!(state_partition(none.path(), (0, 17)), Err(Error::Root(0, 17)));
    }
}
