//! The writes of a machine's disk as QEMU's driver `blklogwrites` records them, in the format of the kernel's `dm-log-writes` (`log-writes.rst`).

use anyhow::{Context, ensure};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const MAGIC: u64 = 0x6a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 1 << 1;
const DISCARD: u64 = 1 << 2;

/// What a power cut decides about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Write {
        /// In bytes.
        offset: u64,
        /// In bytes, where the data lie in the log; none for a range that was discarded and reads as zeros.
        data: Option<u64>,
        length: u64,
        /// It is on the disk when the guest hears of it.
        durable: bool,
    },
    /// All before it is on the disk.
    Flush,
}

/// The log of a machine that is off.
#[derive(Debug)]
pub struct DiskLog {
    file: File,
    pub events: Vec<Event>,
}

impl DiskLog {
    pub fn open(path: &Path) -> anyhow::Result<DiskLog> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let words = |offset: u64| -> anyhow::Result<[u64; 4]> {
            let mut bytes = [0; 32];
            file.read_exact_at(&mut bytes, offset)?;
            Ok(std::array::from_fn(|word| {
                bytes[word * 8..][..8].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
            }))
        };
        let [magic, version, entries, sector] = words(0)?;
        let sector = sector & u64::from(u32::MAX);
        ensure!(magic == MAGIC && version == 1 && sector > 0, "{} is no log of writes", path.display());
        let (mut events, mut at) = (Vec::new(), sector);
        for _ in 0..entries {
            let [start, count, flags, _] = words(at)?;
            at += sector;
            if flags & FLUSH != 0 {
                events.push(Event::Flush);
            }
            let discarded = flags & DISCARD != 0;
            if count > 0 {
                let data = (!discarded).then_some(at);
                let (offset, length) = (start * sector, count * sector);
                events.push(Event::Write { offset, data, length, durable: flags & FUA != 0 });
                at += if discarded { 0 } else { length };
            }
        }
        Ok(DiskLog { file, events })
    }

    /// Does to a disk what an event did.
    pub fn replay(&self, event: &Event, disk: &File) -> anyhow::Result<()> {
        let Event::Write { offset, data, length, .. } = event else { return Ok(()) };
        let mut bytes = vec![0; *length as usize];
        if let Some(data) = data {
            self.file.read_exact_at(&mut bytes, *data)?;
        }
        Ok(disk.write_all_at(&bytes, *offset)?)
    }
}
