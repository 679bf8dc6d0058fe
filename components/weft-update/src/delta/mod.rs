//! Filling a slot with a release: what is at hand is copied, the rest is fetched, every block is checked before it is written.
//!
//! Nothing is noted down on the way. What the slot holds is told by its own bytes, so an interrupted download goes on where it
//! stopped, whatever of its last writes reached the disk.

mod fetch;
mod writer;

pub use fetch::Target as RootTarget;

use crate::device::BlockDevice;
use crate::source;
use crate::state::Progress;
use std::io;
use weft_release::{Copy, Index, Work};
use weft_verity::{BLOCK_SIZE, BlockHasher, Digest};
use writer::Writer;

/// Blocks that are read at a time.
const READ_BLOCKS: usize = 64;

/// Why a slot could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write the other slot")]
    Write(#[source] io::Error),
    #[error(transparent)]
    Source(#[from] source::Error),
    #[error("block {block} of the root image from the update source is not the one that was signed")]
    Block { block: u64 },
    #[error("the root image from the update source ends early, in block {block}")]
    Short { block: u64 },
    #[error(
        "the release needs {needed} bytes, and the slot has {room}: the device's partitions are too small for it"
    )]
    TooLarge { needed: u64, room: u64 },
    #[error("block {block} of the other slot is not what was written there: its storage is failing")]
    Storage { block: u64 },
}

/// Stands for the digest of a block that cannot be read: a block with this digest is not known to anybody.
const UNREADABLE: Digest = [0; size_of::<Digest>()];

/// Digests of what a slot holds, as far as it has whole blocks, by all processors.
fn hash_slot(device: &(dyn BlockDevice + Sync), blocks: u64, salt: &[u8]) -> Vec<Digest> {
    let hasher = BlockHasher::new(salt);
    let count = blocks.min(device.len() / BLOCK_SIZE as u64) as usize;
    let mut digests = vec![UNREADABLE; count];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads).max(1).next_multiple_of(READ_BLOCKS);
    std::thread::scope(|scope| {
        for (index, part) in digests.chunks_mut(share).enumerate() {
            let (hasher, begin) = (&hasher, index * share);
            scope.spawn(move || hash_part(device, hasher, begin, part));
        }
    });
    digests
}

/// The blocks from `begin` on; one bad sector hides no more than its own block.
fn hash_part(device: &dyn BlockDevice, hasher: &BlockHasher, begin: usize, digests: &mut [Digest]) {
    let mut buffer = vec![0; READ_BLOCKS * BLOCK_SIZE];
    for (index, digests) in digests.chunks_mut(READ_BLOCKS).enumerate() {
        let bytes = buffer.get_mut(..digests.len() * BLOCK_SIZE).unwrap_or_default();
        let at = ((begin + index * READ_BLOCKS) * BLOCK_SIZE) as u64;
        let is_read = device.read(at, bytes).is_ok();
        for ((block, digest), at) in bytes.chunks_mut(BLOCK_SIZE).zip(digests).zip((at..).step_by(BLOCK_SIZE))
        {
            if is_read || device.read(at, block).is_ok() {
                *digest = hasher.hash(block);
            }
        }
    }
}

/// How many blocks the file system in a slot has: what lies behind it is nobody's. From the superblock of EROFS (`fs/erofs/erofs_fs.h` of
/// Linux: magic at 0, block size as a power of two at 12, blocks at 36), so only a hint.
fn image_blocks(device: &dyn BlockDevice) -> Option<u64> {
    const SUPERBLOCK: usize = 1024;
    const MAGIC: u32 = 0xe0f5_e1e2;
    let mut block = [0; BLOCK_SIZE];
    device.read(0, &mut block).ok()?;
    let number = |at: usize| {
        let bytes = block.get(SUPERBLOCK + at..SUPERBLOCK + at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    let is_erofs = number(0)? == MAGIC && 1 << block.get(SUPERBLOCK + 12)? == BLOCK_SIZE;
    is_erofs.then(|| number(36).map(u64::from)).flatten()
}

/// Both sides of a copy.
pub struct Slots<'a> {
    pub running: &'a (dyn BlockDevice + Sync),
    /// The one that is written.
    pub other: &'a (dyn BlockDevice + Sync),
}

/// Fills the other slot's root partition with the image of `index`, fetching at most `connections` ranges at a time, and checks
/// all of it in the end. `report` is called as it goes.
pub fn fill(
    slots: &Slots<'_>,
    index: &Index,
    salt: &[u8],
    root: &RootTarget<'_>,
    connections: usize,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Progress, Error> {
    check_room(slots.other, index)?;
    let other = hash_slot(slots.other, index.blocks(), salt);
    let running = hash_slot(slots.running, image_blocks(slots.running).unwrap_or(u64::MAX), salt);
    let mut work = Work::new(index.leaves(), &other, &running);
    drop((other, running));
    copy(slots, index, &mut work)?;
    let fetch = fetch::Fetch::new(index, slots.other, root, &work, report);
    let progress = fetch.run(work.ranges(), connections)?;
    slots.other.flush().map_err(Error::Write)?;
    check(slots.other, index, salt)?;
    Ok(progress)
}

/// Whether an image fits into a slot.
pub fn check_room(device: &dyn BlockDevice, index: &Index) -> Result<(), Error> {
    let (needed, room) = (index.blocks() * BLOCK_SIZE as u64, device.len());
    if needed > room { Err(Error::TooLarge { needed, room }) } else { Ok(()) }
}

/// Checks that the slot holds the image of `index`, every block of it readable.
pub fn check(device: &(dyn BlockDevice + Sync), index: &Index, salt: &[u8]) -> Result<(), Error> {
    let found = hash_slot(device, index.blocks(), salt);
    let wrong = (0..).zip(index.leaves()).find(|(block, leaf)| found.get(*block as usize) != Some(leaf));
    wrong.map_or(Ok(()), |(block, _)| Err(Error::Storage { block }))
}

/// Copies what is at hand; what turns out to be something else, or cannot be read, is left to be fetched.
fn copy(slots: &Slots<'_>, index: &Index, work: &mut Work) -> Result<(), Error> {
    let mut writer = Writer::new(slots.other);
    let mut buffer = vec![0; READ_BLOCKS * BLOCK_SIZE];
    let copies = std::mem::take(&mut work.copies);
    for run in copies.chunk_by(Copy::is_before).flat_map(|run| run.chunks(READ_BLOCKS)) {
        let Some(first) = run.first() else { continue };
        let device = if first.from_running { slots.running } else { slots.other };
        let bytes = buffer.get_mut(..run.len() * BLOCK_SIZE).unwrap_or_default();
        let at = u64::from(first.from) * BLOCK_SIZE as u64;
        let is_read = device.read(at, bytes).is_ok();
        for ((copy, block), at) in
            run.iter().zip(bytes.chunks_mut(BLOCK_SIZE)).zip((at..).step_by(BLOCK_SIZE))
        {
            let is_read = is_read || device.read(at, block).is_ok();
            if is_read && index.holds(u64::from(copy.block), block) {
                writer.put(u64::from(copy.block), block).map_err(Error::Write)?;
            } else {
                work.missing.push(copy.block);
            }
        }
    }
    writer.finish().map_err(Error::Write)?;
    work.missing.sort_unstable();
    Ok(())
}

#[cfg(test)]
mod tests;
