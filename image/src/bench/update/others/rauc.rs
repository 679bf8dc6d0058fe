//! RAUC's adaptive updates with a block hash index, by their documented method: `rauc install` needs its service on the system's bus, network
//! block devices and a bundle's signature, none of which a bench should ask of a host.
//!
//! The bundle has SHA-256 of each block of 4096 bytes, which the device reads whole, and of the image the device reads the blocks that neither slot
//! has. What else a bundle costs (its manifest, signature and file system, and that its blocks are larger) is not counted.

use super::super::blocks::changed;
use super::{Other, Result, run};
use std::path::{Path, PathBuf};
use weft_verity::BLOCK_SIZE;

/// Bytes of a digest in the index.
const DIGEST: u64 = 32;

pub struct Rauc {
    old: PathBuf,
    version: String,
}

impl Rauc {
    pub fn prepare(old: &Path) -> Result<Option<Self>> {
        let version = run("rauc", &["--version".as_ref()])?;
        Ok(version.map(|version| Self { old: old.to_owned(), version: version.trim().to_owned() }))
    }

    pub fn compare(&self, new: &Path) -> Result<Other> {
        let changed = changed(&self.old, new)?;
        let how = format!("at least: calculated by the method of {}, index and changed blocks", self.version);
        Ok(Other { tool: "RAUC adaptive", bytes: Some(bytes(changed.bytes, changed.changed_bytes)), how })
    }
}

fn bytes(image: u64, changed: u64) -> u64 {
    image.div_ceil(BLOCK_SIZE as u64) * DIGEST + changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_has_a_digest_for_each_block() {
        assert_eq!(bytes(10 * 4096, 4096), 320 + 4096);
        assert_eq!(bytes(4097, 0), 64);
    }
}
