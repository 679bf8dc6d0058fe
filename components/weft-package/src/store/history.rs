//! Which revision was active before another, so that a rollback knows where to go.
//!
//! The file is written before the link moves and holds an entry for the revision that is active before and for the one that is active
//! after: whichever a power cut leaves, its entry is there.

use super::layout::Layout;
use crate::disk::{self, Disk};
use crate::hex;
use crate::inventory::Digest;
use std::fs::File;
use std::io::Read;

/// The longest history, in bytes; ours has at most a few lines.
const MAX_FILE: u64 = 4096;

/// Pairs of a revision and its predecessor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History(Vec<(Digest, Digest)>);

impl History {
    /// A history that cannot be read is an empty one: then there is nothing to roll back to, and nothing else is lost.
    pub fn read(layout: &Layout) -> Self {
        let mut text = String::new();
        let read = File::open(&layout.history).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text));
        if read.is_err() {
            return Self::default();
        }
        let pair = |line: &str| {
            let (revision, before) = line.split_once(' ')?;
            Some((hex::decode(revision)?, hex::decode(before)?))
        };
        Self(text.lines().filter_map(pair).collect())
    }

    pub fn before(&self, revision: &Digest) -> Option<Digest> {
        self.0.iter().find(|(of, _)| of == revision).map(|(_, before)| *before)
    }

    /// Notes that `revision` follows `before`, and forgets all but the entries of these two.
    pub fn follow(&mut self, revision: Digest, before: Digest) {
        self.0.retain(|(of, _)| *of == before);
        if revision != before {
            self.0.push((revision, before));
        }
    }

    pub fn write(&self, disk: &dyn Disk, layout: &Layout) -> Result<(), disk::Error> {
        let line = |(revision, before): &(Digest, Digest)| {
            format!("{} {}\n", hex::encode(revision), hex::encode(before))
        };
        let text: String = self.0.iter().map(line).collect();
        disk.replace_file(&layout.history, text.as_bytes())
    }
}
