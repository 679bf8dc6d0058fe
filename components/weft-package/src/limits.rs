//! How large a package may be, whatever form it has. Everything that reads one stops at these bounds.

/// Files of a package.
pub const MAX_FILES: usize = 8192;
/// Folders below each other.
pub const MAX_DEPTH: usize = 32;
/// Bytes of all files together.
pub const MAX_BYTES: u64 = 512 << 20;
/// Bytes of one path, with its slashes.
pub const MAX_PATH: usize = 1024;
/// Bytes of one name in a path: what Linux file systems take.
pub const MAX_NAME: usize = 255;
/// How many times larger than the archive its contents may be, past the first [`EXPANSION_FREE`] bytes.
pub const MAX_EXPANSION: u64 = 100;
/// Bytes that are unpacked whatever the ratio: small texts compress very well.
pub const EXPANSION_FREE: u64 = 16 << 20;
