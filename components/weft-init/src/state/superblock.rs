//! What lies on the state partition, told from its first bytes. See the kernel's "ext4 Data Structures and Algorithms", Super Block.

/// How much of the partition's beginning must be empty for it to count as fresh from the factory.
pub const HEAD: usize = 1 << 20;

/// Written at the very beginning, which ext4 leaves free, while the template is being copied.
pub const UNFINISHED: &[u8] = b"weft state template unfinished\n";

/// Written there when somebody wants a factory reset of a partition that cannot be mounted, or has no room for another file.
pub const RESET: &[u8] = b"weft factory reset wanted\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing yet, or a template whose copying was cut off, or a reset is wanted: nobody's data is lost by writing it again.
    Blank,
    Ext4(Geometry),
    /// Something else. It may be a filesystem whose beginning is damaged, so nobody may write here.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// In bytes.
    pub block_size: u64,
    pub blocks: u64,
}

const SUPERBLOCK: usize = 1024;
const MAGIC: u16 = 0xef53;
const INCOMPAT_64BIT: u32 = 0x80;

/// Judges the first [`HEAD`] bytes of the partition, or all of a smaller one.
pub fn inspect(head: &[u8]) -> Content {
    // Before the superblock: while a template is copied it may be the old filesystem's or the new one's.
    if head.starts_with(RESET) || head.starts_with(UNFINISHED) {
        return Content::Blank;
    }
    if let Some(geometry) = ext4(head) {
        return Content::Ext4(geometry);
    }
    if head.iter().all(|byte| *byte == 0) {
        return Content::Blank;
    }
    Content::Unknown
}

fn ext4(head: &[u8]) -> Option<Geometry> {
    let bytes = |offset: usize, length: usize| head.get(SUPERBLOCK + offset..SUPERBLOCK + offset + length);
    let short = |offset| Some(u16::from_le_bytes(bytes(offset, 2)?.try_into().ok()?));
    let long = |offset| Some(u32::from_le_bytes(bytes(offset, 4)?.try_into().ok()?));
    if short(0x38)? != MAGIC {
        return None;
    }
    let high = if long(0x60)? & INCOMPAT_64BIT != 0 { long(0x150)? } else { 0 };
    // Block sizes go from 1 KiB to 64 KiB; a larger exponent is a damaged superblock, which the mount will refuse.
    let block_size = 1024_u64 << long(0x18)?.min(6);
    Some(Geometry { block_size, blocks: u64::from(high) << 32 | u64::from(long(0x4)?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(fill: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD];
        for (offset, bytes) in fill {
            head[*offset..*offset + bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    #[test]
    fn an_empty_partition_is_blank() {
        assert_eq!(inspect(&head(&[])), Content::Blank);
        assert_eq!(inspect(&head(&[(0, UNFINISHED), (8192, b"half a template")])), Content::Blank);
    }

    #[test]
    fn a_wanted_reset_counts_whatever_lies_behind_it() {
        let magic = MAGIC.to_le_bytes();
        assert_eq!(inspect(&head(&[(0, RESET), (SUPERBLOCK + 0x38, &magic)])), Content::Blank);
        assert_eq!(inspect(&head(&[(0, RESET), (HEAD - 1, b"x")])), Content::Blank);
    }

    #[test]
    fn a_filesystem_is_measured() {
        let magic = MAGIC.to_le_bytes();
        let content = inspect(&head(&[
            (SUPERBLOCK + 0x38, &magic),
            (SUPERBLOCK + 0x18, &2u32.to_le_bytes()),
            (SUPERBLOCK + 0x4, &4096u32.to_le_bytes()),
            (SUPERBLOCK + 0x60, &INCOMPAT_64BIT.to_le_bytes()),
            (SUPERBLOCK + 0x150, &1u32.to_le_bytes()),
        ]));
        assert_eq!(content, Content::Ext4(Geometry { block_size: 4096, blocks: (1 << 32) + 4096 }));
    }

    #[test]
    fn damage_is_never_taken_for_blank() {
        assert_eq!(
            inspect(&head(&[(SUPERBLOCK + 0x78, b"state")])),
            Content::Unknown,
            "magic lost, label left"
        );
        assert_eq!(inspect(&head(&[(HEAD - 1, b"x")])), Content::Unknown, "one byte left");
        assert_eq!(inspect(&head(&[(0, b"LUKS\xba\xbe")])), Content::Unknown);
    }

    proptest! {
        #[test]
        fn short_or_random_heads_never_panic(head in prop::collection::vec(any::<u8>(), 0..3000)) {
            let blank = inspect(&head) == Content::Blank;
            prop_assert!(!blank || head.iter().all(|byte| *byte == 0) || head.starts_with(RESET));
        }
    }
}
