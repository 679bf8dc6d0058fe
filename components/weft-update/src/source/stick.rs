//! A repository on a USB stick with a FAT file system, which is read here and not by the kernel: a stick is whatever somebody plugs in.

use super::{Error, Source};
use fatfs::{FileSystem, FsOptions};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders of a stick that may hold the repository.
const PLACES: [&str; 2] = ["", "weft/"];
/// Every repository has it.
const SIGN: &str = "metadata/timestamp.json";
/// Read from the stick at a time, in bytes, where the volume's tables are walked.
const BLOCK: u64 = 32 << 10;
/// Read of a file at a time: the way through the tables is gone anew for each.
const CHUNK: usize = 1 << 20;
/// How many such blocks are kept.
const KEPT: usize = 8;
/// What one such piece may cost in bytes: a volume whose tables lead in a circle ends here.
const MOST: u64 = 64 << 20;
/// What a read costs beside that, or those in a small circle would cost nothing: as much as an entry of a table, in bytes.
const LEAST: u64 = 4;

/// A volume with a repository.
#[derive(Debug)]
pub struct Stick {
    device: Arc<File>,
    /// Before all paths.
    place: &'static str,
}

impl Stick {
    /// The first that has a repository, of all sticks that are plugged in. `sys` and `dev` are where sysfs and the device nodes are.
    pub fn find(sys: &Path, dev: &Path) -> Result<Self, Error> {
        volumes(sys, dev).iter().find_map(|node| Self::open(node)).ok_or(Error::NoStick)
    }

    fn open(node: &Path) -> Option<Self> {
        let device = Arc::new(File::open(node).ok()?);
        PLACES.into_iter().map(|place| Self { device: Arc::clone(&device), place }).find(Self::has_repository)
    }

    fn has_repository(&self) -> bool {
        self.volume().is_ok_and(|volume| volume.root_dir().open_file(&self.path(SIGN)).is_ok())
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.place)
    }

    fn volume(&self) -> io::Result<FileSystem<Device>> {
        FileSystem::new(Device::new(Arc::clone(&self.device)), FsOptions::new().update_accessed_date(false))
    }

    fn part(&self, path: &str, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        let reader = Part {
            stick: Self { device: Arc::clone(&self.device), place: self.place },
            path: self.path(path),
            left: range,
            chunk: io::Cursor::new(Vec::new()),
        };
        match self.volume().and_then(|volume| volume.root_dir().open_file(&reader.path).map(drop)) {
            Ok(()) => Ok(Box::new(reader)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotFound { path: path.to_owned() })
            }
            Err(source) => Err(Error::Io { path: path.to_owned(), source }),
        }
    }
}

impl Source for Stick {
    fn whole(&self, path: &str, limit: u64) -> Result<Box<dyn Read + Send>, Error> {
        self.part(path, 0..limit)
    }

