//! The bounds that unpacking keeps, whatever it unpacks.

use crate::inventory::{PathFault, check_path};
use crate::limits::{EXPANSION_FREE, MAX_BYTES, MAX_EXPANSION, MAX_FILES};
use std::collections::BTreeMap;

/// What is wrong with an entry of an archive or image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error(
        "has a path that is not plain and relative (no leading slash, `.`, `..`, backslash or control character)"
    )]
    Name,
    #[error("takes the name `data`, which is reserved for the app's own data")]
    Reserved,
    #[error("lies deeper or has a longer path than a package may")]
    TooDeep,
    #[error("is there twice, or is a file where another entry has a folder")]
    Duplicate,
    #[error("is over the limit of {MAX_FILES} files and folders")]
    TooMany,
    #[error("makes the package larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    #[error("makes the contents over {MAX_EXPANSION} times as large as what they are unpacked from")]
    Expansion,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// Counts what was unpacked.
pub(crate) struct Bounds {
    /// Bytes that may still come.
    left: u64,
    /// Bytes of the archive or image.
    packed: u64,
    bytes: u64,
    seen: BTreeMap<String, Kind>,
}

impl Bounds {
    pub fn new(packed: u64) -> Self {
        Self { left: MAX_BYTES, packed, bytes: 0, seen: BTreeMap::new() }
    }

    /// Bytes that an archive of this size may unpack to, with its headers and padding.
    pub fn most(packed: u64) -> u64 {
        let headers = MAX_FILES as u64 * 4096;
        packed.saturating_mul(MAX_EXPANSION).clamp(EXPANSION_FREE, MAX_BYTES) + headers
    }

    pub fn folder(&mut self, path: &str) -> Result<(), Fault> {
        self.admit(path)?;
        match self.seen.insert(path.to_owned(), Kind::Folder) {
            None => self.count(),
            // Folders that files imply are named again by some archivers.
            Some(Kind::Folder) => Ok(()),
            Some(Kind::File) => Err(Fault::Duplicate),
        }
    }

    pub fn file(&mut self, path: &str, bytes: u64) -> Result<(), Fault> {
        self.admit(path)?;
        if self.seen.insert(path.to_owned(), Kind::File).is_some() {
            return Err(Fault::Duplicate);
        }
        self.count()?;
        self.left = self.left.checked_sub(bytes).ok_or(Fault::TooLarge)?;
        self.bytes += bytes;
        if self.bytes > EXPANSION_FREE && self.bytes > self.packed.saturating_mul(MAX_EXPANSION) {
            return Err(Fault::Expansion);
        }
        Ok(())
    }

    fn admit(&mut self, path: &str) -> Result<(), Fault> {
        check_path(path).map_err(|fault| match fault {
            PathFault::Name => Fault::Name,
            PathFault::Reserved => Fault::Reserved,
            PathFault::TooDeep => Fault::TooDeep,
        })?;
        let parents =
            path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| path.get(..at).unwrap_or_default());
        for parent in parents {
            match self.seen.insert(parent.to_owned(), Kind::Folder) {
                Some(Kind::File) => return Err(Fault::Duplicate),
                Some(Kind::Folder) => {}
                None => self.count()?,
            }
        }
        Ok(())
    }

    fn count(&self) -> Result<(), Fault> {
        if self.seen.len() > MAX_FILES { Err(Fault::TooMany) } else { Ok(()) }
    }
}
