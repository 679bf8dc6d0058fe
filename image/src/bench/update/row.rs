//! What one update came to.

use super::blocks::Changed;
use super::change::Change;
use super::others::Other;
use super::{Bound, COMMAND, Figure};
use serde::Serialize;

/// Bytes that came from the repository, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// Of the root image.
    pub root: u64,
    /// Of the hash tree, which is the index: it comes whole.
    pub tree: u64,
    /// Of the kernel image, which has the root hash in it: it comes whole.
    pub kernel: u64,
    /// TUF metadata, and whatever else was asked for.
    pub metadata: u64,
    /// Requests for parts of the root image.
    pub requests: u64,
}

impl Fetched {
    /// Counts what was sent of a file, by its path in the repository.
    pub fn add(&mut self, path: &str, bytes: u64) {
        match path.rsplit('/').next().unwrap_or_default() {
            weft_release::ROOT => {
                self.root += bytes;
                self.requests += 1;
            }
            "root.verity" => self.tree += bytes,
            "uki-a.efi" | "uki-b.efi" => self.kernel += bytes,
            _ => self.metadata += bytes,
        }
    }
}

/// One change and what it cost.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub change: Change,
    /// What stands for the change, where it is not made as a developer would make it.
    pub stand_in: Option<String>,
    pub root: Changed,
    pub kernel: Changed,
    pub fetched: Fetched,
    pub others: Vec<Other>,
}

impl Row {
    /// How much more of the root image was fetched than has changed, in percent.
    fn overhead(&self) -> f64 {
        (self.fetched.root as f64 / self.root.changed_bytes as f64 - 1.0) * 100.0
    }

    pub fn figure(&self) -> Figure {
        let Self { root, kernel, fetched, .. } = self;
        let mut note = format!(
            "{} bytes of the root image in {} requests, {} have changed; apart from it the tree {}, the kernel image {} ({} changed), \
             metadata {}",
            fetched.root,
            fetched.requests,
            root.changed_bytes,
            fetched.tree,
            fetched.kernel,
            kernel.changed_bytes,
            fetched.metadata
        );
        note.push_str(&format!("; root image and tree {}", fetched.root + fetched.tree));
        for other in &self.others {
            note.push_str(&format!(", {other}"));
        }
        if let Some(stand_in) = &self.stand_in {
            note.push_str(&format!("; changed by {stand_in}"));
        }
        Figure {
            name: self.change.figure(),
            value: self.overhead(),
            unit: "%",
            bound: Bound::AtMost,
            limit: 3.0,
            command: COMMAND,
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_by_what_they_are() {
        let mut fetched = Fetched::default();
        for (path, bytes) in [
            ("metadata/timestamp.json", 1),
            ("targets/ab.weft-kiosk-0.1.1/root.erofs", 10),
            ("targets/ab.weft-kiosk-0.1.1/root.erofs", 20),
            ("targets/cd.weft-kiosk-0.1.1/root.verity", 100),
            ("targets/ef.weft-kiosk-0.1.1/uki-b.efi", 1000),
        ] {
            fetched.add(path, bytes);
        }
        assert_eq!(fetched, Fetched { root: 30, tree: 100, kernel: 1000, metadata: 1, requests: 2 });
    }

    #[test]
    fn overhead_is_what_was_fetched_beyond_what_has_changed() {
        let row = |fetched, changed_bytes| Row {
            change: Change::Page,
            stand_in: Some("a stand-in".into()),
            root: Changed { bytes: 1_000_000, changed_bytes },
            kernel: Changed::default(),
            fetched: Fetched { root: fetched, tree: 7, ..Fetched::default() },
            others: vec![Other { tool: "casync", bytes: None, how: "not installed".into() }],
        };
        let figure = row(40_960, 40_960).figure();
        assert!(figure.kept() && figure.value == 0.0);
        assert!(
            figure.note.contains("root image and tree 40967, casync: not installed; changed by a stand-in"),
            "{}",
            figure.note
        );
        let figure = row(45_056, 40_960).figure();
        assert!(!figure.kept() && (figure.value - 10.0).abs() < 1e-9);
        assert!(!row(4096, 0).figure().kept(), "there was nothing to fetch");
        assert!(!row(0, 0).figure().kept(), "nothing was measured");
    }
}
