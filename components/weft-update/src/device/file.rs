//! A device node, or a range of a disk image.

use super::BlockDevice;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes `start..start + len` of a file or device node.
#[derive(Debug)]
pub struct FileDevice {
    file: File,
    start: u64,
    len: u64,
}

impl FileDevice {
    /// The whole of a node or file.
    pub fn open(path: &Path, writable: bool) -> io::Result<Self> {
        let mut file = File::options().read(true).write(writable).open(path)?;
        // A device node's metadata has no length.
        let len = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, start: 0, len })
    }

    /// A part of it, such as a partition of a disk image.
    pub fn part(file: File, start: u64, len: u64) -> Self {
        Self { file, start, len }
    }

    fn check(&self, offset: u64, len: usize) -> io::Result<u64> {
        match offset.checked_add(len as u64) {
            Some(end) if end <= self.len => Ok(self.start + offset),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the end of the partition")),
        }
    }
}

impl BlockDevice for FileDevice {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, self.check(offset, buffer.len())?)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, self.check(offset, data.len())?)
    }

    fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
