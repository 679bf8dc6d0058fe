//! What a finished image is made of: `build/images/<profile>.json`, next to `<profile>.img`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One partition of the image, in bytes from the start of the disk.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    pub label: String,
    pub offset: u64,
    pub size: u64,
}

/// A built image.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInfo {
    pub profile: String,
    pub version: String,
    /// The sparse disk image.
    pub image: PathBuf,
    /// Where every file of the root image came from, one a line: `path<TAB>mode<TAB>size<TAB>origin`.
    pub files: PathBuf,
    /// Hex of the dm-verity root hash.
    pub root_hash: String,
    pub root_bytes: u64,
    pub verity_bytes: u64,
    pub kernel_bytes: u64,
    pub uki_bytes: u64,
    pub disk_bytes: u64,
    pub command_line: String,
    pub partitions: Vec<Partition>,
}

impl ImageInfo {
    /// The partition of that GPT label.
    pub fn partition(&self, label: &str) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.label == label)
    }
}
