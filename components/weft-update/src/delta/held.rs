//! What the slots hold, as far as it is told without reading all of them.

use super::{READ_BLOCKS, Slots};
use crate::device::BlockDevice;
use std::io;
use weft_release::{Index, IndexError};
use weft_verity::{BLOCK_SIZE, BlockHasher, Digest, Geometry, Superblock, SuperblockError};

/// Stands for the digest of a block that cannot be read: a block with this digest is not known to anybody.
const UNREADABLE: Digest = [0; size_of::<Digest>()];

/// Digests of what a slot holds, as far as it has whole blocks, by all processors.
pub fn hash_slot(device: &(dyn BlockDevice + Sync), blocks: u64, salt: &[u8]) -> Vec<Digest> {
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

/// The digest of each block of both slots. A hint: nobody vouches for it, so every block is checked before it counts.
pub struct Held {
    pub running: Vec<Digest>,
    pub other: Vec<Digest>,
}

impl Held {
    /// Asks the slots' own hash trees, which are a hundredth of what they speak of. `trees` are the hash partitions, before anything is
    /// written; `index` is the release that is to come.
    pub fn read(slots: Slots<'_>, trees: Slots<'_>, index: &Index, salt: &[u8]) -> Self {
        let by_bytes = || hash_slot(slots.other, index.blocks(), salt);
        let other = match claimed(trees.other, salt) {
            // Its tree comes before an image: how far that got, only its bytes tell.
            Ok(claimed) if claimed.leaves() == index.leaves() => by_bytes(),
            Ok(claimed) => claimed.leaves().to_vec(),
            // Nothing was ever put there.
            Err(IndexError::Superblock(_)) => Vec::new(),
            Err(_) => by_bytes(),
        };
        let running = match claimed(trees.running, salt) {
            Ok(claimed) => claimed.leaves().to_vec(),
            Err(_) => hash_slot(slots.running, u64::MAX, salt),
        };
        Self { running, other }
    }
}

/// The leaves of a hash partition's tree, which must be whole in itself.
fn claimed(tree: &dyn BlockDevice, salt: &[u8]) -> Result<Index, IndexError> {
    let mut device = vec![0; BLOCK_SIZE];
    let unreadable = |_: io::Error| IndexError::Superblock(SuperblockError::Signature);
    tree.read(0, &mut device).map_err(unreadable)?;
    let bytes = Geometry::new(Superblock::from_block(&device)?.data_blocks).hash_device_bytes();
    // One that says that it is longer than its partition is not whole.
    device.resize(bytes.min(tree.len()) as usize, 0);
    tree.read(0, &mut device).map_err(unreadable)?;
    Index::claimed(&device, salt)
}
