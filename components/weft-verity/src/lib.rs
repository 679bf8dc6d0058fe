//! dm-verity hash trees, superblocks and error correction, bit for bit as `veritysetup format` writes them.
//!
//! Only what WEFT OS uses: hash format 1 (salt before data), SHA-256, data and hash blocks of 4096 bytes, two bytes of parity a code word. The layout is defined by the
//! kernel's `Documentation/admin-guide/device-mapper/verity.rst`.

mod fec;
mod geometry;
mod superblock;
mod tree;

pub use fec::parity;
pub use geometry::{BLOCK_SIZE, FEC_ROOTS, Geometry, HASHES_PER_BLOCK};
pub use superblock::{Superblock, SuperblockError};
pub use tree::{BlockHasher, DIGEST_SIZE, Digest, Error, Verified, build, leaves, verify};
