//! Rots blocks of a slot on a machine's disk: data, hash tree, parity.

use crate::{TestVm, disk};
use anyhow::ensure;
use std::path::PathBuf;
use weft_image::image_info::Partition;
use weft_release::Slot;
use weft_verity::{BLOCK_SIZE, FEC_ROOTS, Geometry, Superblock};

/// The partitions of a slot as dm-verity sees them.
#[derive(Debug)]
pub struct VerifiedRoot {
    disk: PathBuf,
    root: Partition,
    hashes: Partition,
    geometry: Geometry,
}

/// A block that error correction covers.
#[derive(Debug, Clone, Copy)]
pub enum Block {
    Data(u64),
    /// Of the tree, whose first block is the one that the root hash is of.
    Tree(u64),
}

impl VerifiedRoot {
    /// Of a machine that is off.
    pub fn of(vm: &TestVm, slot: Slot) -> anyhow::Result<Self> {
        let (root, hashes) = slot.labels();
        let (root, hashes) =
            (disk::partition(&vm.info, root)?.clone(), disk::partition(&vm.info, hashes)?.clone());
        let superblock = Superblock::from_block(&disk::read(&vm.disk(), &hashes, 0, BLOCK_SIZE)?)?;
        Ok(Self { disk: vm.disk(), root, hashes, geometry: Geometry::new(superblock.data_blocks) })
    }

    /// Makes noise of a block and leaves its parity as it is.
    pub fn rot(&self, block: Block) -> anyhow::Result<()> {
        match block {
            Block::Data(number) => {
                ensure!(number < self.geometry.data_blocks(), "the root has no block {number}");
                self.garble(&self.root, number, 1)
            }
            Block::Tree(number) => {
                ensure!(number < self.geometry.tree_blocks(), "the tree has no block {number}");
                self.garble(&self.hashes, 1 + number, 1)
            }
        }
    }

    /// Makes noise of a block of data and of its parity.
    pub fn rot_beyond_repair(&self, number: u64) -> anyhow::Result<()> {
        self.rot(Block::Data(number))?;
        let column = number % self.geometry.fec_columns();
        self.garble(&self.hashes, self.geometry.fec_start() + column * FEC_ROOTS, FEC_ROOTS)
    }

    /// Changes every byte, neighbours differently.
    fn garble(&self, partition: &Partition, block: u64, count: u64) -> anyhow::Result<()> {
        let offset = block * BLOCK_SIZE as u64;
        let mut bytes = disk::read(&self.disk, partition, offset, count as usize * BLOCK_SIZE)?;
        bytes.iter_mut().zip(0_u64..).for_each(|(byte, at)| *byte ^= (at * 37 % 251 + 1) as u8);
        disk::overwrite(&self.disk, partition, offset, &bytes)
    }
}
