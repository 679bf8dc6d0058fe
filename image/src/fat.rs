//! Writes a FAT32 file system with a fixed tree of files, for the EFI system partition. Write-once: files lie one after the other, and the same
//! tree gives the same bytes. Format: Microsoft's *FAT: General Overview of On-Disk Format*, version 1.03.

use crate::fat_name::{long_entries, short_name};

const SECTOR: usize = 512;
/// Sectors before the first FAT: boot sector, its copy, and what FAT32 keeps with them.
const RESERVED: usize = 32;
const FATS: usize = 2;
const ROOT_CLUSTER: u32 = 2;
/// Below this number of clusters a file system counts as FAT16, whatever it says.
const LEAST_CLUSTERS: usize = 65525;
const END_OF_CHAIN: u32 = 0x0FFF_FFFF;
const ENTRY: usize = 32;
const FOLDER: u8 = 0x10;
const VOLUME: u8 = 0x08;
/// 1980-01-01, the first day that FAT knows: a date of zero is none, and EDK II refuses to rename a file that has none.
const FIRST_DAY: u16 = 1 << 5 | 1;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{mib} MiB are too few for FAT32, which needs 34")]
    TooSmall { mib: u64 },
    #[error("the files need {needed} bytes, and the file system holds {room}")]
    Full { needed: u64, room: u64 },
    #[error("{0} is not a file name that FAT takes")]
    Name(String),
}

/// A folder's contents or a file's.
pub enum Node<'a> {
    Folder(Vec<(&'a str, Node<'a>)>),
    File(&'a [u8]),
}

