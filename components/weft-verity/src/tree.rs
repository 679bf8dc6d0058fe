//! Making and checking hash trees.

use crate::geometry::{BLOCK_SIZE, Geometry};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// Bytes of a SHA-256 digest.
pub const DIGEST_SIZE: usize = 32;

/// A SHA-256 digest.
pub type Digest = [u8; DIGEST_SIZE];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the data")]
    Read(#[source] io::Error),
    #[error("the data is empty: a tree needs at least one block")]
    Empty,
    #[error("the data ends within a block of {BLOCK_SIZE} bytes, at byte {0}")]
    Partial(u64),
    #[error("the data ends early, at byte {0}")]
    Short(u64),
    #[error("the tree has {found} bytes; over {blocks} blocks it has {expected}")]
    TreeSize { blocks: u64, found: usize, expected: u64 },
    #[error("the tree is not the one of the root hash")]
    RootHash,
}

/// The outcome of a check against a trusted root hash.
#[derive(Debug, PartialEq, Eq)]
pub enum Verified {
    Good,
    /// The tree itself is not the one of that root hash.
    BadTree,
    /// This data block, the first such, is not the one that the tree was made of.
    BadBlock(u64),
}

/// Builds the tree over `data`: its root hash and its blocks as they follow the superblock.
pub fn build(data: impl Read, salt: &[u8]) -> Result<(Digest, Vec<u8>), Error> {
    let hasher = BlockHasher::new(salt);
    let leaves = hasher.data_blocks(data)?;
    let (root, levels) = hasher.levels(leaves);
    // On the disk the root's level comes first.
    Ok((root, levels.into_iter().rev().flatten().collect()))
}

/// Checks a tree and the data under it against a root hash that is trusted, for example by a signature.
pub fn verify(data: impl Read, tree: &[u8], root: &Digest, salt: &[u8]) -> Result<Verified, Error> {
    let hasher = BlockHasher::new(salt);
    let leaves = hasher.data_blocks(data)?;
    let geometry = Geometry::new(leaves.len() as u64);
    let expected = geometry.tree_blocks() * BLOCK_SIZE as u64;
    if tree.len() as u64 != expected {
        return Err(Error::TreeSize { blocks: geometry.data_blocks(), found: tree.len(), expected });
    }
    let Some(leaf_start) = geometry.leaf_start() else {
        // One block of data: its hash is the root.
        return Ok(if leaves.first() == Some(root) { Verified::Good } else { Verified::BadBlock(0) });
    };
    let stored_leaves = tree.get(leaf_start as usize * BLOCK_SIZE..).unwrap_or_default();
    let (stored, _) = stored_leaves.as_chunks::<DIGEST_SIZE>();
    let (computed_root, levels) = hasher.levels(stored.iter().take(leaves.len()).copied().collect());
    if computed_root != *root || levels.into_iter().rev().flatten().ne(tree.iter().copied()) {
        return Ok(Verified::BadTree);
    }
    let wrong = leaves.iter().zip(stored).position(|(computed, stored)| computed != stored);
    Ok(wrong.map_or(Verified::Good, |index| Verified::BadBlock(index as u64)))
}

/// Checks a tree by itself against a root hash that is trusted: the digests of the data blocks, in order.
pub fn leaves(tree: &[u8], data_blocks: u64, root: &Digest, salt: &[u8]) -> Result<Vec<Digest>, Error> {
    let geometry = Geometry::new(data_blocks);
    let expected = geometry.tree_blocks().saturating_mul(BLOCK_SIZE as u64);
    if tree.len() as u64 != expected {
        return Err(Error::TreeSize { blocks: data_blocks, found: tree.len(), expected });
    }
    let Some(leaf_start) = geometry.leaf_start() else {
        // Without a level the root hash is the digest of the one block.
        return if data_blocks == 0 { Err(Error::Empty) } else { Ok(vec![*root]) };
    };
    let (stored, _) =
        tree.get(leaf_start as usize * BLOCK_SIZE..).unwrap_or_default().as_chunks::<DIGEST_SIZE>();
    let leaves: Vec<Digest> = stored.iter().take(data_blocks as usize).copied().collect();
    let (computed_root, levels) = BlockHasher::new(salt).levels(leaves.clone());
    if computed_root != *root || levels.into_iter().rev().flatten().ne(tree.iter().copied()) {
        return Err(Error::RootHash);
    }
    Ok(leaves)
}

