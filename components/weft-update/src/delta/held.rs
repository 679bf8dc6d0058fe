//! What the slots hold, as far as it is told without reading all of them.

use super::{READ_BLOCKS, Slots, threads};
use crate::device::BlockDevice;
use weft_release::Index;
use weft_verity::{BLOCK_SIZE, BlockHasher, Digest, Geometry, Superblock};

/// Stands for the digest of a block that cannot be read: a block with this digest is not known to anybody.
const UNREADABLE: Digest = [0; size_of::<Digest>()];

/// The digest of each block of both slots. A hint: nobody vouches for it, so every block is checked before it counts.
pub struct Held {
    pub running: Vec<Digest>,
    pub other: Vec<Digest>,
}

impl Held {
    /// Asks the slots' own hash trees, which are a hundredth of what they speak of, and looks at the blocks alone that the other slot would
    /// have in place. `trees` are the hash partitions, before anything is written; `index` is the release that is to come.
    pub fn read(roots: Slots<'_>, trees: Slots<'_>, index: &Index, salt: &[u8]) -> Self {
        let hasher = BlockHasher::new(salt);
        let mut other = match told(trees.other, salt) {
            Told::Leaves(leaves) => leaves,
            Told::Nothing => Vec::new(),
            Told::Unclear => hash_slot(roots.other, index.blocks(), salt),
        };
        // A tree is written before its image: how far that got, only the bytes tell.
        let stays = |block: usize, digest: &Digest| index.leaves().get(block) == Some(digest);
        hash_blocks(roots.other, &hasher, &mut other, &stays);
        let running = match told(trees.running, salt) {
            Told::Leaves(leaves) => leaves,
            Told::Nothing | Told::Unclear => hash_slot(roots.running, u64::MAX, salt),
        };
        Self { running, other }
    }
}

/// What a hash partition says.
enum Told {
    /// The digest of each block.
    Leaves(Vec<Digest>),
    /// Nothing was ever put there.
    Nothing,
    /// It cannot be read, or is not whole in itself.
    Unclear,
}

fn told(tree: &dyn BlockDevice, salt: &[u8]) -> Told {
    let mut device = vec![0; BLOCK_SIZE];
    if tree.read(0, &mut device).is_err() {
        return Told::Unclear;
    }
    if device.iter().all(|byte| *byte == 0) {
        return Told::Nothing;
    }
    let Ok(superblock) = Superblock::from_block(&device) else { return Told::Unclear };
    let bytes = Geometry::new(superblock.data_blocks).hash_device_bytes();
    // One that says that it is longer than its partition is not whole.
    device.resize(bytes.min(tree.len()) as usize, 0);
    match tree.read(0, &mut device).map(|()| Index::claimed(&device, salt)) {
        Ok(Ok(claimed)) => Told::Leaves(claimed.leaves().to_vec()),
        _ => Told::Unclear,
    }
}

/// Digests of what a slot holds, as far as it has whole blocks.
pub fn hash_slot(device: &(dyn BlockDevice + Sync), blocks: u64, salt: &[u8]) -> Vec<Digest> {
    let count = blocks.min(device.len() / BLOCK_SIZE as u64) as usize;
    let mut digests = vec![UNREADABLE; count];
    hash_blocks(device, &BlockHasher::new(salt), &mut digests, &|_, _| true);
    digests
}

/// Puts the digests of the wanted blocks into their places, by all processors.
fn hash_blocks(
    device: &(dyn BlockDevice + Sync),
    hasher: &BlockHasher,
    digests: &mut [Digest],
    is_wanted: &(dyn Fn(usize, &Digest) -> bool + Sync),
) {
    let share = digests.len().div_ceil(threads()).max(1).next_multiple_of(READ_BLOCKS);
    std::thread::scope(|scope| {
        for (index, part) in digests.chunks_mut(share).enumerate() {
            scope.spawn(move || hash_part(device, hasher, index * share, part, is_wanted));
        }
    });
}

/// The blocks from `begin` on; one bad sector hides no more than its own block.
fn hash_part(
    device: &dyn BlockDevice,
    hasher: &BlockHasher,
    begin: usize,
    digests: &mut [Digest],
    is_wanted: &dyn Fn(usize, &Digest) -> bool,
) {
    let mut buffer = vec![0; READ_BLOCKS * BLOCK_SIZE];
    for (index, digests) in digests.chunks_mut(READ_BLOCKS).enumerate() {
        let first = begin + index * READ_BLOCKS;
        let mut wanted: Vec<_> =
            (first..).zip(digests).filter(|(block, digest)| is_wanted(*block, digest)).collect();
        if wanted.is_empty() {
            continue;
        }
        let bytes = buffer.get_mut(..READ_BLOCKS * BLOCK_SIZE).unwrap_or_default();
        let is_read = device.read((first * BLOCK_SIZE) as u64, bytes).is_ok();
        for (block, digest) in &mut wanted {
            let at = (*block - first) * BLOCK_SIZE;
            let bytes = bytes.get_mut(at..at + BLOCK_SIZE).unwrap_or_default();
            let is_read = is_read || device.read((*block * BLOCK_SIZE) as u64, bytes).is_ok();
            **digest = if is_read { hasher.hash(bytes) } else { UNREADABLE };
        }
    }
}
