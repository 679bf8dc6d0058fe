//! A model of storage for tests: disks and records that keep every write and flush, so that any moment of a power cut can be looked at
//! afterwards.

use crate::device::{BlockDevice, SECTOR};
use crate::state::{self, Store};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What reached storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Sectors of a disk from a byte offset on.
    Write {
        disk: usize,
        offset: u64,
        data: Vec<u8>,
    },
    Flush {
        disk: usize,
    },
    /// A record was replaced, or removed; durable at once.
    Save {
        name: String,
        contents: Option<Vec<u8>>,
    },
}

/// What happened, in order, on everything that shares it.
pub type Log = Arc<Mutex<Vec<Event>>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub type Sectors = BTreeMap<u64, [u8; SECTOR]>;

/// Bytes at the start and, by sector, what came over them. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk {
    number: usize,
    base: Arc<Vec<u8>>,
    sectors: Arc<Mutex<Sectors>>,
    log: Log,
}

impl Disk {
    pub fn new(base: impl Into<Arc<Vec<u8>>>) -> Self {
        Self::with(0, base.into(), Sectors::new(), Log::default())
    }

    pub fn with(number: usize, base: Arc<Vec<u8>>, sectors: Sectors, log: Log) -> Self {
        Self { number, base, sectors: Arc::new(Mutex::new(sectors)), log }
    }

    pub fn log(&self) -> Vec<Event> {
        lock(&self.log).clone()
    }

    pub fn base(&self) -> Arc<Vec<u8>> {
        self.base.clone()
    }

    pub fn sectors(&self) -> Sectors {
        lock(&self.sectors).clone()
    }

    /// Whether the disk begins with these bytes.
    pub fn begins_with(&self, bytes: &[u8]) -> bool {
        let mut found = vec![0; bytes.len()];
        self.read(0, &mut found).is_ok() && found == bytes
    }
}

/// Puts data over sectors.
pub fn put(sectors: &mut Sectors, offset: u64, data: &[u8]) {
    for (index, sector) in data.as_chunks::<SECTOR>().0.iter().enumerate() {
        sectors.insert(offset / SECTOR as u64 + index as u64, *sector);
    }
}

impl BlockDevice for Disk {
    fn len(&self) -> u64 {
        self.base.len() as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = offset as usize;
        buffer
            .copy_from_slice(self.base.get(start..start + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        let (first, last) = (offset / SECTOR as u64, (offset + buffer.len() as u64).div_ceil(SECTOR as u64));
        for (sector, data) in lock(&self.sectors).range(first..last) {
            let at = sector * SECTOR as u64;
            let (skipped, place) = (offset.saturating_sub(at) as usize, at.saturating_sub(offset) as usize);
            let count = (SECTOR - skipped).min(buffer.len() - place);
            buffer[place..place + count].copy_from_slice(&data[skipped..skipped + count]);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        assert!(
            offset.is_multiple_of(SECTOR as u64) && data.len().is_multiple_of(SECTOR),
            "part of a sector"
        );
        if offset + data.len() as u64 > self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        put(&mut lock(&self.sectors), offset, data);
        lock(&self.log).push(Event::Write { disk: self.number, offset, data: data.to_vec() });
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        lock(&self.log).push(Event::Flush { disk: self.number });
        Ok(())
    }
}

/// Records in memory.
#[derive(Debug, Clone, Default)]
pub struct Records {
    pub contents: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    log: Log,
}

impl Records {
    pub fn with(contents: BTreeMap<String, Vec<u8>>, log: Log) -> Self {
        Self { contents: Arc::new(Mutex::new(contents)), log }
    }

    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.contents).clone()
    }

    fn note(&self, name: &str, contents: Option<&[u8]>) {
        let contents = contents.map(<[u8]>::to_vec);
        lock(&self.log).push(Event::Save { name: name.to_owned(), contents });
    }
}

impl Store for Records {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>, state::Error> {
        Ok(lock(&self.contents).get(name).cloned())
    }

    fn save(&self, name: &str, contents: &[u8]) -> Result<(), state::Error> {
        lock(&self.contents).insert(name.to_owned(), contents.to_vec());
        self.note(name, Some(contents));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), state::Error> {
        if lock(&self.contents).remove(name).is_some() {
            self.note(name, None);
        }
        Ok(())
    }

    fn lock(&self) -> Result<state::Lock, state::Error> {
        Ok(state::Lock::NONE)
    }
}

/// A disk as the other implementation of FAT wants it.
struct View(Disk, u64);

impl Read for View {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = (self.0.len() - self.1).min(buffer.len() as u64) as usize;
        self.0.read(self.1, &mut buffer[..left])?;
        self.1 += left as u64;
        Ok(left)
    }
}

impl Write for View {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // It notes on the volume that it is in use; nobody else shall see that.
        self.1 += data.len() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for View {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.1 = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.1.strict_add_signed(by),
            SeekFrom::End(by) => self.0.len().strict_add_signed(by),
        };
        Ok(self.1)
    }
}

/// An EFI system partition with a boot loader and these files in `EFI/Linux`, made by another implementation of FAT.
pub fn esp_image(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut image = Cursor::new(vec![0; 36 << 20]);
    let options = fatfs::FormatVolumeOptions::new().fat_type(fatfs::FatType::Fat32).bytes_per_cluster(512);
    fatfs::format_volume(&mut image, options).unwrap();
    {
        let volume = fatfs::FileSystem::new(&mut image, fatfs::FsOptions::new()).unwrap();
        let efi = volume.root_dir().create_dir("EFI").unwrap();
        let linux = efi.create_dir("Linux").unwrap();
        for (name, contents) in files {
            linux.create_file(name).unwrap().write_all(contents).unwrap();
        }
        let mut loader = efi.create_dir("BOOT").unwrap().create_file("BOOTX64.EFI").unwrap();
        loader.write_all(&[0xb0; 9_000]).unwrap();
    }
    image.into_inner()
}

/// The files of `EFI/Linux`, and the boot loader as `boot/…`, as another implementation of FAT reads them.
pub fn read_esp(disk: &Disk) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let volume = fatfs::FileSystem::new(View(disk.clone(), 0), fatfs::FsOptions::new())?;
    let efi = volume.root_dir().open_dir("EFI")?;
    let mut files = BTreeMap::new();
    for (folder, prefix) in [("Linux", ""), ("BOOT", "boot/")] {
        for entry in efi.open_dir(folder)?.iter() {
            let entry = entry?;
            let mut contents = Vec::new();
            if entry.is_file() {
                entry.to_file().read_to_end(&mut contents)?;
                files.insert(format!("{prefix}{}", entry.file_name()), contents);
            }
        }
    }
    Ok(files)
}
