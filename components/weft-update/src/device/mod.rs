//! Block devices: the partitions that an update reads and writes.

mod file;
pub mod partitions;

pub use file::FileDevice;

use std::io;

/// A partition, as the simulator can also be. Offsets and lengths are in bytes; callers keep to whole sectors of [`SECTOR`] bytes.
///
/// What was written is certain to survive a power cut only after a later [`flush`](Self::flush) returned; before it, any subset of the
/// sectors written since the last flush may be on the disk. A sector is written whole or not at all.
pub trait BlockDevice {
    /// Bytes of the whole device.
    fn len(&self) -> u64;
    /// Fills `buffer` from `offset` on; reading beyond the end is an error.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all of `data` at `offset`; writing beyond the end is an error.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Returns when everything written before is on the disk.
    fn flush(&self) -> io::Result<()>;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a disk writes whole, whatever happens.
pub const SECTOR: usize = 512;

impl<D: BlockDevice + ?Sized> BlockDevice for std::sync::Arc<D> {
    fn len(&self) -> u64 {
        (**self).len()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read(offset, buffer)
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        (**self).write(offset, data)
    }
    fn flush(&self) -> io::Result<()> {
        (**self).flush()
    }
}
