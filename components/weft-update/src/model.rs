//! A model disk for tests: it keeps every write and flush, so that any moment of a power cut can be looked at afterwards.

use crate::device::{BlockDevice, SECTOR};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What reached the disk, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Sectors from a byte offset on.
    Write(u64, Vec<u8>),
    Flush,
}

/// Bytes at the start and, by sector, what came over them. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    base: Arc<Vec<u8>>,
    sectors: BTreeMap<u64, [u8; SECTOR]>,
    log: Vec<Event>,
}

impl Disk {
    pub fn new(base: impl Into<Arc<Vec<u8>>>) -> Self {
        Self(Arc::new(Mutex::new(Inner { base: base.into(), sectors: BTreeMap::new(), log: Vec::new() })))
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn log(&self) -> Vec<Event> {
        self.inner().log.clone()
    }

    /// All bytes as they are now.
    pub fn contents(&self) -> Vec<u8> {
        let inner = self.inner();
        let mut bytes = inner.base.as_ref().clone();
        for (sector, data) in &inner.sectors {
            let at = *sector as usize * SECTOR;
            bytes[at..at + SECTOR].copy_from_slice(data);
        }
        bytes
    }
}

impl BlockDevice for Disk {
    fn len(&self) -> u64 {
        self.inner().base.len() as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let inner = self.inner();
        let start = offset as usize;
        let base = inner.base.get(start..start + buffer.len());
        buffer.copy_from_slice(base.ok_or(io::ErrorKind::UnexpectedEof)?);
        let (first, last) = (offset / SECTOR as u64, (offset + buffer.len() as u64).div_ceil(SECTOR as u64));
        for (sector, data) in inner.sectors.range(first..last) {
            let at = sector * SECTOR as u64;
            let (skipped, place) = (offset.saturating_sub(at) as usize, at.saturating_sub(offset) as usize);
            let count = (SECTOR - skipped).min(buffer.len() - place);
            buffer[place..place + count].copy_from_slice(&data[skipped..skipped + count]);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        assert!(
            offset.is_multiple_of(SECTOR as u64) && data.len().is_multiple_of(SECTOR),
            "part of a sector"
        );
        if offset + data.len() as u64 > inner.base.len() as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (index, sector) in data.as_chunks::<SECTOR>().0.iter().enumerate() {
            inner.sectors.insert(offset / SECTOR as u64 + index as u64, *sector);
        }
        inner.log.push(Event::Write(offset, data.to_vec()));
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.inner().log.push(Event::Flush);
        Ok(())
    }
}

/// An EFI system partition with a boot loader and an empty `EFI/Linux`, made by another implementation of FAT.
pub fn esp_image() -> Vec<u8> {
    let mut image = Cursor::new(vec![0; 36 << 20]);
    let options = fatfs::FormatVolumeOptions::new().fat_type(fatfs::FatType::Fat32).bytes_per_cluster(512);
    fatfs::format_volume(&mut image, options).unwrap();
    {
        let volume = fatfs::FileSystem::new(&mut image, fatfs::FsOptions::new()).unwrap();
        let efi = volume.root_dir().create_dir("EFI").unwrap();
        efi.create_dir("Linux").unwrap();
        let mut loader = efi.create_dir("BOOT").unwrap().create_file("BOOTX64.EFI").unwrap();
        loader.write_all(&vec![0xb0; 90_000]).unwrap();
    }
    image.into_inner()
}

/// The files of `EFI/Linux`, and the boot loader as `boot/…`, as another implementation of FAT reads them.
pub fn read_esp(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let volume = fatfs::FileSystem::new(Cursor::new(bytes.to_vec()), fatfs::FsOptions::new()).unwrap();
    let efi = volume.root_dir().open_dir("EFI").unwrap();
    let mut files = BTreeMap::new();
    for (folder, prefix) in [("Linux", ""), ("BOOT", "boot/")] {
        for entry in efi.open_dir(folder).unwrap().iter().map(Result::unwrap).filter(|entry| entry.is_file())
        {
            let mut contents = Vec::new();
            entry.to_file().read_to_end(&mut contents).unwrap();
            files.insert(format!("{prefix}{}", entry.file_name()), contents);
        }
    }
    files
}