    fn range(&self, path: &str, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        self.part(path, range)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

/// Partitions of USB disks, and such disks without a partition table, in the order of their names.
fn volumes(sys: &Path, dev: &Path) -> Vec<PathBuf> {
    let mut names: Vec<String> = fs::read_dir(sys.join("class/block"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| fs::canonicalize(entry.path()).is_ok_and(|device| is_on_usb(&device)))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names.into_iter().map(|name| dev.join(name)).collect()
}

/// By its place in sysfs, below a bus such as `usb1`.
fn is_on_usb(device: &Path) -> bool {
    let is_bus = |name: &str| {
        name.strip_prefix("usb").is_some_and(|number| !number.is_empty() && number.parse::<u32>().is_ok())
    };
    device.components().any(|part| part.as_os_str().to_str().is_some_and(is_bus))
}

/// A part of a file, read in pieces.
struct Part {
    stick: Stick,
    path: String,
    left: Range<u64>,
    chunk: io::Cursor<Vec<u8>>,
}

impl Part {
    fn next(&mut self) -> io::Result<()> {
        let wanted = (self.left.end - self.left.start).min(CHUNK as u64);
        let volume = self.stick.volume()?;
        let mut file = volume.root_dir().open_file(&self.path)?;
        file.seek(SeekFrom::Start(self.left.start))?;
        let mut chunk = Vec::with_capacity(wanted as usize);
        file.take(wanted).read_to_end(&mut chunk)?;
        // At its end the file is what it is: whoever asked knows how long it must be.
        let is_end = (chunk.len() as u64) < wanted;
        self.left.start = if is_end { self.left.end } else { self.left.start + wanted };
        self.chunk = io::Cursor::new(chunk);
        Ok(())
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() >= self.chunk.get_ref().len() as u64 && self.left.start < self.left.end {
            self.next()?;
        }
        self.chunk.read(buffer)
    }
}

/// A volume's bytes, which are only read. The blocks read last are kept: the way through a file leads from its table to its data and back.
struct Device {
    file: Arc<File>,
    at: u64,
    /// Blocks and where they begin, the one used last at the end.
    blocks: Vec<(u64, Vec<u8>)>,
    /// What all reads cost.
    read: u64,
}

impl Device {
    fn new(file: Arc<File>) -> Self {
        Self { file, at: 0, blocks: Vec::new(), read: 0 }
    }

    /// What follows in the block that holds the place; nothing at the end of the device.
    fn held(&mut self) -> io::Result<&[u8]> {
        let begin = self.at / BLOCK * BLOCK;
        let block = match self.blocks.iter().position(|(known, _)| *known == begin) {
            Some(index) => self.blocks.remove(index),
            None => (begin, self.fetch(begin)?),
        };
        self.blocks.drain(..self.blocks.len().saturating_sub(KEPT - 1));
        self.blocks.push(block);
        let block = self.blocks.last().map(|(_, bytes)| bytes.as_slice());
        Ok(block.and_then(|bytes| bytes.get((self.at - begin) as usize..)).unwrap_or_default())
    }

    fn pay(&mut self, bytes: u64) -> io::Result<()> {
        self.read += bytes;
        match self.read > MOST {
            true => Err(io::Error::other("the stick's file system leads in circles")),
            false => Ok(()),
        }
    }

    fn fetch(&mut self, begin: u64) -> io::Result<Vec<u8>> {
        self.pay(BLOCK)?;
        let mut block = vec![0; BLOCK as usize];
        let mut length = 0;
        while let Some(room) = block.get_mut(length..).filter(|room| !room.is_empty()) {
            match self.file.read_at(room, begin + length as u64)? {
                0 => break,
                more => length += more,
            }
        }
        block.truncate(length);
        Ok(block)
    }
}

impl Read for Device {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.held()?.read(buffer)?;
        self.at += length as u64;
        self.pay(LEAST)?;
        Ok(length)
    }
}

impl Seek for Device {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Write for Device {
    /// The file system's marks of being in use go nowhere: the stick stays as it is.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const VOLUME: u64 = 8 << 20;

    /// A machine with a disk and a stick, which has these files.
    fn machine(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("sys/class/block")).unwrap();
        fs::create_dir(at("dev")).unwrap();
        for (name, place) in
            [("vda1", "pci0/virtio0"), ("sdb", "pci0/usb2/2-1"), ("sdb1", "pci0/usb2/2-1/sdb")]
        {
            fs::create_dir_all(at("sys/devices").join(place).join(name)).unwrap();
            symlink(at("sys/devices").join(place).join(name), at("sys/class/block").join(name)).unwrap();
        }
        fs::write(at("dev/vda1"), []).unwrap();
        fs::write(at("dev/sdb"), [0; 4096]).unwrap();
        let volume = File::options().create_new(true).read(true).write(true).open(at("dev/sdb1")).unwrap();
        volume.set_len(VOLUME).unwrap();
        fatfs::format_volume(&volume, fatfs::FormatVolumeOptions::new()).unwrap();
        let system = FileSystem::new(&volume, FsOptions::new()).unwrap();
        for (path, contents) in files {
            let mut folders: Vec<&str> = path.split('/').collect();
            let name = folders.pop().unwrap();
            let folder =
                folders.iter().fold(system.root_dir(), |folder, name| folder.create_dir(name).unwrap());
            folder.create_file(name).unwrap().write_all(contents).unwrap();
        }
        drop(system);
        folder
    }

    fn find(machine: &tempfile::TempDir) -> Result<Stick, Error> {
        Stick::find(&machine.path().join("sys"), &machine.path().join("dev"))
    }

    fn read(reader: Result<Box<dyn Read + Send>, Error>) -> Vec<u8> {
        let mut bytes = Vec::new();
        reader.unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn files_of_a_stick_are_read_whole_and_in_parts() {
        let image: Vec<u8> = (0..3_000_000u32).map(|at| (at >> 8) as u8 ^ at as u8).collect();
        for place in PLACES {
            let (sign, target) = (format!("{place}{SIGN}"), format!("{place}targets/root.erofs"));
            let machine = machine(&[(&sign, b"{}"), (&target, &image)]);
            let before = fs::read(machine.path().join("dev/sdb1")).unwrap();
            let stick = find(&machine).unwrap();
            assert_eq!(read(stick.whole("targets/root.erofs", 1 << 30)), image);
            assert_eq!(
                read(stick.range("targets/root.erofs", 1_000_000..2_500_001)),
                image[1_000_000..2_500_001]
            );
            assert_eq!(read(stick.whole(SIGN, 1)), b"{");
            assert!(matches!(stick.whole("targets/other", 1), Err(Error::NotFound { .. })));
            assert_eq!(
                fs::read(machine.path().join("dev/sdb1")).unwrap(),
                before,
                "the stick is never written"
            );
        }
    }

    #[test]
    fn without_a_repository_there_is_no_stick() {
        assert!(matches!(find(&machine(&[("photos/cat.jpg", b"cat")])), Err(Error::NoStick)));
        let empty = machine(&[]);
        fs::write(empty.path().join("dev/sdb1"), []).unwrap();
        assert!(matches!(find(&empty), Err(Error::NoStick)));
    }

    #[test]
    fn a_volume_that_leads_in_circles_comes_to_an_end() {
        // The sign's contents, read as a folder, are names that were removed; the folder itself is longer than one cluster.
        let names: Vec<String> = (0..200).map(|number| format!("metadata/{number}.snapshot.json")).collect();
        let others = names.iter().map(|name| (name.as_str(), &b""[..]));
        let files: Vec<(&str, &[u8])> = std::iter::once((SIGN, &[0xe5; 4096][..])).chain(others).collect();
        let machine = machine(&files);
        let path = machine.path().join("dev/sdb1");
        let mut volume = fs::read(&path).unwrap();
        // Every cluster of the first table leads to the third, in twelve or sixteen bits alike.
        let sector = usize::from(u16::from_le_bytes([volume[11], volume[12]]));
        let start = usize::from(u16::from_le_bytes([volume[14], volume[15]])) * sector;
        let length = usize::from(u16::from_le_bytes([volume[22], volume[23]])) * sector;
        volume[start + 4..start + length].chunks_mut(2).for_each(|entry| entry.copy_from_slice(&[3, 0]));
        fs::write(&path, volume).unwrap();
        // The folder's own names are found before its circle begins, others never.
        let stick = find(&machine).unwrap();
        let error = stick.whole("metadata/other", 1).err().unwrap().to_string();
        assert!(error.contains("metadata/other") && error.contains("in circles"), "{error}");
    }

    #[test]
    fn only_disks_on_usb_are_sticks() {
        assert!(is_on_usb(Path::new(
            "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host0/block/sda/sda1"
        )));
        assert!(!is_on_usb(Path::new("/sys/devices/pci0000:00/0000:00:01.0/virtio0/block/vda/vda2")));
        assert!(!is_on_usb(Path::new("/sys/devices/usb/block/sda")));
    }
}
