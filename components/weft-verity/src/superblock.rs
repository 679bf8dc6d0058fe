//! The superblock: the first block of a hash device, version 1.

use crate::geometry::BLOCK_SIZE;

const SIGNATURE: [u8; 8] = *b"verity\0\0";
const ALGORITHM: &[u8] = b"sha256";
const MAX_SALT: usize = 256;

/// Why a block is not a superblock of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuperblockError {
    #[error("the salt has {0} bytes, and at most {MAX_SALT} fit")]
    SaltTooLong(usize),
    #[error("there is no verity superblock here")]
    Signature,
    #[error("the superblock's {field} is {found}, and only {expected} is supported")]
    Unsupported { field: &'static str, found: u64, expected: u64 },
    #[error("the superblock's hash algorithm is not sha256")]
    Algorithm,
}

/// What a hash device says about itself. None of it is trusted by the kernel: the table on the command line counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    pub uuid: [u8; 16],
    pub data_blocks: u64,
    pub salt: Vec<u8>,
}

impl Superblock {
    /// The block as it stands on the disk.
    pub fn to_block(&self) -> Result<Vec<u8>, SuperblockError> {
        let salt_length = self.salt.len();
        if salt_length > MAX_SALT {
            return Err(SuperblockError::SaltTooLong(salt_length));
        }
        let mut block = Vec::with_capacity(BLOCK_SIZE);
        block.extend_from_slice(&SIGNATURE);
        block.extend_from_slice(&1u32.to_le_bytes());
        block.extend_from_slice(&1u32.to_le_bytes());
        block.extend_from_slice(&self.uuid);
        let mut algorithm = [0; 32];
        algorithm[..ALGORITHM.len()].copy_from_slice(ALGORITHM);
        block.extend_from_slice(&algorithm);
        block.extend_from_slice(&(BLOCK_SIZE as u32).to_le_bytes());
        block.extend_from_slice(&(BLOCK_SIZE as u32).to_le_bytes());
        block.extend_from_slice(&self.data_blocks.to_le_bytes());
        block.extend_from_slice(&(salt_length as u16).to_le_bytes());
        block.extend_from_slice(&[0; 6]);
        block.extend_from_slice(&self.salt);
        block.resize(BLOCK_SIZE, 0);
        Ok(block)
    }

    /// Reads a superblock; anything that the crate does not write is refused.
    pub fn from_block(block: &[u8]) -> Result<Self, SuperblockError> {
        let field = |at: usize, length: usize| block.get(at..at + length).ok_or(SuperblockError::Signature);
        let number = |at, length| {
            Ok(field(at, length)?.iter().rev().fold(0u64, |value, byte| (value << 8) | u64::from(*byte)))
        };
        let exactly = |name, at, length, expected| match number(at, length)? {
            found if found == expected => Ok(()),
            found => Err(SuperblockError::Unsupported { field: name, found, expected }),
        };
        if field(0, 8)? != SIGNATURE {
            return Err(SuperblockError::Signature);
        }
        exactly("version", 8, 4, 1)?;
        exactly("hash format", 12, 4, 1)?;
        let algorithm = field(32, 32)?;
        if algorithm.split(|byte| *byte == 0).next() != Some(ALGORITHM) {
            return Err(SuperblockError::Algorithm);
        }
        exactly("data block size", 64, 4, BLOCK_SIZE as u64)?;
        exactly("hash block size", 68, 4, BLOCK_SIZE as u64)?;
        let salt_length = number(80, 2)? as usize;
        if salt_length > MAX_SALT {
            return Err(SuperblockError::SaltTooLong(salt_length));
        }
        let mut uuid = [0; 16];
        uuid.copy_from_slice(field(16, 16)?);
        Ok(Self { uuid, data_blocks: number(72, 8)?, salt: field(88, salt_length)?.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Superblock {
        Superblock { uuid: *b"0123456789abcdef", data_blocks: 129, salt: vec![7; 32] }
    }

    #[test]
    fn a_superblock_reads_back() {
        let block = sample().to_block().unwrap();
        assert_eq!(block.len(), BLOCK_SIZE);
        assert_eq!(Superblock::from_block(&block).unwrap(), sample());
    }

    #[test]
    fn foreign_and_broken_blocks_are_refused() {
        let good = sample().to_block().unwrap();
        let with = |at: usize, value: u8| {
            let mut block = good.clone();
            block[at] = value;
            Superblock::from_block(&block).unwrap_err()
        };
        assert_eq!(with(0, b'V'), SuperblockError::Signature);
        assert!(matches!(with(8, 2), SuperblockError::Unsupported { field: "version", found: 2, .. }));
        assert_eq!(with(35, b'5'), SuperblockError::Algorithm);
        assert!(matches!(with(69, 0), SuperblockError::Unsupported { field: "hash block size", .. }));
        assert!(matches!(with(81, 9), SuperblockError::SaltTooLong(_)));
        assert_eq!(Superblock::from_block(&good[..100]).unwrap_err(), SuperblockError::Signature);
        let long = Superblock { salt: vec![0; 257], ..sample() };
        assert_eq!(long.to_block().unwrap_err(), SuperblockError::SaltTooLong(257));
    }
}
