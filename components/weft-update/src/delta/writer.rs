//! Writes of whole blocks, joined where they follow each other.

use crate::device::BlockDevice;
use std::io;
use weft_verity::BLOCK_SIZE;

const MOST: usize = 64 * BLOCK_SIZE;

pub struct Writer<'a> {
    device: &'a dyn BlockDevice,
    /// The block after the last one that waits.
    next: u64,
    waiting: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub fn new(device: &'a dyn BlockDevice) -> Self {
        Self { device, next: 0, waiting: Vec::with_capacity(MOST) }
    }

    pub fn put(&mut self, block: u64, bytes: &[u8]) -> io::Result<()> {
        if block != self.next || self.waiting.len() >= MOST {
            self.finish()?;
        }
        self.waiting.extend_from_slice(bytes);
        self.next = block + 1;
        Ok(())
    }

    /// Writes what waits; without it, that is lost.
    pub fn finish(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let start = self.next * BLOCK_SIZE as u64 - self.waiting.len() as u64;
        self.device.write(start, &self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}
