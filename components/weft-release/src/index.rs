//! The leaves of a dm-verity tree as the index of a root image: one SHA-256 of salt and block for each block of 4096 bytes.

use weft_verity::{BLOCK_SIZE, BlockHasher, Digest, Geometry, Superblock, SuperblockError};

/// Why a hash device is not the index of the image that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the hash device begins with no superblock of this system")]
    Superblock(#[from] SuperblockError),
    #[error("the hash device is over {found} blocks, and the image has {expected}")]
    DataBlocks { found: u64, expected: u64 },
    #[error("the hash device has another salt than the image")]
    Salt,
    #[error(transparent)]
    Tree(#[from] weft_verity::Error),
}

/// The checked leaves of a root image.
#[derive(Clone)]
pub struct Index {
    leaves: Vec<Digest>,
    hasher: BlockHasher,
}

impl Index {
    /// Reads a hash device, superblock first, of an image of `data_blocks` blocks, and checks every level of its tree against the trusted
    /// root hash. Bytes behind the tree, the parity, are not looked at: no root hash vouches for them.
    pub fn read(
        hash_device: &[u8],
        data_blocks: u64,
        root: &Digest,
        salt: &[u8],
    ) -> Result<Self, IndexError> {
        let superblock = Superblock::from_block(hash_device)?;
        if superblock.data_blocks != data_blocks {
            return Err(IndexError::DataBlocks { found: superblock.data_blocks, expected: data_blocks });
        }
        if superblock.salt != salt {
            return Err(IndexError::Salt);
        }
        let length = (Geometry::new(data_blocks).tree_blocks() as usize).saturating_mul(BLOCK_SIZE);
        let behind = hash_device.get(BLOCK_SIZE..).unwrap_or_default();
        let tree = behind.get(..length).unwrap_or(behind);
        let leaves = weft_verity::leaves(tree, data_blocks, root, salt)?;
        Ok(Self { leaves, hasher: BlockHasher::new(salt) })
    }

    /// Reads a hash device that nobody vouches for: what it says of its image is whole, and may still be wrong. `hash_device` may be longer.
    pub fn claimed(hash_device: &[u8], salt: &[u8]) -> Result<Self, IndexError> {
        let data_blocks = Superblock::from_block(hash_device)?.data_blocks;
        if data_blocks < 2 {
            // What would speak of it is the root hash alone.
            return Err(weft_verity::Error::Empty.into());
        }
        // The first block of the tree is its top.
        let top = hash_device.get(BLOCK_SIZE..2 * BLOCK_SIZE).unwrap_or_default();
        Self::read(hash_device, data_blocks, &BlockHasher::new(salt).hash(top), salt)
    }

    /// Blocks of the image.
    pub fn blocks(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The digest of each block.
    pub fn leaves(&self) -> &[Digest] {
        &self.leaves
    }

    /// Whether these 4096 bytes are that block of the image.
    pub fn holds(&self, block: u64, bytes: &[u8]) -> bool {
        let leaf = usize::try_from(block).ok().and_then(|block| self.leaves.get(block));
        bytes.len() == BLOCK_SIZE && leaf == Some(&self.hasher.hash(bytes))
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Index").field("blocks", &self.blocks()).finish_non_exhaustive()
    }
}
