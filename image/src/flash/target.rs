//! What a disk is and whether it may be overwritten, from sysfs and the mount table.

use super::{Error, Result, failed};
use std::collections::BTreeSet;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A disk that may be overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
    /// Maker and model, where the disk tells.
    pub model: String,
}

/// Looks at a disk and refuses one that is in use, unsuitable, or built in (unless forced).
pub fn inspect(device: &Path, needed: u64, force: bool) -> Result<Target> {
    let found = std::fs::metadata(device).map_err(|_| Error::NoDevice(device.to_owned()))?;
    if !found.file_type().is_block_device() {
        return Err(Error::NotBlock(device.to_owned()));
    }
    let link = Path::new("/sys/dev/block").join(number(found.rdev()));
    let folder = link.canonicalize().map_err(failed("find in sysfs", device))?;
    if folder.join("partition").exists() {
        let disk = Path::new("/dev").join(name(folder.parent().unwrap_or(&folder)));
        return Err(Error::IsPartition { device: device.to_owned(), disk });
    }
    let by = user(&folder, &Mounts::read());
    if let Some(by) = by {
        return Err(Error::InUse { device: device.to_owned(), by });
    }
    if text(&folder.join("ro")) == "1" {
        return Err(Error::ReadOnly(device.to_owned()));
    }
    if !force && !removable(&folder) {
        return Err(Error::NotRemovable(device.to_owned()));
    }
    let sector = text(&folder.join("queue/logical_block_size")).parse().unwrap_or(512);
    if sector != super::layout::SECTOR {
        return Err(Error::SectorSize { device: device.to_owned(), size: sector });
    }
    // sysfs counts in units of 512 bytes whatever the sector size.
    let size = text(&folder.join("size")).parse().unwrap_or(0_u64) * 512;
    if size < needed {
        let (available, needed) = (size >> 20, needed.div_ceil(1 << 20));
        return Err(Error::TooSmall { device: device.to_owned(), available, needed });
    }
    let words = [
        text(&folder.join("device/vendor")),
        text(&folder.join("device/model")),
        text(&folder.join("device/name")),
    ];
    let model =
        words.iter().filter(|word| !word.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ");
    Ok(Target { path: device.to_owned(), size, model })
}

/// USB disks and SD cards do not always say `removable`, their bus does.
fn removable(folder: &Path) -> bool {
    let on_usb = folder.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
    text(&folder.join("removable")) == "1" || on_usb || text(&folder.join("device/type")) == "SD"
}

/// What uses the disk, its partitions, or anything stacked on them.
fn user(disk: &Path, mounts: &Mounts) -> Option<String> {
    let mut waiting = vec![disk.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        let number = text(&folder.join("dev"));
        if number.is_empty() || !seen.insert(number.clone()) {
            continue;
        }
        let device = Path::new("/dev").join(name(&folder));
        if let Some(user) = mounts.user(&number) {
            return Some(format!("{} is {user}", device.display()));
        }
        // A holder without a mount, such as a dm-crypt mapping, is a use of its own.
        if let Some(holder) = children(&folder.join("holders")).first() {
            return Some(format!("{} is held by {}", device.display(), name(holder)));
        }
        for backed in children(Path::new("/sys/block")) {
            if text(&backed.join("loop/backing_file")) == device.display().to_string() {
                return Some(format!("{} is behind {}", device.display(), name(&backed)));
            }
        }
        waiting.extend(children(&folder).into_iter().filter(|child| child.join("partition").exists()));
    }
    None
}

/// Device numbers of what is mounted or swapped on.
struct Mounts(Vec<(String, String)>);

impl Mounts {
    fn read() -> Mounts {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let swaps = std::fs::read_to_string("/proc/swaps").unwrap_or_default();
        Mounts::parse(&mounts, &swaps, |path| std::fs::metadata(path).ok().map(|found| number(found.rdev())))
    }

    /// proc(5): field 3 of mountinfo is the device number, field 5 the mount point; some file systems (btrfs) show a number of their
    /// own, so the source after the separator is looked at too.
    fn parse(mounts: &str, swaps: &str, number_of: impl Fn(&str) -> Option<String>) -> Mounts {
        let mut used = Vec::new();
        for line in mounts.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [_, _, number, _, point, ..] = fields.as_slice() else { continue };
            let user = format!("mounted at {point}");
            used.push(((*number).to_owned(), user.clone()));
            let source =
                fields.iter().position(|field| *field == "-").and_then(|separator| fields.get(separator + 2));
            let source = source.filter(|source| source.starts_with('/')).and_then(|source| number_of(source));
            used.extend(source.map(|number| (number, user)));
        }
        for path in swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()) {
            used.extend(number_of(path).map(|number| (number, "swap space".to_owned())));
        }
        Mounts(used)
    }

    fn user(&self, number: &str) -> Option<&str> {
        self.0.iter().find(|(used, _)| used == number).map(|(_, user)| user.as_str())
    }
}

fn number(device: u64) -> String {
    format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device))
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// A sysfs attribute; empty where there is none.
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_and_swap_are_seen_by_number_and_by_source() {
        let mounts =
            "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n31 30 0:26 /sub /data rw shared:1 - btrfs /dev/sdb2 rw\n";
        let swaps = "Filename Type Size\n/dev/sdc3 partition 1\n";
        let number_of = |path: &str| match path {
            "/dev/sdb2" => Some("8:18".to_owned()),
            "/dev/sdc3" => Some("8:35".to_owned()),
            _ => None,
        };
        let mounts = Mounts::parse(mounts, swaps, number_of);
        assert_eq!(mounts.user("8:1"), Some("mounted at /"));
        assert_eq!(mounts.user("8:18"), Some("mounted at /data"));
        assert_eq!(mounts.user("8:35"), Some("swap space"));
        assert_eq!(mounts.user("8:2"), None);
    }

    #[test]
    fn a_file_and_nothing_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plain");
        std::fs::write(&file, "").unwrap();
        assert!(inspect(&file, 0, true).unwrap_err().to_string().contains("--output"));
        let missing = inspect(&folder.path().join("sdq"), 0, true).unwrap_err().to_string();
        assert!(missing.contains("sdq") && missing.contains("lsblk"), "{missing}");
    }

    #[test]
    fn the_disk_of_this_very_system_is_refused_even_when_forced() {
        let Some(mounted) =
            std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().find_map(|line| {
                let source = line.split(" - ").nth(1)?.split(' ').nth(1)?.to_owned();
                std::fs::metadata(&source).ok()?.file_type().is_block_device().then_some(source)
            })
        else {
            return;
        };
        let error = inspect(Path::new(&mounted), 0, true).unwrap_err();
        assert!(matches!(error, Error::InUse { .. } | Error::IsPartition { .. }), "{error}");
    }
}
