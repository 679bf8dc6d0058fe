//! The file systems in an image file: the file itself, or the root partitions of a disk with a GPT (UEFI Specification section 5.3).

use super::Error;
use crate::image::{MAGIC, MAGIC_AT};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const SECTOR: u64 = 512;
const SIGNATURE: &[u8; 8] = b"EFI PART";
const ENTRY: usize = 128;
const MAX_ENTRIES: usize = 256;
/// The partitions that hold a root file system, by their labels.
const ROOTS: [&str; 2] = ["root-a", "root-b"];
/// The largest file system that is read, in bytes.
const MAX_FILE_SYSTEM: u64 = 1 << 30;

/// Every EROFS file system of the image with what errors call it.
pub fn file_systems(path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    if is_erofs(&mut file, 0) {
        return Ok(vec![(path.to_owned(), part(&mut file, 0, length).map_err(read)?)]);
    }
    let mut systems = Vec::new();
    for (label, start, size) in partitions(&mut file, path)? {
        if ROOTS.contains(&label.as_str()) && is_erofs(&mut file, start) {
            systems.push((path.join(label), part(&mut file, start, size).map_err(read)?));
        }
    }
    if systems.is_empty() { Err(Error::NoImage(path.to_owned())) } else { Ok(systems) }
}

fn is_erofs(file: &mut File, start: u64) -> bool {
    let mut magic = [0; 4];
    file.seek(SeekFrom::Start(start.saturating_add(MAGIC_AT))).is_ok()
        && file.read_exact(&mut magic).is_ok()
        && u32::from_le_bytes(magic) == MAGIC
}

fn part(file: &mut File, start: u64, size: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(size.min(MAX_FILE_SYSTEM)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Label, first byte and length of every partition.
fn partitions(file: &mut File, path: &Path) -> Result<Vec<(String, u64, u64)>, Error> {
    let mut header = [0; 92];
    let has_header = file.seek(SeekFrom::Start(SECTOR)).is_ok() && file.read_exact(&mut header).is_ok();
    if !has_header || !header.starts_with(SIGNATURE) {
        return Err(Error::NoImage(path.to_owned()));
    }
    let damaged = |reason| Error::Partitions { path: path.to_owned(), reason };
    let table =
        number(&header, 72, 8).checked_mul(SECTOR).ok_or_else(|| damaged("the table lies nowhere"))?;
    let count = number(&header, 80, 4) as usize;
    if number(&header, 84, 4) as usize != ENTRY || count > MAX_ENTRIES {
        return Err(damaged("the table has an unknown form"));
    }
    let mut entries = vec![0; count * ENTRY];
    file.seek(SeekFrom::Start(table))
        .and_then(|_| file.read_exact(&mut entries))
        .map_err(|_| damaged("the table ends early"))?;
    let mut found = Vec::new();
    for entry in entries.chunks_exact(ENTRY).filter(|entry| entry.iter().take(16).any(|byte| *byte != 0)) {
        let (first, last) = (number(entry, 32, 8), number(entry, 40, 8));
        let bounds = first.checked_mul(SECTOR).zip(
            last.checked_sub(first)
                .and_then(|blocks| blocks.checked_add(1))
                .and_then(|blocks| blocks.checked_mul(SECTOR)),
        );
        let (start, size) = bounds.ok_or_else(|| damaged("a partition ends before it starts"))?;
        found.push((label(entry), start, size));
    }
    Ok(found)
}

/// UTF-16, ended by a zero.
fn label(entry: &[u8]) -> String {
    let units = entry.get(56..ENTRY).unwrap_or_default().chunks_exact(2);
    let units: Vec<u16> = units.map(|pair| number(pair, 0, 2) as u16).take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}
