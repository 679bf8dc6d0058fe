//! Filling a slot with a release: what is at hand is copied, the rest is fetched, every block is checked before it is written.
//!
//! Nothing is noted down on the way. What of the release a slot has in place is told by its own bytes, so an interrupted download goes on
//! where it stopped, whatever of its last writes reached the disk.

mod copy;
mod fetch;
mod held;
mod writer;

pub use fetch::Target as RootTarget;
pub use held::Held;

use crate::device::BlockDevice;
use crate::source;
use crate::state::Progress;
use copy::copy;
use held::hash_slot;
use std::io;
use weft_release::{Index, Work};
use weft_verity::BLOCK_SIZE;
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

/// A partition of each slot: both roots, or both hash partitions.
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    pub running: &'a (dyn BlockDevice + Sync),
    /// The one that is written.
    pub other: &'a (dyn BlockDevice + Sync),
}

/// Who works at a time: what is read at once is in memory at once, and the service has few processes.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

/// Fills the other slot's root partition with the image of `index`, fetching at most `connections` ranges at a time. `report` is called
/// as it goes.
pub fn fill(
    slots: Slots<'_>,
    held: Held,
    index: &Index,
    root: &RootTarget<'_>,
    connections: usize,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Progress, Error> {
    check_room(slots.other, index)?;
    let mut work = Work::new(index.leaves(), &held.other, &held.running);
    drop(held);
    copy(slots, index, &mut work)?;
    let fetch = fetch::Fetch::new(index, slots.other, root, &work, report);
    let progress = fetch.run(work.ranges(), connections)?;
    slots.other.flush().map_err(Error::Write)?;
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

#[cfg(test)]
mod tests;
