//! Looks at and changes a machine's disk while it is off.

use anyhow::Context;
use fatfs::{Date, DateTime, Time, TimeProvider};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use weft_image::image_info::{ImageInfo, Partition};

/// The partition of a label.
pub fn partition<'a>(info: &'a ImageInfo, label: &str) -> anyhow::Result<&'a Partition> {
    info.partition(label).with_context(|| format!("the image has no partition {label}"))
}

fn open(disk: &Path) -> anyhow::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .open(disk)
        .with_context(|| format!("cannot open {}", disk.display()))
}

/// A part of a partition.
pub fn read(disk: &Path, partition: &Partition, offset: u64, length: usize) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(offset + length as u64 <= partition.size, "{} is smaller than that", partition.label);
    let mut bytes = vec![0; length];
    open(disk)?.read_exact_at(&mut bytes, partition.offset + offset)?;
    Ok(bytes)
}

/// Where in a partition the bytes stand first.
pub fn find(disk: &Path, partition: &Partition, wanted: &[u8]) -> anyhow::Result<Option<u64>> {
    const CHUNK: usize = 1 << 20;
    let file = open(disk)?;
    let mut chunk = vec![0; CHUNK + wanted.len()];
    for start in (0..partition.size).step_by(CHUNK) {
        let length = chunk.len().min((partition.size - start) as usize);
        file.read_exact_at(&mut chunk[..length], partition.offset + start)?;
        if let Some(at) = chunk[..length].windows(wanted.len()).position(|window| window == wanted) {
            return Ok(Some(start + at as u64));
        }
    }
    Ok(None)
}

/// Writes over a part of a partition.
pub fn overwrite(disk: &Path, partition: &Partition, offset: u64, bytes: &[u8]) -> anyhow::Result<()> {
    anyhow::ensure!(
        offset + bytes.len() as u64 <= partition.size,
        "{} is smaller than that",
        partition.label
    );
    Ok(open(disk)?.write_all_at(bytes, partition.offset + offset)?)
}

/// The names in a folder of the EFI system partition.
pub fn esp_names(disk: &Path, esp: &Partition, folder: &str) -> anyhow::Result<Vec<String>> {
    let system = esp_system(disk, esp)?;
    let names = system.root_dir().open_dir(folder).with_context(|| format!("the ESP has no {folder}"))?;
    let names = names.iter().map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<String>>>()?;
    Ok(names.into_iter().filter(|name| name != "." && name != "..").collect())
}

/// A file of the EFI system partition.
pub fn esp_read(disk: &Path, esp: &Partition, path: &str) -> anyhow::Result<Vec<u8>> {
    let system = esp_system(disk, esp)?;
    let mut bytes = Vec::new();
    let mut file = system.root_dir().open_file(path).with_context(|| format!("the ESP has no {path}"))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file of the EFI system partition, over what is there.
pub fn esp_write(disk: &Path, esp: &Partition, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let system = esp_system(disk, esp)?;
    let mut file = system.root_dir().create_file(path).with_context(|| format!("cannot make {path}"))?;
    file.truncate()?;
    Ok(file.write_all(bytes)?)
}

/// Gives a file of the EFI system partition another name.
pub fn esp_rename(disk: &Path, esp: &Partition, from: &str, to: &str) -> anyhow::Result<()> {
    let system = esp_system(disk, esp)?;
    let root = system.root_dir();
    root.rename(from, &root, to).with_context(|| format!("cannot rename {from} to {to}"))
}

/// Removes a file of the EFI system partition.
pub fn esp_remove(disk: &Path, esp: &Partition, path: &str) -> anyhow::Result<()> {
    let system = esp_system(disk, esp)?;
    system.root_dir().remove(path).with_context(|| format!("the ESP has no {path}"))
}

/// Fills the EFI system partition with a file, to the last cluster.
pub fn esp_fill(disk: &Path, esp: &Partition, path: &str) -> anyhow::Result<()> {
    let system = esp_system(disk, esp)?;
    let statistics = system.stats()?;
    let length = u64::from(statistics.free_clusters()) * u64::from(statistics.cluster_size());
    let mut file = system.root_dir().create_file(path)?;
    Ok(io::copy(&mut io::repeat(0x5a).take(length), &mut file).map(drop)?)
}

/// Copies the contents of a partition to another one.
pub fn copy(disk: &Path, from: &Partition, to: &Partition) -> anyhow::Result<()> {
    const CHUNK: u64 = 1 << 20;
    anyhow::ensure!(from.size <= to.size, "{} is smaller than {}", to.label, from.label);
    let file = open(disk)?;
    for at in (0..from.size).step_by(CHUNK as usize) {
        let mut chunk = vec![0; CHUNK.min(from.size - at) as usize];
        file.read_exact_at(&mut chunk, from.offset + at)?;
        // What is empty stays a hole.
        if chunk.iter().any(|byte| *byte != 0) {
            file.write_all_at(&chunk, to.offset + at)?;
        }
    }
    Ok(())
}

fn esp_system(disk: &Path, esp: &Partition) -> anyhow::Result<fatfs::FileSystem<Window>> {
    let window = Window::new(open(disk)?, esp.offset, esp.size);
    let options = fatfs::FsOptions::new().time_provider(&FirstDay);
    fatfs::FileSystem::new(window, options).context("the ESP is no FAT file system")
}

/// 1980-01-01, the first day that FAT knows: EDK II refuses to rename a file without a date, and so the boot loader to count its tries.
#[derive(Debug)]
struct FirstDay;

impl TimeProvider for FirstDay {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

/// A partition as a file of its own.
#[derive(Debug)]
pub(crate) struct Window {
    file: File,
    start: u64,
    size: u64,
    position: u64,
}

impl Window {
    pub(crate) fn new(file: File, start: u64, size: u64) -> Self {
        Self { file, start, size, position: 0 }
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min((self.size - self.position.min(self.size)) as usize);
        let count = self.file.read_at(&mut buffer[..length], self.start + self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for Window {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min((self.size - self.position.min(self.size)) as usize);
        let count = self.file.write_at(&bytes[..length], self.start + self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let base = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
        };
        self.position = base.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
