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
use weft_release::{Index, Work};
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

/// Digests of what a slot holds, as far as it has whole blocks; one bad sector hides no more than its own block.
fn hash_slot(device: &dyn BlockDevice, blocks: u64, salt: &[u8]) -> Vec<Digest> {
    let hasher = BlockHasher::new(salt);
    let count = blocks.min(device.len() / BLOCK_SIZE as u64);
    let mut digests = Vec::with_capacity(count as usize);
    let mut buffer = vec![0; READ_BLOCKS * BLOCK_SIZE];
    while (digests.len() as u64) < count {
        let left = (count - digests.len() as u64).min(READ_BLOCKS as u64) as usize;
        let part = buffer.get_mut(..left * BLOCK_SIZE).unwrap_or_default();
        let at = digests.len() as u64 * BLOCK_SIZE as u64;
        if device.read(at, part).is_ok() {
            digests.extend(part.chunks(BLOCK_SIZE).map(|block| hasher.hash(block)));
            continue;
        }
        for (block, at) in part.chunks_mut(BLOCK_SIZE).zip((at..).step_by(BLOCK_SIZE)) {
            let outcome = device.read(at, block);
            digests.push(outcome.map_or(UNREADABLE, |()| hasher.hash(block)));
        }
    }
    digests
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
    let running = hash_slot(slots.running, u64::MAX, salt);
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
pub fn check(device: &dyn BlockDevice, index: &Index, salt: &[u8]) -> Result<(), Error> {
    let found = hash_slot(device, index.blocks(), salt);
    let wrong = (0..).zip(index.leaves()).find(|(block, leaf)| found.get(*block as usize) != Some(leaf));
    wrong.map_or(Ok(()), |(block, _)| Err(Error::Storage { block }))
}

/// Copies what is at hand; what turns out to be something else, or cannot be read, is left to be fetched.
fn copy(slots: &Slots<'_>, index: &Index, work: &mut Work) -> Result<(), Error> {
    let mut writer = Writer::new(slots.other);
    let mut block = [0; BLOCK_SIZE];
    for copy in std::mem::take(&mut work.copies) {
        let device = if copy.from_running { slots.running } else { slots.other };
        let at = u64::from(copy.from) * BLOCK_SIZE as u64;
        let is_read = device.read(at, &mut block).is_ok();
        if is_read && index.holds(u64::from(copy.block), &block) {
            writer.put(u64::from(copy.block), &block).map_err(Error::Write)?;
        } else {
            work.missing.push(copy.block);
        }
    }
    writer.finish().map_err(Error::Write)?;
    work.missing.sort_unstable();
    Ok(())
}

#[cfg(test)]
mod tests;
