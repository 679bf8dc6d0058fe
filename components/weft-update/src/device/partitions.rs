//! The partitions of the disk that the running root lies on, told from sysfs: not those of another disk with the same labels.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Device mapper tables are not stacked deeper than this.
const DEPTH: u8 = 8;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot tell which disk the system runs from: no block device {0}:{1} in sysfs")]
    Root(u32, u32),
    #[error("cannot tell which disk the system runs from")]
    Stat(#[from] rustix::io::Errno),
    #[error("the disk has two partitions with the label {0}")]
    Several(String),
}

/// Device nodes by partition label. `sys` is where sysfs is mounted.
pub fn of_root(sys: &Path, root: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let number = rustix::fs::stat(root)?.st_dev;
    of_device(sys, (rustix::fs::major(number), rustix::fs::minor(number)))
}

fn of_device(sys: &Path, (major, minor): (u32, u32)) -> Result<BTreeMap<String, PathBuf>, Error> {
    let device = fs::canonicalize(sys.join(format!("dev/block/{major}:{minor}"))).ok();
    let disk = device.and_then(|device| disk_of(&device, DEPTH)).ok_or(Error::Root(major, minor))?;
    let mut nodes = BTreeMap::new();
    for entry in fs::read_dir(&disk).map_err(|_| Error::Root(major, minor))?.flatten() {
        let Some((label, node)) = labelled(&entry.path()) else { continue };
        if nodes.insert(label.clone(), node).is_some() {
            return Err(Error::Several(label));
        }
    }
    Ok(nodes)
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

fn labelled(folder: &Path) -> Option<(String, PathBuf)> {
    let text = fs::read_to_string(folder.join("uevent")).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    Some((value("PARTNAME")?.to_owned(), Path::new("/dev").join(value("DEVNAME")?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_the_disk_below_the_root_counts() {
        let sys = tempfile::tempdir().unwrap();
        for disk in ["vda", "sdb"] {
            for (number, label) in [(1, "esp"), (2, "root-a")] {
                let part = sys.path().join(format!("devices/{disk}/{disk}{number}"));
                fs::create_dir_all(&part).unwrap();
                fs::write(part.join("partition"), "").unwrap();
                fs::write(part.join("uevent"), format!("DEVNAME={disk}{number}\nPARTNAME={label}\n"))
                    .unwrap();
            }
        }
        let mapper = sys.path().join("devices/dm-0/slaves");
        fs::create_dir_all(&mapper).unwrap();
        fs::create_dir_all(sys.path().join("dev/block")).unwrap();
        symlink("../../vda/vda2", mapper.join("vda2")).unwrap();
        symlink("../../devices/dm-0", sys.path().join("dev/block/254:0")).unwrap();
        let nodes = of_device(sys.path(), (254, 0)).unwrap();
        assert_eq!(nodes.into_values().collect::<Vec<_>>(), [Path::new("/dev/vda1"), Path::new("/dev/vda2")]);
        assert!(matches!(of_device(sys.path(), (254, 9)), Err(Error::Root(254, 9))));
    }
}
