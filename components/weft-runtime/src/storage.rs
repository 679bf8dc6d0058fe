//! The limit on `/data`: `wasi:filesystem` as Wasmtime has it, with a count of what the component writes there.
//!
//! Every file and folder counts as whole blocks, and one at least, so that neither bytes nor names can fill the disk. The count is kept
//! while writing and never too low; when it reaches the limit the folder is measured anew, which also finds what was removed, or written
//! by another session of the app. A write that goes over fails with `insufficient-space`, as on a full disk.

mod meter;

pub use meter::{Metered, MeteredData};

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a name costs at least, and the unit of all sizes.
const BLOCK: u64 = 4096;
/// Names that are looked at when measuring; a folder with more is full.
const MAX_NAMES: usize = 4_000_000;

/// The limit of one session. Clones share the count.
#[derive(Debug, Clone)]
pub struct Quota {
    count: Arc<Mutex<Count>>,
    /// The component's descriptors of the folder and what is below it, by their numbers.
    below: HashSet<u32>,
}

#[derive(Debug)]
struct Count {
    root: PathBuf,
    limit: u64,
    /// Never less than what is there, as far as this session knows.
    used: u64,
    hit: bool,
}

/// Over the limit.
#[derive(Debug)]
pub struct Full;

impl Quota {
    /// `limit` bytes below `root`.
    pub fn new(root: &Path, limit: u64) -> Self {
        let count = Count { root: root.to_owned(), limit, used: measure(root, limit), hit: false };
        Self { count: Arc::new(Mutex::new(count)), below: HashSet::new() }
    }

    /// Whether a write was refused.
    pub fn hit(&self) -> bool {
        self.lock().hit
    }

    /// Takes room for one more name.
    fn add_name(&self) -> Result<(), Full> {
        self.lock().grow(BLOCK)
    }

    /// Takes room for a file that grows, from and to bytes.
    fn grow(&self, from: u64, to: u64) -> Result<(), Full> {
        self.lock().grow(blocks(to).saturating_sub(blocks(from)))
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn grow(&mut self, growth: u64) -> Result<(), Full> {
        if growth > self.limit.saturating_sub(self.used) {
            self.used = measure(&self.root, self.limit);
        }
        if growth > self.limit.saturating_sub(self.used) {
            if !std::mem::replace(&mut self.hit, true) {
                tracing::warn!("limit reached: {} KiB of storage under /data", self.limit >> 10);
            }
            return Err(Full);
        }
        self.used += growth;
        Ok(())
    }
}

/// Bytes in whole blocks, one at least.
fn blocks(bytes: u64) -> u64 {
    bytes.max(1).checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

/// What is below a folder, itself not counted; enough to know that it is over `limit` when it is.
fn measure(root: &Path, limit: u64) -> u64 {
    let (mut used, mut names) = (0_u64, 0_usize);
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            names += 1;
            // Links are not followed.
            let Ok(metadata) = entry.metadata() else { continue };
            used = used.saturating_add(if metadata.is_dir() { BLOCK } else { blocks(metadata.len()) });
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            if used > limit || names > MAX_NAMES {
                return u64::MAX;
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_and_what_is_removed_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let quota = Quota::new(folder.path(), 4 * BLOCK);
        std::fs::write(folder.path().join("a"), vec![0; 5000]).unwrap();
        quota.add_name().unwrap();
        quota.grow(0, 5000).unwrap();
        assert!(quota.grow(5000, 5 * BLOCK).is_err() && quota.hit());
        std::fs::remove_file(folder.path().join("a")).unwrap();
        quota.grow(0, 4 * BLOCK).unwrap();
        assert!(quota.grow(0, u64::MAX).is_err());
    }
}
