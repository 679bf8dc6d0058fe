//! Where the levels of a tree lie.

/// Bytes of a data block and of a hash block.
pub const BLOCK_SIZE: usize = 4096;
/// Hashes in one hash block; a SHA-256 digest fills its slot of 32 bytes exactly.
pub const HASHES_PER_BLOCK: u64 = 128;
/// Bytes of parity in a code word of error correction; the kernel's `fec_roots`.
pub const FEC_ROOTS: u64 = 2;
/// Bytes of data and tree in a code word.
pub const FEC_ROWS: u64 = 255 - FEC_ROOTS;

/// The shape of the tree over a number of data blocks.
///
/// Levels are stored from the root's level down to the leaves; each is a whole number of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    data_blocks: u64,
    /// Blocks of each level, leaves first.
    levels: Vec<u64>,
}

impl Geometry {
    /// The tree over `data_blocks` blocks. A single data block has no level: its own hash is the root hash.
    pub fn new(data_blocks: u64) -> Self {
        let mut levels = Vec::new();
        let mut nodes = data_blocks;
        while nodes > 1 {
            nodes = nodes.div_ceil(HASHES_PER_BLOCK);
            levels.push(nodes);
        }
        Self { data_blocks, levels }
    }

    pub fn data_blocks(&self) -> u64 {
        self.data_blocks
    }

    /// Blocks of each level, leaves first.
    pub fn levels(&self) -> &[u64] {
        &self.levels
    }

    /// Blocks of the whole tree, without the superblock.
    pub fn tree_blocks(&self) -> u64 {
        self.levels.iter().sum()
    }

    /// Bytes of a hash device: the superblock's block and the tree.
    pub fn hash_device_bytes(&self) -> u64 {
        (1 + self.tree_blocks()).saturating_mul(BLOCK_SIZE as u64)
    }

    /// Blocks that error correction covers: the data, and behind it the tree without the superblock. The kernel's `fec_blocks`.
    pub fn fec_covered_blocks(&self) -> u64 {
        self.data_blocks + self.tree_blocks()
    }

    /// Covered blocks in a row of error correction: this far apart lie blocks that share code words.
    pub fn fec_columns(&self) -> u64 {
        self.fec_covered_blocks().div_ceil(FEC_ROWS)
    }

    /// Bytes of parity, a whole number of blocks.
    pub fn fec_bytes(&self) -> u64 {
        self.fec_columns() * FEC_ROOTS * BLOCK_SIZE as u64
    }

    /// The first block of the parity on a hash device that has it behind the tree. The kernel's `fec_start`.
    pub fn fec_start(&self) -> u64 {
        1 + self.tree_blocks()
    }

    /// Bytes of a hash device with parity: superblock, tree, parity.
    pub fn repairable_hash_device_bytes(&self) -> u64 {
        self.hash_device_bytes() + self.fec_bytes()
    }

    /// The first block of the leaves, counted from the start of the tree; `None` where there is no level.
    pub fn leaf_start(&self) -> Option<u64> {
        let (leaves, above) = self.levels.split_first()?;
        debug_assert!(*leaves > 0);
        Some(above.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_shrink_by_the_fan_out() {
        let levels = |blocks| Geometry::new(blocks).levels().to_vec();
        assert_eq!(levels(1), [0; 0]);
        assert_eq!(levels(2), [1]);
        assert_eq!(levels(128), [1]);
        assert_eq!(levels(129), [2, 1]);
        assert_eq!(levels(16384), [128, 1]);
        assert_eq!(levels(16385), [129, 2, 1]);
    }

    #[test]
    fn parity_follows_the_tree_and_grows_by_whole_columns() {
        let fec = |blocks| {
            let geometry = Geometry::new(blocks);
            (geometry.fec_start(), geometry.fec_columns(), geometry.fec_bytes() / BLOCK_SIZE as u64)
        };
        assert_eq!(fec(1), (1, 1, 2));
        assert_eq!(fec(250), (4, 1, 2), "250 blocks and 3 of the tree");
        assert_eq!(fec(251), (4, 2, 4));
        assert_eq!(Geometry::new(251).repairable_hash_device_bytes(), (1 + 3 + 4) * BLOCK_SIZE as u64);
    }

    #[test]
    fn leaves_come_last() {
        assert_eq!(Geometry::new(1).leaf_start(), None);
        assert_eq!(Geometry::new(128).leaf_start(), Some(0));
        assert_eq!(Geometry::new(16385).leaf_start(), Some(3));
        assert_eq!(Geometry::new(16385).tree_blocks(), 132);
    }
}