/// SHA-256 over salt and block, hash format 1.
#[derive(Clone)]
pub struct BlockHasher(Sha256);

impl BlockHasher {
    pub fn new(salt: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(salt))
    }

    /// The digest of one block.
    pub fn hash(&self, block: &[u8]) -> Digest {
        self.0.clone().chain_update(block).finalize().into()
    }

    fn data_blocks(&self, mut data: impl Read) -> Result<Vec<Digest>, Error> {
        let mut hashes = Vec::new();
        let mut block = [0; BLOCK_SIZE];
        loop {
            match read_full(&mut data, &mut block).map_err(Error::Read)? {
                0 if hashes.is_empty() => return Err(Error::Empty),
                0 => return Ok(hashes),
                BLOCK_SIZE => hashes.push(self.hash(&block)),
                part => return Err(Error::Partial((hashes.len() * BLOCK_SIZE + part) as u64)),
            }
        }
    }

    /// The root hash and the blocks of every level, leaves first.
    fn levels(&self, leaves: Vec<Digest>) -> (Digest, Vec<Vec<u8>>) {
        let mut hashes = leaves;
        let mut levels = Vec::new();
        while hashes.len() > 1 {
            let mut level = hashes.concat();
            level.resize(level.len().next_multiple_of(BLOCK_SIZE), 0);
            hashes = level.chunks(BLOCK_SIZE).map(|block| self.hash(block)).collect();
            levels.push(level);
        }
        (hashes.first().copied().unwrap_or_default(), levels)
    }
}

/// Reads until the buffer is full or the data ends.
pub(crate) fn read_full(data: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match data.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: &[u8] = b"salt";

    fn data(blocks: usize) -> Vec<u8> {
        (0..blocks * BLOCK_SIZE).map(|index| (index / 7 + index / BLOCK_SIZE) as u8).collect()
    }

    #[test]
    fn one_block_is_its_own_root() {
        let data = data(1);
        let (root, tree) = build(&*data, SALT).unwrap();
        assert!(tree.is_empty());
        let expected: Digest = Sha256::new().chain_update(SALT).chain_update(&data).finalize().into();
        assert_eq!(root, expected);
    }

    #[test]
    fn empty_and_partial_data_are_refused() {
        assert!(matches!(build(&[][..], SALT), Err(Error::Empty)));
        assert!(matches!(build(&data(2)[..5000], SALT), Err(Error::Partial(5000))));
    }

    #[test]
    fn a_tree_of_another_size_is_refused() {
        let data = data(3);
        let (root, tree) = build(&*data, SALT).unwrap();
        let error = verify(&*data, &tree[1..], &root, SALT).unwrap_err();
        assert!(matches!(error, Error::TreeSize { blocks: 3, found: 4095, expected: 4096 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_flipped_bit_is_found(blocks in 1usize..300, at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = data(blocks);
            let (root, mut tree) = build(&*bytes, SALT).unwrap();
            prop_assert_eq!(verify(&*bytes, &tree, &root, SALT).unwrap(), Verified::Good);
            let position = at.index(bytes.len());
            bytes[position] ^= 1 << bit;
            let found = verify(&*bytes, &tree, &root, SALT).unwrap();
            prop_assert_eq!(found, Verified::BadBlock((position / BLOCK_SIZE) as u64));
            bytes[position] ^= 1 << bit;
            if !tree.is_empty() {
                let position = at.index(tree.len());
                tree[position] ^= 1 << bit;
                prop_assert_eq!(verify(&*bytes, &tree, &root, SALT).unwrap(), Verified::BadTree);
            }
        }
    }
}