/// The file system, `mib` MiB long.
pub fn build(mib: u64, label: &[u8; 11], id: u32, root: &[(&str, Node<'_>)]) -> Result<Vec<u8>, Error> {
    let sectors = (mib << 20) as usize / SECTOR;
    // One FAT sector holds 128 entries; this many sectors cover every cluster, and a few that are not there.
    let fat_sectors = (sectors - RESERVED).div_ceil(SECTOR / 4);
    let data_start = RESERVED + FATS * fat_sectors;
    let clusters = sectors.saturating_sub(data_start);
    if clusters < LEAST_CLUSTERS {
        return Err(Error::TooSmall { mib });
    }
    let mut writer = Writer { fat: vec![0x0FFF_FFF8, END_OF_CHAIN], data: Vec::new() };
    writer.root(label, root)?;
    let used = writer.data.len() / SECTOR;
    if used > clusters {
        return Err(Error::Full { needed: writer.data.len() as u64, room: (clusters * SECTOR) as u64 });
    }
    let mut image = vec![0; sectors * SECTOR];
    let boot = boot_sector(sectors, fat_sectors, label, id);
    let info = info_sector((clusters - used) as u32, writer.fat.len() as u32);
    for start in [0, 6] {
        put(&mut image, start * SECTOR, &boot);
        put(&mut image, (start + 1) * SECTOR, &info);
    }
    let fat: Vec<u8> = writer.fat.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    for copy in 0..FATS {
        put(&mut image, (RESERVED + copy * fat_sectors) * SECTOR, &fat);
    }
    put(&mut image, data_start * SECTOR, &writer.data);
    Ok(image)
}

/// The FAT and the data area, growing together: one sector a cluster.
struct Writer {
    fat: Vec<u32>,
    data: Vec<u8>,
}

impl Writer {
    /// Takes the next clusters, chained one after the other; at least one, so that a folder has its place. Returns the first.
    fn allocate(&mut self, bytes: usize) -> u32 {
        let first = self.fat.len() as u32;
        let count = bytes.div_ceil(SECTOR).max(1) as u32;
        self.fat.extend((1..count).map(|index| first + index));
        self.fat.push(END_OF_CHAIN);
        self.data.resize(self.data.len() + count as usize * SECTOR, 0);
        first
    }

    fn write(&mut self, cluster: u32, bytes: &[u8]) {
        put(&mut self.data, (cluster - ROOT_CLUSTER) as usize * SECTOR, bytes);
    }

    fn root(&mut self, label: &[u8; 11], entries: &[(&str, Node<'_>)]) -> Result<(), Error> {
        let volume = entry(label, VOLUME, 0, 0);
        self.folder(volume.to_vec(), entries, None).map(drop)
    }

    /// Writes a folder that begins with these entries, and everything below it. The root's cluster is written as 0 in `..`.
    fn folder(
        &mut self,
        mut bytes: Vec<u8>,
        entries: &[(&str, Node<'_>)],
        parent: Option<u32>,
    ) -> Result<u32, Error> {
        let mut names = Vec::new();
        let mut size = bytes.len() + if parent.is_some() { 2 * ENTRY } else { 0 };
        for (name, _) in entries {
            let short = short_name(name, &names).ok_or_else(|| Error::Name((*name).to_owned()))?;
            size += long_entries(name, &short).len() + ENTRY;
            names.push(short);
        }
        let cluster = self.allocate(size);
        if let Some(parent) = parent {
            bytes.extend(entry(b".          ", FOLDER, cluster, 0));
            bytes.extend(entry(b"..         ", FOLDER, if parent == ROOT_CLUSTER { 0 } else { parent }, 0));
        }
        for ((name, node), short) in entries.iter().zip(names) {
            bytes.extend(long_entries(name, &short));
            bytes.extend(match node {
                Node::Folder(inner) => {
                    let start = self.folder(Vec::new(), inner, Some(cluster))?;
                    entry(&short, FOLDER, start, 0)
                }
                Node::File([]) => entry(&short, 0, 0, 0),
                Node::File(contents) => {
                    let start = self.allocate(contents.len());
                    self.write(start, contents);
                    entry(&short, 0, start, contents.len() as u32)
                }
            });
        }
        self.write(cluster, &bytes);
        Ok(cluster)
    }
}

fn entry(name: &[u8; 11], attributes: u8, cluster: u32, size: u32) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    put(&mut entry, 0, name);
    put(&mut entry, 11, &[attributes]);
    for date in [16, 18, 24] {
        put(&mut entry, date, &FIRST_DAY.to_le_bytes());
    }
    put(&mut entry, 20, &((cluster >> 16) as u16).to_le_bytes());
    put(&mut entry, 26, &(cluster as u16).to_le_bytes());
    put(&mut entry, 28, &size.to_le_bytes());
    entry
}

fn boot_sector(sectors: usize, fat_sectors: usize, label: &[u8; 11], id: u32) -> [u8; SECTOR] {
    let mut boot = [0; SECTOR];
    put(&mut boot, 0, b"\xeb\x58\x90WEFT    ");
    put(&mut boot, 11, &(SECTOR as u16).to_le_bytes());
    put(&mut boot, 13, &[1]);
    put(&mut boot, 14, &(RESERVED as u16).to_le_bytes());
    put(&mut boot, 16, &[FATS as u8]);
    put(&mut boot, 21, &[0xf8]);
    put(&mut boot, 24, &32u16.to_le_bytes());
    put(&mut boot, 26, &64u16.to_le_bytes());
    put(&mut boot, 32, &(sectors as u32).to_le_bytes());
    put(&mut boot, 36, &(fat_sectors as u32).to_le_bytes());
    put(&mut boot, 44, &ROOT_CLUSTER.to_le_bytes());
    put(&mut boot, 48, &1u16.to_le_bytes());
    put(&mut boot, 50, &6u16.to_le_bytes());
    put(&mut boot, 64, &[0x80, 0, 0x29]);
    put(&mut boot, 67, &id.to_le_bytes());
    put(&mut boot, 71, label);
    put(&mut boot, 82, b"FAT32   ");
    put(&mut boot, 510, &[0x55, 0xaa]);
    boot
}

fn info_sector(free: u32, next: u32) -> [u8; SECTOR] {
    let mut info = [0; SECTOR];
    put(&mut info, 0, b"RRaA");
    put(&mut info, 484, b"rrAa");
    put(&mut info, 488, &free.to_le_bytes());
    put(&mut info, 492, &next.to_le_bytes());
    put(&mut info, 510, &[0x55, 0xaa]);
    info
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};
    use std::process::Command;

    fn sample(big: &[u8]) -> Vec<u8> {
        let linux = Node::Folder(vec![("weft_0.1.0+3.efi", Node::File(big)), ("empty", Node::File(&[]))]);
        let boot = Node::Folder(vec![("BOOTX64.EFI", Node::File(b"loader"))]);
        let efi = Node::Folder(vec![("BOOT", boot), ("Linux", linux)]);
        let loader = Node::Folder(vec![("loader.conf", Node::File(b"timeout 0\n"))]);
        build(64, b"ESP        ", 7, &[("EFI", efi), ("loader", loader)]).unwrap()
    }

    #[test]
    fn another_implementation_reads_the_files_back() {
        let big: Vec<u8> = (0..300_000u32).map(|index| (index / 3) as u8).collect();
        let mut image = sample(&big);
        let fs = fatfs::FileSystem::new(Cursor::new(&mut image), fatfs::FsOptions::new()).unwrap();
        let read = |path: &str| {
            let mut contents = Vec::new();
            fs.root_dir().open_file(path).unwrap().read_to_end(&mut contents).unwrap();
            contents
        };
        assert!(read("EFI/Linux/weft_0.1.0+3.efi") == big);
        assert_eq!(read("EFI/BOOT/BOOTX64.EFI"), b"loader");
        assert_eq!(read("loader/loader.conf"), b"timeout 0\n");
        assert_eq!(read("EFI/Linux/empty"), b"");
        assert_eq!((fs.volume_label().as_str(), fs.volume_id()), ("ESP", 7));
    }

    #[test]
    fn fsck_finds_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("esp.img");
        std::fs::write(&path, sample(&[1; 70_000])).unwrap();
        let Ok(output) = Command::new("/sbin/fsck.fat").arg("-n").arg(&path).output() else {
            eprintln!("skipped: fsck.fat is not installed (package dosfstools)");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(build(30, b"ESP        ", 7, &[]).unwrap_err(), Error::TooSmall { mib: 30 });
        let error = build(34, b"ESP        ", 7, &[("x", Node::File(&vec![1; 40 << 20]))]).unwrap_err();
        assert!(matches!(error, Error::Full { .. }), "{error}");
        assert_eq!(
            build(34, b"ESP        ", 7, &[("a/b", Node::File(b"x"))]).unwrap_err(),
            Error::Name("a/b".into())
        );
    }
}
