//! What of a new image an old one lacks, by the contents of blocks alone: nothing here knows of trees, ranges or slots.

use super::{Result, read};
use serde::Serialize;
use std::collections::HashSet;
use std::path::Path;
use weft_verity::BLOCK_SIZE;

/// Blocks of 4096 bytes, the last one perhaps shorter; bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// All bytes of the new image.
    pub bytes: u64,
    /// Bytes of the blocks that are nowhere in the old image; equal ones count once.
    pub changed_bytes: u64,
}

pub fn changed(old: &Path, new: &Path) -> Result<Changed> {
    Ok(compare(&read(old)?, &read(new)?))
}

fn compare(old: &[u8], new: &[u8]) -> Changed {
    let mut known: HashSet<&[u8]> = old.chunks(BLOCK_SIZE).collect();
    let lacking = new.chunks(BLOCK_SIZE).filter(|block| known.insert(block));
    Changed { bytes: new.len() as u64, changed_bytes: lacking.map(|block| block.len() as u64).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_anywhere_in_the_old_image_has_not_changed() {
        let image =
            |blocks: &[u8]| -> Vec<u8> { blocks.iter().flat_map(|block| [*block; BLOCK_SIZE]).collect() };
        let mut new = image(&[3, 1, 4, 4, 5]);
        new.extend([6; 100]);
        let changed = compare(&image(&[1, 2, 3]), &new);
        assert_eq!(changed, Changed { bytes: 20_580, changed_bytes: 8292 }, "4 once, 5 and the short one");
        assert_eq!(compare(&new, &new).changed_bytes, 0);
    }
}
